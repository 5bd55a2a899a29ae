/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_TUNE_H
#define LAUNCHER_MEASURE_TUNE_H

/* `tune` at work: what it knows, one probe, and what it tells (README.md). */

#include "decision/engine/tune.h"
#include "launcher/inputs/inputs.h"
#include "launcher/system/argv.h"
#include "launcher/system/foreground.h"

struct tuning_probe {
	unsigned option; /* of tune.options */
	double expected; /* seconds, before it was run */
};

/* About 2 MB: keep it on the heap. */
struct tuning {
	const struct roots *roots;
	const char *probe_args; /* of --probe-args, or NULL */
	char *const *words;	/* behind `--` */
	/* The user's profile, all left to the engine, named NAME-tune, without a model. */
	struct inputs in;
	struct reserve_memory reserve;
	struct engine engine; /* with the built-in table */
	struct tune tune;
	uint64_t data_bytes;	 /* of a probe */
	char data[PROFILE_PATH]; /* the part of the data that probes read, "" with --probe-args */
	char directory[PROFILE_PATH];  /* of temporary files, absolute */
	char model_path[PROFILE_PATH]; /* absolute */
	struct foreground foreground;
	unsigned count; /* of probes done */
	struct tuning_probe probes[MODEL_PROBES];
	struct fit_run runs[MODEL_PROBES];
	struct fit fit;
};

/* What an option tries. */
static inline const struct candidate *tuning_candidate(const struct tuning *t, unsigned option)
{
	return &t->engine.candidates[t->tune.candidate[option]];
}

/*
 * The words of probe number `probe`: the part of the data in place of workload.data.path, or
 * --probe-args in place of the application's own, and in each word {scratch} replaced by a new
 * directory.
 */
int tuning_words(const struct tuning *t, unsigned probe, struct argv *out, struct err *e);

/* Whether a word of the application's own is the path of the data: a part can stand in for it. */
bool tuning_has_data_word(const struct profile *p, char *const *words);

/*
 * The seconds of one probe at an option. -EINTR after a signal: the cluster is down then, as it is
 * after an error (the last words of the program that failed are on stderr).
 */
int tuning_probe_run(struct tuning *t, unsigned option, double *seconds, struct err *e);

/* The profile that a probe's cluster has. */
void tuning_probe_profile(const struct tuning *t, unsigned option, struct profile *out);

/* On stdout: probes, coefficients, the recommended partition, the line for the profile. */
int tuning_report(const struct tuning *t, struct err *e);

/* "2 slices of 1 core" */
struct sizes_text {
	char text[64];
};
const char *tuning_sizes(const struct candidate *c, struct sizes_text *out);
#define TUNING_SIZES(c) tuning_sizes((c), &(struct sizes_text){{0}})

#endif
