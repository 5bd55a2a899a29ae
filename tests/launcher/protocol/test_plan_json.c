/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/plan_make.h"
#include "launcher/protocol/plan_json.h"
#include "tests/decision/equal.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static struct topology t;
static struct profile profile;
static struct plan plan, back;

/* A plan of a named machine, with a loan where there are two slices. */
static void make_plan(const char *machine)
{
	struct facts facts = {0};
	struct err e = {0};

	machine_named(machine, &t);
	profile_default(&profile);
	ck_assert_msg(plan_make(&t, &profile, &facts, &plan, &e) == 0, "%s: %s", machine, e.msg);
	if (plan.slice_count > 1) {
		plan.loans[plan.loan_count++] = (struct loan){.from = 1,
							      .to = 0,
							      .mode = LOANS_EXCLUSIVE,
							      .by_hand = true,
							      .cpus = topology_core_cpus(&t, 0)};
	}
}

START_TEST(plans_come_back_equal)
{
	struct facts facts = {0};
	struct err e = {0};
	unsigned made = 0;

	for (unsigned long seed = test_seed(), end = seed + 300; seed < end; seed++) {
		unsigned long long state = seed;
		char *text;

		machine_random(&state, &t);
		profile_random(&state, &t, &profile);
		if (plan_make(&t, &profile, &facts, &plan, &e) < 0)
			continue;
		made++;
		if (seed % 2)
			ck_assert_int_eq(plan_json_format(&plan, &t, &text, &e), 0);
		else
			ck_assert_int_eq(json_table_format(&plan_table, &plan, &text, &e), 0);
		ck_assert_msg(json_table_parse(&plan_table, text, strlen(text), &back, &e) == 0,
			      "seed %lu: %s", seed, e.msg);
		ck_assert_msg(plan_is_equal(&plan, &back), "seed %lu: another plan came back",
			      seed);
		free(text);
	}
	ck_assert_uint_gt(made, 100);
}
END_TEST

START_TEST(loans_come_back)
{
	struct err e = {0};
	char *text;

	make_plan("paper-8x15");
	ck_assert_uint_eq(plan.loan_count, 1);
	ck_assert_int_eq(plan_json_format(&plan, &t, &text, &e), 0);
	ck_assert_int_eq(json_table_parse(&plan_table, text, strlen(text), &back, &e), 0);
	ck_assert(plan_is_equal(&plan, &back));
	ck_assert_uint_eq(back.loans[0].from, 1);
	ck_assert_int_eq(back.loans[0].mode, LOANS_EXCLUSIVE);
	free(text);
}
END_TEST

START_TEST(the_schema_is_the_documented_one)
{
	static const char *const keys[] = {"schema", "name",	 "topology", "slices", "host",
					   "unused", "decision", "warnings", "notes"};
	static const char *const slice_keys[] = {"id",	   "name",	 "cpus",  "nodes",
						 "cores",  "packages",	 "slots", "address",
						 "memory", "jvm_options"};
	struct err e = {0};
	json_t *json, *slice;
	char *text;

	make_plan("paper-8x15");
	ck_assert_int_eq(plan_json_format(&plan, &t, &text, &e), 0);
	json = json_loads(text, 0, NULL);
	free(text);
	ck_assert_ptr_nonnull(json);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		ck_assert_msg(json_object_get(json, keys[i]) != NULL, "%s", keys[i]);
	slice = json_array_get(json_object_get(json, "slices"), 0);
	for (size_t i = 0; i < sizeof(slice_keys) / sizeof(*slice_keys); i++)
		ck_assert_msg(json_object_get(slice, slice_keys[i]) != NULL, "%s", slice_keys[i]);
	ck_assert_str_eq(json_string_value(json_object_get(json, "schema")), "cleave.plan/1");
	ck_assert_str_eq(json_string_value(json_object_get(slice, "address")), "127.0.0.10");
	ck_assert_int_eq(json_table_read(&plan_table, json, &back, &e), 0);
	json_decref(json);
}
END_TEST

