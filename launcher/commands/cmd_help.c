#include "launcher/commands/options.h"

static int run_help(const struct invocation *in, struct err *e)
{
	const struct command *c;

	if (!in->operand) {
		help_print(in->commands, stdout);
		return 0;
	}
	c = command_find(in->commands, in->operand, e);
	if (!c)
		return e->code;
	command_help_print(c, stdout);
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "Tell how cleave or one command is used",
	.max_operands = 1,
	.run = run_help,
};
