/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PLAN_BENCH_H
#define DECISION_PLAN_BENCH_H

/*
 * What a comparison of the same application on this machine, sliced and not, has seen so far, and
 * what follows from it: medians, ratios, the sentence. A value without pointers; about 300 KB, so
 * keep it on the heap. launcher/measure/bench_*.c fill it in, launcher/show shows it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/err.h"
#include "decision/plan/plan.h"

/* How the application is run. */
enum bench_side {
	BENCH_PLAIN, /* one Worker on all CPUs, bound to nothing, started as Spark's scripts do */
	BENCH_BALANCED, /* the same, and the kernel moves its pages (automatic NUMA balancing) */
	BENCH_WORKERS,	/* as many Workers as the plan has slices, bound to nothing */
	BENCH_SLICED,	/* cleave's plan, without loans */
	BENCH_LENT,	/* cleave's plan, with loans */
	BENCH_SIDES
};

enum {
	BENCH_CASES = 128,
	BENCH_RUNS = 1024,
	BENCH_REPETITIONS_MIN = 3,
	BENCH_REPETITIONS_MAX = 100,
	BENCH_TEXT = 512,
	BENCH_NOTES = 16,
};

/* A side, with one collector, on so many cores: what is run repeatedly. */
struct bench_case {
	enum bench_side side;
	enum gc gc;		  /* of the executors; never auto */
	unsigned cores;		  /* physical cores that it may use, in all */
	unsigned slices;	  /* Workers: 1 for BENCH_PLAIN and BENCH_BALANCED */
	bool is_sweep;		  /* a point of throughput against cores only, not compared */
	char skipped[BENCH_TEXT]; /* why it is not run here; "": it is */
};

/* One run of the application. What could not be measured is negative (seconds, shares), or
 * UINT64_MAX (bytes). */
struct bench_run {
	unsigned case_id;	 /* its place in bench.cases */
	unsigned repetition;	 /* from 0 */
	double seconds;		 /* of the application, from the start of spark-submit to its end */
	double start_seconds;	 /* until Master and Workers were there */
	double cpu_idle;	 /* share of the allowed CPUs' time, 0 … 1, while it ran */
	double gc_seconds;	 /* sum over the executors' JVMs, by their own counters */
	double local_share;	 /* of the executors' pages: expected share of accesses to the own
				      node, 0 … 1 */
	uint64_t peak_bytes;	 /* most that all its Workers and executors had resident at once */
	uint64_t written_bytes;	 /* to disk, by Workers, executors and their children */
	char failed[BENCH_TEXT]; /* why it is not counted: one sentence; "": it is */
};

enum bench_metric {
	BENCH_SECONDS,
	BENCH_START,
	BENCH_THROUGHPUT, /* bytes of the data a second, of the application */
	BENCH_CPU_IDLE,
	BENCH_GC,
	BENCH_LOCAL,
	BENCH_PEAK,
	BENCH_WRITTEN,
	BENCH_METRICS
};

struct bench {
	char name[NAME_MAX_BYTES + 1]; /* of the profile */
	char workload[PROFILE_WORD];   /* "wordcount", or the application's file name */
	char application[PLAN_TEXT];   /* its words, blanks between, cut with "…" */
	char machine[PLAN_TEXT];       /* "2 packages, 128 cores, 256 CPUs, 1 TB, MODEL" */
	char spark[PROFILE_WORD];      /* 4.1.0 */
	int java;		       /* 17 */
	char made[32];		       /* when it began, UTC, ISO 8601 */
	uint64_t data_bytes;	       /* 0: unknown, and then there is no throughput */
	unsigned repetitions;	       /* wanted, of each case */
	bool is_interrupted;	       /* some are missing for a signal */
	unsigned note_count;
	char notes[BENCH_NOTES][BENCH_TEXT]; /* "the application printed nothing", … */
	unsigned case_count;
	struct bench_case cases[BENCH_CASES];
	unsigned run_count;
	struct bench_run runs[BENCH_RUNS];
};

/* "plain", "balanced", "workers", "sliced", "lent"; and a few words for people. */
const char *bench_side_name(unsigned side);
const char *bench_side_words(enum bench_side side);

/* Over the runs of a case that did not fail. `count` 0: there are none, the rest is 0. */
struct bench_spread {
	unsigned count;
	double median, min, max;
};
struct bench_spread bench_spread(const struct bench *b, unsigned case_id, enum bench_metric metric);

/*
 * What is to be run next: the case with the fewest runs so far of those that are neither skipped
 * nor done; in odd repetitions from the last to the first, so that drift of the machine hits all
 * sides alike. A case whose run failed is done. Return case_count: nothing is left.
 */
unsigned bench_next(const struct bench *b);

/* How many runs are still to come, at most. */
unsigned bench_left(const struct bench *b);

/* What came of it. */
enum bench_verdict {
	BENCH_UNKNOWN, /* one of the two has no run */
	BENCH_PAID,    /* every run of the best sliced case was faster than every plain one … */
	BENCH_DID_NOT_PAY, /* … slower … */
	BENCH_NO_MATTER,   /* … the runs overlap, or the medians differ by less than 2 % */
};
struct bench_result {
	enum bench_verdict verdict;
	unsigned plain, best; /* cases: the fastest plain one, the fastest of sliced and lent */
	double ratio;	      /* median seconds, plain to best: above 1 is faster */
	double least, most;   /* the ratio between the runs that make it least and most */
};
struct bench_result bench_result(const struct bench *b);

/*
 * One or two sentences that say whether slicing paid here, by how much, and between which figures,
 * plainly when it did not: "Slicing paid here: …". Always ends with a full stop.
 */
void bench_sentence(const struct bench *b, char text[BENCH_TEXT]);

#endif
