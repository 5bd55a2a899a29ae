/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "launcher/commands/running.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/control.h"
#include "launcher/show/picture.h"
#include "launcher/show/table.h"

enum {
	SAMPLE_MS = 250, /* between the two samples that this command takes itself */
	REFRESH_MS = 1000,
};

/* ---- where it comes from */

/* Without an answer of a supervisor: state and kernel. CPU time needs two looks. */
static int look_ourselves(const struct options *o, const struct state *s, struct status *out,
			  struct err *e)
{
	cleanup_free struct sample *before = calloc(2 * SLICES_MAX, sizeof(*before));
	struct sample *now = before + SLICES_MAX;
	cleanup_driver struct driver *d = NULL;
	int r;

	if (!before)
		return err_set(e, -ENOMEM, "no memory for samples");
	r = running_driver(o, s, &d, e);
	if ((r && r != -ENOENT) || status_collect(s, d, before, out, e))
		return e->code;
	poll(NULL, 0, SAMPLE_MS);
	if (status_collect(s, d, now, out, e))
		return e->code;
	for (unsigned i = 0; i < out->slice_count; i++) {
		out->slices[i].cpu_used = sample_cpus_used(&before[i], &now[i]);
		out->alive_workers += out->slices[i].worker_pid != 0;
	}
	out->monitor.mode = REBALANCE_OFF; /* nobody is there to lend */
	return 0;
}

/* 0, ERR_FAILED where a supervisor lives that does not answer, or a negative error. */
static int get_status(const struct options *o, const struct cluster *c, struct status *out,
		      char **text, struct err *e)
{
	cleanup_free struct state *s = calloc(1, sizeof(*s));
	bool is_mute;
	struct err mute;
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "no memory for the state");
	r = running_status(c, o->json ? NULL : out, text, e);
	is_mute = r == -ETIMEDOUT;
	if (!is_mute && !running_is_dead(r))
		return r;
	mute = *e;
	memset(out, 0, sizeof(*out));
	string_copy(out->name, c->name);
	r = state_read(c, s, e);
	if (r && r != -ENOENT && r != -EBADMSG)
		return r;
	if (r == 0 && look_ourselves(o, s, out, e))
		return e->code;
	if (is_mute || r != -ENOENT)
		out->phase = PHASE_DEGRADED;
	if (is_mute)
		snprintf(out->why, sizeof(out->why), "%.*s", PLAN_TEXT - 1, mute.msg);
	else if (r == -EBADMSG)
		string_copy(out->why, "the supervisor is dead and its state unreadable: run up");
	else if (r == 0)
		string_copy(out->why, "the supervisor is dead: run up");
	r = json_table_format(&status_table, out, text, e);
	return r ? r : is_mute ? ERR_FAILED : 0;
}

/* ---- how it looks */

static void print_slices(const struct status *s)
{
	static const char *const titles[] = {
		"SLICE", "STATE",  ">CPUS",    "CPU LIST",  ">USED", ">MEMORY", ">LIMIT", ">LOCAL",
		">EXEC", ">TASKS", ">PENDING", ">RESTARTS", ">OOM",  "DOING",	NULL};
	static const char *const contained[] = {"SLICE",     "CONTAINER", "STATE",   ">CPUS",
						"CPU LIST",  ">USED",	  ">MEMORY", ">LIMIT",
						">LOCAL",    ">EXEC",	  ">TASKS",  ">PENDING",
						">RESTARTS", ">OOM",	  "DOING",   NULL};
	cleanup_table struct table t;

	table_init(&t, s->engine.socket[0] ? contained : titles);
	for (unsigned i = 0; i < s->slice_count; i++) {
		const struct slice_status *slice = &s->slices[i];

		table_add(&t, "%s", slice->name);
		if (s->engine.socket[0])
			table_add(&t, "%s", slice->container);
		table_add(&t, "%s%s", slice->state, slice->throttled ? ", throttled" : "");
		table_add(&t, "%u", cpuset_count(&slice->cpus));
		table_add(&t, "%s", CPUSET_STRING(&slice->cpus));
		table_add(&t, "%.1f", slice->cpu_used);
		table_add(&t, "%s", SIZE_STRING(slice->memory_bytes));
		table_add(&t, "%s",
			  slice->memory_max_bytes ? SIZE_STRING(slice->memory_max_bytes) : "none");
		table_add(&t, "%.0f %%", 100 * slice->local_share);
		if (slice->executors_planned > 1)
			table_add(&t, "%u/%u", slice->executors, slice->executors_planned);
		else
			table_add(&t, "%u", slice->executors);
		table_add(&t, "%u", slice->tasks_running);
		table_add(&t, "%u", slice->tasks_pending);
		table_add(&t, "%u", slice->restarts);
		table_add(&t, "%llu", (unsigned long long)slice->oom_kills);
		table_add(&t, "%s", slice->doing);
	}
	table_print(&t, stdout);
}

/* What the monitor does, and what it does not know. */
static void print_monitor(const struct status *s)
{
	static const char *const does[] = {
		[REBALANCE_OFF] = "lends nothing",
		[REBALANCE_OBSERVE] = "only says what it would lend",
		[REBALANCE_ACT] = "lends idle CPUs",
	};
	const struct status_monitor *m = &s->monitor;

	printf("rebalance.mode %s, loans %s: the monitor %s\n", rebalance_mode_name(m->mode),
	       loan_mode_name(m->loans), does[m->mode]);
	if (m->tasks[0])
		printf("Spark's tasks are not known: %s; %s\n", FOREIGN(m->tasks),
		       m->loans == LOANS_SHARED
			       ? "shared loans go on by kernel signals alone"
			       : "exclusive loans wait until Spark confirms that a slice is idle");
	for (unsigned i = 0; i < s->loan_count; i++) {
		const struct loan *loan = &s->loans[i].loan;

		printf("loan: CPUs %s of slice-%u to slice-%u for %.1f s%s%s\n",
		       CPUSET_STRING(&loan->cpus), loan->from, loan->to, s->loans[i].since_s,
		       loan->mode == LOANS_EXCLUSIVE ? ", exclusive" : "",
		       loan->by_hand ? ", by hand" : "");
	}
}

