/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model file: written and read back equal; what is truncated, negative, not finite or of
 * another machine is refused by name.
 */

#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "decision/base/cleanup.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/model_file.h"
#include "launcher/system/files.h"
#include "tests/harness.h"

static struct topology machine;

static void example(struct model *out)
{
	*out = (struct model){.error = 0.04,
			      .type = WORKLOAD_GREP,
			      .machine = {"AMD \"EPYC\"", 2, 2, 32, 64, 0xdeadbeef},
			      .made = "2026-11-21T15:04:05Z",
			      .run_count = 2,
			      .runs = {{1, 32, 1, 64, 1 << 30, false, 20.25, 21.5},
				       {2, 16, 4, 32, 1 << 28, true, 18, 17.75}}};
	for (unsigned i = 0; i < COST_TERMS; i++) {
		out->theta.c[i] = 0.1 * i;
		out->confidence[i] = 0.05 * i;
	}
}

static bool is_equal(const struct model *a, const struct model *b)
{
	for (unsigned i = 0; i < COST_TERMS; i++)
		if (a->theta.c[i] != b->theta.c[i] || a->confidence[i] != b->confidence[i])
			return false;
	for (unsigned i = 0; i < a->run_count; i++)
		if (a->runs[i].slices != b->runs[i].slices ||
		    a->runs[i].cores != b->runs[i].cores ||
		    a->runs[i].executors != b->runs[i].executors ||
		    a->runs[i].slots != b->runs[i].slots ||
		    a->runs[i].is_warm != b->runs[i].is_warm ||
		    a->runs[i].data_bytes != b->runs[i].data_bytes ||
		    a->runs[i].predicted != b->runs[i].predicted ||
		    a->runs[i].measured != b->runs[i].measured)
			return false;
	return a->error == b->error && a->type == b->type && a->run_count == b->run_count &&
	       !strcmp(a->made, b->made) && !strcmp(a->machine.cpu, b->machine.cpu) &&
	       a->machine.cpus == b->machine.cpus && a->machine.distances == b->machine.distances;
}

START_TEST(it_comes_back_equal)
{
	char path[PROFILE_PATH];
	struct model m, again;
	struct err e;

	example(&m);
	snprintf(path, sizeof(path), "%s/model.json", test_directory());
	ck_assert_msg(model_write(path, &m, &e) == 0, "%s", e.msg);
	ck_assert_msg(model_read(path, &again, &e) == 0, "%s", e.msg);
	ck_assert(is_equal(&m, &again));
}
END_TEST

/* The text of the example with one member replaced by a JSON value. */
static char *text_with(const char *object, const char *key, const char *value)
{
	struct model m;
	char *text = NULL;
	json_t *root, *inside;
	struct err e;

	example(&m);
	ck_assert_int_eq(json_table_format(&model_table, &m, &text, &e), 0);
	root = json_loads(text, 0, NULL);
	free(text);
	inside = *object ? json_object_get(root, object) : root;
	if (json_is_array(inside))
		inside = json_array_get(inside, 0);
	json_object_set_new(inside, key, json_loads(value, JSON_DECODE_ANY, NULL));
	text = json_dumps(root, 0);
	json_decref(root);
	return text;
}

