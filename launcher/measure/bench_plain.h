/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_BENCH_PLAIN_H
#define LAUNCHER_MEASURE_BENCH_PLAIN_H

/*
 * Spark without cleave, for comparison: a Master and its Workers started by bin/spark-class as
 * Spark's own scripts do, bound to no CPU and no node, with nothing of the plan's. What the user's
 * profile says of the application (spark.conf, spark.env, jvm.options) holds for it, too.
 *
 * The only flags that are added to any JVM are -XX:-UsePerfData and java.io.tmpdir: they leave
 * nothing in /tmp, and make nothing faster or slower. The daemons listen on free loopback addresses
 * of their own, are of process groups of their own, and die with us.
 */

#include "launcher/inputs/inputs.h"
#include "launcher/measure/step.h"
#include "launcher/spark/spark.h"

struct plain_request {
	const struct profile *profile;
	const struct spark *spark;
	const struct cluster *cluster; /* whose user it runs as */
	struct cpuset cpus;	       /* that daemons and executors may use: all, but in a sweep */
	const struct cpuset *allowed;  /* the driver: all */
	char directory[PROFILE_PATH];  /* of this run: ours, everybody may pass */
	char local[PROFILE_PATH];      /* for shuffle files: the user's */
	unsigned workers;
	unsigned cores;	  /* of each, in Spark's sense: CPUs */
	unsigned heap_mb; /* of each */
	enum gc gc;
	bool is_local; /* see bench.h, BENCH_PLAIN: nothing for the kernel to balance */
};

/* A cluster that is up. */
struct plain {
	const struct plain_request *request;
	uint32_t address; /* of the Master; Worker i has the next but i */
	int port, ui_port;
	pid_t master, workers[SLICES_MAX];
	double seconds; /* until all were registered */
};

/* What Spark's hardware provisioning guide says of heaps. `memory` is the machine's, in bytes. */
unsigned plain_heap_mb(uint64_t memory, unsigned workers);

/*
 * Start it, showing `s` meanwhile, and wait until all Workers are registered; why a
 * daemon ended is told on stderr. After an error, or -EINTR for a signal, nothing is left of it.
 */
int plain_up(const struct plain_request *request, struct step *s, struct plain *out, struct err *e);

/* spark-submit's command line for it: `conf` are NAME=value words, `words` the user's. */
int plain_submit(const struct plain *p, char *const *conf, char *const *words, struct process *out,
		 struct err *e);

/* The same without a cluster, in one JVM that has all CPUs, and this heap. */
int plain_submit_alone(const struct plain_request *r, char *const *words, struct process *out,
		       struct err *e);

/* How such a process is born. Borrows from both. */
struct step_program plain_program(const struct plain_request *r, const struct process *process);

/* Nothing is left of it when this returns. */
void plain_down(struct plain *p);

#endif
