#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
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

/* The profile of the probes: a cluster of its own, everything about the partition left open, no model. */
static void open_profile(struct profile *p)
{
	static const char suffix[] = "-tune";
	size_t room = NAME_MAX_BYTES - (sizeof(suffix) - 1), length = strlen(p->name);

	memcpy(p->name + (length < room ? length : room), suffix, sizeof(suffix));
	p->partition.by = BY_AUTO;
	p->partition.slices = AMOUNT_AUTO;
	p->partition.cores = AMOUNT_AUTO;
	p->workload.model[0] = '\0';
}

/* Absolute, also where the file is not there yet. */
static int absolute_path(const char *path, char out[PROFILE_PATH], struct err *e)
{
	char here[PATH_MAX];
	int n;

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return err_errno(e, -errno, "the current directory");
	n = path[0] == '/' ? snprintf(out, PROFILE_PATH, "%s", path)
			   : snprintf(out, PROFILE_PATH, "%s/%s", here, path);
	return n < 0 || n >= PROFILE_PATH ? err_errno(e, -ENAMETOOLONG, "%.300s", path) : 0;
}

/*
 * Where the model goes: to workload.model, else beside the profile's file, else to the current directory. Tried before the
 * first probe, which takes a minute.
 */
static int find_model_path(struct tuning *t, const struct profile *p, struct err *e)
{
	static const char yaml[] = ".yaml", suffix[] = ".model.json";
	char path[PROFILE_PATH + sizeof(suffix)], directory[PROFILE_PATH];
	const char *stem = t->profile_name;
	size_t length;

	if (!stem || !shipped_is_path(stem))
		stem = p->name;
	length = strlen(stem);
	if (length > strlen(yaml) && !strcmp(stem + length - strlen(yaml), yaml))
		length -= strlen(yaml);
	if (p->workload.model[0])
		snprintf(path, sizeof(path), "%s", p->workload.model);
	else
		snprintf(path, sizeof(path), "%.*s%s", (int)(length < PROFILE_PATH ? length : 0),
			 stem, suffix);
	if (absolute_path(path, t->model_path, e) < 0)
		return e->code;
	string_copy(directory, t->model_path);
	*(strrchr(directory, '/') + 1) = '\0';
	return access(directory, W_OK) < 0
		       ? err_errno(e, -errno, "the model cannot be written to %s", directory)
		       : 0;
}

/* ---- the data of a probe */

