/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_CLOCK_H
#define CONTAINERS_PROC_CLOCK_H

/* The only readers of a clock: whoever decides is handed a time. */

#include <stdint.h>

#define CLOCK_MS UINT64_C(1000000) /* nanoseconds in a millisecond */

/* CLOCK_MONOTONIC, in ns: for waiting and for measuring. */
uint64_t clock_now_ns(void);

/* Whole milliseconds until that time, for poll(); 0 and less: it is over. */
int clock_left_ms(uint64_t end_ns);

/* CLOCK_REALTIME, in ns since the epoch: for what people and other programs read. */
uint64_t clock_date_ns(void);

#endif
