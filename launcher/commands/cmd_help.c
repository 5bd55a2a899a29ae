/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/options.h"

static int run_help(const struct invocation *in, struct err *e)
{
	const struct command *c = NULL;

	if (in->operand) {
		c = command_find(in->commands, in->operand, e);
		if (!c)
			return e->code;
	}
	help_print(in->commands, c, stdout);
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "Tell how cleave or one command is used",
	.max_operands = 1,
	.run = run_help,
};