/* What --probe-args name on this machine; where that is nothing, the greatest share is assumed. */
static void measure_arguments(struct tuning *t)
{
	cleanup_free char *arguments = strdup(t->options->probe_args);
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

/* Whether probes can read less than the whole; known before anything is decided. */
static int check_short_run(const struct tuning *t, const struct profile *p, struct err *e)
{
	if (t->options->probe_args || tuning_has_data_word(p, t->words))
		return 0;
	return err_wrong(
		e,
		"a probe needs less data: write --probe-args with the words that replace the "
		"application's own, or workload.data.path, a local one, as it stands among them");
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

static unsigned held_terms(const struct tuning *t)
{
	unsigned held = 0;

	for (unsigned i = 0; i < t->count; i++)
		if (!t->tune.heap_is_scaled[t->probes[i].option])
			held |= 1u << COST_GC;
	return held;
}

static int fit_probes(struct tuning *t, struct err *e)
{
	return fit_make(cost_builtin(t->engine.job.type), t->runs, t->count, held_terms(t), &t->fit,
			e);
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
		const struct candidate *c =
			&t->engine.candidates[t->tune.candidate[t->probes[i].option]];

		out->probes[i] = (struct model_probe){
			.slices = c->slices,
			.cores = c->cores,
			.data_bytes = t->data_bytes,
			.predicted = cost_seconds(&t->fit.theta, &t->runs[i].x),
			.measured = t->runs[i].seconds};
	}
}

static int keep_model(const struct tuning *t, struct err *e)
{
	struct model m;

	make_model(t, &m);
	if (model_check(&m, e) < 0)
		return err_wrap(e, "this is a defect of cleave: the model");
	return model_write(t->model_path, &m, e);
}

/* ---- the probes */

/* One probe, its fit, and the model so far. 1 if there is no more to learn. */
static int probe_once(struct tuning *t, struct err *e)
{
	unsigned option = probe_next(t->tune.options, t->tune.count, &t->fit);
	struct probe_option *o = &t->tune.options[option];
	double seconds = 0;

	if (option == t->tune.count)
		return 1;
	t->probes[t->count] = (struct tuning_probe){
		.option = option, .expected = cost_seconds(&t->fit.theta, &o->probe)};
	if (tuning_probe_run(t, option, &seconds, e) < 0)
		return e->code;
	o->tried = true;
	t->runs[t->count++] = (struct fit_run){o->probe, seconds};
	fprintf(stderr, "cleave: probe %u: %s: %.1f s (%.1f s predicted)\n", t->count,
		tuning_sizes(&t->engine.candidates[t->tune.candidate[option]],
			     &(struct sizes_text){{0}}),
		seconds, t->probes[t->count - 1].expected);
	return fit_probes(t, e) < 0 || keep_model(t, e) < 0 ? e->code : 0;
}

static int probe_all(struct tuning *t, struct err *e)
{
	int r = fit_probes(t, e);

	while (r == 0 && t->count < TUNE_PROBES)
		r = probe_once(t, e);
	return r < 0 ? r : 0;
}

/* A signal: what was learned is kept, and its file named. */
static int tell_interrupt(const struct tuning *t)
{
	if (t->count)
		fprintf(stderr, "cleave: interrupted after %u probes; the model so far is in %s\n",
			t->count, t->model_path);
	else
		fputs("cleave: interrupted before the first probe ended; no model was written\n",
		      stderr);
	return 128 + t->foreground.last_signal;
}

static int tune(struct tuning *t, struct err *e)
{
	int r;

	if (t->options->probe_args)
		measure_arguments(t);
	else if (take_part(t, e) < 0)
		return e->code;
	tune_list(&t->engine, t->data_bytes, &t->tune);
	if (!t->tune.count)
		return err_impossible(e, "no partition of this machine can be probed: see cleave "
					 "plan --explain");
	r = probe_all(t, e);
	if (r == -EINTR)
		return tell_interrupt(t);
	return r < 0 ? r : tuning_report(t, e);
}

/* ---- the command */

static int make_inputs(struct tuning *t, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	uint64_t nodes;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	if (load_profile(t->profile_name, p, e) < 0)
		return e->code;
	if (check_short_run(t, p, e) < 0 || find_model_path(t, p, e) < 0)
		return e->code;
	open_profile(p);
	if (load_inputs_of(&t->options->roots, p, t->profile_name, &t->in, e) < 0)
		return e->code;
	if (!t->in.topology.this_machine)
		return err_impossible(
			e, "--topology %.200s is another machine: tune measures this one",
			t->in.topology.source);
	if (reserve_for(&t->in.topology, &t->in.profile.partition, &nodes, &t->reserve, e) < 0)
		return e->code;
	return engine_decide(&t->in.topology, &t->in.profile, &t->in.facts, &t->reserve, &t->engine,
			     e);
}

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

static int run(const struct invocation *in, struct err *e)
{
	cleanup_free struct tuning *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	t->options = &in->options;
	t->words = in->words;
	t->profile_name = in->operand_count ? in->operands[0] : NULL;
	if (!t->words[spark_application_word(t->words)])
		return err_wrong(e, "there is no application among the words after '--'");
	if (make_inputs(t, e) < 0 || make_directory(t->directory, e) < 0)
		return e->code;
	r = foreground_block(&t->foreground, e);
	if (!r) {
		r = tune(t, e);
		foreground_release(&t->foreground);
	}
	nftw(t->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return r;
}

static const struct option tune_options[] = {
	{"probe-args", "WORDS", "the application's own words for a short run, split at blanks",
	 offsetof(struct options, probe_args)},
	OPTION_END,
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
	.options = tune_options,
	.max_operands = 1,
	.words_required = 1,
	.failure = ERR_FAILED,
	.run = run,
};
