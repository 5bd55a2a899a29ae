/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_WATCH_EXECUTOR_WATCH_H
#define LAUNCHER_WATCH_EXECUTOR_WATCH_H

/*
 * Executors about to start, known by the directories that Spark's Worker makes for them:
 * WORK/APP/EXECUTOR comes before the JVM does (ExecutorRunner.fetchAndRunExecutor), so that a loan
 * can end before the JVM counts its CPUs.
 */

#include <stdint.h>

#include "decision/base/err.h"
#include "decision/plan/plan.h"

enum {
	APP_NAME = 128,
	EXECUTOR_NAME = 16,    /* Spark counts them */
	EXECUTOR_STARTS = 512, /* that are found before they are asked for; others have no name */
};

struct executor_start {
	unsigned slice;
	char app[APP_NAME];
	char executor[EXECUTOR_NAME]; /* "": one of which only the slice is known */
};

struct executor_watch;

int executor_watch_open(struct executor_watch **out, struct err *e);
/* NULL is allowed. */
void executor_watch_close(struct executor_watch *w);

/*
 * For poll(): readable when something has started. -1 until executor_watch_deadline(), where the
 * directories change faster than is looked at; that is UINT64_MAX else. Times are CLOCK_MONOTONIC.
 */
int executor_watch_fd(const struct executor_watch *w, uint64_t now_ns);
uint64_t executor_watch_deadline(const struct executor_watch *w, uint64_t now_ns);

/* Watch a slice's work directory; what is in it already is old. Once more: nothing. */
int executor_watch_add(struct executor_watch *w, unsigned slice, const char *work, struct err *e);

/* Forget all directories. */
void executor_watch_clear(struct executor_watch *w);

/*
 * The next executor that has started: true and *out, or false. Does not wait. May tell one twice.
 * What a flood of directories may have hidden is one without a name, for each slice and flood.
 */
bool executor_watch_next(struct executor_watch *w, uint64_t now_ns, struct executor_start *out);

#endif
