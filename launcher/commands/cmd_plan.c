/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "launcher/commands/running.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/plan_json.h"
#include "launcher/show/picture.h"
#include "launcher/show/plan_text.h"
#include "profiles/load.h"

/* ---- --dry-run */

/* What the kernel shows of a running cluster. */
static int observe(const struct options *o, const struct state *running, const struct plan *wanted,
		   struct plan *out, struct err *e)
{
	cleanup_free struct observation *seen = malloc(sizeof(*seen));
	cleanup_driver struct driver *driver = NULL;
	int r;

	if (!seen)
		return err_set(e, -ENOMEM, "out of memory");
	*out = running->plan;
	if (!running->plan.slice_count)
		return 0;
	r = running_driver(o, running, &driver, e);
	seen->count = 0;
	if ((r < 0 && r != -ENOENT) || (driver && driver->ops->observe(driver, seen, e) < 0))
		return e->code;
	actual_plan(seen, &running->plan, wanted, running->profile.memory.policy, out);
	return 0;
}

/* From the cluster that runs here under the profile's name, if there is one. */
static int print_steps(const struct options *o, struct inputs *in, struct err *e)
{
	cleanup_free struct state *running = calloc(1, sizeof(*running));
	cleanup_free struct plan *actual = malloc(sizeof(*actual));
	cleanup_free struct oplist *ops = malloc(sizeof(*ops));
	struct cluster c;
	int r;

	if (!running || !actual || !ops)
		return err_set(e, -ENOMEM, "out of memory");
	if (in->topology.this_machine) {
		r = cluster_paths(o->roots.state_dir, in->profile.name, &c, e);
		if (!r)
			r = state_read(&c, running, e);
		if (r && r != -ENOENT)
			return r;
	}
	/* `up` keeps what a running cluster has where the profile leaves it open. */
	if (running->plan.slice_count) {
		if (running->plan.slices[0].address >> 24 == IN_LOOPBACKNET)
			in->facts.first_address = running->plan.slices[0].address;
		inputs_keep_workload(in, running->profile.workload.type);
	}
	if (inputs_decide(in, e) < 0 || observe(o, running, &in->plan, actual, e) < 0 ||
	    plan_diff(actual, &in->plan, ops) < 0)
		return e->code;
	plan_text_ops(ops, stdout);
	return 0;
}

/* ---- the others */

static int print_text(const struct options *o, const struct inputs *in, struct err *e)
{
	struct picture_style style;
	bool terminal = picture_style_detect(stdout, &style);

	if ((terminal && picture_print(&in->plan, &in->topology, &style, stdout) < 0) ||
	    plan_text_print(&in->plan, stdout) < 0 ||
	    (o->explain && plan_text_explain(&in->plan, terminal ? &style : NULL, stdout) < 0))
		return err_set(e, -ENOMEM, "out of memory");
	return 0;
}

/* --json, --dry-run and --profile each are an output of their own. */
static int run_plan(const struct invocation *invocation, struct err *e)
{
	const struct options *o = &invocation->options;
	cleanup_free struct inputs *in = calloc(1, sizeof(*in));
	cleanup_free char *text = NULL;

	if (!in)
		return err_set(e, -ENOMEM, "out of memory");
	if (o->json + o->dry_run + o->profile > 1)
		return err_wrong(e, "--%s and --%s exclude each other",
				 o->json ? "json" : "dry-run", o->profile ? "profile" : "dry-run");
	if (inputs_profile(invocation->operand, in, e) < 0)
		return e->code;
	if (o->profile) {
		if (profile_emit(&in->profile, &text, e) < 0)
			return e->code;
		fputs(text, stdout);
		return 0;
	}
	if (inputs_read(&o->roots, in, e) < 0)
		return e->code;
	if (o->dry_run)
		return print_steps(o, in, e);
	if (inputs_decide(in, e) < 0)
		return e->code;
	if (!o->json)
		return print_text(o, in, e);
	if (plan_json_format(&in->plan, &in->topology, &text, e) < 0)
		return e->code;
	puts(text);
	return 0;
}

static const struct option options[] = {
	{"explain", NULL, "show the candidates and every term of the memory", OPTION(explain)},
	{OPTION_JSON},
	{"dry-run", NULL, "show the steps from what is there to the plan", OPTION(dry_run)},
	{"profile", NULL, "show the profile with all values in force, as YAML", OPTION(profile)},
	{0},
};

const struct command cmd_plan = {
	.name = "plan",
	.arguments = "[PROFILE]",
	.summary = "Decide how to split the machine, and show it",
	.details =
		"PROFILE is the path of a YAML file (it has a '/' or ends in .yaml) or the name of a shipped one;\n"
		"without it the built-in defaults hold. Nothing is changed.",
	.options = options,
	.max_operands = 1,
	.run = run_plan,
};
