/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_BENCH_RUN_H
#define LAUNCHER_MEASURE_BENCH_RUN_H

/* A comparison at work: what it knows, its cases, and one run of a case (README.md). */

#include "decision/plan/bench.h"
#include "launcher/inputs/inputs.h"
#include "launcher/measure/bench_plain.h"
#include "launcher/system/argv.h"
#include "launcher/system/foreground.h"

enum { BENCH_GCS = 5 };

/* What was asked for. */
struct bench_wish {
	bool sides[BENCH_SIDES];
	unsigned gc_count;	/* 0: the plan's collector */
	enum gc gcs[BENCH_GCS]; /* none twice */
	bool is_sweep;
};

/* A workload of our own. */
struct bench_workload {
	const char *name; /* NULL: the user's application */
	char script[PROFILE_PATH];
	char data[PROFILE_PATH];
	uint64_t bytes, seed;
	bool keeps_data; /* the user's --data-dir */
};

/* About 2 MB: keep it on the heap. */
struct benching {
	const struct roots *roots;
	struct argv words; /* of spark-submit: options, the application, its words */
	struct bench_wish wish;
	struct bench_workload workload;
	/* The user's profile as it was decided, called NAME-bench, its kind of workload known. */
	struct inputs in;
	struct cluster cluster; /* NAME-bench */
	struct spark spark;
	struct bench bench;
	char directory[PROFILE_PATH]; /* of temporary files, beside the cluster's data */
	char local[PROFILE_PATH]; /* of plain Spark's shuffle files: the same, or scratch.path */
	uint64_t limit_ms;	  /* of a run */
	bool is_balancing;	  /* the kernel moves pages (automatic NUMA balancing) */
	struct foreground foreground;
	double spent;	/* seconds of all runs, with start and end */
	char *expected; /* what a workload of ours printed first; the result of all runs */
};

/*
 * List the cases of a wish: sides by collectors, then the sweep. Needs `in` decided, is_balancing
 * and the wish. ERR_IMPOSSIBLE if they are too many.
 */
int benching_list(struct benching *b, struct err *e);

/* The profile of a case of cleave's. */
void benching_profile(const struct benching *b, const struct bench_case *c, struct profile *out);

/* What plain Spark gets for a case of its own; the directories are the caller's to fill in. */
void benching_plain(const struct benching *b, const struct bench_case *c,
		    struct plain_request *out);

/* Make the directories of temporary files; remove them and all that is below them. */
int benching_open(struct benching *b, struct err *e);
void benching_close(struct benching *b);

/* The data of a workload of ours, unless they are there; with progress. -EINTR for a signal. */
int benching_make_data(struct benching *b, struct err *e);

/*
 * Bring the slices of a case up, call a function, take them down. For what is to be there before
 * anything is measured. A failure of `up` is no error here: the first run will tell.
 */
struct state;
typedef void bench_on_slices(void *context, const struct state *s);
int benching_prepare(struct benching *b, unsigned case_id, bench_on_slices *f, void *context,
		     struct err *e);

/*
 * Run a case once, on a cluster that comes and goes. 0: what was seen is appended to bench.runs,
 * also where it failed, and a line about it is on stderr. -EINTR after a signal, other errors where
 * no run can be: the cluster is down then, too.
 */
int benching_run(struct benching *b, unsigned case_id, struct err *e);

/* Whether two outputs of a workload of ours are the same result: times in them differ. */
bool bench_result_is_same(const char *a, const char *b);

/* The words of an application as the report has them, blanks between, cut with "…". */
void bench_words_text(char *const *words, char text[PLAN_TEXT]);

/* Append a note, unless it is there or there is no room. */
void bench_note(struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
