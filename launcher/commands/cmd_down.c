/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/commands/running.h"
#include "launcher/commands/up.h"

/* What would go: groups in the order of their ops, then files. */
static int print_steps(const struct options *o, const struct cluster *c, struct err *e)
{
	cleanup_free struct state *s = calloc(1, sizeof(*s));
	int r = s ? state_read(c, s, e) : err_set(e, -ENOMEM, "no memory for the state");

	if (r == 0) {
		printf("stop the master and %u workers\n", s->plan.slice_count);
		for (unsigned i = 0; i < s->plan.slice_count; i++)
			printf("remove %s\n", FOREIGN(s->plan.slices[i].name));
		printf("remove host and supervisor\n");
	}
	if (r && r != -ENOENT)
		return r;
	printf("remove the directory %s\n", FOREIGN(c->state));
	if (o->purge)
		printf("remove the directory %s\n", FOREIGN(c->data));
	return 0;
}

static int run_down(const struct invocation *in, struct err *e)
{
	struct cluster c;
	int r = running_cluster(&in->options, in->operand, &c, e);

	if (r)
		return r;
	if (in->options.dry_run)
		return print_steps(&in->options, &c, e);
	r = down_cluster(&in->options, c.name, e);
	if (!r)
		printf("%s is down\n", c.name);
	return r;
}

static const struct option options[] = {
	{OPTION_CLUSTER},
	{OPTION_DRY_RUN},
	{"purge", NULL, "remove logs and work directories, too", OPTION(purge)},
	{0},
};

const struct command cmd_down = {
	.name = "down",
	.arguments = "[NAME]",
	.summary = "Take the cluster down and remove what it made",
	.details =
		"Logs are kept until the next up, unless --purge is given. Without such a cluster: done.",
	.options = options,
	.max_operands = 1,
	.run = run_down,
};
