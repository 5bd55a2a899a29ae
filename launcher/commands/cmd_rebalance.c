/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/replay.h"
#include "launcher/commands/running.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/control.h"
#include "launcher/show/table.h"
#include "launcher/system/files.h"
#include "launcher/system/json.h"

/* ---- what is requested */

static int parse_slice(const char *option, const char *word, unsigned *out, struct err *e)
{
	if (word_slice(word, out) && *out < SLICES_MAX)
		return 0;
	return err_wrong(e, "%s: '%s' is no slice: write its number, 0 … %d, or slice-0", option,
			 word, SLICES_MAX - 1);
}

/* The number of a word among `count`, or -EINVAL. */
static int parse_word(const char *option, const char *word, const char *(*name)(unsigned),
		      unsigned count, struct err *e)
{
	char all[64] = "";
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!strcmp(word, name(i)))
			return (int)i;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 name(i));
	}
	return err_wrong(e, "%s: '%s' is none of %s", option, word, all);
}

/* One of them is given, and what goes with it. */
static int check_options(const struct options *o, struct err *e)
{
	const struct {
		const char *name;
		bool is_given;
	} choices[] = {
		{"--from … --to … --cores …", o->from || o->to || o->cores},
		{"--auto", o->automatic},
		{"--reset", o->reset},
		{"--mode", o->mode},
		{"--replay", o->replay},
	};
	const char *chosen = NULL;

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (choices[i].is_given && chosen)
			return err_wrong(e, "%s and %s are two wishes: give one", chosen,
					 choices[i].name);
		if (choices[i].is_given)
			chosen = choices[i].name;
	}
	if (!chosen)
		return err_wrong(e, "'rebalance' needs one of --from A --to B --cores N, --auto, "
				    "--reset, --mode off|observe|act and --replay EVENTS");
	if (o->loans && chosen != choices[0].name)
		return err_wrong(e, "--loans goes with --from, --to and --cores, not with %s",
				 chosen);
	return 0;
}

static int parse_request(const struct options *o, struct rebalance_request *out, struct err *e)
{
	const char *missing = !o->from ? "--from" : !o->to ? "--to" : !o->cores ? "--cores" : NULL;
	int word = 0;

	out->dry_run = o->dry_run;
	if (o->automatic || o->reset) {
		out->what = o->automatic ? REBALANCE_ONCE : REBALANCE_RESET;
		return 0;
	}
	if (o->mode) {
		out->what = REBALANCE_SET_MODE;
		word = parse_word("--mode", o->mode, rebalance_mode_name, REBALANCE_ACT + 1, e);
		out->mode = (enum rebalance_mode)word;
		return word < 0 ? word : 0;
	}
	out->what = REBALANCE_BY_HAND;
	if (missing)
		return err_wrong(e, "%s is missing: a loan needs --from A --to B --cores N",
				 missing);
	if (parse_slice("--from", o->from, &out->from, e) ||
	    parse_slice("--to", o->to, &out->to, e))
		return e->code;
	if (!word_number(o->cores, CPUSET_MAX, &out->cores) || !out->cores)
		return err_wrong(e, "--cores: '%s' is no number of cores, 1 … %d", o->cores,
				 CPUSET_MAX);
	out->has_loans = o->loans;
	if (o->loans)
		word = parse_word("--loans", o->loans, loan_mode_name, LOANS_EXCLUSIVE + 1, e);
	out->loans = (enum loan_mode)word;
	return word < 0 ? word : 0;
}

/* ---- asking, and what came of it */

static void add_change(struct table *t, const struct rebalance_change *c, bool dry_run)
{
	bool is_weight = c->kind == OP_SET_WEIGHT, is_written;

	table_add(t, "%s", c->group);
	if (is_weight)
		table_add(t, "weight %u → %u", c->weight_before, c->weight);
	else
		table_add(t, "CPUs %s → %s", CPUSET_STRING(&c->before),
			  CPUSET_STRING(&c->requested));
	if (dry_run)
		return;
	is_written = is_weight || !cpuset_is_empty(&c->effective);
	table_add(t, is_written ? "%.0f µs" : "not written", c->write_us);
	if (is_weight)
		table_add(t, "%u", c->weight);
	else
		table_add(t, "%s", is_written ? CPUSET_STRING(&c->effective) : "they are offline");
}

