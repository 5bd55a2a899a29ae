/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_REPORT_H
#define LAUNCHER_SUPERVISOR_REPORT_H

/*
 * What `status` shows: the figures of the last second, and all that the parts know, as the text of
 * schema cleave.status/1.
 */

#include "launcher/supervisor/crew.h"
#include "launcher/supervisor/monitor.h"

struct report {
	uint64_t begin_ns;     /* when the supervisor began */
	uint64_t sample_at_ns; /* when the next samples are due */
	struct sample samples[SLICES_MAX];
	double cpu_used[SLICES_MAX];
	bool throttled[SLICES_MAX];
	uint64_t killed_ns[SLICES_MAX]; /* the last kill for want of memory that was noted */
};

/* Whether the second is over: then the next one begins. */
bool report_take_second(struct report *r, const struct site *s);

/* Read the slices' counters; what the kernel killed for want of memory is an event. */
void report_sample(struct report *r, struct site *s);

/*
 * Whether that was so within the last seconds: asked as soon as a process of the slice has ended,
 * for with a container an engine removes what has counted it.
 */
bool report_saw_kill(struct report *r, struct site *s, unsigned slice);

/* *text is the caller's to free(). */
int report_status(const struct report *r, const struct site *s, struct crew *c, struct monitor *m,
		  char **text, struct err *e);

#endif
