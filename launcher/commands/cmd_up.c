/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/train.h"
#include "launcher/commands/up.h"

extern const struct command cmd_plan;

static int run_up(const struct invocation *in, struct err *e)
{
	static const char *const what[] = {
		[REPLY_STARTED] = "is up",
		[REPLY_CHANGED] = "was changed",
		[REPLY_UNCHANGED] = "is unchanged",
		[REPLY_DOWN] = "was changed",
	};
	cleanup_free struct state *s = NULL;
	enum reply_result result;
	int r;

	if (in->options.dry_run)
		return cmd_plan.run(in, e);
	if (in->options.foreground)
		return up_foreground(in, e);
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "no memory for the state");
	r = up_ensure(in, &result, s, e);
	if (!r) {
		printf("%s %s: spark://%s:%d, %u slice%s\n", s->cluster.name, what[result],
		       s->master.address, s->master.port, s->plan.slice_count,
		       s->plan.slice_count == 1 ? "" : "s");
		train_in_background(&in->options, s);
	}
	return r;
}

static const struct option options[] = {
	{OPTION_DRY_RUN},
	{"foreground", NULL, "stay, as the supervisor (for service managers: Type=notify)",
	 OPTION(foreground)},
	{0},
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
	.run = run_up,
};
