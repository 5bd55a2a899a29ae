/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/options.h"
#include "tests/harness.h"

#include <errno.h>
#include <string.h>

static int run_nothing(const struct invocation *in, struct err *e)
{
	(void)in;
	(void)e;
	return 0;
}

static const struct option show_options[] = {
	{OPTION_JSON},
	{"color", "WHEN", "when", offsetof(struct options, cluster)},
	{0},
};
static const struct option go_options[] = {
	{"rm", NULL, "remove", offsetof(struct options, rm)},
	{0},
};
static const struct command cmd_show = {
	.name = "show",
	.arguments = "[PROFILE]",
	.summary = "Show it",
	.details = "A paragraph.",
	.options = show_options,
	.max_operands = 1,
	.run = run_nothing,
};
static const struct command cmd_go = {
	.name = "go",
	.arguments = "SLICE -- CMD…",
	.summary = "Go there",
	.options = go_options,
	.min_operands = 1,
	.max_operands = 1,
	.words_required = 1,
	.failure = 125,
	.run = run_nothing,
};
static const struct command *const list[] = {&cmd_show, &cmd_go, NULL};

enum { WORDS = 12 };

/* Parse one line, split at blanks. The words live in `words` until the next call. */
static int parse(const char *line, struct command_line *out, struct err *e)
{
	static char text[256], *words[WORDS];
	int count = 1;

	snprintf(text, sizeof(text), "%s", line);
	words[0] = (char *)"cleave";
	for (char *p = text; *p && count < WORDS - 1;) {
		words[count++] = p;
		p += strcspn(p, " ");
		while (*p == ' ')
			*p++ = '\0';
	}
	words[count] = NULL;
	*e = (struct err){0};
	return command_line_parse(list, count, words, out, e);
}

START_TEST(options_stand_anywhere_before_the_dashes)
{
	static const char *const lines[] = {
		"show --json --color never --state-dir=/x p.yaml",
		"--json show p.yaml --color=never --state-dir /x",
		"--state-dir /x --color never --json show p.yaml",
		"--state-dir /y show p.yaml --state-dir /x --json --color never",
	};
	struct command_line line;
	struct err e;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		ck_assert_msg(parse(lines[i], &line, &e) == 0, "%s: %s", lines[i], e.msg);
		ck_assert_ptr_eq(line.command, &cmd_show);
		ck_assert(line.invocation.options.json);
		ck_assert(!line.invocation.options.roots.verbose);
		ck_assert_str_eq(line.invocation.options.cluster, "never");
		ck_assert_str_eq(line.invocation.options.roots.state_dir, "/x");
		ck_assert_str_eq(line.invocation.operand, "p.yaml");
		ck_assert_ptr_null(line.invocation.words);
	}
}
END_TEST

START_TEST(words_after_the_dashes_are_not_ours)
{
	struct command_line line;
	struct err e;

	ck_assert_int_eq(parse("go -v 3 --rm -- ls --json -- x", &line, &e), 0);
	ck_assert_ptr_eq(line.command, &cmd_go);
	ck_assert(line.invocation.options.rm && line.invocation.options.roots.verbose);
	ck_assert(!line.invocation.options.json);
	ck_assert_str_eq(line.invocation.operand, "3");
	ck_assert_str_eq(line.invocation.words[0], "ls");
	ck_assert_str_eq(line.invocation.words[1], "--json");
	ck_assert_str_eq(line.invocation.words[2], "--");
	ck_assert_str_eq(line.invocation.words[3], "x");
	ck_assert_ptr_null(line.invocation.words[4]);
}
END_TEST

START_TEST(wrong_use_is_one_sentence)
{
	static const struct {
		const char *line, *sentence;
	} cases[] = {
		{"", "no command given"},
		{"-- show", "no command given"},
		{"shwo", "unknown command 'shwo'; the nearest is 'show'"},
		{"zzzzzz", "unknown command 'zzzzzz'"},
		{"show --jsno", "unknown option --jsno; the nearest is --json"},
		{"show --rm", "'show' has no option --rm ('go' has one)"},
		{"show --frobnicate", "unknown option --frobnicate"},
		{"show --version", "unknown option --version"},
		{"--vresion", "unknown option --vresion; the nearest is --version"},
		{"show -vz", "unknown option -z in '-vz'; the short ones are -h and -v"},
		{"show --json=yes", "--json takes no value, found 'yes'"},
		{"show --color", "--color needs a value (WHEN)"},
		{"show --color=", "--color needs a value (WHEN)"},
		{"show --color --json", "--color needs a value (WHEN), found '--json'; write "
					"--color=--json if that is the value"},
		{"show --color -- x",
		 "--color needs a value (WHEN), found '--'; write --color=-- if "
		 "that is the value"},
		{"show a b", "'show' takes [PROFILE], found 'b' too"},
		{"show a -- b", "'show' takes nothing after '--', found b"},
		{"show --", "'show' takes nothing after '--'"},
		{"go -- ls", "'go' needs SLICE -- CMD…"},
		{"go 1", "'go' needs a command line after '--': cleave go SLICE -- CMD…"},
		{"go 1 --", "'go' needs a command line after '--': cleave go SLICE -- CMD…"},
	};
	struct command_line line;
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_msg(parse(cases[i].line, &line, &e) == -EINVAL, "'%s' was accepted",
			      cases[i].line);
		ck_assert_str_eq(e.msg, cases[i].sentence);
		ck_assert_int_eq(e.exit, ERR_WRONG);
	}
}
END_TEST

START_TEST(help_and_version_forgive_missing_operands)
{
	struct command_line line;
	struct err e;

	ck_assert_int_eq(parse("--help", &line, &e), 0);
	ck_assert_ptr_null(line.command);
	ck_assert_int_eq(parse("go -h", &line, &e), 0);
	ck_assert_ptr_eq(line.command, &cmd_go);
	ck_assert(line.invocation.options.help);
	ck_assert_int_eq(parse("--version", &line, &e), 0);
	ck_assert(line.version);
}
END_TEST

START_TEST(help_names_every_option)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	help_print(list, NULL, to);
	help_print(list, &cmd_show, to);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "  show       Show it\n  go         Go there\n"));
	ck_assert_ptr_nonnull(strstr(text, "Usage: cleave show [OPTION…] [PROFILE]\nShow it.\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nA paragraph.\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  --color WHEN              when\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n  --state-dir DIR  "));
	free(text);
}
END_TEST

START_TEST(exit_statuses_follow_the_class_unless_codes_are_passed_on)
{
	struct err e;

	err_wrong(&e, "x");
	ck_assert_int_eq(command_exit_status(&cmd_show, &e), 2);
	ck_assert_int_eq(command_exit_status(&cmd_go, &e), 125);
	err_impossible(&e, "x");
	ck_assert_int_eq(command_exit_status(&cmd_show, &e), 3);
	err_set(&e, -EIO, "x");
	ck_assert_int_eq(command_exit_status(&cmd_show, &e), 1);
}
END_TEST

TEST_MAIN("options",
	  test_case("parse", options_stand_anywhere_before_the_dashes,
		    words_after_the_dashes_are_not_ours, wrong_use_is_one_sentence,
		    help_and_version_forgive_missing_operands),
	  test_case("show", help_names_every_option,
		    exit_statuses_follow_the_class_unless_codes_are_passed_on))
