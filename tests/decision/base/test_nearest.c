/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/nearest.h"
#include "tests/harness.h"

#include <string.h>

START_TEST(distance_counts_edits)
{
	static const struct {
		const char *a, *b;
		unsigned edits;
	} cases[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"plan", "plan", 0},
		{"plan", "paln", 1},
		{"plan", "plans", 1},
		{"plan", "pan", 1},
		{"plan", "plen", 1},
		{"ca", "abc", 3},
		{"kitten", "sitting", 3},
		{"status", "tsatsu", 2},
	};
	char huge[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_msg(word_distance(cases[i].a, cases[i].b) == cases[i].edits, "%s %s: %u",
			      cases[i].a, cases[i].b, word_distance(cases[i].a, cases[i].b));
		ck_assert_uint_eq(word_distance(cases[i].b, cases[i].a), cases[i].edits);
	}
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	ck_assert_uint_eq(word_distance(huge, "a"), NEAREST_WORD);
}
END_TEST

START_TEST(nearest_is_the_first_best_or_nothing)
{
	static const char *const known[] = {"plan", "plans", "topology", "up", "slices", NULL};

	ck_assert_str_eq(word_nearest("paln", known), "plan");
	ck_assert_str_eq(word_nearest("plant", known), "plan");
	ck_assert_str_eq(word_nearest("topologie", known), "topology");
	ck_assert_str_eq(word_nearest("ups", known), "up");
	ck_assert_ptr_null(word_nearest("frobnicate", known));
	ck_assert_ptr_null(word_nearest("", known));
	ck_assert_ptr_null(word_nearest("abc", (const char *const[]){NULL}));
}
END_TEST

TEST_MAIN("nearest",
	  test_case("nearest", distance_counts_edits, nearest_is_the_first_best_or_nothing))
