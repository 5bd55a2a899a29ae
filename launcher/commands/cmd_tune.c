/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "launcher/commands/command.h"
#include "launcher/inputs/data.h"
#include "launcher/inputs/shipped.h"
#include "launcher/measure/tune.h"
#include "launcher/protocol/model_file.h"
#include "launcher/spark/spark.h"
#include "launcher/system/directory.h"

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
	if (!t->data[TUNE_LARGE].args && !tuning_has_data_word(&in->profile, t->words))
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
	in->profile.spark.executors = AMOUNT_AUTO;
	in->profile.workload.model[0] = '\0';
	in->application = t->words; /* the kind of workload is read off it */
	if (inputs_read(t->roots, in, e) < 0 || inputs_decide(in, e) < 0)
		return e->code;
	if (cluster_paths(t->roots->state_dir, name, &t->cluster, e) < 0 ||
	    cluster_user(&in->profile, &t->cluster, e) < 0)
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

static const double shares[TUNE_SIZES] = {TUNE_SHARE, TUNE_SHARE_SMALL};

/* What --probe-args name on this machine; where that is nothing, the greatest share is assumed. */
static void measure_arguments(struct tuning *t, enum tune_size which)
{
	struct tuning_data *data = &t->data[which];
	cleanup_free char *arguments = strdup(data->args);
	uint64_t whole = t->engine.job.data_bytes, sum = 0;
	char *rest = arguments, *word;

	while (rest && (word = strsep(&rest, " \t\n"))) {
		const char *path = spark_local_path(word);

		if (path && *path && !strstr(path, "{scratch}") && access(path, F_OK) == 0)
			sum += data_measure(path);
	}
	data->bytes = sum ? sum : (uint64_t)(shares[which] * (double)whole);
	if (data->bytes > whole && !t->engine.data_assumed)
		data->bytes = whole;
	if (!sum)
		fprintf(stderr,
			"cleave: --probe-args%s name no local data: %.0f %% of the whole are "
			"assumed\n",
			which == TUNE_SMALL ? "-small" : "", 100 * shares[which]);
}

