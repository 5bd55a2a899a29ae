/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int clock_left_ms(uint64_t end_ns)
{
	return (int)((int64_t)(end_ns - clock_now_ns()) / (int64_t)CLOCK_MS);
}

uint64_t clock_date_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
