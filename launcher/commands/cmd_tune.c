/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "decision/base/cleanup.h"
#include "decision/base/size_text.h"
#include "launcher/commands/command.h"
#include "launcher/inputs/data.h"
#include "launcher/inputs/shipped.h"
#include "launcher/measure/tune.h"
#include "launcher/protocol/model_file.h"
#include "launcher/spark/spark.h"

/* ---- what is tuned */

/*
 * Where the model goes: to workload.model, else beside the profile's file, else to the current
 * directory. Absolute, and tried before the first probe, which takes a minute.
 */
static int find_model_path(struct tuning *t, struct err *e)
{
	static const char yaml[] = ".yaml";
	const char *stem = t->in.called, *suffix = ".model.json";
	char here[PATH_MAX] = "", directory[PROFILE_PATH];
	size_t length;
	int n;

	if (!stem || !shipped_is_path(stem))
		stem = t->in.profile.name;
	length = strlen(stem);
	if (length > strlen(yaml) && !strcmp(stem + length - strlen(yaml), yaml))
		length -= strlen(yaml);
	if (t->in.profile.workload.model[0]) {
		stem = t->in.profile.workload.model;
		length = strlen(stem);
		suffix = "";
	}
	if (stem[0] != '/' && !getcwd(here, sizeof(here)))
		return err_errno(e, -errno, "the current directory");
	n = snprintf(t->model_path, PROFILE_PATH, "%s%s%.*s%s", here, stem[0] != '/' ? "/" : "",
		     (int)length, stem, suffix);
	if (n < 0 || n >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "%.300s", stem);
	string_copy(directory, t->model_path);
	*(strrchr(directory, '/') + 1) = '\0';
	if (access(directory, W_OK) < 0)
		return err_errno(e, -errno, "the model cannot be written to %s", directory);
	return 0;
}

static int make_inputs(struct tuning *t, const char *called, struct err *e)
{
	static const char suffix[] = "-tune";
	struct inputs *in = &t->in;
	char *name = in->profile.name;
	uint64_t nodes;

	if (inputs_profile(called, in, e) < 0)
		return e->code;
	/* Known before anything is decided. */
	if (!t->probe_args && !tuning_has_data_word(&in->profile, t->words))
		return err_wrong(
			e,
			"a probe needs less data: write --probe-args with the words that replace "
			"the application's own, or workload.data.path, a local one, as it stands "
			"among them");
	if (find_model_path(t, e) < 0)
		return e->code;
	/* A cluster of its own, everything about the partition left open, no model. */
	memcpy(name + strnlen(name, NAME_MAX_BYTES - strlen(suffix)), suffix, sizeof(suffix));
	in->profile.partition.by = BY_AUTO;
	in->profile.partition.slices = AMOUNT_AUTO;
	in->profile.partition.cores = AMOUNT_AUTO;
	in->profile.workload.model[0] = '\0';
	in->application = t->words;
	if (inputs_read(t->roots, in, e) < 0 || inputs_decide(in, e) < 0)
		return e->code;
	if (!in->topology.this_machine)
		return err_impossible(
			e, "--topology %.200s is another machine: tune measures this one",
			in->topology.source);
	if (reserve_for(&in->topology, &in->profile.partition, &nodes, &t->reserve, e) < 0)
		return e->code;
	return engine_decide(&in->topology, &in->profile, &in->facts, &t->reserve, &t->engine, e);
}

/* ---- the data of a probe */

/* What --probe-args name on this machine; where that is nothing, the greatest share is assumed. */
static void measure_arguments(struct tuning *t)
{
	cleanup_free char *arguments = strdup(t->probe_args);
	uint64_t whole = t->engine.job.data_bytes, sum = 0;
	char *rest = arguments, *word;

	while (rest && (word = strsep(&rest, " \t\n"))) {
		const char *path = data_local_path(word);

		if (path && *path && !strstr(path, "{scratch}") && access(path, F_OK) == 0)
			sum += data_measure(path);
	}
	t->data_bytes = sum ? sum : (uint64_t)(TUNE_SHARE * (double)whole);
	if (t->data_bytes > whole && !t->engine.data_assumed)
		t->data_bytes = whole;
	if (!sum)
		fprintf(stderr,
			"cleave: --probe-args name no local data: %.0f %% of the whole are "
			"assumed\n",
			100 * TUNE_SHARE);
}

static int take_part(struct tuning *t, struct err *e)
{
	const char *path = t->in.profile.workload.data_path;
	struct data_part part;

	snprintf(t->data, sizeof(t->data), "%.*s/data", PROFILE_PATH - 8, t->directory);
	if (mkdir(t->data, 0755) < 0)
		return err_errno(e, -errno, "cannot make the directory %s", t->data);
	if (data_part_make(data_local_path(path), TUNE_SHARE, t->data, &part, e) < 0)
		return e->code;
	/* Of a size that the profile wrote, the same share. */
	t->data_bytes = (uint64_t)((double)t->engine.job.data_bytes * (double)part.bytes /
				   (double)part.total);
	fprintf(stderr, "cleave: probes read %u files, %s of %s (%.1f %%)\n", part.files,
		SIZE_STRING(part.bytes), SIZE_STRING(part.total),
		100 * (double)part.bytes / (double)part.total);
	return 0;
}

/* ---- the fit, and the file */

static int fit_probes(struct tuning *t, struct err *e)
{
	unsigned held = 0;

	for (unsigned i = 0; i < t->count; i++)
		if (!t->tune.heap_is_scaled[t->probes[i].option])
			held |= 1u << COST_GC;
	return fit_make(cost_builtin(t->engine.job.type), t->runs, t->count, held, &t->fit, e);
}

