#include <errno.h>
#include <string.h>

#include "containers/driver.h"
#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "launcher/commands/command.h"
#include "launcher/commands/running.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/plan_json.h"
#include "launcher/protocol/state.h"
#include "launcher/show/picture.h"
#include "launcher/show/plan_text.h"
#include "launcher/system/cluster.h"
#include "profiles/load.h"

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}

static int print_profile(const char *name, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	cleanup_free char *text = NULL;

	if (!p)
		return no_memory(e);
	if (load_profile(name, p, e) < 0 || profile_emit(p, &text, e) < 0)
		return e->code;
	fputs(text, stdout);
	return 0;
}

static int print_json(const struct inputs *in, struct err *e)
{
	cleanup_free char *text = NULL;

	if (plan_json_format(&in->plan, &in->topology, &text, e) < 0)
		return e->code;
	puts(text);
	return 0;
}

/* The slices that the kernel shows under this state. */
static int observe(const struct options *o, const struct state *state, const struct plan *wanted,
		   struct plan *out, struct err *e)
{
	cleanup_free struct observation *seen = malloc(sizeof(*seen));
	struct driver *driver;
	int code;

	if (!seen)
		return no_memory(e);
	if (running_driver(o, state, &driver, e) < 0)
		return e->code;
	code = driver->ops->observe(driver, seen, e);
	driver->ops->close(driver);
	if (code == 0)
		actual_plan(seen, &state->plan, wanted, state->profile.memory.policy, out);
	return code;
}

/* `up` keeps the addresses of a running cluster where the profile leaves them open. */
static void keep_addresses(const struct profile *p, const struct plan *running, struct plan *wanted)
{
	if (p->spark.first_address || running->slice_count == 0)
		return;
	for (unsigned i = 0; i < wanted->slice_count; i++)
		wanted->slices[i].address = running->slices[0].address + i;
}

/*
 * What is there now under the profile's name: nothing, or a cluster. One without its supervisor is taken from its state file:
 * finding out more could make groups.
 */
static int read_actual(const struct options *o, struct inputs *in, struct plan *out, struct err *e)
{
	cleanup_free struct state *state = malloc(sizeof(*state));
	struct cluster cluster;
	int code;

	if (!state)
		return no_memory(e);
	*out = (struct plan){0};
	if (!in->topology.this_machine)
		return 0;
	if (cluster_paths(o->roots.state_dir, in->profile.name, &cluster, e) < 0)
		return e->code;
	code = state_read(&cluster, state, e);
	if (code < 0)
		return code == -ENOENT ? 0 : code;
	keep_addresses(&in->profile, &state->plan, &in->plan);
	*out = state->plan;
	if (process_is_alive(&state->supervisor))
		return observe(o, state, &in->plan, out, e);
	return 0;
}

static int print_steps(const struct options *o, struct inputs *in, struct err *e)
{
	cleanup_free struct plan *actual = malloc(sizeof(*actual));
	cleanup_free struct oplist *ops = malloc(sizeof(*ops));

	if (!actual || !ops)
		return no_memory(e);
	if (read_actual(o, in, actual, e) < 0 || plan_diff(actual, &in->plan, ops) < 0)
		return e->code;
	plan_text_ops(ops, stdout);
	return 0;
}

static int print_text(const struct options *o, const struct inputs *in, struct err *e)
{
	struct picture_style style;
	bool terminal = picture_style_detect(stdout, &style);
	int code = 0;

	if (terminal)
		code = picture_print(&in->plan, &in->topology, &style, stdout);
	if (code == 0)
		code = plan_text_print(&in->plan, stdout);
	if (code == 0 && o->explain)
		code = plan_text_explain(&in->plan, terminal ? &style : NULL, stdout);
	return code < 0 ? no_memory(e) : 0;
}

/* --json, --dry-run and --profile each are an output of their own. */
static int check_options(const struct options *o, struct err *e)
{
	if (o->json + o->dry_run + o->profile > 1)
		return err_wrong(e, "--%s and --%s exclude each other",
				 o->json ? "json" : "dry-run", o->profile ? "profile" : "dry-run");
	return 0;
}

static int run_plan(const struct invocation *in, struct err *e)
{
	const struct options *o = &in->options;
	const char *profile = in->operand_count ? in->operands[0] : NULL;
	cleanup_free struct inputs *inputs = malloc(sizeof(*inputs));

	if (!inputs)
		return no_memory(e);
	if (check_options(o, e) < 0)
		return e->code;
	if (o->profile)
		return print_profile(profile, e);
	if (load_inputs(&o->roots, profile, inputs, e) < 0)
		return e->code;
	if (o->json)
		return print_json(inputs, e);
	if (o->dry_run)
		return print_steps(o, inputs, e);
	return print_text(o, inputs, e);
}

static const struct option options[] = {
	{"explain", NULL, "show the candidates and every term of the memory",
	 offsetof(struct options, explain)},
	OPTION_JSON,
	{"dry-run", NULL, "show the steps from what is there to the plan",
	 offsetof(struct options, dry_run)},
	{"profile", NULL, "show the profile with all values in force, as YAML",
	 offsetof(struct options, profile)},
	OPTION_END,
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
	.failure = ERR_FAILED,
	.run = run_plan,
};
