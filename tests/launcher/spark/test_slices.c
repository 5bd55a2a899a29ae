/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/room.h"

#include <jansson.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

enum { LOOPS = 40 };

static struct plan plan;
static struct err e;

/* `count` slices; slice i has first + i slots. */
static void cut(unsigned count, unsigned first)
{
	plan = (struct plan){.name = "demo", .slice_count = count};
	for (unsigned i = 0; i < count; i++) {
		plan.slices[i].id = i;
		plan.slices[i].slots = first + i;
		plan.slices[i].executors = 1;
	}
}

/* How many addresses of `resource` the file of this slice has; 0: it does not offer it. */
static size_t addresses_of(unsigned slice, const char *resource)
{
	cleanup_free char *text = NULL;
	size_t size, i, count = 0;
	FILE *file = open_memstream(&text, &size);
	json_t *list, *item;

	spark_slices_write(&plan, slice, file);
	ck_assert_int_eq(fclose(file), 0);
	list = json_loadb(text, size, 0, NULL);
	ck_assert_msg(json_is_array(list), "no list: %s", text);
	json_array_foreach(list, i, item)
	{
		const char *component, *name;
		json_t *addresses;

		ck_assert_int_eq(json_unpack(item, "{s:{s:s, s:s!}, s:o!}", "id", "componentName",
					     &component, "resourceName", &name, "addresses",
					     &addresses),
				 0);
		ck_assert_str_eq(component, "spark.worker");
		if (strcmp(name, resource) == 0)
			count += json_array_size(addresses);
	}
	json_decref(list);
	return count;
}

START_TEST(offers)
{
	cleanup_argv struct argv argv = {0};

	cut(3, 31);
	spark_slices_offer(&plan, 1, "/s/slice-1.resources", &argv);
	ck_assert_uint_eq(argv.count, 3);
	ck_assert(spark_tree_has(&argv, "-Dspark.worker.resourcesFile=/s/slice-1.resources"));
	ck_assert(spark_tree_has(&argv, "-Dspark.worker.resource.not-0.amount=32"));
	ck_assert(spark_tree_has(&argv, "-Dspark.worker.resource.not-2.amount=32"));
	ck_assert_uint_eq(addresses_of(0, "not-1"), 31); /* as many as slots … */
	ck_assert_uint_eq(addresses_of(1, "not-2"), 32);
	ck_assert_uint_eq(addresses_of(2, "not-0"), SPARK_SLICE_EXECUTORS); /* … up to a bound */
	ck_assert_uint_eq(addresses_of(2, "not-2"), 0);
}
END_TEST

START_TEST(one_slice_offers_nothing)
{
	cleanup_argv struct argv argv = {0};

	cut(1, 4);
	spark_slices_offer(&plan, 0, "/s/f", &argv);
	ck_assert_uint_eq(argv.count, 0);
	ck_assert_uint_eq(addresses_of(0, "not-0"), 0);
}
END_TEST

