/* SPDX-License-Identifier: Apache-2.0 */
/* The error value: classes, wrapping, and a cut that never splits a character. */

#include <errno.h>

#include "decision/base/err.h"
#include "tests/harness.h"

START_TEST(test_classes)
{
	struct err e = {0};

	ck_assert_int_eq(err_set(&e, -EBUSY, "slice %u is busy", 3), -EBUSY);
	ck_assert_int_eq(e.code, -EBUSY);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_str_eq(e.msg, "slice 3 is busy");

	ck_assert_int_eq(err_wrong(&e, "no such key"), -EINVAL);
	ck_assert_int_eq(e.exit, ERR_WRONG);

	ck_assert_int_eq(err_impossible(&e, "9 slices on 8 cores"), -ERANGE);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_int_eq(e.code, -ERANGE);
}
END_TEST

START_TEST(test_errno)
{
	struct err e = {0};

	ck_assert_int_eq(err_errno(&e, -ENOENT, "/x/%s", "y"), -ENOENT);
	ck_assert_str_eq(e.msg, "/x/y: No such file or directory");
	ck_assert_int_eq(e.exit, ERR_FAILED);
	err_errno(&e, -99999, "/x");
	ck_assert_str_eq(e.msg, "/x: unknown error");
}
END_TEST

START_TEST(test_wrap)
{
	struct err e = {0};

	err_impossible(&e, "too small");
	ck_assert_int_eq(err_wrap(&e, "slice %u", 4), -ERANGE);
	ck_assert_str_eq(e.msg, "slice 4: too small");
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	/* The sentence itself may be an argument. */
	err_set(&e, -EIO, "again: %s", e.msg);
	ck_assert_str_eq(e.msg, "again: slice 4: too small");
}
END_TEST

START_TEST(test_one_line)
{
	struct err e = {0};

	err_set(&e, -EIO, "file a\nb\033[2J");
	ck_assert_str_eq(e.msg, "file a\\nb\\x1b[2J");
}
END_TEST

/* Every length of ASCII in front of three-byte characters: the cut must fall between characters. */
START_TEST(test_cut)
{
	char text[2 * ERR_TEXT];
	struct err e = {0};

	for (unsigned lead = 0; lead < 8; lead++) {
		size_t length, at = 0;

		for (; at < lead; at++)
			text[at] = 'a';
		for (; at + 3 < sizeof(text); at += 3)
			memcpy(text + at, "€", 3);
		text[at] = '\0';
		err_set(&e, -EIO, "%s", text);
		length = strlen(e.msg);
		ck_assert_uint_lt(length, ERR_TEXT);
		ck_assert_uint_ge(length, ERR_TEXT - 3);
		ck_assert_uint_eq((length - lead) % 3, 0);
		err_wrap(&e, "in front");
		length = strlen(e.msg);
		ck_assert_uint_lt(length, ERR_TEXT);
		ck_assert_uint_ge(length, ERR_TEXT - 3);
		ck_assert_uint_eq((length - lead - strlen("in front: ")) % 3, 0);
		err_errno(&e, -EIO, "%s", text);
		ck_assert_uint_lt(strlen(e.msg), ERR_TEXT);
	}
}
END_TEST

TEST_MAIN("err", test_case("err", test_classes, test_errno, test_wrap, test_one_line, test_cut))
