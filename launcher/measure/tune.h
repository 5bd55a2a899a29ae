/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_TUNE_H
#define LAUNCHER_MEASURE_TUNE_H

/* `tune` at work: what it knows, one probe, and what it tells (README.md). */

#include "decision/engine/tune.h"
#include "launcher/inputs/inputs.h"
#include "launcher/system/argv.h"
#include "launcher/system/foreground.h"

/* The data of the runs of one size. */
struct tuning_data {
	uint64_t bytes;		 /* 0: there is no such size */
	const char *args;	 /* the application's own words instead, or NULL */
	char part[PROFILE_PATH]; /* the part of the data that they read, "" with `args` */
};

/* One timed run, beside its struct fit_run. */
struct tuning_run {
	unsigned probe, option; /* from 0; of tune.options */
	struct tune_run what;
	double expected; /* seconds, before it was run */
};

/* About 2 MB: keep it on the heap. */
struct tuning {
	const struct roots *roots;
	char *const *words; /* behind `--` */
	/*
	 * The user's profile, what is tuned left to the engine, named NAME-tune, without a model.
	 */
	struct inputs in;
	struct cluster cluster; /* of its name, with the workers' user */
	struct reserve_memory reserve;
	struct engine engine; /* with the built-in table */
	struct tune tune;
	struct tuning_data data[TUNE_SIZES];
	bool repeats;		       /* the application, in one Spark context */
	char directory[PROFILE_PATH];  /* of temporary files, absolute */
	char model_path[PROFILE_PATH]; /* absolute */
	struct foreground foreground;
	unsigned probe_count, run_count; /* done */
	struct tuning_run did[FIT_RUNS];
	struct fit_run runs[FIT_RUNS];
	struct fit fit;
};

/* What an option tries. */
static inline const struct candidate *tuning_candidate(const struct tuning *t, unsigned option)
{
	return &t->engine.candidates[t->tune.candidate[option]];
}

/* The Python that repeats an application in one Spark context. */
extern const char tuning_driver[];

/*
 * Whether tuning_driver can repeat it: a Python file here. Others end their JVM, or their context
 * for good.
 */
bool tuning_can_repeat(char *const *words);

/*
 * The words of an option's probe, the next one: the part of the data in place of
 * workload.data.path, or --probe-args in place of the application's own, and in each word {scratch}
 * replaced by a new directory; where it repeats, the driver with the words of each repetition.
 */
int tuning_words(const struct tuning *t, unsigned option, struct argv *out, struct err *e);

/* Whether a word of the application's own is the path of the data: a part can stand in for it. */
bool tuning_has_data_word(const struct profile *p, char *const *words);

/*
 * The seconds of an option's runs, in their order, and how many ended: at least 1. The first has
 * what is before and behind all repetitions. -EINTR after a signal: the cluster is down then, as it
 * is after an error (why the program failed is on stderr).
 */
int tuning_probe_run(struct tuning *t, unsigned option, double seconds[PROBE_RUNS], unsigned *count,
		     struct err *e);

/*
 * The same from what the driver wrote ("0 17.25 31.5" a repetition) and the seconds of the whole
 * application; lines that are none are passed by. Return how many of the `count` runs are told.
 */
unsigned tuning_read_times(const char *text, double whole, unsigned count,
			   double seconds[PROBE_RUNS]);

/* The profile that a probe's cluster has. */
void tuning_probe_profile(const struct tuning *t, unsigned option, struct profile *out);

/* On stdout: probes, coefficients, the recommended partition, the line for the profile. */
int tuning_report(const struct tuning *t, struct err *e);

/* "2 slices of 4 cores, 2 executors each" */
struct sizes_text {
	char text[96];
};
const char *tuning_sizes(const struct candidate *c, struct sizes_text *out);
#define TUNING_SIZES(c) tuning_sizes((c), &(struct sizes_text){{0}})

#endif
