/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/pulse.h"

static const uint64_t millisecond = 1000000;

struct pulse_limits pulse_limits(uint64_t answer_ms, uint64_t start_ms)
{
	struct pulse_limits l;

	if (answer_ms < PULSE_LEAST_MS)
		answer_ms = PULSE_LEAST_MS;
	l.answer_ns = answer_ms * millisecond;
	l.start_ns = (start_ms > answer_ms ? start_ms : answer_ms) * millisecond;
	return l;
}

void pulse_begin(struct pulse *p, bool is_young)
{
	*p = (struct pulse){.is_young = is_young};
}

void pulse_hear(struct pulse *p)
{
	*p = (struct pulse){.is_heard = true};
}

void pulse_call(struct pulse *p)
{
	p->is_heard = false;
}

uint64_t pulse_silence(uint64_t last_ns, uint64_t now_ns)
{
	uint64_t most_ns = PULSE_TURN_MS * millisecond;

	return now_ns - last_ns < most_ns ? now_ns - last_ns : most_ns;
}

bool pulse_miss(struct pulse *p, uint64_t silence_ns, const struct pulse_limits *limits)
{
	p->silent_ns += silence_ns;
	return p->silent_ns >= (p->is_young ? limits->start_ns : limits->answer_ns);
}