static int take_part(struct tuning *t, enum tune_size which, double share, struct err *e)
{
	const char *path = t->in.profile.workload.data_path;
	struct tuning_data *data = &t->data[which];
	struct data_part part;

	snprintf(data->part, sizeof(data->part), "%.*s/data-%u", PROFILE_PATH - 10, t->directory,
		 which);
	if (mkdir(data->part, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", data->part);
	if (data_part_make(spark_local_path(path), share, data->part, &part, e) < 0)
		return e->code;
	/* Of a size that the profile wrote, the same share. */
	data->bytes = (uint64_t)((double)t->engine.job.data_bytes * (double)part.bytes /
				 (double)part.total);
	fprintf(stderr, "cleave: %s read %u file%s, %s of %s (%.1f %%)\n",
		which == TUNE_SMALL ? "smaller runs" : "probes", part.files,
		part.files == 1 ? "" : "s", SIZE_STRING(part.bytes), SIZE_STRING(part.total),
		100 * (double)part.bytes / (double)part.total);
	return 0;
}

/* A quarter of what the probes read, or half of it where files are too large; a little may lack. */
static int take_parts(struct tuning *t, struct err *e)
{
	double large;
	int r;

	if (take_part(t, TUNE_LARGE, TUNE_SHARE, e) < 0)
		return e->code;
	large = (double)t->data[TUNE_LARGE].bytes / (double)t->engine.job.data_bytes;
	r = take_part(t, TUNE_SMALL, 1.05 * large * TUNE_SHARE_SMALL / TUNE_SHARE, e);
	if (r < 0 && e->exit == ERR_IMPOSSIBLE)
		r = take_part(t, TUNE_SMALL, 1.05 * large / 2, e);
	if (r < 0 && e->exit != ERR_IMPOSSIBLE)
		return r;
	return 0;
}

static int find_data(struct tuning *t, struct err *e)
{
	if (!t->data[TUNE_LARGE].args) {
		if (take_parts(t, e) < 0)
			return e->code;
	} else {
		measure_arguments(t, TUNE_LARGE);
		if (t->data[TUNE_SMALL].args)
			measure_arguments(t, TUNE_SMALL);
		if (t->data[TUNE_SMALL].bytes >= t->data[TUNE_LARGE].bytes)
			return err_wrong(
				e,
				"--probe-args-small: its data, %s, are not less than those "
				"of --probe-args, %s",
				SIZE_STRING(t->data[TUNE_SMALL].bytes),
				SIZE_STRING(t->data[TUNE_LARGE].bytes));
	}
	if (!t->data[TUNE_SMALL].bytes)
		fprintf(stderr,
			"cleave: all runs have the same size, so what is paid once or a stage is "
			"not told from what is paid by byte: %s\n",
			t->data[TUNE_LARGE].args ? "write --probe-args-small"
						 : "the data have too few files");
	return 0;
}

/* ---- the fit, and the file */

/* Where heaps are as small as Spark allows, collecting and spilling are not those of the job. */
static int fit_runs(struct tuning *t, struct err *e)
{
	unsigned held = 0;

	for (unsigned i = 0; i < t->run_count; i++)
		if (!t->tune.heap_is_scaled[t->did[i].option])
			held |= 1u << COST_GC | 1u << COST_SPILL;
	return fit_make(cost_builtin(t->engine.job.type), t->runs, t->run_count, held, &t->fit, e);
}

static void make_model(const struct tuning *t, struct model *out)
{
	time_t now = time(NULL);
	struct tm utc;

	*out = (struct model){.theta = t->fit.theta,
			      .error = t->fit.error,
			      .type = t->engine.job.type,
			      .run_count = t->run_count};
	memcpy(out->confidence, t->fit.confidence, sizeof(out->confidence));
	load_identity(&t->in.topology, &out->machine);
	gmtime_r(&now, &utc);
	strftime(out->made, sizeof(out->made), "%Y-%m-%dT%H:%M:%SZ", &utc);
	for (unsigned i = 0; i < t->run_count; i++) {
		const struct candidate *c = tuning_candidate(t, t->did[i].option);

		out->runs[i] = (struct model_run){
			.slices = c->slices,
			.cores = c->cores,
			.executors = c->executors,
			.slots = (unsigned)lround(t->tune.slots[t->did[i].option]),
			.is_warm = t->did[i].what.is_warm,
			.data_bytes = t->data[t->did[i].what.size].bytes,
			.predicted = cost_seconds(&t->fit.theta, &t->runs[i].x),
			.measured = t->runs[i].seconds};
	}
}

/* ---- the probes */

/* Each candidate is an option; of both sizes where the application does not repeat. */
static void list_options(struct tuning *t)
{
	const uint64_t bytes[TUNE_SIZES] = {t->data[TUNE_LARGE].bytes, t->data[TUNE_SMALL].bytes};

	tune_list(&t->engine, bytes, t->repeats, &t->tune);
}

/* It failed when it was repeated. What was timed stays; its options have other numbers now. */
static void repeat_no_more(struct tuning *t)
{
	unsigned candidates[FIT_RUNS];
	double slots[FIT_RUNS];

	fputs("cleave: the application failed when it was repeated in its Spark context, so each "
	      "probe is one cold run\n",
	      stderr);
	for (unsigned i = 0; i < t->run_count; i++) {
		candidates[i] = t->tune.candidate[t->did[i].option];
		slots[i] = t->tune.slots[t->did[i].option];
	}
	t->repeats = false;
	list_options(t);
	for (unsigned i = 0; i < t->run_count; i++) {
		unsigned *option = &t->did[i].option;

		for (*option = 0; t->tune.candidate[*option] != candidates[i] ||
				  t->tune.slots[*option] != slots[i];)
			++*option;
		t->tune.options[*option].tried = true;
	}
}

/* One probe, its fit, and the model so far. 1 if there is no more to learn. */
static int probe_once(struct tuning *t, struct err *e)
{
	unsigned option = probe_next(t->tune.options, t->tune.count, &t->fit), count;
	struct probe_option *o = &t->tune.options[option];
	double seconds[PROBE_RUNS];
	struct model m;

	if (option == t->tune.count)
		return 1;
	if (tuning_probe_run(t, option, seconds, &count, e) < 0)
		return e->code;
	o->tried = true;
	for (unsigned i = 0; i < count; i++) {
		double expected = cost_seconds(&t->fit.theta, &o->runs[i]);

		t->did[t->run_count] = (struct tuning_run){t->probe_count, option,
							   t->tune.runs[option][i], expected};
		t->runs[t->run_count++] = (struct fit_run){o->runs[i], seconds[i]};
		fprintf(stderr, "cleave: probe %u: %s, %s, %s: %.1f s (%.1f s predicted)\n",
			t->probe_count + 1, TUNING_SIZES(tuning_candidate(t, option)),
			SIZE_STRING(t->data[t->tune.runs[option][i].size].bytes),
			t->tune.runs[option][i].is_warm ? "warm" : "cold", seconds[i], expected);
	}
	t->probe_count++;
	if (count < o->run_count)
		repeat_no_more(t);
	if (fit_runs(t, e) < 0)
		return e->code;
	make_model(t, &m);
	if (model_check(&m, e) < 0)
		return err_wrap(e, "this is a defect of cleave: the model");
	return model_write(t->model_path, &m, e);
}

static int tune(struct tuning *t, struct err *e)
{
	int r = 0;

	if (find_data(t, e) < 0)
		return e->code;
	t->repeats = tuning_can_repeat(t->words);
	if (!t->repeats)
		fputs("cleave: the application is no Python file here, so each probe is one cold "
		      "run\n",
		      stderr);
	list_options(t);
	if (!t->tune.count)
		return err_impossible(e, "no partition of this machine can be probed: see cleave "
					 "plan --explain");
	if (fit_runs(t, e) < 0)
		return e->code;
	while (r == 0 && t->probe_count < PROBES_MOST)
		r = probe_once(t, e);
	if (r >= 0)
		return tuning_report(t, e);
	if (r != -EINTR)
		return r;
	/* A signal: what was learned is kept. */
	if (t->probe_count)
		fprintf(stderr, "cleave: interrupted after %u probe%s; the model so far is in %s\n",
			t->probe_count, t->probe_count == 1 ? "" : "s", FOREIGN(t->model_path));
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

	cleanup_close int above = -1;

	if (n < 0 || n >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "TMPDIR");
	above = directory_open(top && *top == '/' ? top : "/tmp", DIRECTORY_SHARED, e);
	if (above < 0)
		return err_wrap(e, "TMPDIR");
	if (!mkdtemp(out))
		return err_errno(e, -errno, "cannot make the directory %s", out);
	/* The workers' user reads the data through it. */
	return chmod(out, 0711) < 0 ? err_errno(e, -errno, "%s", out) : 0;
}

static int run_tune(const struct invocation *in, struct err *e)
{
	cleanup_free struct tuning *t = calloc(1, sizeof(*t));
	struct err ignored; /* of files that are temporary */
	int r;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	t->roots = &in->options.roots;
	t->data[TUNE_LARGE].args = in->options.probe_args;
	t->data[TUNE_SMALL].args = in->options.probe_args_small;
	t->words = in->words;
	if (!t->words[spark_application_word(t->words)])
		return err_wrong(e, "there is no application among the words after '--'");
	if (t->data[TUNE_SMALL].args && !t->data[TUNE_LARGE].args)
		return err_wrong(e, "--probe-args-small needs --probe-args beside it");
	if (make_inputs(t, in->operand, e) < 0 || make_directory(t->directory, e) < 0)
		return e->code;
	r = foreground_block(&t->foreground, e);
	if (!r) {
		r = tune(t, e);
		foreground_release(&t->foreground);
	}
	directory_remove(t->directory, &ignored);
	return r;
}

static const struct option options[] = {
	{"probe-args", "WORDS", "the application's own words for a short run, split at blanks",
	 OPTION(probe_args)},
	{"probe-args-small", "WORDS", "the same for a run that is shorter still",
	 OPTION(probe_args_small)},
	{0},
};

const struct command cmd_tune = {
	.name = "tune",
	.arguments = "[PROFILE] -- APP…",
	.summary = "Measure which partition suits an application, and keep what was learned",
	.details =
		"Runs the application a few times, at most six, on partitions chosen to tell most, each "
		"with at most 12 % of the data, and again with less: some of the files of "
		"workload.data.path, linked into a directory whose path takes the place of "
		"workload.data.path among the application's words, or what --probe-args and "
		"--probe-args-small say. A Python application is repeated in its Spark context, so "
		"that cold JVMs are not taken for the steady state. {scratch} in a word becomes a new directory that is "
		"removed at the end: let outputs go there. The cluster is one of its own, NAME-tune. "
		"What was learned is written to workload.model, else beside the profile as "
		"PROFILE.model.json, after every probe; Ctrl-C keeps that.",
	.options = options,
	.max_operands = 1,
	.words_required = 1,
	.run = run_tune,
};
