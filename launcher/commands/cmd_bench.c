/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/nearest.h"
#include "decision/base/size_text.h"
#include "launcher/commands/command.h"
#include "launcher/commands/train.h"
#include "launcher/inputs/shipped.h"
#include "launcher/measure/bench_run.h"
#include "launcher/protocol/bench_json.h"
#include "launcher/show/bench_page.h"
#include "launcher/show/bench_text.h"
#include "launcher/spark/archive.h"
#include "launcher/system/files.h"
#include "profiles/value.h"

/* ---- options */

enum {
	SEED_MAX = 999999999,
	LIST_WORDS = 8, /* of sides, of collectors */
	OUTPUT_PATH = PROFILE_PATH + 16,
};

_Static_assert((int)BENCH_SIDES <= (int)LIST_WORDS && (int)BENCH_GCS <= (int)LIST_WORDS,
	       "a list has each word once");

/* Read a value as a profile has it; the sentence says what it may be. */
static int read_value(const char *option, const struct field *f, const char *text, void *base,
		      struct err *e)
{
	char allowed[FIELD_ALLOWED_MAX];

	if (value_read(f, text, false, base) == VALUE_READ)
		return 0;
	return err_wrong(e, "--%s: '%s' is none: %s", option, text,
			 value_allowed(f, allowed, sizeof(allowed)));
}

/* Numbers, sizes and times. */
struct numbers {
	int seed, repetitions;
	uint64_t limit_ms;
	struct size data;
};

static int read_numbers(const struct options *o, struct numbers *out, struct err *e)
{
#define AT(member) .offset = offsetof(struct numbers, member), .size = sizeof(out->member)
	static const struct field seed = {.kind = FIELD_NUMBER, AT(seed), .max = SEED_MAX};
	static const struct field repetitions = {.kind = FIELD_NUMBER,
						 AT(repetitions),
						 .min = BENCH_REPETITIONS_MIN,
						 .max = BENCH_REPETITIONS_MAX};
	static const struct field limit = {
		.kind = FIELD_TIME, AT(limit_ms), .min = 1000, .max = UINT64_C(7) * 86400 * 1000};
	/* What the workloads can make. */
	static const struct field data = {
		.kind = FIELD_SIZE, AT(data), .min = 1 << 20, .max = UINT64_C(10) << 40};
#undef AT
	struct numbers n = {
		.seed = 1, .repetitions = BENCH_REPETITIONS_MIN, .limit_ms = 30 * 60 * 1000};

	if ((o->seed && read_value("seed", &seed, o->seed, &n, e) < 0) ||
	    (o->repetitions &&
	     read_value("repetitions", &repetitions, o->repetitions, &n, e) < 0) ||
	    (o->time_limit && read_value("time-limit", &limit, o->time_limit, &n, e) < 0) ||
	    (o->data && read_value("data", &data, o->data, &n, e) < 0))
		return e->code;
	*out = n;
	return 0;
}