START_TEST(lists)
{
	static const char *const wrong[] = {"", " ", "x", "-1", "2-1", "0,", "5000"};
	struct cpuset slices = {0}, before;

	cut(4, 1);
	ck_assert_int_eq(spark_slices_parse("0,2-3", &plan, &slices, &e), 0);
	ck_assert_str_eq(CPUSET_STRING(&slices), "0,2-3");
	before = slices;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_msg(spark_slices_parse(wrong[i], &plan, &slices, &e) < 0, "'%s'",
			      wrong[i]);
		ck_assert_int_eq(e.exit, ERR_WRONG);
		ck_assert_ptr_nonnull(strstr(e.msg, "is no list of slices such as 0,2-3"));
	}
	ck_assert_int_lt(spark_slices_parse("1,4", &plan, &slices, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_str_eq(e.msg, "--slices: demo has no slice 4: choose from 0-3");
	ck_assert(cpuset_is_equal(&slices, &before));
}
END_TEST

static void request(const char *list, const struct strings *conf, struct argv *out)
{
	struct cpuset slices;

	ck_assert_int_eq(spark_slices_parse(list, &plan, &slices, &e), 0);
	spark_slices_request(&plan, conf, &slices, out);
}

START_TEST(requests)
{
	cleanup_argv struct argv some = {0}, all = {0};
	struct strings none = {0};

	cut(3, 10);
	request("0,2", &none, &some);
	ck_assert_uint_eq(some.count, 2);
	ck_assert(spark_tree_has(&some, "spark.executor.resource.not-1.amount=1"));
	ck_assert(spark_tree_has(&some, "spark.cores.max=22"));
	request("0-2", &none, &all);
	ck_assert_uint_eq(all.count, 1);
	ck_assert(spark_tree_has(&all, "spark.cores.max=33"));
}
END_TEST

START_TEST(a_profile_may_want_fewer_cores)
{
	static const struct {
		const char *key, *value, *wanted;
	} cases[] = {
		{"spark.cores.max", "5", "spark.cores.max=5"},
		{"spark.cores.max", "11", "spark.cores.max=10"},
		{"spark.cores.max", "0", "spark.cores.max=10"},
		{"spark.cores.max", "5x", "spark.cores.max=10"},
		{"spark.cores.max", "-5", "spark.cores.max=10"},
		{"spark.cores.max", "99999999999999999999", "spark.cores.max=10"},
		{"spark.x", "spark.cores.max", "spark.cores.max=10"},
	};

	cut(2, 10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_argv struct argv w = {0};
		struct strings conf = {0};

		strings_add(&conf, cases[i].key);
		strings_add(&conf, cases[i].value);
		strings_add(&conf, "7");
		strings_add(&conf, "7");
		request("0", &conf, &w);
		ck_assert_msg(spark_tree_has(&w, cases[i].wanted), "%s: %s", cases[i].value,
			      w.items[w.count - 1]);
	}
}
END_TEST

/*
 * What the Master does with it: an application that asks for some slices can be placed on these,
 * and on no other.
 */
START_TEST(a_request_fits_its_slices_only)
{
	unsigned long long seed = test_seed(), state = seed;

	for (unsigned loop = 0; loop < LOOPS; loop++) {
		unsigned count = 1 + (unsigned)(test_random(&state) % SLICES_MAX);
		cleanup_argv struct argv asked = {0};
		struct strings none = {0};
		struct cpuset slices = {0};

		cut(count, 1);
		cpuset_add(&slices, (unsigned)(test_random(&state) % count));
		for (unsigned i = 0; i < count; i++)
			if (test_random(&state) % 2)
				cpuset_add(&slices, i);
		spark_slices_request(&plan, &none, &slices, &asked);
		for (unsigned slice = 0; slice < count; slice++) {
			cleanup_argv struct argv offered = {0};
			bool fits = true;

			spark_slices_offer(&plan, slice, "f", &offered);
			for (unsigned i = 0; i < count; i++) {
				char want[64], have[64];

				snprintf(want, sizeof(want),
					 "spark.executor.resource.not-%u.amount=1", i);
				snprintf(have, sizeof(have),
					 "-Dspark.worker.resource.not-%u.amount=%u", i,
					 slice + 1 < SPARK_SLICE_EXECUTORS ? slice + 1
									   : SPARK_SLICE_EXECUTORS);
				fits = fits && (!spark_tree_has(&asked, want) ||
						spark_tree_has(&offered, have));
			}
			ck_assert_msg(fits == cpuset_has(&slices, slice),
				      "seed %llu: slice %u of %u, wanted %s", seed, slice, count,
				      CPUSET_STRING(&slices));
		}
	}
}
END_TEST

TEST_MAIN("spark_slices", test_case("offers", offers, one_slice_offers_nothing),
	  test_case("requests", lists, requests, a_profile_may_want_fewer_cores,
		    a_request_fits_its_slices_only))
