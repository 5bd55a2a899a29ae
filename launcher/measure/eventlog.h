/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_EVENTLOG_H
#define LAUNCHER_MEASURE_EVENTLOG_H

/*
 * What an application's event log says of its collectors: Spark samples the JVMs' own counters
 * (core/…/metrics/ExecutorMetricType.scala, "TotalGCTime": milliseconds since the JVM began) and
 * writes the peak of each with every task and stage. The text is another user's: bounded, and
 * whatever is no such event is passed by.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision/base/err.h"

enum {
	EVENTLOG_LINE = 4 << 20,   /* longer lines are passed by: only the plans of queries are */
	EVENTLOG_EXECUTORS = 4096, /* of one application */
	EVENTLOG_APPLICATIONS = 64,
};
#define EVENTLOG_BYTES (UINT64_C(16) << 30) /* of one file: some ten million tasks */

/* One application. About 50 KB. */
struct eventlog {
	unsigned count;
	struct eventlog_executor {
		uint32_t id;
		uint64_t gc_ms; /* the largest that was told */
	} executors[EVENTLOG_EXECUTORS];
};

/* Read one line, without its newline. false: it tells nothing of collectors. */
bool eventlog_line(struct eventlog *log, const char *line, size_t size);

/* The seconds of all its executors together; negative: none was told. */
double eventlog_gc_seconds(const struct eventlog *log);

/*
 * Read all logs of a directory: files, or directories eventlog_v2_* of them, neither through links.
 * *seconds is negative where none tells any. What cannot be read, or not to the end, is an error.
 */
int eventlog_read(const char *directory, double *seconds, struct err *e);

#endif