/* The places of a list's words, joined by commas, in `names`, which ends with NULL. */
static int read_list(const char *option, const char *list, const char *const *names,
		     unsigned *places, unsigned *count, struct err *e)
{
	cleanup_free char *text = strdup(list);
	char *rest = text, *word, all[256] = "";

	for (unsigned i = 0; names[i]; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			 names[i]);
	*count = 0;
	while ((word = strsep(&rest, ","))) {
		const char *nearest = word_nearest(word, names);
		unsigned place = 0;

		while (names[place] && strcmp(names[place], word) != 0)
			place++;
		if (!names[place])
			return err_wrong(e, "--%s: '%s' is none%s%s%s; there are: %s", option, word,
					 nearest ? "; the nearest is '" : "",
					 nearest ? nearest : "", nearest ? "'" : "", all);
		for (unsigned i = 0; i < *count; i++)
			if (places[i] == place)
				return err_wrong(e, "--%s: '%s' is there twice", option, word);
		places[(*count)++] = place;
	}
	return text ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int read_wish(const struct options *o, struct bench_wish *out, struct err *e)
{
	const char *sides[BENCH_SIDES + 1] = {NULL};
	unsigned places[LIST_WORDS], count;

	*out = (struct bench_wish){.is_sweep = o->sweep};
	for (unsigned i = 0; i < BENCH_SIDES; i++) {
		sides[i] = bench_side_name(i);
		out->sides[i] = !o->sides;
	}
	if (o->sides) {
		if (read_list("sides", o->sides, sides, places, &count, e) < 0)
			return e->code;
		for (unsigned i = 0; i < count; i++)
			out->sides[places[i]] = true;
	}
	if (o->gc) {
		/* Without the first, auto: a case has one collector. */
		if (read_list("gc", o->gc, gc_words + 1, places, &count, e) < 0)
			return e->code;
		for (unsigned i = 0; i < count; i++)
			out->gcs[out->gc_count++] = places[i] + 1;
	}
	return 0;
}

/* ---- what is compared */

static int check_application(const struct invocation *in, struct err *e)
{
	const struct options *o = &in->options;

	if (o->workload && in->words)
		return err_wrong(e,
				 "--workload %s and an application after '--' exclude each "
				 "other",
				 o->workload);
	if (o->workload && !o->data)
		return err_wrong(e, "--workload %s needs --data SIZE beside it", o->workload);
	if (!o->workload && (o->data || o->data_dir || o->seed))
		return err_wrong(e, "--%s is for --workload NAME, which is missing",
				 o->data       ? "data"
				 : o->data_dir ? "data-dir"
					       : "seed");
	if (!o->workload && !in->words)
		return err_wrong(e, "'bench' needs an application after '--', or --workload NAME "
				    "and --data SIZE");
	if (in->words && !in->words[spark_application_word(in->words)])
		return err_wrong(e, "there is no application among the words after '--'");
	return 0;
}

static int absolute_path(const char *path, char out[PROFILE_PATH], struct err *e)
{
	char here[PATH_MAX] = "";

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return err_errno(e, -errno, "the current directory");
	if (snprintf(out, PROFILE_PATH, "%s%s%s", here, here[0] ? "/" : "", path) >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "%.300s", path);
	return 0;
}

/* The kind of workload that a workload of ours is, for the predictions. */
static enum workload_type type_of(const char *name)
{
	static const struct {
		const char *name;
		enum workload_type type;
	} types[] = {{"wordcount", WORKLOAD_WORDCOUNT},
		     {"grep", WORKLOAD_GREP},
		     {"naive-bayes", WORKLOAD_NAIVE_BAYES},
		     {"kmeans", WORKLOAD_KMEANS},
		     {"stream", WORKLOAD_STREAMING}};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strncmp(name, types[i].name, strlen(types[i].name)))
			return types[i].type;
	return WORKLOAD_SQL;
}

