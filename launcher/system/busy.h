/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_BUSY_H
#define LAUNCHER_SYSTEM_BUSY_H

/* Who uses the CPUs: processes by their CPU time over an interval. */

#include <stddef.h>
#include <sys/types.h>

#include "containers/proc/process.h"
#include "decision/base/err.h"

struct busy {
	pid_t pid;
	char name[32];
	double cpus; /* used on average */
};

/*
 * The processes that used at least `least` CPUs between two lists (ascending by pid), the greediest
 * first, at most `size`; return how many.
 */
unsigned busy_compare(const struct proc_stat *before, size_t before_count,
		      const struct proc_stat *after, size_t after_count, double seconds,
		      double ticks_per_second, double least, struct busy *out, unsigned size);

/*
 * Measure for wait_ms; processes in cleave's groups and the caller are left out. Return how many,
 * or negative errno.
 */
int busy_measure(unsigned wait_ms, double least, struct busy *out, unsigned size, struct err *e);

#endif
