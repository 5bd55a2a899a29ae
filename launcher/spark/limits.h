/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_LIMITS_H
#define LAUNCHER_SPARK_LIMITS_H

/*
 * Resource limits (setrlimit(2)) that end a JVM: Spark's processes inherit those of who calls
 * cleave. Soft ones are raised to the hard ones where a process is born (containers/process), so
 * hard ones are what counts.
 */

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "decision/base/err.h"

enum limit {
	LIMIT_FILES,	 /* RLIMIT_NOFILE */
	LIMIT_PROCESSES, /* RLIMIT_NPROC: threads of a user; root has none */
	LIMIT_ADDRESSES, /* RLIMIT_AS, bytes */
	LIMIT_DATA,	 /* RLIMIT_DATA, bytes */
	LIMIT_FILE_SIZE, /* RLIMIT_FSIZE, bytes */
	LIMIT_CPU,	 /* RLIMIT_CPU, seconds */
	LIMIT_COUNT
};

struct limits {
	rlim_t hard[LIMIT_COUNT]; /* RLIM_INFINITY: none */
};

/* Of this process. */
void limits_read(struct limits *out);

/* What is to run under them. */
struct limits_use {
	uid_t uid;
	unsigned jvms;
	unsigned heap_mb; /* of the largest; 0: not known, of a driver */
};

/*
 * Whether all of these JVMs can start at all: ERR_FAILED names the limit, its value, and the least
 * that they take.
 */
int limits_check(const struct limits *l, const struct limits_use *use, struct err *e);

/* Whether `which` may end an application that does much; then `text` says why. */
enum { LIMIT_TEXT = 256 };
bool limits_are_narrow(const struct limits *l, enum limit which, const struct limits_use *use,
		       char text[LIMIT_TEXT]);

#endif
