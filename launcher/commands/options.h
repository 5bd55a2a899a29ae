/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_OPTIONS_H
#define LAUNCHER_COMMANDS_OPTIONS_H

/*
 * The command line: from argv to one struct invocation, and the help that is generated from the
 * same tables. Pure but for the FILE that help is printed to.
 */

#include <stdio.h>

#include "launcher/commands/command.h"

struct command_line {
	const struct command *command; /* NULL: none was named */
	bool version;
	struct invocation invocation;
};

/*
 * Read argv[1] … argv[argc - 1], which must live as long as `out`, by the NULL-terminated list of
 * commands. On failure only `command` of `out` is written, as far as it was understood, and `e`
 * holds what is wrong with the use (ERR_WRONG). Numbers of operands and words are not checked where
 * --help is asked for.
 */
int command_line_parse(const struct command *const *list, int argc, char **argv,
		       struct command_line *out, struct err *e);

/* The command of that name, or NULL with "unknown command" and the nearest one in `e`. */
const struct command *command_find(const struct command *const *list, const char *name,
				   struct err *e);

/* `cleave COMMAND --help`; `c` NULL: `cleave --help`. */
void help_print(const struct command *const *list, const struct command *c, FILE *to);

#endif
