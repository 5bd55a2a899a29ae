/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a profile: what is written reads back to the same, for any values; the keys not in
 * force yet.
 */

#include "decision/base/cleanup.h"
#include "profiles/fields.h"
#include "profiles/load.h"
#include "tests/harness.h"
#include "tests/profiles/values.h"

START_TEST(any_profile_reads_back)
{
	static struct profile wanted, got;
	unsigned long long state = test_seed();
	struct err e;

	for (unsigned i = 0; i < 2000; i++) {
		cleanup_free char *text = NULL;

		values_random(&state, &wanted);
		ck_assert_int_eq(profile_emit(&wanted, &text, &e), 0);
		ck_assert_msg(profile_parse(text, strlen(text), "p.yaml", &got, &e) == 0,
			      "seed %lu, profile %u: %s\n%s", test_seed(), i, e.msg, text);
		ck_assert_msg(!values_difference(&wanted, &got),
			      "seed %lu, profile %u: %s differs\n%s", test_seed(), i,
			      values_difference(&wanted, &got), text);
	}
}
END_TEST

/* Twice the same text: nothing in it depends on what the unused bytes of the struct hold. */
START_TEST(reading_back_writes_the_same)
{
	static struct profile wanted, got;
	unsigned long long state = test_seed();
	struct err e;

	for (unsigned i = 0; i < 200; i++) {
		cleanup_free char *first = NULL, *second = NULL;

		values_random(&state, &wanted);
		profile_emit(&wanted, &first, &e);
		memset(&got, 0xa5, sizeof(got));
		ck_assert_int_eq(profile_parse(first, strlen(first), "p.yaml", &got, &e), 0);
		profile_emit(&got, &second, &e);
		ck_assert_str_eq(first, second);
	}
}
END_TEST

START_TEST(all_keys_are_written_in_order)
{
	static struct profile p;
	cleanup_free char *text = NULL;
	const char *at;
	struct err e;

	profile_default(&p);
	ck_assert_int_eq(profile_emit(&p, &text, &e), 0);
	at = text;
	for (unsigned i = 0; i < profile_fields.count; i++) {
		const char *dot = strrchr(profile_fields.list[i].path, '.');
		char name[FIELD_PATH_MAX];

		snprintf(name, sizeof(name), "%s:", dot ? dot + 1 : profile_fields.list[i].path);
		at = strstr(at, name);
		ck_assert_msg(at, "%s is not where it should be in\n%s",
			      profile_fields.list[i].path, text);
		at += strlen(name);
	}
	ck_assert(strstr(text, "\n  reserve:\n    cores: auto "));
	ck_assert(strstr(text, "# 1..64 | auto; "));
}
END_TEST

START_TEST(lists_are_written_as_blocks)
{
	static const char in[] = "io: [{device: 8:0, read_bps: 209715200}]\n"
				 "jvm: {options: [-ea, \"-Da=#\"]}\n"
				 "spark: {conf: {spark.x: \"a\\nb\", spark.y: 4}}\n"
				 "services: [{name: dn, command: [/bin/dn, '1'], env: {A: ''}}]\n";
	static struct profile p;
	cleanup_free char *text = NULL;
	struct err e;

	ck_assert_msg(profile_parse(in, strlen(in), "p.yaml", &p, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(profile_emit(&p, &text, &e), 0);
	ck_assert_msg(strstr(text, "\nio:\n"
				   "  - device: \"8:0\"\n"
				   "    read_bps: 200M\n"
				   "    write_bps: 0\n"
				   "    read_iops: 0\n"
				   "    write_iops: 0\n"
				   "jvm:\n"),
		      "%s", text);
	ck_assert_msg(strstr(text, "  options:\n    - \"-ea\"\n    - \"-Da=#\"\nspark:\n"), "%s",
		      text);
	ck_assert_msg(
		strstr(text, "  conf:\n    spark.x: \"a\\nb\"\n    spark.y: \"4\"\n  env: {}\n"),
		"%s", text);
	ck_assert_msg(strstr(text, "\nservices:\n"
				   "  - name: dn\n"
				   "    command:\n"
				   "      - \"/bin/dn\"\n"
				   "      - \"1\"\n"
				   "    env:\n"
				   "      A: \"\"\n"
				   "security:\n"),
		      "%s", text);
}
END_TEST

static const char *not_yet(const char *text)
{
	static struct profile p;
	static char joined[512];
	struct strings keys;
	size_t used = 0;
	struct err e;

	ck_assert_msg(profile_parse(text, strlen(text), "p.yaml", &p, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(profile_not_yet(&p, &keys), 0);
	joined[0] = '\0';
	strings_for_each(key, &keys)
	{
		used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%s",
					 used ? " " : "", key);
	}
	return joined;
}

#define QUIET "rebalance: {mode: off}\n"

START_TEST(keys_not_in_force_are_named)
{
	ck_assert_str_eq(not_yet(""), "");
	ck_assert_str_eq(not_yet(QUIET), "");
	ck_assert_str_eq(
		not_yet(QUIET "partition: {by: numa}\nmemory: {heap: 4G, scratch: {path: /x}}\n"),
		"");
	ck_assert_str_eq(not_yet(QUIET "backend: cgroup\n"), "");
	ck_assert_str_eq(not_yet(QUIET "backend: docker\ndocker: {image: x}\n"), "");
	ck_assert_str_eq(not_yet(QUIET "workload: {type: grep, data: {path: /x, size: 1G}}\n"), "");
	ck_assert_str_eq(
		not_yet(QUIET "memory: {give_back: idle, scratch: {type: tmpfs, size: 1G}}\n"),
		"memory.scratch.type memory.scratch.size memory.give_back");
	ck_assert_str_eq(
		not_yet(QUIET
			"services: [{name: a, command: [b]}]\nmetrics: {listen: 127.0.0.1:1}\n"),
		"services metrics.listen");
}
END_TEST

TEST_MAIN("profiles: writing",
	  test_case("round trip", any_profile_reads_back, reading_back_writes_the_same),
	  test_case("form", all_keys_are_written_in_order, lists_are_written_as_blocks),
	  test_case("not yet", keys_not_in_force_are_named))
