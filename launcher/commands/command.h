/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_COMMAND_H
#define LAUNCHER_COMMANDS_COMMAND_H

/*
 * The shape of a command: one `const struct command` a cmd_*.c. Help is generated from it, main.c
 * holds only the list. Options may stand anywhere before `--`; options.c fills one struct for all
 * commands.
 */

#include <stdbool.h>
#include <stddef.h>

#include "decision/base/err.h"
#include "launcher/system/roots.h"

struct options {
	struct roots roots; /* the global ones */
	const char *cluster, *probe_args, *probe_args_small, *slices;
	/* of bench */
	const char *workload, *data, *data_dir, *seed, *repetitions, *sides, *gc, *time_limit,
		*output;
	bool sweep;
	const char *from, *to, *cores, *loans, *mode, *replay; /* of rebalance */
	bool automatic, reset;
	bool json, dry_run, explain, profile, foreground, rm, watch, follow, purge, repair, help;
};

struct option {
	const char *name;     /* without the dashes; NULL ends a list */
	const char *argument; /* its name in the help; NULL: a flag */
	const char *help;
	size_t offset; /* of a const char * (or of a bool for flags) in struct options */
};

#define OPTION(member) offsetof(struct options, member)

/* Options that more than one command has: {OPTION_JSON}. */
#define OPTION_JSON    "json", NULL, "print JSON", OPTION(json)
#define OPTION_DRY_RUN "dry-run", NULL, "print the steps, do nothing", OPTION(dry_run)
#define OPTION_CLUSTER "cluster", "NAME|PROFILE", "which cluster", OPTION(cluster)

struct command;

struct invocation {
	struct options options;
	const char *operand; /* or NULL */
	const char *second;  /* of a command that takes two, or NULL */
	char **words; /* what stands after `--`, ends with NULL; NULL itself if there was no `--` */
	const struct command *const *commands; /* all there are; ends with NULL */
};

struct command {
	const char *name;
	const char *arguments;		/* "[PROFILE] -- APP…" */
	const char *summary;		/* one line, no full stop */
	const char *details;		/* a paragraph for --help, or NULL */
	const struct option *options;	/* ends with {0}; NULL: none */
	int min_operands, max_operands; /* 0 … 1, 0 … 2 */
	int words_required;		/* 1: needs `-- WORD…`, 0: takes none, -1: either */
	int failure; /* exit status of any error of cleave's: 125 for run and exec; 0: by class */
	int (*run)(const struct invocation *in,
		   struct err *e); /* exit status >= 0, or negative: `e` is shown */
};

/* What an error exits with; `c` NULL: no command was named. */
int command_exit_status(const struct command *c, const struct err *e);

#endif
