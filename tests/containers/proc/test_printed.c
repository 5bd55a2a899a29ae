/* SPDX-License-Identifier: Apache-2.0 */
/* An answer is found between banners and warnings, and a reason between asides. */

#include "containers/proc/printed.h"

#include <string.h>

#include "tests/harness.h"

static int is_path(const char *line)
{
	return line[0] == '/';
}

/* NULs may stand between: the size is the literal's. */
#define PRINTS(text) text, sizeof(text) - 1

START_TEST(the_last_line_that_is_an_answer)
{
	static const struct {
		const char *prints;
		size_t length;
		const char *answer; /* NULL: none */
	} cases[] = {
		{PRINTS("/usr/bin/python3\n"), "/usr/bin/python3"},
		{PRINTS("/usr/bin/python3"), "/usr/bin/python3"},
		{PRINTS("/usr/bin/python3\r\n"), "/usr/bin/python3"},
		{PRINTS("/usr/bin/python3\r"), "/usr/bin/python3"},
		{PRINTS("welcome\n\n/a\n"), "/a"},
		{PRINTS("/a\nbye\n"), "/a"},
		{PRINTS("/a\n/b\nbye\n\n"), "/b"},
		{PRINTS("banner\0/a\0"), "/a"},
		{PRINTS("\0\0/a"), "/a"},
		{PRINTS("welcome/a\n"), NULL},
		{PRINTS("python3\n./python3\n"), NULL},
		{PRINTS(" /a\n"), NULL},
		{PRINTS("\n\n\n"), NULL},
		{PRINTS(""), NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct printed p;
		char out[64];
		const char *line;

		p = (struct printed){.out = out, .size = sizeof(out), .length = cases[i].length};
		memcpy(out, cases[i].prints, cases[i].length + 1);
		/* Again: looking for one answer leaves the others. */
		for (unsigned again = 0; again < 2; again++) {
			line = printed_last_line(&p, is_path);
			if (cases[i].answer)
				ck_assert_msg(line && strcmp(line, cases[i].answer) == 0,
					      "case %zu: %s", i, line ? line : "none");
			else
				ck_assert_msg(!line, "case %zu: %s", i, line);
		}
	}
}
END_TEST

START_TEST(the_reason_is_no_aside)
{
	static const struct {
		const char *err, *out, *reason;
	} cases[] = {
		{"pyenv: python3: command not found\n\nThe `python3' command exists in\n", "",
		 "pyenv: python3: command not found"},
		{"bash: warning: setlocale: LC_ALL: cannot change locale (de_DE)\nnot found\n", "x",
		 "not found"},
		{"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nError: Could not find libjvm.so\r\n", "",
		 "Error: Could not find libjvm.so"},
		{"NOTE: Picked up JDK_JAVA_OPTIONS\n", "broken\n", "broken"},
		{"Traceback (most recent call last):\n  File \"x\", line 1\nImportError: no\n", "",
		 "ImportError: no"},
		{"+ exec java\n\n  \nno java\n", "", "no java"},
		{"Error occurred during initialization of boot layer\nModule x not found\n", "",
		 "Module x not found"},
		{"", "\n \nbroken\n", "broken"},
		{"WARNING: all there is\nwarning: more\n", "", "WARNING: all there is"},
		{"", "", ""},
		{"\n\n", "\r\n", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct printed p;
		char out[64], reason[PRINTED_REASON];

		p = (struct printed){.out = out, .size = sizeof(out)};
		snprintf(out, sizeof(out), "%s", cases[i].out);
		p.length = strlen(out);
		snprintf(p.err, sizeof(p.err), "%s", cases[i].err);
		ck_assert_str_eq(printed_reason(&p, reason), cases[i].reason);
	}
}
END_TEST

START_TEST(a_long_reason_is_cut)
{
	static struct printed p;
	char out[1] = "", reason[PRINTED_REASON];

	p = (struct printed){.out = out, .size = sizeof(out)};
	memset(p.err, 'x', sizeof(p.err) - 1);
	ck_assert_uint_eq(strlen(printed_reason(&p, reason)), PRINTED_REASON - 1);
}
END_TEST

TEST_MAIN("printed", test_case("answers", the_last_line_that_is_an_answer),
	  test_case("reasons", the_reason_is_no_aside, a_long_reason_is_cut))
