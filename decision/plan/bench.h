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
	BENCH_WORDS = 64,
};

/* What a clock can say of one run: seconds of the application, CPU seconds of its GC. */
#define BENCH_SECONDS_LEAST 0.001
#define BENCH_SECONDS_MOST  1e9

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

/* "seconds", "start_seconds", "throughput", "cpu_idle": what files call a metric. */
const char *bench_metric_name(unsigned metric);

/* As people write a collector: "Parallel", "G1", "ZGC". */
const char *bench_collector(enum gc gc);

/* Whether the cases have more than one collector, so that it has to be said which. */
bool bench_has_collectors(const struct bench *b);

/* "plain Spark", "8 slices with loans". */
void bench_case_side(const struct bench *b, unsigned case_id, char text[BENCH_WORDS]);

/* The same, and where cases have several collectors with its own: "8 slices under G1". */
void bench_case_words(const struct bench *b, unsigned case_id, char text[BENCH_WORDS]);

/* A figure with the digits that a few runs are good for: 0.52, 41.2, 415.1, 1203. */
enum { BENCH_NUMBER = 32 };
char *bench_number(double value, char text[BENCH_NUMBER]);
#define BENCH_NUMBER_STRING(value) bench_number((value), (char[BENCH_NUMBER]){0})

/*
 * Whether all is in its range and in its place, for what comes from a file: 0 or ERR_WRONG with the
 * path of what is not. All else here asks for a bench that is.
 */
int bench_check(const struct bench *b, struct err *e);

/* Of one run, in the metric's own unit; negative: it was not measured. */
double bench_value(const struct bench *b, const struct bench_run *run, enum bench_metric metric);

/*
 * Over the runs of a case that did not fail and for which it was measured. `count` 0: there are
 * none, the rest is 0. The median of an even number is the mean of the two in the middle.
 */
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

/*
 * How many times as fast as plain Spark a case is, by the medians: plain with the same collector
 * and, of a sweep, on as many cores. Negative: one of the two has no run.
 */
double bench_times_plain(const struct bench *b, unsigned case_id);

/*
 * What came of it. Of each side its fastest case counts, so that nothing wins by the collector
 * that the other was given. Plain Spark is as it is or with balanced pages, whichever is faster.
 */
enum bench_verdict {
	BENCH_UNKNOWN, /* one of the two has no run */
	BENCH_PAID,    /* every run of the best sliced case was faster than every plain one … */
	BENCH_DID_NOT_PAY, /* … slower … */
	BENCH_NO_MATTER,   /* … the runs overlap, or the medians differ by less than 2 % */
	BENCH_VERDICTS
};
struct bench_result {
	enum bench_verdict verdict;
	/* cases: the fastest plain one, the fastest of sliced and lent; case_count without one */
	unsigned plain, best;
	double ratio;	    /* median seconds, plain to best: above 1 is faster */
	double least, most; /* the ratio between the runs that make it least and most */
};
struct bench_result bench_result(const struct bench *b);

/* "unknown", "paid", "did-not-pay", "no-matter". */
const char *bench_verdict_name(unsigned verdict);

/*
 * A few sentences that say whether slicing paid here, by how much, and between which figures,
 * plainly when it did not: "Slicing paid here: …"; then what weakens that: Workers without binding
 * that did as well, runs that are missing. Always ends with a full stop.
 */
void bench_sentence(const struct bench *b, char text[BENCH_TEXT]);

#endif
