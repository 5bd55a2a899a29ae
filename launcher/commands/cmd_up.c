#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/up.h"

extern const struct command cmd_up, cmd_plan;

static void print_result(enum up_result result, const struct state *s)
{
	static const char *const words[] = {
		[UP_STARTED] = "is up",
		[UP_CHANGED] = "was changed",
		[UP_UNCHANGED] = "is unchanged",
	};

	printf("%s %s: spark://%s:%d, %u slice%s\n", s->cluster.name, words[result],
	       s->master.address, s->master.port, s->plan.slice_count,
	       s->plan.slice_count == 1 ? "" : "s");
}

static int run_up(const struct invocation *in, struct err *e)
{
	const char *profile = in->operand_count ? in->operands[0] : NULL;
	cleanup_free struct state *state = NULL;
	enum up_result result;
	int r;

	if (in->options.dry_run)
		return cmd_plan.run(in, e);
	if (in->options.foreground)
		return up_foreground(&in->options, profile, e);
	state = calloc(1, sizeof(*state));
	if (!state)
		return err_set(e, -ENOMEM, "no memory for the state");
	r = up_ensure(&in->options, profile, &result, state, e);
	if (!r)
		print_result(result, state);
	return r;
}

static const struct option options[] = {
	OPTION_DRY_RUN,
	{"foreground", NULL, "stay, as the supervisor (for service managers: Type=notify)",
	 offsetof(struct options, foreground)},
	OPTION_END,
};

const struct command cmd_up = {
	.name = "up",
	.arguments = "[PROFILE]",
	.summary = "Bring the cluster up, or to what the profile says now",
	.details =
		"Makes the slices, starts Spark's master and one worker in each slice, and waits until all are\n"
		"registered. A supervisor stays. Run again, it applies the difference; what a dead supervisor left\n"
		"is adopted. Interrupted, it undoes what it began.",
	.options = options,
	.max_operands = 1,
	.failure = ERR_FAILED,
	.run = run_up,
};
