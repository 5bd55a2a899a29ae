/* SPDX-License-Identifier: Apache-2.0 */
/* Packed string lists: what goes in comes out, and a full pool refuses without a change. */

#include <errno.h>

#include "decision/base/strings.h"
#include "tests/harness.h"

START_TEST(test_order)
{
	static const char *const words[] = {"-XX:+UseParallelGC", "", "ü", "-Da=b c"};
	struct strings list = {0};
	unsigned at = 0;

	ck_assert_ptr_null(strings_next(&list, NULL));
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(strings_add(&list, words[i]), 0);
	ck_assert_int_eq(strings_addf(&list, "%s=%d", "n", 7), 0);
	strings_for_each(item, &list)
	{
		ck_assert_str_eq(item, at < 4 ? words[at] : "n=7");
		ck_assert_ptr_eq(item, strings_get(&list, at));
		at++;
	}
	ck_assert_uint_eq(at, list.count);
	ck_assert_uint_eq(at, 5);
	ck_assert_ptr_null(strings_get(&list, 5));
}
END_TEST

START_TEST(test_full)
{
	struct strings list = {0}, before;
	char text[STRINGS_POOL + 1];

	memset(text, 'x', sizeof(text));
	text[STRINGS_POOL] = '\0';
	ck_assert_int_eq(strings_add(&list, text), -E2BIG);
	ck_assert_int_eq(strings_addf(&list, "%s", text), -E2BIG);
	ck_assert_uint_eq(list.count, 0);
	text[STRINGS_POOL - 1] = '\0';
	ck_assert_int_eq(strings_addf(&list, "%s", text), 0);
	before = list;
	ck_assert_int_eq(strings_add(&list, ""), -E2BIG);
	ck_assert(strings_is_equal(&before, &list));
	ck_assert_str_eq(strings_get(&list, 0), text);
}
END_TEST

START_TEST(test_random_lists)
{
	unsigned long long state = test_seed();
	static char expected[STRINGS_POOL][8];

	for (unsigned round = 0; round < 60; round++) {
		struct strings list = {0};
		unsigned count = 0, at = 0;

		for (;; count++) {
			unsigned length = (unsigned)(test_random(&state) % 8);

			for (unsigned i = 0; i < length; i++)
				expected[count][i] = (char)('a' + test_random(&state) % 26);
			expected[count][length] = '\0';
			if (strings_add(&list, expected[count]) < 0)
				break;
		}
		strings_for_each(item, &list)
		{
			ck_assert_msg(strcmp(item, expected[at]) == 0, "seed %lu round %u item %u",
				      test_seed(), round, at);
			at++;
		}
		ck_assert_msg(at == count, "seed %lu round %u: %u of %u", test_seed(), round, at,
			      count);
	}
}
END_TEST

START_TEST(test_equal)
{
	struct strings a = {0}, b = {0};

	strings_add(&a, "xy");
	strings_add(&b, "x");
	strings_add(&b, "y");
	ck_assert(!strings_is_equal(&a, &b));
	strings_add(&a, "z");
	ck_assert(!strings_is_equal(&a, &b));
	b = a;
	ck_assert(strings_is_equal(&a, &b));
	b.pool[STRINGS_POOL - 1] = 'q'; /* bytes out of use do not count */
	ck_assert(strings_is_equal(&a, &b));
}
END_TEST

START_TEST(test_pairs)
{
	struct strings pairs = {0};

	ck_assert_ptr_null(strings_value(&pairs, "x"));
	strings_add(&pairs, "y");
	strings_add(&pairs, "x"); /* a value */
	ck_assert_ptr_null(strings_value(&pairs, "x"));
	strings_add(&pairs, "x");
	strings_add(&pairs, "1");
	strings_add(&pairs, "x");
	strings_add(&pairs, "2");
	ck_assert_str_eq(strings_value(&pairs, "x"), "2");
}
END_TEST

START_TEST(test_copy)
{
	char to[4] = "old";

	ck_assert_int_eq(string_copy(to, "four"), -E2BIG);
	ck_assert_str_eq(to, "old");
	ck_assert_int_eq(string_copy(to, "abc"), 0);
	ck_assert_str_eq(to, "abc");
	ck_assert_int_eq(string_copy(to, ""), 0);
	ck_assert_str_eq(to, "");
}
END_TEST

START_TEST(test_cut)
{
	ck_assert_uint_eq(string_cut("abc", 5), 3);
	ck_assert_uint_eq(string_cut("abc", 2), 2);
	ck_assert_uint_eq(string_cut("", 3), 0);
	ck_assert_uint_eq(string_cut("a€b", 1), 1);
	ck_assert_uint_eq(string_cut("a€b", 2), 1);
	ck_assert_uint_eq(string_cut("a€b", 3), 1);
	ck_assert_uint_eq(string_cut("a€b", 4), 4);
	ck_assert_uint_eq(string_cut("😀", 3), 0);
	ck_assert_uint_eq(string_cut("éé", 3), 2);
	/* Bytes that are no UTF-8 are cut where the room ends. */
	ck_assert_uint_eq(string_cut("\x80\x80\x80\x80\x80\x80", 5), 5);
}
END_TEST

TEST_MAIN("strings",
	  test_case("list", test_order, test_full, test_random_lists, test_equal, test_pairs),
	  test_case("text", test_copy, test_cut))
