/* SPDX-License-Identifier: Apache-2.0 */
/* Executing systemd's programs: what comes back of theirs. Programs of everybody stand for them. */

#include "containers/where/systemd.h"

#include <errno.h>
#include <string.h>

#include "tests/harness.h"

static int run(struct err *e, const char *const *argv)
{
	*e = (struct err){0};
	return systemd_execute(argv, e);
}
#define RUN(e, ...) run((e), (const char *const[]){__VA_ARGS__, NULL})

START_TEST(success_is_silent)
{
	struct err e;

	ck_assert_int_eq(RUN(&e, "true"), 0);
	ck_assert_int_eq(RUN(&e, "sh", "-c", "echo a word >&2; echo another"), 0);
}
END_TEST

START_TEST(a_failure_has_the_programs_own_words)
{
	struct err e;

	ck_assert_int_eq(RUN(&e, "sh", "-c", "echo Unit x: no; echo two >&2; exit 3"), -EIO);
	ck_assert_str_eq(e.msg, "sh: two");
	ck_assert_int_eq(RUN(&e, "sh", "-c", "printf 'a\\033[1mb\\nc\\n' >&2; exit 1"), -EIO);
	ck_assert_str_eq(e.msg, "sh: a\\x1b[1mb");
	/* Of perl's and bash's warnings it has no reason. */
	ck_assert_int_eq(
		RUN(&e, "sh", "-c",
		    "echo 'warning: Setting locale failed.' >&2; echo 'no bus' >&2; exit 1"),
		-EIO);
	ck_assert_str_eq(e.msg, "sh: no bus");
	ck_assert_int_eq(RUN(&e, "false"), -EIO);
	ck_assert_str_eq(e.msg, "false: it failed without a word");
	ck_assert_int_eq(RUN(&e, "sh", "-c",
			     "yes 0123456789 | tr -d '\\n' | head -c 4000 >&2; "
			     "exit 1"),
			 -EIO);
	ck_assert_uint_lt(strlen(e.msg), 400);
}
END_TEST

START_TEST(a_missing_program_is_named)
{
	struct err e;

	ck_assert_int_eq(RUN(&e, "no-such-program-at-all"), -EIO);
	ck_assert_msg(strstr(e.msg, "no-such-program-at-all cannot be executed: install systemd"),
		      "%s", e.msg);
}
END_TEST

START_TEST(nothing_stays_open)
{
	struct err e;
	unsigned before = test_count_descriptors();

	for (unsigned i = 0; i < 3; i++)
		RUN(&e, "sh", "-c", "echo x >&2; exit 1");
	ck_assert_uint_eq(test_count_descriptors(), before);
}
END_TEST

TEST_MAIN("systemd", test_case("execute", success_is_silent, a_failure_has_the_programs_own_words,
			       a_missing_program_is_named, nothing_stays_open))