static void print_loans(const struct rebalance_answer *a)
{
	static const char *const in_force[] = {"LENDER", "BORROWER", "CPUS", "MODE",
					       "BY",	 ">SINCE",   NULL};
	static const char *const wanted[] = {"LENDER", "BORROWER", "CPUS", "MODE", "BY", NULL};
	cleanup_table struct table t;

	if (!a->loan_count) {
		puts(a->dry_run ? "no loan would be in force" : "no loan is in force");
		return;
	}
	table_init(&t, a->dry_run ? wanted : in_force);
	for (unsigned i = 0; i < a->loan_count; i++) {
		const struct loan *loan = &a->loans[i].loan;

		table_add(&t, "slice-%u", loan->from);
		table_add(&t, "slice-%u", loan->to);
		table_add(&t, "%s", CPUSET_STRING(&loan->cpus));
		table_add(&t, "%s", loan_mode_name(loan->mode));
		table_add(&t, "%s", loan->by_hand ? "hand" : "monitor");
		if (!a->dry_run)
			table_add(&t, "%.1f s", a->loans[i].since_s);
	}
	table_print(&t, stdout);
}

static void print_answer(const struct rebalance_request *r, const struct rebalance_answer *a)
{
	static const char *const done[] = {"GROUP", "CHANGE", ">WRITE", "THE KERNEL SAYS", NULL};
	static const char *const wanted[] = {"GROUP", "CHANGE", NULL};
	static const char *const why_nothing[] = {
		[REBALANCE_BY_HAND] = "these loans are in force",
		[REBALANCE_ONCE] = "what can be lent is lent",
		[REBALANCE_RESET] = "nothing is lent",
		[REBALANCE_SET_MODE] = "the mode ends no loan",
	};
	cleanup_table struct table t;

	if (r->what == REBALANCE_SET_MODE)
		printf("%s: rebalance.mode %s %s until the next up\n", FOREIGN(a->name),
		       a->dry_run ? "would be" : "is", rebalance_mode_name(r->mode));
	if (a->dry_run && a->change_count)
		printf("dry run, nothing is written:\n");
	table_init(&t, a->dry_run ? wanted : done);
	for (unsigned i = 0; i < a->change_count; i++)
		add_change(&t, &a->changes[i], a->dry_run);
	if (a->change_count)
		table_print(&t, stdout);
	else
		printf("no group changes: %s\n",
		       a->why[0] ? FOREIGN(a->why) : why_nothing[r->what]);
	print_loans(a);
	for (unsigned i = 0; i < a->decisions.count; i++) {
		char text[CPUSET_TEXT + PLAN_TEXT];

		puts(FOREIGN(rebalance_format(&a->decisions.items[i], text, sizeof(text))));
	}
}

/* The supervisor alone may lend: it is the one that takes back. */
static int rebalance(const struct invocation *in, struct err *e)
{
	cleanup_free struct rebalance_answer *a = calloc(1, sizeof(*a));
	cleanup_free struct state *s = NULL;
	cleanup_free char *text = NULL;
	struct control_request all = {.command = CONTROL_REBALANCE};
	struct cluster c;
	int r;

	if (!a)
		return err_set(e, -ENOMEM, "no memory for an answer");
	if (parse_request(&in->options, &all.rebalance, e))
		return e->code;
	if (in->options.roots.topology)
		return err_wrong(e, "a running cluster is on this machine: --topology goes with "
				    "--replay");
	if ((r = running_cluster(&in->options, in->operand, &c, e)))
		return r;
	r = running_query(&c, &all, &text, in->options.json ? NULL : &rebalance_answer_table, a, e);
	if (running_is_dead(r)) {
		r = running_state(&c, &s, e);
		return r ? r
			 : err_set(e, -ECONNREFUSED, "the supervisor of %s is dead: run cleave up",
				   c.name);
	}
	if (r)
		return r;
	if (in->options.json)
		puts(text);
	else
		print_answer(&all.rebalance, a);
	return 0;
}

/* ---- --replay */

static void print_step(const struct replay *r)
{
	const struct rebalance_event *ev = &r->event;

	printf("%s %s:", FOREIGN(ev->time), FOREIGN(ev->what));
	for (unsigned i = 0; i < ev->decisions.count; i++) {
		char text[CPUSET_TEXT + PLAN_TEXT];

		printf("%s %s", i ? ";" : "",
		       FOREIGN(rebalance_format(&ev->decisions.items[i], text, sizeof(text))));
	}
	putchar('\n');
	if (!r->is_same)
		printf("  line %u: %s\n", r->line, FOREIGN(r->difference));
}

