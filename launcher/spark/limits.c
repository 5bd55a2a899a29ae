/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/limits.h"

#include <errno.h>
#include <stdio.h>

enum {
	/*
	 * Beside the heap a JVM reserves 1 GiB for classes, 240 MiB for code and some for itself:
	 * JDK 17 with -Xmx600m did not start with 2.5 GB of addresses, and did with 3.
	 */
	ADDRESSES_BESIDE_MB = 2048,
	FILE_SIZE_LEAST_MB = 16, /* of a daemon's log, before it begins anew */
	FILES_LEAST = 512,	 /* Spark's jars alone are 250 … 300 */
	FILES_ENOUGH = 65536,
	THREADS_LEAST = 16, /* of a JVM that does nothing */
	THREADS_ENOUGH = 256,
};

static const struct {
	int resource;
	const char *what, *unit, *set; /* unit: how values are shown */
	rlim_t divisor;
} known[] = {
	[LIMIT_FILES] = {RLIMIT_NOFILE, "open files", "", "ulimit -n, LimitNOFILE=", 1},
	[LIMIT_PROCESSES] = {RLIMIT_NPROC, "threads of one user", "", "ulimit -u, LimitNPROC=", 1},
	[LIMIT_ADDRESSES] = {RLIMIT_AS, "address space", " MB", "ulimit -v, LimitAS=", 1 << 20},
	[LIMIT_DATA] = {RLIMIT_DATA, "data", " MB", "ulimit -d, LimitDATA=", 1 << 20},
	[LIMIT_FILE_SIZE] = {RLIMIT_FSIZE, "a file's size", " MB",
			     "ulimit -f, LimitFSIZE=", 1 << 20},
	[LIMIT_CPU] = {RLIMIT_CPU, "CPU time", " s", "ulimit -t, LimitCPU=", 1},
};

void limits_read(struct limits *out)
{
	for (enum limit i = 0; i < LIMIT_COUNT; i++) {
		struct rlimit now;

		out->hard[i] = getrlimit((__rlimit_resource_t)known[i].resource, &now)
				       ? RLIM_INFINITY
				       : now.rlim_max;
	}
}

/* The least with which they start, in the limit's unit; 0: any. */
static rlim_t least(enum limit which, const struct limits_use *use)
{
	switch (which) {
	case LIMIT_FILES:
		return FILES_LEAST;
	case LIMIT_PROCESSES:
		return use->uid == 0 ? 0 : (rlim_t)use->jvms * THREADS_LEAST;
	case LIMIT_ADDRESSES:
		return (rlim_t)use->heap_mb + ADDRESSES_BESIDE_MB;
	case LIMIT_DATA:
		return (rlim_t)use->heap_mb;
	case LIMIT_FILE_SIZE:
		return FILE_SIZE_LEAST_MB;
	case LIMIT_CPU:
	case LIMIT_COUNT:
		break;
	}
	return 0;
}

int limits_check(const struct limits *l, const struct limits_use *use, struct err *e)
{
	char who[64] = "a driver takes";

	if (use->heap_mb)
		snprintf(who, sizeof(who), "%u JVMs with heaps of up to %u MB take", use->jvms,
			 use->heap_mb);
	for (enum limit i = 0; i < LIMIT_COUNT; i++) {
		rlim_t need = least(i, use), have = l->hard[i];

		if (have == RLIM_INFINITY || have / known[i].divisor >= need)
			continue;
		return err_set(e, -EMFILE,
			       "the limit of %s is %llu%s here (%s), and %s at least %llu%s: raise "
			       "the hard limit for who calls cleave",
			       known[i].what, (unsigned long long)(have / known[i].divisor),
			       known[i].unit, known[i].set, who, (unsigned long long)need,
			       known[i].unit);
	}
	return 0;
}

bool limits_are_narrow(const struct limits *l, enum limit which, const struct limits_use *use,
		       char text[LIMIT_TEXT])
{
	const rlim_t have = l->hard[which];
	const char *why = NULL;

	if (have == RLIM_INFINITY)
		return false;
	switch (which) {
	case LIMIT_FILES:
		why = have < FILES_ENOUGH ? "a shuffle of many parts may open 65536" : NULL;
		break;
	case LIMIT_PROCESSES:
		if (use->uid && have < (rlim_t)use->jvms * THREADS_ENOUGH)
			why = "each JVM may have hundreds";
		break;
	case LIMIT_ADDRESSES:
	case LIMIT_DATA:
		why = "a JVM whose heap and threads go beyond it ends";
		break;
	case LIMIT_FILE_SIZE:
		why = "a shuffle file that grows beyond it ends the application";
		break;
	case LIMIT_CPU:
		why = "each process of the cluster is killed when it has used so much";
		break;
	case LIMIT_COUNT:
		break;
	}
	if (why)
		snprintf(text, LIMIT_TEXT, "the limit of %s is %llu%s (%s): %s", known[which].what,
			 (unsigned long long)(have / known[which].divisor), known[which].unit,
			 known[which].set, why);
	return why != NULL;
}