/* Who uses a slice's CPUs and memory, and was not started there. */
static void print_foreign(const struct slice_status *s)
{
	for (unsigned i = 0; i < s->foreign.listed; i++)
		printf("foreign: process %d (%s) of user %d in %s was not started by cleave\n",
		       (int)s->foreign.items[i].pid, FOREIGN(s->foreign.items[i].name),
		       (int)s->foreign.items[i].uid, FOREIGN(s->name));
	if (s->foreign.count > s->foreign.listed)
		printf("foreign: and %u more in %s\n", s->foreign.count - s->foreign.listed,
		       FOREIGN(s->name));
}

static void print_text(const struct options *o, const struct cluster *c, const struct status *s)
{
	printf("%s: %s", FOREIGN(s->name), cluster_phase_name(s->phase));
	if (s->why[0])
		printf(" (%s)", FOREIGN(s->why));
	putchar('\n');
	if (s->unsaved[0])
		printf("warning: %s\n", FOREIGN(s->unsaved));
	if (!s->slice_count)
		return;
	printf("master %s, pid %d, %u of %u workers registered", FOREIGN(s->master_url),
	       (int)s->master_pid, s->alive_workers, s->slice_count);
	if (s->supervisor_pid)
		printf("; supervisor pid %d", (int)s->supervisor_pid);
	printf("\npages %s, security.ui %s", FOREIGN(s->ui_url), ui_access_name(s->ui));
	if (s->ui != UI_OPEN)
		printf(": curl -H @%s/ui.header %s", FOREIGN(c->state), FOREIGN(s->ui_url));
	putchar('\n');
	if (s->engine.socket[0])
		printf("containers of %s %s at %s\n", FOREIGN(s->engine.name),
		       FOREIGN(s->engine.version), FOREIGN(s->engine.socket));
	print_slices(s);
	for (unsigned i = 0; i < s->slice_count; i++)
		print_foreign(&s->slices[i]);
	print_monitor(s);
	/* Loans may be shorter than the pause between two pictures. */
	for (unsigned i = 0; o->watch && i < s->monitor.recent_count; i++)
		printf("%7.1f s ago  %s\n", s->monitor.recent[i].ago_s,
		       FOREIGN(s->monitor.recent[i].text));
	for (unsigned i = 0; i < s->warning_count; i++)
		printf("warning: %s\n", FOREIGN(s->warnings[i].message));
}

/* The sockets, on a terminal: the home sets and loans of the status drawn as a plan. */
static int print_picture(const struct options *o, const struct status *s,
			 const struct picture_style *style, struct err *e)
{
	cleanup_free struct topology *t = calloc(1, sizeof(*t));
	cleanup_free struct plan *p = calloc(1, sizeof(*p));
	struct cpuset mask;

	if (!t || !p)
		return err_set(e, -ENOMEM, "no memory for a picture");
	if (load_topology(&o->roots, t, &mask, e))
		return e->code;
	p->allowed = t->allowed;
	p->slice_count = s->slice_count;
	for (unsigned i = 0; i < s->slice_count; i++) {
		p->slices[i].id = i;
		string_copy(p->slices[i].name, s->slices[i].name);
		p->slices[i].cpus = s->slices[i].home_cpus;
		p->slices[i].nodes = s->slices[i].nodes;
	}
	status_plan_loans(s, p);
	if (picture_print(p, t, style, stdout))
		return err_set(e, -ENOMEM, "no memory for a picture");
	return 0;
}

/* As get_status(). */
static int show(const struct options *o, const struct cluster *c, struct err *e)
{
	cleanup_free struct status *s = calloc(1, sizeof(*s));
	cleanup_free char *text = NULL;
	struct picture_style style;
	int r = s ? get_status(o, c, s, &text, e) : err_set(e, -ENOMEM, "no memory for the status");

	if (r < 0)
		return r;
	if (o->json) {
		puts(text);
		return r;
	}
	if (o->watch)
		fputs("\033[H\033[J", stdout);
	if (s->slice_count && picture_style_detect(stdout, &style) &&
	    print_picture(o, s, &style, e))
		return e->code;
	print_text(o, c, s);
	return r;
}

static int run_status(const struct invocation *in, struct err *e)
{
	struct cluster c;
	int r = running_cluster(&in->options, in->operand, &c, e);

	if (r)
		return r;
	do {
		r = show(&in->options, &c, e);
		if (r >= 0 && fflush(stdout))
			r = err_errno(e, -errno, "cannot write standard output");
	} while (r >= 0 && in->options.watch && poll(NULL, 0, REFRESH_MS) == 0);
	return r;
}

static const struct option options[] = {
	{OPTION_CLUSTER},
	{OPTION_JSON},
	{"watch", NULL, "again every second, until interrupted", OPTION(watch)},
	{0},
};

const struct command cmd_status = {
	.name = "status",
	.arguments = "[NAME]",
	.summary = "Show the cluster: slices, loans, memory, tasks",
	.details =
		"Without such a cluster the state is down, and the exit code 0; where a supervisor lives that does not\n"
		"answer, what state and kernel say is shown, with 1. With --watch the last loans that began or\n"
		"ended are shown, too; with --watch --json, one object a line.",
	.options = options,
	.max_operands = 1,
	.run = run_status,
};