static void make_model(const struct tuning *t, struct model *out)
{
	time_t now = time(NULL);
	struct tm utc;

	*out = (struct model){.theta = t->fit.theta,
			      .error = t->fit.error,
			      .type = t->engine.job.type,
			      .probe_count = t->count};
	memcpy(out->confidence, t->fit.confidence, sizeof(out->confidence));
	load_identity(&t->in.topology, &out->machine);
	gmtime_r(&now, &utc);
	strftime(out->made, sizeof(out->made), "%Y-%m-%dT%H:%M:%SZ", &utc);
	for (unsigned i = 0; i < t->count; i++) {
		const struct candidate *c = tuning_candidate(t, t->probes[i].option);

		out->probes[i] = (struct model_probe){
			.slices = c->slices,
			.cores = c->cores,
			.data_bytes = t->data_bytes,
			.predicted = cost_seconds(&t->fit.theta, &t->runs[i].x),
			.measured = t->runs[i].seconds};
	}
}

/* ---- the probes */

/* One probe, its fit, and the model so far. 1 if there is no more to learn. */
static int probe_once(struct tuning *t, struct err *e)
{
	unsigned option = probe_next(t->tune.options, t->tune.count, &t->fit);
	struct probe_option *o = &t->tune.options[option];
	double seconds = 0;
	struct model m;

	if (option == t->tune.count)
		return 1;
	t->probes[t->count] = (struct tuning_probe){
		.option = option, .expected = cost_seconds(&t->fit.theta, &o->probe)};
	if (tuning_probe_run(t, option, &seconds, e) < 0)
		return e->code;
	o->tried = true;
	t->runs[t->count++] = (struct fit_run){o->probe, seconds};
	fprintf(stderr, "cleave: probe %u: %s: %.1f s (%.1f s predicted)\n", t->count,
		TUNING_SIZES(tuning_candidate(t, option)), seconds,
		t->probes[t->count - 1].expected);
	if (fit_probes(t, e) < 0)
		return e->code;
	make_model(t, &m);
	if (model_check(&m, e) < 0)
		return err_wrap(e, "this is a defect of cleave: the model");
	return model_write(t->model_path, &m, e);
}

static int tune(struct tuning *t, struct err *e)
{
	int r = 0;

	if (t->probe_args)
		measure_arguments(t);
	else if (take_part(t, e) < 0)
		return e->code;
	tune_list(&t->engine, t->data_bytes, &t->tune);
	if (!t->tune.count)
		return err_impossible(e, "no partition of this machine can be probed: see cleave "
					 "plan --explain");
	if (fit_probes(t, e) < 0)
		return e->code;
	while (r == 0 && t->count < MODEL_PROBES)
		r = probe_once(t, e);
	if (r >= 0)
		return tuning_report(t, e);
	if (r != -EINTR)
		return r;
	/* A signal: what was learned is kept. */
	if (t->count)
		fprintf(stderr, "cleave: interrupted after %u probes; the model so far is in %s\n",
			t->count, t->model_path);
	else
		fputs("cleave: interrupted before the first probe ended; no model was written\n",
		      stderr);
	return 128 + t->foreground.last_signal;
}

/* ---- the command */

static int make_directory(char out[PROFILE_PATH], struct err *e)
{
	const char *top = getenv("TMPDIR");
	int n = snprintf(out, PROFILE_PATH, "%s/cleave-tune-XXXXXX",
			 top && *top == '/' ? top : "/tmp");

	if (n < 0 || n >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "TMPDIR");
	if (!mkdtemp(out))
		return err_errno(e, -errno, "cannot make the directory %s", out);
	/* The workers' user reads the data through it. */
	return chmod(out, 0711) < 0 ? err_errno(e, -errno, "%s", out) : 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	remove(path);
	return 0;
}

static int run_tune(const struct invocation *in, struct err *e)
{
	cleanup_free struct tuning *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	t->roots = &in->options.roots;
	t->probe_args = in->options.probe_args;
	t->words = in->words;
	if (!t->words[spark_application_word(t->words)])
		return err_wrong(e, "there is no application among the words after '--'");
	if (make_inputs(t, in->operand, e) < 0 || make_directory(t->directory, e) < 0)
		return e->code;
	r = foreground_block(&t->foreground, e);
	if (!r) {
		r = tune(t, e);
		foreground_release(&t->foreground);
	}
	nftw(t->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return r;
}

static const struct option options[] = {
	{"probe-args", "WORDS", "the application's own words for a short run, split at blanks",
	 OPTION(probe_args)},
	{0},
};

const struct command cmd_tune = {
	.name = "tune",
	.arguments = "[PROFILE] -- APP…",
	.summary = "Measure which partition suits an application, and keep what was learned",
	.details =
		"Runs the application a few times, at most six, on partitions chosen to tell most, each "
		"with at most 12 % of the data: some of the files of workload.data.path, linked into a "
		"directory whose path takes the place of workload.data.path among the application's "
		"words, or what --probe-args say. {scratch} in a word becomes a new directory that is "
		"removed at the end: let outputs go there. The cluster is one of its own, NAME-tune. "
		"What was learned is written to workload.model, else beside the profile as "
		"PROFILE.model.json, after every probe; Ctrl-C keeps that.",
	.options = options,
	.max_operands = 1,
	.words_required = 1,
	.run = run_tune,
};
