/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/running.h"
#include "launcher/supervisor/daemon.h"

/* In single quotes a shell changes nothing; a quote itself is written '\''. */
static void print_export(const char *item)
{
	const char *value = strchr(item, '=');

	if (!value) {
		printf("unset %s\n", item);
		return;
	}
	printf("export %.*s='", (int)(value - item), item);
	while (*++value) {
		if (*value == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*value);
	}
	fputs("'\n", stdout);
}

static int run_env(const struct invocation *in, struct err *e)
{
	cleanup_free struct state *s = NULL;
	cleanup_argv struct argv env = {0}, notes = {0};
	struct spark_cluster spark;
	struct cluster c;
	int r;

	if ((r = running_cluster(&in->options, in->operand, &c, e)) ||
	    (r = running_state(&c, &s, e)))
		return r;
	spark = state_spark(s);
	if (spark_is_contained(&spark, GROUP_HOST))
		return err_impossible(
			e,
			"the Spark of %s is in containers (docker.master: container), not in "
			"reach of a shell here: use run, or exec host -- spark-shell",
			c.name);
	r = spark_shell_environment(&spark, &env, &notes, e);
	running_notes(&notes);
	for (size_t i = 0; !r && i < env.count; i++)
		print_export(env.items[i]);
	return r;
}

static const struct option options[] = {{OPTION_CLUSTER}, {0}};

const struct command cmd_env = {
	.name = "env",
	.arguments = "[NAME]",
	.summary = "Print shell lines for using the cluster from another shell",
	.details =
		"Use: eval \"$(cleave env)\" and then spark-submit, spark-shell or pyspark of that Spark.\n"
		"The secret is in a file of SPARK_CONF_DIR that only its owner can read, never in a line.\n"
		"Where security.ui closes Spark's pages: curl -H @$CLEAVE_UI_HEADER URL.\n"
		"Root is refused programs that somebody else can change.",
	.options = options,
	.max_operands = 1,
	.run = run_env,
};
