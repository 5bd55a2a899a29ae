/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of CPUs against a plain array of bools, and the kernel's cpulist text. */

#include <errno.h>

#include "decision/base/cpuset.h"
#include "tests/harness.h"

struct model {
	bool has[CPUSET_MAX];
};

/* Random density and clustering: single bits, runs, almost full. */
static void fill(unsigned long long *state, struct cpuset *set, struct model *model)
{
	unsigned runs = (unsigned)(test_random(state) % 12);

	*set = (struct cpuset){0};
	*model = (struct model){0};
	for (unsigned i = 0; i < runs; i++) {
		unsigned first = (unsigned)(test_random(state) % CPUSET_MAX);
		unsigned length = 1 + (unsigned)(test_random(state) %
						 (test_random(state) % 4 ? 4 : CPUSET_MAX));
		bool add = test_random(state) % 4 != 0;

		for (unsigned at = first; at < first + length && at < CPUSET_MAX; at++) {
			model->has[at] = add;
			if (add)
				cpuset_add(set, at);
			else
				cpuset_remove(set, at);
		}
	}
}

static void check_one(const struct cpuset *set, const struct model *model, unsigned round)
{
	unsigned count = 0, expected = CPUSET_NONE, last = CPUSET_NONE;

	for (unsigned i = 0; i < CPUSET_MAX; i++) {
		ck_assert_msg(cpuset_has(set, i) == model->has[i], "seed %lu round %u: %u",
			      test_seed(), round, i);
		count += model->has[i];
		if (model->has[i] && expected == CPUSET_NONE)
			expected = i;
	}
	ck_assert_uint_eq(cpuset_count(set), count);
	ck_assert_uint_eq(cpuset_first(set), expected);
	ck_assert(cpuset_is_empty(set) == (count == 0));
	cpuset_for_each(index, set)
	{
		ck_assert_msg(model->has[index] && (last == CPUSET_NONE || index > last),
			      "seed %lu round %u: %u after %u", test_seed(), round, index, last);
		last = index;
		count--;
	}
	ck_assert_uint_eq(count, 0);
}

static void check_text(const struct cpuset *set, unsigned round)
{
	static char text[CPUSET_TEXT];
	struct cpuset back = {{1}};
	struct err e = {0};

	cpuset_format(set, text, sizeof(text));
	ck_assert_msg(cpuset_parse(text, &back, &e) == 0, "seed %lu round %u: %s", test_seed(),
		      round, e.msg);
	ck_assert_msg(cpuset_is_equal(set, &back), "seed %lu round %u: %s", test_seed(), round,
		      text);
}

START_TEST(test_random_sets)
{
	static struct model ma, mb;
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 40; round++) {
		struct cpuset a, b, both, any, less;
		bool subset = true, meets = false, equal = true;

		fill(&state, &a, &ma);
		fill(&state, &b, &mb);
		check_one(&a, &ma, round);
		check_text(&a, round);
		any = cpuset_or(&a, &b);
		both = cpuset_and(&a, &b);
		less = cpuset_and_not(&a, &b);
		for (unsigned i = 0; i < CPUSET_MAX; i++) {
			bool x = ma.has[i], y = mb.has[i];

			ck_assert_msg(cpuset_has(&any, i) == (x || y) &&
					      cpuset_has(&both, i) == (x && y) &&
					      cpuset_has(&less, i) == (x && !y),
				      "seed %lu round %u: %u", test_seed(), round, i);
			subset &= !x || y;
			meets |= x && y;
			equal &= x == y;
		}
		ck_assert(cpuset_is_subset(&a, &b) == subset);
		ck_assert(cpuset_is_subset(&both, &a) && cpuset_is_subset(&a, &any));
		ck_assert(cpuset_intersects(&a, &b) == meets);
		ck_assert(cpuset_is_equal(&a, &b) == equal);
	}
}
END_TEST