static int read_application(struct benching *b, const struct invocation *in,
			    const struct numbers *n, struct err *e)
{
	struct bench_workload *w = &b->workload;
	char *const *word = in->words;

	for (; word && *word; word++)
		argv_add(&b->words, *word);
	if (in->options.workload) {
		if (shipped_workload(in->options.workload, w->script, e) < 0)
			return e->code;
		w->name = in->options.workload;
		w->bytes = n->data.value;
		w->seed = (uint64_t)n->seed;
		w->keeps_data = in->options.data_dir != NULL;
		if (w->keeps_data && absolute_path(in->options.data_dir, w->data, e) < 0)
			return e->code;
		argv_add(&b->words, w->script);
	}
	return b->words.failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* Where the data are is known once there is a directory for them. */
static int add_workload_words(struct benching *b, struct err *e)
{
	struct bench_workload *w = &b->workload;

	if (!w->name)
		return 0;
	if (!w->keeps_data)
		snprintf(w->data, sizeof(w->data), "%.*s/data", PROFILE_PATH - 8, b->directory);
	argv_add(&b->words, "run");
	argv_addf(&b->words, "--data=%s", w->data);
	argv_add(&b->words, "--scratch={scratch}");
	return b->words.failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int make_inputs(struct benching *b, const char *called, struct err *e)
{
	cleanup_argv struct argv unsaid = {0};
	static const char suffix[] = "-bench";
	struct inputs *in = &b->in;
	char *name = in->profile.name;
	uint64_t balancing = 0;
	struct err ignored; /* a kernel without the file moves no pages */

	if (inputs_profile(called, in, e) < 0)
		return e->code;
	string_copy(b->bench.name, name);
	memcpy(name + strnlen(name, NAME_MAX_BYTES - strlen(suffix)), suffix, sizeof(suffix));
	if (b->workload.name) {
		in->profile.workload.data_size = (struct size){SIZE_BYTES, b->workload.bytes};
		if (in->profile.workload.type == WORKLOAD_AUTO)
			in->profile.workload.type = type_of(b->workload.name);
	}
	in->application = b->words.items; /* the kind of workload is read off it */
	if (inputs_read(b->roots, in, e) < 0 || inputs_decide(in, e) < 0)
		return e->code;
	if (!in->topology.this_machine)
		return err_impossible(
			e, "--topology %.200s is another machine: bench measures this one",
			in->topology.source);
	/* What is brought up is cut for the same kind. */
	if (in->profile.workload.type == WORKLOAD_AUTO)
		in->profile.workload.type = in->facts.workload;
	if (control_read_number(AT_FDCWD, "/proc/sys/kernel/numa_balancing", &balancing, &ignored))
		balancing = 0;
	/* 2 moves pages between kinds of memory only (Documentation/admin-guide/sysctl/kernel.rst) */
	b->is_balancing = balancing & 1;
	if (cluster_paths(b->roots->state_dir, name, &b->cluster, e) < 0 ||
	    spark_paths_check(&b->cluster, &in->profile, e) < 0 ||
	    cluster_user(&in->profile, &b->cluster, e) < 0)
		return e->code;
	if (cluster_has_file(&b->cluster, "lock"))
		return err_set(e, -EEXIST,
			       "there is a cluster %s, of a bench that runs or was killed: if none "
			       "runs, cleave down %s --purge",
			       name, name);
	in->application = NULL; /* they grow: the workload's data come behind them */
	/* All sides have the user's defaults; `up` says what of them is left out. */
	if (spark_resolve(&in->profile, &b->cluster, &b->spark, e) < 0 ||
	    spark_take_defaults(&b->cluster, &b->spark, &in->profile, &unsaid, e) < 0)
		return e->code;
	return benching_list(b, e);
}

/* "2 packages, 128 cores, 256 CPUs, 1 TB, MODEL" */
static void describe_machine(const struct inputs *in, char text[PLAN_TEXT])
{
	const struct topology *t = &in->topology;
	struct machine_identity m;
	uint64_t memory = 0;
	int n;

	load_identity(t, &m);
	for (unsigned i = 0; i < t->node_count; i++)
		memory += t->nodes[i].memory_bytes;
	n = snprintf(text, PLAN_TEXT, "%u package%s, %u core%s, %u CPU%s, %s%s%s", t->package_count,
		     t->package_count == 1 ? "" : "s", t->core_count, t->core_count == 1 ? "" : "s",
		     t->cpu_count, t->cpu_count == 1 ? "" : "s", SIZE_STRING(memory),
		     m.cpu[0] ? ", " : "", m.cpu);
	if (n >= PLAN_TEXT)
		text[string_cut(text, PLAN_TEXT - 1)] = '\0';
}

static void describe(struct benching *b)
{
	struct bench *out = &b->bench;
	const char *application = b->words.items[spark_application_word(b->words.items)];
	const char *slash = strrchr(application, '/');
	time_t now = time(NULL);
	struct tm utc;

	snprintf(out->workload, sizeof(out->workload), "%s",
		 b->workload.name ? b->workload.name
		 : slash	  ? slash + 1
				  : application);
	out->workload[string_cut(out->workload, sizeof(out->workload) - 1)] = '\0';
	bench_words_text(b->words.items, out->application);
	describe_machine(&b->in, out->machine);
	snprintf(out->spark, sizeof(out->spark), "%s", b->spark.version);
	out->java = b->spark.java_version;
	gmtime_r(&now, &utc);
	strftime(out->made, sizeof(out->made), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (!b->workload.name)
		out->data_bytes = b->in.profile.workload.data_size.unit == SIZE_BYTES
					  ? b->in.profile.workload.data_size.value
					  : b->in.facts.data_bytes;
}

/* ---- what comes of it */

static int find_output(const struct options *o, const struct benching *b, char prefix[PROFILE_PATH],
		       struct err *e)
{
	char name[NAME_MAX_BYTES + 16], directory[PROFILE_PATH];

	snprintf(name, sizeof(name), "%s.bench", b->bench.name);
	if (absolute_path(o->output ? o->output : name, prefix, e) < 0)
		return e->code;
	string_copy(directory, prefix);
	*(strrchr(directory, '/') + 1) = '\0';
	if (access(directory, W_OK) < 0)
		return err_errno(e, -errno, "the result cannot be written to %s", directory);
	return 0;
}

/* PREFIX.json and PREFIX.html, whole or not at all. */
static int write_output(const struct bench *b, const char *prefix, struct err *e)
{
	char path[OUTPUT_PATH];
	cleanup_free char *text = NULL;
	size_t size;
	FILE *page;
	int r;

	snprintf(path, sizeof(path), "%s.json", prefix);
	if (bench_write(path, b, e) < 0)
		return e->code;
	page = open_memstream(&text, &size);
	if (!page)
		return err_set(e, -ENOMEM, "out of memory");
	r = bench_page_print(b, page);
	if (fclose(page) != 0 || r < 0)
		return err_set(e, -ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%s.html", prefix);
	return file_replace(path, text, size, 0644, e);
}

static int print_result(const struct bench *b, bool is_json, struct err *e)
{
	cleanup_free char *text = NULL;

	if (!is_json) {
		bench_text_print(b, stdout);
		return 0;
	}
	if (bench_format(b, &text, e) < 0)
		return e->code;
	puts(text);
	return 0;
}

static bool has_failed(const struct bench *b)
{
	for (unsigned i = 0; i < b->run_count; i++)
		if (b->runs[i].failed[0])
			return true;
	return false;
}

/* What fails on the first two sides will fail on the others. */
static bool is_hopeless(const struct bench *b)
{
	return b->run_count == 2 && b->runs[0].failed[0] && b->runs[1].failed[0];
}

struct preparing {
	struct benching *b;
	const struct options *options;
};

static void train(void *context, const struct state *s)
{
	struct preparing *p = context;

	train_in_foreground(p->options, s, &p->b->foreground);
}

/*
 * The archive that JVMs of the slices start from is made before the first run, where there is none:
 * it would be made beside the run, and the others would start faster than that one.
 */
static int bench_prepare(struct benching *b, const struct options *o, struct err *e)
{
	struct preparing p = {b, o};
	struct archive archive;
	struct err why;

	if (!b->in.profile.jvm.class_data_sharing ||
	    archive_find(&b->spark, b->cluster.uid, &archive, &why) != -ENOENT)
		return 0;
	for (unsigned i = 0; i < b->bench.case_count; i++) {
		const struct bench_case *c = &b->bench.cases[i];

		if ((c->side == BENCH_SLICED || c->side == BENCH_LENT) && !c->skipped[0])
			return benching_prepare(b, i, train, &p, e);
	}
	return 0;
}

/* All runs, each written as soon as it is over. */
static int run_all(struct benching *b, const struct options *o, const char *prefix, struct err *e)
{
	unsigned next;

	if ((b->workload.name && benching_make_data(b, e) < 0) || bench_prepare(b, o, e) < 0)
		return e->code;
	while ((next = bench_next(&b->bench)) < b->bench.case_count && !is_hopeless(&b->bench))
		if (benching_run(b, next, e) < 0 || write_output(&b->bench, prefix, e) < 0)
			return e->code;
	if (is_hopeless(&b->bench))
		fputs("cleave: the first two runs failed, so the others are not tried\n", stderr);
	return 0;
}

static int bench(struct benching *b, const struct options *o, struct err *e)
{
	char prefix[PROFILE_PATH];
	struct err ours;
	int r;

	if (find_output(o, b, prefix, e) < 0)
		return e->code;
	r = run_all(b, o, prefix, e);
	if (r < 0 && r != -EINTR && !b->bench.run_count)
		return r;
	/* A signal, or what stopped it: what was done is kept. */
	b->bench.is_interrupted = r == -EINTR;
	if (b->bench.run_count && (write_output(&b->bench, prefix, &ours) < 0 ||
				   print_result(&b->bench, o->json, &ours))) {
		*e = ours;
		return ours.code;
	}
	if (r < 0 && r != -EINTR)
		return r;
	if (r == -EINTR && !b->bench.run_count)
		fputs("cleave: interrupted before the first run ended; nothing was written\n",
		      stderr);
	else if (r == -EINTR)
		fprintf(stderr, "cleave: interrupted after %u run%s, which %s in %s.json\n",
			b->bench.run_count, b->bench.run_count == 1 ? "" : "s",
			b->bench.run_count == 1 ? "is" : "are", FOREIGN(prefix));
	else
		fprintf(stderr, "cleave: written to %s.json and %s.html\n", FOREIGN(prefix),
			FOREIGN(prefix));
	if (r == -EINTR)
		return 128 + b->foreground.last_signal;
	return has_failed(&b->bench) ? ERR_FAILED : 0;
}

static int run_bench(const struct invocation *in, struct err *e)
{
	cleanup_free struct benching *b = calloc(1, sizeof(*b));
	struct numbers n = {0};
	int r;

	if (!b)
		return err_set(e, -ENOMEM, "out of memory");
	b->roots = &in->options.roots;
	if (check_application(in, e) < 0 || read_numbers(&in->options, &n, e) < 0 ||
	    read_wish(&in->options, &b->wish, e) < 0)
		return e->code;
	b->limit_ms = n.limit_ms;
	b->bench.repetitions = (unsigned)n.repetitions;
	r = read_application(b, in, &n, e);
	if (r >= 0)
		r = make_inputs(b, in->operand, e);
	if (r >= 0)
		r = benching_open(b, e);
	if (r >= 0)
		r = add_workload_words(b, e);
	if (r >= 0)
		r = foreground_block(&b->foreground, e);
	if (r >= 0) {
		describe(b);
		r = bench(b, &in->options, e);
	}
	/* Signals are held back until nothing is left. */
	benching_close(b);
	if (b->foreground.signals > 0)
		foreground_release(&b->foreground);
	return r;
}

static const struct option options[] = {
	{"workload", "NAME", "one of the shipped workloads instead of APP", OPTION(workload)},
	{"data", "SIZE", "how much data the workload gets: 512M, 4G", OPTION(data)},
	{"data-dir", "DIR", "make the data there and keep them, or use what is there",
	 OPTION(data_dir)},
	{"seed", "N", "another one: other data (1)", OPTION(seed)},
	{"repetitions", "N", "runs of each side, at least 3 (3)", OPTION(repetitions)},
	{"sides", "LIST", "of plain, balanced, workers, sliced, lent (all)", OPTION(sides)},
	{"gc", "LIST", "of parallel, g1, zgc, shenandoah, serial (the plan's)", OPTION(gc)},
	{"sweep", NULL, "also plain and sliced on 1, 2, 4 … cores", OPTION(sweep)},
	{"time-limit", "TIME", "of one run, after which it is killed (30m)", OPTION(time_limit)},
	{"output", "PREFIX", "write PREFIX.json and PREFIX.html (./NAME.bench)", OPTION(output)},
	{OPTION_JSON},
	{0},
};

const struct command cmd_bench = {
	.name = "bench",
	.arguments = "[PROFILE] [-- APP…]",
	.summary = "Compare this machine with and without slices, by an application's time",
	.details =
		"Runs the same application on plain Spark (one Worker on all CPUs, bound to nothing), "
		"on as many Workers as the plan has slices, bound to nothing either, on the slices, "
		"and on the slices with loans, each at least three times, in turn, on a cluster that "
		"comes and goes with the run. Shown are the median times and what the runs cost: "
		"idle CPUs, collectors, remote and resident memory, bytes written. After -- come the "
		"words of spark-submit; {scratch} in one becomes a new directory for each run: let "
		"outputs go there. --workload takes one of our own, with data made for it and a result "
		"that is checked. The cluster of the slices is one of its own, NAME-bench. JSON and "
		"page are written after every run; Ctrl-C keeps them.",
	.options = options,
	.max_operands = 1,
	.words_required = -1,
	.run = run_bench,
};
