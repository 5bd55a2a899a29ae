/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_COST_COST_H
#define DECISION_COST_COST_H

/*
 * How long a job takes on a partition: T = Σ θ_j · x_j (decision/cost/README.md). GB is 2^30 bytes;
 * a core-second is a second of one physical core.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/err.h"
#include "decision/plan/profile.h"

struct plan_terms;

/*
 * How far a predicted ratio of two times may be off either way, relative: one standard deviation of
 * the residuals against published comparisons, each left out of its own fit (README.md).
 */
#define COST_ERROR 0.09

enum cost_term {
	COST_FIXED,  /* s: the application, its driver, the Master */
	COST_SLICE,  /* core-s an executor: its JVM (and its Worker's) starts */
	COST_COLD,   /* s: a JVM of many cores is slow until its code is compiled */
	COST_STAGE,  /* s: the stages begin and end: driver, scheduling, the first wave of tasks */
	COST_SERIAL, /* s/GB: what no core more makes faster: storage, the kernel's locks */
	COST_WORK,   /* core-s/GB: the tasks themselves */
	COST_CONTENTION, /* core-s/GB a further core of the JVM: they queue for its locks */
	COST_COHERENCY,	 /* core-s/GB a pair of cores of the slice: they pass cache lines around */
	COST_GC,	 /* s/GB of one collector thread, where live data are half the heap */
	COST_REMOTE,	 /* core-s/GB where memory is twice as far as local memory */
	COST_SHUFFLE,	 /* core-s/GB sent to other executors */
	COST_SPILL,	 /* s/GB that is spilled, or evicted and made again */
	COST_TAIL,	 /* core-s/GB of the last tasks, while other cores have none left */
	COST_TERMS
};

struct cost_coefficients {
	double c[COST_TERMS]; /* θ: >= 0 and finite */
};

struct cost_features {
	double x[COST_TERMS]; /* of one partition for one job */
};

/*
 * A partition, as far as time depends on it. Slices may be uneven: what is said of "a slice" is a
 * mean over all cores, of the slice that the core is in. Distances are ratios to local memory, >=
 * 1.
 */
struct cost_shape {
	unsigned slices, cores; /* cores of all slices, >= 1 */
	double others;		/* further cores of a core's slice: c - 1 */
	double pairs;	     /* d·c·(c - 1), d the mean distance between two cores of the slice */
	double access;	     /* mean distance from a core to its slice's memory */
	double cpus, slots;  /* of a slice; CPUs are hardware threads */
	unsigned executors;  /* of a slice, >= 1 */
	uint64_t heap_bytes; /* of an executor; 0: unknown, collections are then not predicted */
	uint64_t off_heap_bytes; /* of an executor */
};

struct cost_job {
	enum workload_type type; /* WORKLOAD_AUTO is taken as wordcount */
	uint64_t data_bytes;	 /* input, cost_assumed_bytes() where it is not known */
	enum gc gc;		 /* GC_AUTO is taken as parallel */
	bool is_warm; /* a repetition inside one application: nothing starts, nothing is cold */
};

/* What a kind of workload wants of memory. */
struct cost_needs {
	uint64_t slot_bytes;   /* execution memory of a task at the 95th percentile */
	uint64_t cached_bytes; /* what all slices together keep in memory between stages */
	uint64_t read_bytes;   /* of files that are read again, which a page cache can hold */
	bool off_heap;	       /* its execution memory can lie outside the heap (Tungsten) */
};

/* "contention" and so on: for messages and model files. */
const char *cost_term_name(enum cost_term term);

/*
 * Input assumed where it is unknown: 8 GB a core, 64 splits of 128 MB, so that slots have many
 * tasks each, as on data for which somebody uses such a machine.
 */
uint64_t cost_assumed_bytes(unsigned cores);

/* What the job wants of memory; read_bytes and cached_bytes at most UINT64_MAX. */
struct cost_needs cost_needs(const struct cost_job *job);

/*
 * How many cores' worth of work `cores` cores of `cpus` hardware threads do with `slots` tasks on
 * them, all > 0: never more than there are tasks.
 */
double cost_capacity(double cores, double cpus, double slots);

/*
 * The most tasks that a job can use: each works for 50 ms or more (scheduling one takes some
 * milliseconds); at least 1.
 */
unsigned cost_tasks_most(const struct cost_coefficients *c, const struct cost_job *job);

/* What an executor's heap is worth in bytes of objects with 4-byte pointers. */
double cost_heap_worth(const struct cost_shape *s, const struct cost_job *job);

/* Live data of an executor in bytes, as its collector sees them at a collection. */
double cost_live_bytes(const struct cost_shape *s, const struct cost_job *job);

/*
 * The features; finite and >= 0. Return 0, or ERR_IMPOSSIBLE with the numbers where what tasks hold
 * at once is more than the heap.
 */
int cost_features(const struct cost_shape *s, const struct cost_job *job, struct cost_features *out,
		  struct err *e);

/*
 * Σ θ·x in seconds, and the same by cause: startup FIXED and SLICE; work STAGE … COHERENCY; the
 * others as they are.
 */
double cost_seconds(const struct cost_coefficients *c, const struct cost_features *f);
void cost_terms(const struct cost_coefficients *c, const struct cost_features *f,
		struct plan_terms *out);

/* The built-in table's row; WORKLOAD_AUTO is wordcount's. */
const struct cost_coefficients *cost_builtin(enum workload_type type);

#endif
