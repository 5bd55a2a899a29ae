/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/options.h"

#include <errno.h>
#include <string.h>

#include "decision/base/nearest.h"

enum { OPTIONS_MAX = 128, COMMANDS_MAX = 64, HELP_COLUMN = 28 };

static const struct option global_options[] = {
	{"topology", "FILE|TEXT", "plan for the machine of an hwloc XML file or synthetic text",
	 OPTION(roots.topology)},
	{"cgroup-root", "DIR", "build the groups below this directory", OPTION(roots.cgroup_root)},
	{"state-dir", "DIR", "keep state, logs and scratch here", OPTION(roots.state_dir)},
	{"verbose", NULL, "say more on standard error (-v)", OPTION(roots.verbose)},
	{"help", NULL, "show this (-h)", OPTION(help)},
	{0},
};

static const struct option *option_in(const struct option *list, const char *name, size_t length)
{
	for (; list && list->name; list++)
		if (strlen(list->name) == length && !memcmp(list->name, name, length))
			return list;
	return NULL;
}

/* A global one, else the command's own, else (no command yet) any command's. */
static const struct option *option_find(const struct command *const *list, const struct command *c,
					const char *name, size_t length)
{
	const struct option *found = option_in(global_options, name, length);

	if (found)
		return found;
	if (c)
		return option_in(c->options, name, length);
	for (; *list && !found; list++)
		found = option_in((*list)->options, name, length);
	return found;
}

/* The first word that is neither an option nor an option's value. */
static const char *first_operand(const struct command *const *list, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *word = argv[i];
		const struct option *o = NULL;

		if (word[0] != '-' || !word[1])
			return word;
		if (word[1] == '-' && !strchr(word, '='))
			o = option_find(list, NULL, word + 2, strlen(word + 2));
		if (o && o->argument)
			i++;
	}
	return NULL;
}

const struct command *command_find(const struct command *const *list, const char *name,
				   struct err *e)
{
	const char *names[COMMANDS_MAX] = {NULL};
	const char *nearest;

	for (size_t i = 0; list[i] && i + 1 < COMMANDS_MAX; i++) {
		if (!strcmp(list[i]->name, name))
			return list[i];
		names[i] = list[i]->name;
	}
	nearest = word_nearest(name, names);
	err_wrong(e, "unknown command '%s'%s%s%s", name, nearest ? "; the nearest is '" : "",
		  nearest ? nearest : "", nearest ? "'" : "");
	return NULL;
}

/* An option that is none here: which command has it, else what it was meant to be. */
static int unknown_option(const struct command *const *list, const struct command *c,
			  const char *word, struct err *e)
{
	const char *names[OPTIONS_MAX] = {NULL};
	const char *nearest;
	size_t count = 0, length = strcspn(word + 2, "=");
	char name[NEAREST_WORD + 1];

	for (size_t i = 0; c && list[i]; i++)
		if (option_in(list[i]->options, word + 2, length))
			return err_wrong(e, "'%s' has no option --%.*s ('%s' has one)", c->name,
					 (int)length, word + 2, list[i]->name);
	if (!c)
		names[count++] = "version";
	for (const struct option *o = global_options; o->name; o++)
		names[count++] = o->name;
	for (const struct option *o = c ? c->options : NULL; o && o->name; o++)
		if (count + 1 < OPTIONS_MAX)
			names[count++] = o->name;
	snprintf(name, sizeof(name), "%.*s", (int)length, word + 2);
	nearest = word_nearest(name, names);
	return err_wrong(e, "unknown option --%.*s%s%s", (int)length, word + 2,
			 nearest ? "; the nearest is --" : "", nearest ? nearest : "");
}

/* One word that begins with a dash. *i moves on over a value that is a word of its own. */
static int option_parse(const struct command *const *list, int argc, char **argv, int *i,
			struct command_line *out, struct err *e)
{
	struct options *options = &out->invocation.options;
	const char *word = argv[*i], *value = strchr(word, '=');
	const struct option *o;

