/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PLAN_SAMPLE_H
#define DECISION_PLAN_SAMPLE_H

/*
 * What is known of one group at one moment. The first part is the kernel's counters, which drivers
 * fill in; those a machine lacks are 0. The second part is for whoever asks Spark and /proc;
 * drivers leave it 0, which is "unknown".
 */

#include <stdbool.h>
#include <stdint.h>

/* Which of the second part is known. */
enum sample_known {
	SAMPLE_RUNNABLE = 1 << 0,
	SAMPLE_PRESSURE = 1 << 1,
	SAMPLE_TASKS = 1 << 2, /* all that Spark says */
};

struct sample {
	uint64_t at_ns;		   /* CLOCK_MONOTONIC when it was taken */
	uint64_t cpu_usage_us;	   /* CPU time of the group since it was made */
	uint64_t memory_bytes;	   /* charged now */
	uint64_t memory_max_bytes; /* the limit in force, 0: none */
	uint64_t anon_bytes;	   /* anonymous memory … */
	uint64_t anon_local_bytes; /* … of it on the group's own nodes */
	uint64_t oom_kills;
	uint64_t throttled; /* times the group ran into memory.high */
	unsigned processes;

	unsigned known;	   /* of enum sample_known */
	bool starting;	   /* a JVM of it is starting; false: none is, or nobody knows */
	unsigned runnable; /* threads that run or wait for a CPU */
	/* Time in which some thread waited for a CPU, so far (cpu.pressure, some). */
	uint64_t pressure_us;
	uint64_t tasks_at_ns; /* CLOCK_MONOTONIC when Spark was asked what follows */
	uint64_t stages;      /* how many stages with tasks that may run on it began so far */
	unsigned tasks_running;
	unsigned tasks_pending; /* of active stages, that could go to it */
	unsigned task_cpus;	/* spark.task.cpus, at least 1 */
};

#endif