static void print_torn(const char *path, const struct replay *r)
{
	unsigned told = r->torn_count < REPLAY_TORN ? r->torn_count : REPLAY_TORN;

	if (r->torn_count)
		fprintf(stderr, "cleave: %s: passed by %u torn line%s, as after a full disk: line",
			FOREIGN(path), r->torn_count, r->torn_count == 1 ? "" : "s");
	for (unsigned i = 0; i < told; i++)
		fprintf(stderr, "%s %u", i ? "," : "", r->torn_lines[i]);
	if (r->torn_count)
		fputs(told < r->torn_count ? " …\n" : "\n", stderr);
	if (r->cut_line)
		fprintf(stderr,
			"cleave: %s: line %u has no end, as after a crash, and is passed by\n",
			FOREIGN(path), r->cut_line);
}

/* Each step is printed as it comes; with --json those that differ, at the end. */
static int replay_all(const struct options *o, struct replay *replay, struct err *e)
{
	json_auto_t *different = json_array();
	int r;

	while ((r = replay_next(replay, e)) > 0) {
		if (!o->json)
			print_step(replay);
		else if (!replay->is_same &&
			 json_array_append_new(
				 different, json_pack("{s:i, s:o, s:o}", "line", (int)replay->line,
						      "time", json_text(replay->event.time), "text",
						      json_text(replay->difference))))
			return err_set(e, -ENOMEM, "no memory for line %u", replay->line);
	}
	if (r)
		return err_wrap(e, "%s", o->replay);
	print_torn(o->replay, replay);
	if (o->json)
		return json_print(json_pack("{s:s, s:i, s:i, s:O}", "schema", "cleave.replay/1",
					    "steps", (int)replay->steps, "same", (int)replay->same,
					    "different", different),
				  JSON_COMPACT, e);
	printf("%u step%s, ", replay->steps, replay->steps == 1 ? "" : "s");
	if (!replay->steps)
		printf("because no loan began or ended\n");
	else if (replay->same == replay->steps)
		printf("all as recorded\n");
	else
		printf("%u of them decided otherwise\n", replay->steps - replay->same);
	return 0;
}

static int run_replay(const struct invocation *in, struct err *e)
{
	const struct options *o = &in->options;
	cleanup_free struct replay *replay = calloc(1, sizeof(*replay));
	cleanup_free struct topology *machine = calloc(1, sizeof(*machine));
	cleanup_free char *text = NULL;
	struct cpuset mask;
	size_t size;
	int r;

	if (!replay || !machine)
		return err_set(e, -ENOMEM, "no memory for a replay");
	if (in->operand || o->cluster || o->dry_run)
		return err_wrong(e, "--replay reads the file %s and no cluster: leave out %s",
				 o->replay, o->dry_run ? "--dry-run" : "its name");
	r = file_read(o->replay, REPLAY_MAX_BYTES, &text, &size, e);
	if (r) {
		e->exit = ERR_WRONG;
		return r;
	}
	if (load_topology(&o->roots, machine, &mask, e) < 0)
		return e->code;
	replay->text = text;
	replay->end = text + size;
	replay->machine = machine;
	if (replay_all(o, replay, e) < 0)
		return e->code;
	return replay->same == replay->steps ? 0 : ERR_DRIFT;
}

static int run_rebalance(const struct invocation *in, struct err *e)
{
	if (check_options(&in->options, e) < 0)
		return e->code;
	return in->options.replay ? run_replay(in, e) : rebalance(in, e);
}

static const struct option options[] = {
	{OPTION_CLUSTER},
	{"from", "SLICE", "the lender: 0, or slice-0", OPTION(from)},
	{"to", "SLICE", "the borrower", OPTION(to)},
	{"cores", "N", "how many cores more, the nearest first", OPTION(cores)},
	{"loans", "MODE", "shared or exclusive, instead of the profile's rebalance.loans",
	 OPTION(loans)},
	{"auto", NULL, "one pass of the monitor, whatever its mode", OPTION(automatic)},
	{"reset", NULL, "end all loans, those by hand included", OPTION(reset)},
	{"mode", "MODE", "off, observe or act, until the next up", OPTION(mode)},
	{"replay", "EVENTS", "decide the steps of an events.jsonl again, and compare",
	 OPTION(replay)},
	{"dry-run", NULL, "say what would be written, write nothing", OPTION(dry_run)},
	{OPTION_JSON},
	{0},
};

const struct command cmd_rebalance = {
	.name = "rebalance",
	.arguments = "[NAME]",
	.summary = "Lend CPUs by hand, steer the monitor, replay its decisions",
	.details =
		"Give one of --from A --to B --cores N, --auto, --reset, --mode and --replay. Prints what changed, how\n"
		"long each write took, what the kernel says afterwards, the loans in force, and the reasons.\n"
		"Loans by hand stay until --reset or the next up. --replay exits with 4 if a step is decided otherwise.",
	.options = options,
	.max_operands = 1,
	.run = run_rebalance,
};