/* What one change of the JSON is answered with. */
static void expect(const json_t *whole, const char *path, const char *value, const char *sentence)
{
	json_t *json = json_deep_copy(whole), *at = json;
	struct err e = {0};
	char key[64];

	for (const char *p = path; *p; p += *p == '.') {
		size_t length = strcspn(p, ".");

		snprintf(key, sizeof(key), "%.*s", (int)length, p);
		p += length;
		if (!*p)
			break;
		at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(key, NULL, 10))
				       : json_object_get(at, key);
		ck_assert_msg(at != NULL, "%s", path);
	}
	if (value)
		json_object_set_new(at, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(at, key);
	back.slice_count = 77;
	ck_assert_msg(json_table_read(&plan_table, json, &back, &e) == -EINVAL,
		      "%s = %s was accepted", path, value ? value : "nothing");
	ck_assert_str_eq(e.msg, sentence);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_uint_eq(back.slice_count, 77);
	json_decref(json);
}

START_TEST(foreign_values_are_refused_by_name)
{
	char text[80], number[16];
	struct err e;
	json_t *json;

	make_plan("paper-8x15");
	json = json_table_build(&plan_table, &plan, &e);
	expect(json, "schema", "\"cleave.plan/2\"",
	       "schema: cleave.plan/1 is expected, found cleave.plan/2, "
	       "which another version of cleave writes");
	expect(json, "slices", NULL, "slices: a list of at most 64 is expected");
	expect(json, "slices.1.id", "0", "slices[1]: id is 0 instead of 1");
	expect(json, "slices.1.name", "\"../../etc\"",
	       "slices[1]: name '../../etc' is not a slice's name");
	expect(json, "slices.1.name", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
	       "slices[1]: name: more than 31 bytes");
	expect(json, "slices.2.slots", "-1", "slices[2]: slots: -1 is not in 0 … 2147483647");
	expect(json, "slices.2.cores", "1.5", "slices[2]: cores: an integer is expected");
	expect(json, "slices.0.address", "\"::1\"", "slices[0]: address is not an IPv4 address");
	expect(json, "slices.0.memory.heap_bytes", "\"1\"",
	       "slices[0]: memory: heap_bytes: an integer is expected");
	expect(json, "slices.0.cpus", "7", "slices[0]: cpus: a string is expected");
	expect(json, "slices.0.cpus", "\"4096\"",
	       "slices[0]: cpus: \"4096\" in a CPU list is above 4095, the highest index");
	expect(json, "host.shared", "1", "host: shared: true or false is expected");
	expect(json, "loans.0.to", "8", "loans[0]: to: 8 is not in 0 … 7");
	expect(json, "loans.0.mode", "\"x\"", "loans[0]: mode is 'x', which is none of its words");
	snprintf(text, sizeof(text), "decision: chosen: %u is not in 0 … %u", plan.candidate_count,
		 plan.candidate_count - 1);
	snprintf(number, sizeof(number), "%u", plan.candidate_count);
	expect(json, "decision.chosen", number, text);
	json_decref(json);
}
END_TEST

START_TEST(damaged_bytes_never_crash)
{
	unsigned long long state = test_seed();
	struct err e = {0};
	size_t size;
	char *text;

	make_plan("snc4");
	ck_assert_int_eq(json_table_format(&plan_table, &plan, &text, &e), 0);
	size = strlen(text);
	for (unsigned round = 0; round < 2000; round++) {
		size_t at = random_below(&state, (unsigned)size);
		char was = text[at];

		text[at] = (char)test_random(&state);
		(void)json_table_parse(&plan_table, text, size, &back, &e);
		text[at] = was;
	}
	for (size_t cut = 0; cut < size; cut += 97) {
		char *part = malloc(cut + 1);

		memcpy(part, text, cut);
		ck_assert_int_lt(json_table_parse(&plan_table, part, cut, &back, &e), 0);
		free(part);
	}
	ck_assert_int_lt(json_table_parse(&plan_table, text, (size_t)JSON_MAX_BYTES + 1, &back, &e),
			 0);
	free(text);
}
END_TEST

TEST_MAIN("plan_json",
	  test_case("round trip", plans_come_back_equal, loans_come_back,
		    the_schema_is_the_documented_one),
	  test_case("foreign", foreign_values_are_refused_by_name, damaged_bytes_never_crash))
