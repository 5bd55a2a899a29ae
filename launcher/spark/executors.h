#ifndef LAUNCHER_SPARK_EXECUTORS_H
#define LAUNCHER_SPARK_EXECUTORS_H

/*
 * The answer of an application's /executors: which of them run where, and what they do. Foreign
 * text, bounded and fuzzed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision/base/err.h"

enum { EXECUTORS_MAX = 1024 };

struct executor {
	uint32_t address; /* IPv4 of its host, host order; 0: a name */
	uint32_t number;  /* the "id" that Spark gave it: it counts them */
	unsigned active_tasks;
};

struct executors {
	unsigned count;
	struct executor items[EXECUTORS_MAX];
};

/* "17"; false, and *number untouched, for anything else. */
bool executor_number_parse(const char *id, uint32_t *number);

/* The active ones, the driver left out. */
int executors_parse(const char *text, size_t size, struct executors *out, struct err *e);

#endif