START_TEST(bad_values_are_named)
{
	static const struct {
		const char *object, *key, *value, *said;
	} bad[] = {
		{"", "schema", "\"cleave.model/3\"", "cleave.model/2"},
		{"", "made", "\"yesterday\"", "made: yesterday is no date"},
		{"", "workload", "\"auto\"", "workload"},
		{"", "workload", "\"sorting\"", "sorting"},
		{"", "error", "-0.1", "error: -0.1"},
		{"", "runs", "[]", "runs: 0"},
		{"", "coefficients", "[1,2]", "coefficients"},
		{"coefficients", "gc", "-1e-9", "coefficients.gc: -1e-09"},
		{"coefficients", "work", "1e300", "coefficients.work: 1e+300"},
		{"coefficients", "tail", "\"3\"", "coefficients: tail"},
		{"confidence", "slice", "1.5", "confidence.slice: 1.5"},
		{"machine", "cpus", "0", "machine"},
		{"machine", "nodes", "100000", "nodes: 100000"},
		{"runs", "measured_s", "0", "runs.0"},
		{"runs", "predicted_s", "-3", "runs.0"},
		{"runs", "slices", "65", "slices: 65"},
		{"runs", "executors", "0", "runs.0"},
		{"runs", "slots", "0", "0 slots"},
		{"runs", "warm", "1", "warm"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_free char *text = text_with(bad[i].object, bad[i].key, bad[i].value);
		struct model m = {.run_count = 77};
		struct err e = {0};

		ck_assert_msg(json_table_parse(&model_table, text, strlen(text), &m, &e) < 0,
			      "%s.%s: %s was taken", bad[i].object, bad[i].key, bad[i].value);
		ck_assert_msg(strstr(e.msg, bad[i].said) && e.exit == ERR_WRONG, "%s.%s: '%s'",
			      bad[i].object, bad[i].key, e.msg);
		ck_assert(m.run_count == 77);
	}
}
END_TEST

/* JSON has no infinity: a number that overflows is no number to jansson. */
START_TEST(every_truncation_is_refused)
{
	cleanup_free char *text = text_with("", "error", "0.5");
	cleanup_free char *over = text_with("", "error", "0.123456");
	char *number = strstr(over, "0.123456");
	struct model m;
	struct err e;

	for (size_t size = 0; size < strlen(text); size++)
		ck_assert_msg(json_table_parse(&model_table, text, size, &m, &e) < 0 &&
				      e.exit == ERR_WRONG,
			      "%zu bytes were taken", size);
	memcpy(number, "1e999   ", 8);
	ck_assert(json_table_parse(&model_table, over, strlen(over), &m, &e) < 0 &&
		  e.exit == ERR_WRONG);
	ck_assert(model_read("/nonexistent/model.json", &m, &e) < 0);
	ck_assert(e.exit == ERR_WRONG && strstr(e.msg, "/nonexistent/model.json") &&
		  strstr(e.msg, "cleave tune"));
}
END_TEST

/* What an older cleave wrote has other terms: the sentence says what to do. */
START_TEST(an_older_model_is_refused)
{
	cleanup_free char *text = text_with("", "schema", "\"cleave.model/1\"");
	char path[PROFILE_PATH];
	struct model m;
	struct err e;

	snprintf(path, sizeof(path), "%s/older.json", test_directory());
	ck_assert_int_eq(file_replace(path, text, strlen(text), 0600, &e), 0);
	ck_assert(model_read(path, &m, &e) < 0 && e.exit == ERR_WRONG);
	ck_assert(strstr(e.msg, "older.json") && strstr(e.msg, "older cleave") &&
		  strstr(e.msg, "cleave tune again"));
}
END_TEST

/* ---- which machine */

static const struct roots synthetic = {.topology = "pack:2 numa:1(memory=16GB) core:4 pu:1"};

START_TEST(another_machine_is_told_apart)
{
	struct machine_identity here, there;
	struct model m;
	struct cpuset mask;
	struct err e;

	example(&m);
	ck_assert_int_eq(load_topology(&synthetic, &machine, &mask, &e), 0);
	machine_identify(&machine, "A", &here);
	m.machine = here;
	ck_assert_int_eq(model_check_machine(&m, &here, &e), 0);
	there = here;
	string_copy(there.cpu, "B");
	ck_assert(model_check_machine(&m, &there, &e) < 0 && e.exit == ERR_IMPOSSIBLE);
	ck_assert(strstr(e.msg, "processor A") && strstr(e.msg, "model_force"));
	there.cpu[0] = '\0';
	ck_assert_int_eq(model_check_machine(&m, &there, &e), 0);
	there.cores++;
	ck_assert(model_check_machine(&m, &there, &e) < 0 && strstr(e.msg, "cores: 8"));
	machine.has_distances = true;
	machine.distance[0][1] = 31;
	machine_identify(&machine, "A", &there);
	ck_assert(model_check_machine(&m, &there, &e) < 0 && strstr(e.msg, "distances"));
}
END_TEST

static int decide(const struct roots *roots, const struct profile *p, struct inputs *in,
		  struct err *e)
{
	in->profile = *p;
	return inputs_read(roots, in, e) < 0 ? e->code : inputs_decide(in, e);
}

/* The key of the profile: used on its machine, refused on another, taken by force. */
START_TEST(the_profile_names_it)
{
	static const struct roots other = {.topology = "pack:4 numa:1(memory=16GB) core:4 pu:1"};
	cleanup_free struct inputs *in = calloc(1, sizeof(*in));
	cleanup_free struct profile *p = calloc(1, sizeof(*p));
	struct model m;
	struct cpuset mask;
	struct err e;

	profile_default(p);
	snprintf(p->workload.model, sizeof(p->workload.model), "%s/named.json", test_directory());
	ck_assert(decide(&synthetic, p, in, &e) < 0 && e.exit == ERR_WRONG);
	example(&m);
	ck_assert_int_eq(load_topology(&synthetic, &machine, &mask, &e), 0);
	machine_identify(&machine, "", &m.machine);
	ck_assert_int_eq(model_write(p->workload.model, &m, &e), 0);
	ck_assert_msg(decide(&synthetic, p, in, &e) == 0, "%s", e.msg);
	ck_assert(in->facts.has_model && in->facts.model.c[COST_WORK] == m.theta.c[COST_WORK]);
	ck_assert(in->profile.workload.type == WORKLOAD_GREP);
	ck_assert(decide(&other, p, in, &e) < 0 && e.exit == ERR_IMPOSSIBLE);
	ck_assert(strstr(e.msg, "named.json") && strstr(e.msg, "packages: 2"));
	p->workload.model_force = true;
	ck_assert_int_eq(decide(&other, p, in, &e), 0);
	ck_assert(in->facts.has_model);
}
END_TEST

TEST_MAIN("model_file",
	  test_case("text", it_comes_back_equal, bad_values_are_named, every_truncation_is_refused,
		    an_older_model_is_refused),
	  test_case("machine", another_machine_is_told_apart, the_profile_names_it))
