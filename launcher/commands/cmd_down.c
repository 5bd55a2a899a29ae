#include <errno.h>
#include <stdio.h>

#include "launcher/commands/running.h"
#include "launcher/commands/up.h"

extern const struct command cmd_down;

/* What would go: groups in the order of their ops, then files. */
static int print_steps(const struct options *o, const char *name, struct err *e)
{
	struct cluster c;
	struct state *s;
	int r = cluster_paths(o->roots.state_dir, name, &c, e);

	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "no memory for the state");
	r = state_read(&c, s, e);
	if (r == 0) {
		printf("stop the master and %u workers\n", s->plan.slice_count);
		for (unsigned i = 0; i < s->plan.slice_count; i++)
			printf("remove %s\n", s->plan.slices[i].name);
		printf("remove host and supervisor\n");
	}
	if (r == 0 || r == -ENOENT) {
		printf("remove the directory %s\n", c.state);
		if (o->purge)
			printf("remove the directory %s\n", c.data);
		r = 0;
	}
	free(s);
	return r;
}

static int run_down(const struct invocation *in, struct err *e)
{
	const char *operand = in->operand_count ? in->operands[0] : NULL;
	char name[NAME_MAX_BYTES + 1];
	int r = load_cluster_name(&in->options, operand, name, e);

	if (!r && in->options.dry_run)
		return print_steps(&in->options, name, e);
	if (!r)
		r = down_cluster(&in->options, name, e);
	if (!r)
		printf("%s is down\n", name);
	return r;
}

static const struct option options[] = {
	OPTION_CLUSTER,
	OPTION_DRY_RUN,
	{"purge", NULL, "remove logs and work directories, too", offsetof(struct options, purge)},
	OPTION_END,
};

const struct command cmd_down = {
	.name = "down",
	.arguments = "[NAME]",
	.summary = "Take the cluster down and remove what it made",
	.details =
		"Logs are kept until the next up, unless --purge is given. Without such a cluster: done.",
	.options = options,
	.max_operands = 1,
	.failure = ERR_FAILED,
	.run = run_down,
};