START_TEST(test_edges)
{
	struct cpuset set = {0};

	ck_assert_uint_eq(cpuset_first(&set), CPUSET_NONE);
	cpuset_add(&set, CPUSET_MAX - 1);
	ck_assert_uint_eq(cpuset_first(&set), CPUSET_MAX - 1);
	ck_assert_uint_eq(cpuset_next(&set, CPUSET_MAX - 1), CPUSET_NONE);
	ck_assert_uint_eq(cpuset_next(&set, 63), CPUSET_MAX - 1);
	ck_assert(!cpuset_has(&set, CPUSET_NONE));
	ck_assert_str_eq(CPUSET_STRING(&set), "4095");
}
END_TEST

START_TEST(test_parse_good)
{
	static const struct {
		const char *text, *shown;
	} table[] = {
		{"", ""},
		{"\n", ""},
		{"0", "0"},
		{"0-3,8", "0-3,8"},
		{" 0-3,8\t\n", "0-3,8"},
		{"8,0-3", "0-3,8"},
		{"0-3,2-5", "0-5"},
		{"0,1,2", "0-2"},
		{"5-5", "5"},
		{"63-64", "63-64"},
		{"0-4095", "0-4095"},
		{"007", "7"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cpuset set = {{42}};
		struct err e = {0};

		ck_assert_msg(cpuset_parse(table[i].text, &set, &e) == 0, "\"%s\": %s",
			      table[i].text, e.msg);
		ck_assert_str_eq(CPUSET_STRING(&set), table[i].shown);
	}
}
END_TEST

START_TEST(test_parse_bad)
{
	static const struct {
		const char *text, *said;
	} table[] = {
		{"3-0", "\"3-0\" in a CPU list descends: write 0-3"},
		{"4096", "above 4095"},
		{"0-4096", "above 4095"},
		{"99999999999999999999", "above 4095"},
		{"0-31:2/4", "\"0-31:2/4\""},
		{"1,,2", "empty element"},
		{"1,", "empty element"},
		{",1", "empty element"},
		{",", "empty element"},
		{"0 - 3", "\"0 - 3\""},
		{"0, 3", "\" 3\""},
		{"-3", "\"-3\""},
		{"3-", "\"3-\""},
		{"0x1", "\"0x1\""},
		{"all", "\"all\""},
		{"0\n\n", "\"0\\n\""},
		{"1\xc3\xa9\x80", "neither"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct cpuset before = {{42}};
		struct cpuset set = before;
		struct err e = {0};

		ck_assert_msg(cpuset_parse(table[i].text, &set, &e) == -EINVAL, "\"%s\" parsed",
			      table[i].text);
		ck_assert_int_eq(e.exit, ERR_WRONG);
		ck_assert_msg(strstr(e.msg, table[i].said) != NULL, "\"%s\": %s", table[i].text,
			      e.msg);
		ck_assert(cpuset_is_equal(&set, &before));
	}
}
END_TEST

/* Two of three CPUs are the longest text that there is; a small buffer is cut between elements. */
START_TEST(test_format_sizes)
{
	static char text[CPUSET_TEXT];
	struct cpuset set = {0};
	char small[6];

	for (unsigned i = 1; i < CPUSET_MAX; i += 2)
		cpuset_add(&set, i);
	check_text(&set, 0);
	cpuset_format(&set, text, sizeof(text));
	ck_assert_str_eq(text + strlen(text) - 5, ",4095");
	set = (struct cpuset){0};
	for (unsigned i = 0; i < CPUSET_MAX; i += i % 3 == 1 ? 2 : 1)
		cpuset_add(&set, i);
	check_text(&set, 1);
	cpuset_format(&set, text, sizeof(text));
	ck_assert_str_eq(text + strlen(text) - 5, ",4095");
	ck_assert_uint_gt(strlen(text), 12000);
	set = (struct cpuset){0};
	for (unsigned i = 1; i < CPUSET_MAX; i += 2)
		cpuset_add(&set, i);
	ck_assert_str_eq(cpuset_format(&set, small, sizeof(small)), "1,3,5");
	ck_assert_str_eq(cpuset_format(&set, small, 5), "1,3");
	ck_assert_str_eq(cpuset_format(&set, small, 1), "");
}
END_TEST

TEST_MAIN("cpuset", test_case("sets", test_random_sets, test_edges),
	  test_case("cpulist", test_parse_good, test_parse_bad, test_format_sizes))
