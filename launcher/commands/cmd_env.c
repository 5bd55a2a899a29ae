#include <errno.h>
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "launcher/commands/running.h"
#include "launcher/supervisor/daemon.h"

extern const struct command cmd_env;

/* In single quotes a shell changes nothing; a quote itself is written '\''. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

static void print_export(const char *item)
{
	const char *value = strchr(item, '=');

	printf("export %.*s=", (int)(value - item), item);
	print_quoted(value + 1);
	putchar('\n');
}

static int run_env(const struct invocation *in, struct err *e)
{
	const char *operand = in->operand_count ? in->operands[0] : NULL;
	cleanup_free struct state *s = calloc(1, sizeof(*s));
	cleanup_argv struct argv env = {0};
	struct spark_cluster c;
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "no memory for the state");
	r = running_state(&in->options, operand, s, e);
	if (r)
		return r;
	c = state_spark(s);
	r = spark_shell_environment(&c, &env, e);
	for (size_t i = 0; !r && i < env.count; i++)
		print_export(env.items[i]);
	return r;
}

static const struct option options[] = {OPTION_CLUSTER, OPTION_END};

const struct command cmd_env = {
	.name = "env",
	.arguments = "[NAME]",
	.summary = "Print shell lines for using the cluster from another shell",
	.details =
		"Use: eval \"$(cleave env)\" and then spark-submit, spark-shell or pyspark of that Spark.\n"
		"The secret is in a file of SPARK_CONF_DIR that only its owner can read, never in a line.",
	.options = options,
	.max_operands = 1,
	.failure = ERR_FAILED,
	.run = run_env,
};
