/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_RECONCILE_PULSE_H
#define DECISION_RECONCILE_PULSE_H

/*
 * Whether a process that lives still answers: how long it has been silent, and when that is too
 * long. Only time in which it could have been heard is silence: whoever listens may have been
 * stopped himself, by a signal or while the machine swapped. No clock is read here, and no date: a
 * jump of the machine's clock makes nobody silent.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
	PULSE_TURN_MS = 1500, /* a listener looks once a second; what is more he has missed */
	PULSE_LEAST_MS =
		2000, /* of the limit, however little is asked for: a collection may take it */
};

struct pulse {
	uint64_t silent_ns; /* since the last sign of life */
	bool is_young;	    /* it was started, and has given none yet */
	bool is_heard;	    /* since it was last called (pulse_call) */
};

/* How long a process may be silent, in ns. */
struct pulse_limits {
	uint64_t answer_ns; /* one that has been heard before, or was found alive */
	uint64_t start_ns;  /* a young one */
};

struct pulse_limits pulse_limits(uint64_t answer_ms, uint64_t start_ms);

/* Another process: just started, or found alive. */
void pulse_begin(struct pulse *p, bool is_young);

/* A sign of life. */
void pulse_hear(struct pulse *p);

/* From here on it has to be heard anew to be believed alive; its silence goes on. */
void pulse_call(struct pulse *p);

/* The silence between two looks at these times. */
uint64_t pulse_silence(uint64_t last_ns, uint64_t now_ns);

/* Add it. Return whether the process is to be given up. */
bool pulse_miss(struct pulse *p, uint64_t silence_ns, const struct pulse_limits *limits);

#endif