	if (word[1] != '-') {
		for (const char *letter = word + 1; *letter; letter++) {
			if (*letter != 'v' && *letter != 'h')
				return err_wrong(e,
						 "unknown option -%c in '%s'; the short ones "
						 "are -h and -v",
						 *letter, word);
			*(*letter == 'v' ? &options->roots.verbose : &options->help) = true;
		}
		return 0;
	}
	if (!out->command && !strcmp(word, "--version")) {
		out->version = true;
		return 0;
	}
	o = option_find(list, out->command, word + 2, strcspn(word + 2, "="));
	if (!o)
		return unknown_option(list, out->command, word, e);
	if (!o->argument) {
		if (value)
			return err_wrong(e, "--%s takes no value, found '%s'", o->name, value + 1);
		*(bool *)((char *)options + o->offset) = true;
		return 0;
	}
	if (value) {
		value++;
	} else {
		value = *i + 1 < argc ? argv[*i + 1] : "";
		if (value[0] == '-' && value[1])
			return err_wrong(e,
					 "--%s needs a value (%s), found '%s'; write --%s=%s if "
					 "that is the value",
					 o->name, o->argument, value, o->name, value);
		*i += *i + 1 < argc;
	}
	if (!*value)
		return err_wrong(e, "--%s needs a value (%s)", o->name, o->argument);
	*(const char **)((char *)options + o->offset) = value;
	return 0;
}

/* Whether the numbers of operands and words suit the command. `operands` ends with NULL. */
static int counts_check(const struct command *c, const char *const *operands, char *const *words,
			struct err *e)
{
	if (c->min_operands && !operands[0])
		return err_wrong(e, "'%s' needs %s", c->name, c->arguments);
	if (operands[c->max_operands])
		return err_wrong(e, "'%s' takes %s, found '%s'%s", c->name,
				 c->max_operands ? c->arguments : "no operand",
				 operands[c->max_operands], c->max_operands ? " too" : "");
	if (c->words_required > 0 && !(words && words[0]))
		return err_wrong(e, "'%s' needs a command line after '--': cleave %s %s", c->name,
				 c->name, c->arguments);
	if (!c->words_required && words)
		return err_wrong(e, "'%s' takes nothing after '--'%s%s", c->name,
				 words[0] ? ", found " : "", words[0] ? words[0] : "");
	return 0;
}

int command_line_parse(const struct command *const *list, int argc, char **argv,
		       struct command_line *out, struct err *e)
{
	const char *name = first_operand(list, argc, argv);
	const char *operands[5] = {NULL}; /* the command, its operands, one too many */
	struct command_line line = {.invocation.commands = list};
	unsigned count = 0;

	out->command = NULL;
	if (name) {
		out->command = line.command = command_find(list, name, e);
		if (!line.command)
			return e->code;
	}
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			line.invocation.words = argv + i + 1;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			if (option_parse(list, argc, argv, &i, &line, e) < 0)
				return e->code;
		} else if (count < 4) {
			operands[count++] = argv[i];
		}
	}
	line.invocation.operand = operands[1];
	line.invocation.second = operands[1] ? operands[2] : NULL;
	if (!line.command && !line.version && !line.invocation.options.help)
		return err_wrong(e, "no command given");
	if (line.command && !line.invocation.options.help &&
	    counts_check(line.command, operands + 1, line.invocation.words, e) < 0)
		return e->code;
	*out = line;
	return 0;
}

static void options_print(const char *title, const struct option *list, FILE *to)
{
	fprintf(to, "\n%s:\n", title);
	for (const struct option *o = list; o->name; o++) {
		int width = fprintf(to, "  --%s%s%s", o->name, o->argument ? " " : "",
				    o->argument ? o->argument : "");

		if (width >= HELP_COLUMN) {
			fputc('\n', to);
			width = 0;
		}
		fprintf(to, "%*s%s\n", HELP_COLUMN - width, "", o->help);
	}
}

void help_print(const struct command *const *list, const struct command *c, FILE *to)
{
	if (c) {
		fprintf(to, "Usage: cleave %s [OPTION…]%s%s\n%s.\n", c->name,
			c->arguments[0] ? " " : "", c->arguments, c->summary);
		if (c->details)
			fprintf(to, "\n%s\n", c->details);
		if (c->options)
			options_print("Options", c->options, to);
		options_print("Options of every command", global_options, to);
		return;
	}
	fputs("Usage: cleave [OPTION…] COMMAND …\n"
	      "Split a NUMA machine into slices along its hardware, a Spark worker in each.\n"
	      "\nCommands:\n",
	      to);
	for (; *list; list++)
		fprintf(to, "  %-10s %s\n", (*list)->name, (*list)->summary);
	options_print("Options, anywhere before '--'", global_options, to);
	fputs("  --version                 show the version\n"
	      "\n'cleave COMMAND --help' tells more of one command.\n",
	      to);
}

int command_exit_status(const struct command *c, const struct err *e)
{
	return c && c->failure ? c->failure : (int)e->exit;
}
