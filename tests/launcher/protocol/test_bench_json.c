/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison's file: written and read back equal, what was not measured as null; what follows
 * from the runs stands in it for scripts; foreign bytes are refused by name.
 */

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/bench_json.h"
#include "launcher/system/files.h"
#include "tests/harness.h"

static struct bench b, again;
static unsigned long long state;

static unsigned below(unsigned n)
{
	return (unsigned)(test_random(&state) % n);
}

static double share_or_none(void)
{
	return below(3) ? (double)below(1001) / 1000 : -1;
}

/* Any bytes but NUL. */
static void random_text(char *to, size_t size)
{
	size_t length = below((unsigned)size);

	for (size_t i = 0; i < length; i++)
		to[i] = (char)(1 + below(255));
	to[length] = '\0';
}

static void example(void)
{
	memset(&b, 0, sizeof(b));
	string_copy(b.name, "cleave");
	string_copy(b.workload, "wordcount");
	string_copy(b.application, "count.py <a> \"b\"");
	string_copy(b.made, "2026-11-21T15:04:05Z");
	b.java = 17;
	b.data_bytes = 80000000;
	b.repetitions = 3;
	b.case_count = 3;
	b.cases[0] = (struct bench_case){.side = BENCH_PLAIN, .gc = GC_G1, .cores = 4, .slices = 1};
	b.cases[1] = (struct bench_case){.side = BENCH_LENT, .gc = GC_G1, .cores = 4, .slices = 2};
	b.cases[2] = (struct bench_case){.side = BENCH_BALANCED, .gc = GC_G1};
	string_copy(b.cases[2].skipped, "this kernel does not balance");
	b.run_count = 6;
	for (unsigned i = 0; i < b.run_count; i++)
		b.runs[i] = (struct bench_run){.case_id = i % 2,
					       .repetition = i / 2,
					       .seconds = i % 2 ? 4 + 0.1 * i : 8 + 0.1 * i,
					       .start_seconds = -1,
					       .cpu_idle = 0.25,
					       .gc_seconds = i,
					       .local_share = i % 2 ? 1 : -1,
					       .peak_bytes = 1000 + i,
					       .written_bytes = UINT64_MAX};
}

static void random_example(void)
{
	example();
	random_text(b.workload, sizeof(b.workload));
	random_text(b.machine, sizeof(b.machine));
	b.note_count = below(BENCH_NOTES + 1);
	for (unsigned i = 0; i < b.note_count; i++)
		random_text(b.notes[i], BENCH_TEXT);
	b.is_interrupted = below(2);
	b.repetitions = 8;
	b.case_count = 2 + below(BENCH_CASES - 1);
	for (unsigned i = 0; i < b.case_count; i++) {
		b.cases[i] = (struct bench_case){.side = (enum bench_side)below(BENCH_SIDES),
						 .gc = (enum gc)(1 + below(GC_SERIAL)),
						 .cores = 1 + below(TOPOLOGY_CPUS),
						 .slices = 1 + below(SLICES_MAX),
						 .is_sweep = below(2)};
		if (i > 1 && below(3) == 0)
			random_text(b.cases[i].skipped, BENCH_TEXT);
	}
	b.run_count = 0;
	for (unsigned next; (next = bench_next(&b)) < b.case_count && below(500);) {
		struct bench_run *run = &b.runs[b.run_count++];

		*run = (struct bench_run){.case_id = next,
					  .seconds = 0.001 + below(1000000) / 7.0,
					  .start_seconds = share_or_none(),
					  .cpu_idle = share_or_none(),
					  .gc_seconds = share_or_none(),
					  .local_share = share_or_none(),
					  .peak_bytes = below(2) ? UINT64_MAX : below(1u << 31),
					  .written_bytes = below(2) ? UINT64_MAX : 0};
		for (unsigned i = 0; i + 1 < b.run_count; i++)
			run->repetition += b.runs[i].case_id == next;
		if (below(9) == 0)
			random_text(run->failed, BENCH_TEXT);
	}
}

static void ck_equal(unsigned round)
{
	/* Texts are compared as texts: what is behind their NUL is nobody's. */
	ck_assert_msg(!strcmp(b.name, again.name) && !strcmp(b.workload, again.workload) &&
			      !strcmp(b.application, again.application) &&
			      !strcmp(b.machine, again.machine) && !strcmp(b.spark, again.spark) &&
			      !strcmp(b.made, again.made) && b.java == again.java &&
			      b.data_bytes == again.data_bytes &&
			      b.repetitions == again.repetitions &&
			      b.is_interrupted == again.is_interrupted &&
			      b.note_count == again.note_count &&
			      b.case_count == again.case_count && b.run_count == again.run_count,
		      "seed %lu, round %u", test_seed(), round);
	for (unsigned i = 0; i < b.note_count; i++)
		ck_assert_str_eq(b.notes[i], again.notes[i]);
	for (unsigned i = 0; i < b.case_count; i++) {
		const struct bench_case *c = &b.cases[i], *d = &again.cases[i];

		ck_assert_msg(c->side == d->side && c->gc == d->gc && c->cores == d->cores &&
				      c->slices == d->slices && c->is_sweep == d->is_sweep &&
				      !strcmp(c->skipped, d->skipped),
			      "seed %lu, round %u, case %u", test_seed(), round, i);
	}
	for (unsigned i = 0; i < b.run_count; i++) {
		const struct bench_run *c = &b.runs[i], *d = &again.runs[i];

		ck_assert_msg(
			c->case_id == d->case_id && c->repetition == d->repetition &&
				c->seconds == d->seconds && c->start_seconds == d->start_seconds &&
				c->cpu_idle == d->cpu_idle && c->gc_seconds == d->gc_seconds &&
				c->local_share == d->local_share &&
				c->peak_bytes == d->peak_bytes &&
				c->written_bytes == d->written_bytes &&
				!strcmp(c->failed, d->failed),
			"seed %lu, round %u, run %u", test_seed(), round, i);
	}
}

START_TEST(it_comes_back_equal)
{
	char path[PROFILE_PATH];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/bench.json", test_directory());
	state = test_seed();
	for (unsigned round = 0; round < 40; round++) {
		if (round == 0)
			example();
		else
			random_example();
		ck_assert_msg(bench_write(path, &b, &e) == 0, "%s", e.msg);
		ck_assert_msg(bench_read(path, &again, &e) == 0, "seed %lu, round %u: %s",
			      test_seed(), round, e.msg);
		ck_equal(round);
	}
}
END_TEST

/* The largest that there is can be read back: it is below the bound of what is read. */
START_TEST(the_largest_fits)
{
	cleanup_free char *text = NULL;
	struct err e = {0};

	example();
	b.repetitions = 8;
	b.case_count = BENCH_CASES;
	b.run_count = BENCH_RUNS;
	b.note_count = BENCH_NOTES;
	for (unsigned i = 0; i < BENCH_CASES; i++)
		b.cases[i] = b.cases[i % 2];
	for (unsigned i = 0; i < BENCH_RUNS; i++) {
		b.runs[i] = b.runs[1];
		b.runs[i].case_id = i / 8;
		b.runs[i].repetition = i % 8;
		b.runs[i].seconds = 1000 / 3.0;
		memset(b.runs[i].failed, 0xff, BENCH_TEXT - 1);
	}
	ck_assert_msg(bench_format(&b, &text, &e) == 0, "%s", e.msg);
	ck_assert_msg(json_table_parse(&bench_table, text, strlen(text), &again, &e) == 0, "%s",
		      e.msg);
	ck_equal(0);
}
END_TEST

START_TEST(scripts_find_what_follows)
{
	cleanup_free char *text = NULL;
	const char *verdict, *sentence;
	char said[BENCH_TEXT];
	double ratio, median, most, times;
	int count, peak_is_null, bytes_count;
	struct err e = {0};
	json_t *root, *local;

	example();
	ck_assert_int_eq(bench_format(&b, &text, &e), 0);
	root = json_loads(text, 0, NULL);
	ck_assert_int_eq(json_unpack(root, "{s{ss ss sf}}", "result", "verdict", &verdict,
				     "sentence", &sentence, "ratio", &ratio),
			 0);
	bench_sentence(&b, said);
	ck_assert_str_eq(verdict, "paid");
	ck_assert_str_eq(sentence, said);
	ck_assert_double_eq(ratio, bench_result(&b).ratio);
	ck_assert_int_eq(json_unpack(json_array_get(json_object_get(root, "cases"), 1),
				     "{sf s{s{si sF sF} s{si}}}", "times_plain", &times, "figures",
				     "seconds", "count", &count, "median", &median, "max", &most,
				     "peak_bytes", "count", &bytes_count),
			 0);
	ck_assert_int_eq(count, 3);
	ck_assert_int_eq(bytes_count, 3);
	ck_assert_double_eq(median, bench_spread(&b, 1, BENCH_SECONDS).median);
	ck_assert_double_eq(most, bench_spread(&b, 1, BENCH_SECONDS).max);
	ck_assert_double_eq(times, bench_times_plain(&b, 1));
	/* never a number that was not measured */
	local = json_object_get(
		json_object_get(json_array_get(json_object_get(root, "cases"), 0), "figures"),
		"local_share");
	ck_assert(json_is_null(local));
	peak_is_null = json_is_null(
		json_object_get(json_array_get(json_object_get(root, "runs"), 0), "written_bytes"));
	ck_assert(peak_is_null);
	ck_assert_ptr_null(strstr(text, ": -"));
	ck_assert_ptr_null(strstr(text, "18446744073709551615"));
	json_decref(root);
}
END_TEST

/* Without a verdict there is no ratio. */
START_TEST(unknown_has_no_figures)
{
	cleanup_free char *text = NULL;
	struct err e = {0};
	const char *verdict;
	json_t *root, *found, *ratio, *best;

	example();
	b.run_count = 1;
	ck_assert_int_eq(bench_format(&b, &text, &e), 0);
	root = json_loads(text, 0, NULL);
	found = json_object_get(root, "result");
	ck_assert_int_eq(json_unpack(found, "{ss so so}", "verdict", &verdict, "ratio", &ratio,
				     "best", &best),
			 0);
	ck_assert_str_eq(verdict, "unknown");
	ck_assert(json_is_null(ratio) && json_is_null(best));
	json_decref(root);
}
END_TEST

/* ---- foreign bytes */

/* The text of the example with one member replaced by a JSON value; "" removes it. */
static char *text_with(const char *list, const char *key, const char *value)
{
	char *text = NULL;
	json_t *root, *inside;
	struct err e;

	example();
	ck_assert_int_eq(bench_format(&b, &text, &e), 0);
	root = json_loads(text, 0, NULL);
	free(text);
	inside = *list ? json_array_get(json_object_get(root, list), 0) : root;
	if (*value)
		json_object_set_new(inside, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(inside, key);
	text = json_dumps(root, 0);
	json_decref(root);
	return text;
}

START_TEST(bad_values_are_named)
{
	static const struct {
		const char *list, *key, *value, *said;
	} bad[] = {
		{"", "schema", "\"cleave.bench/2\"", "cleave.bench/1"},
		{"", "name", "\"a-name-that-is-longer-than-31-bytes\"", "name: more than"},
		{"", "workload", "3", "workload"},
		{"", "repetitions", "0", "repetitions: 0"},
		{"", "repetitions", "101", "repetitions: 101"},
		{"", "repetitions", "2", "runs[4]: repetition: 2"},
		{"", "interrupted", "1", "interrupted"},
		{"", "data_bytes", "-1", "data_bytes: -1"},
		{"", "notes", "[1]", "notes[0]"},
		{"", "cases", "[]", "runs[0]: case: 0"},
		{"", "cases", "{}", "cases"},
		{"", "runs", "[7]", "runs[0]: case"},
		{"cases", "side", "\"sideways\"", "sideways"},
		{"cases", "gc", "\"auto\"", "cases[0]: gc"},
		{"cases", "slices", "65", "cases[0]: slices: 65"},
		{"cases", "cores", "0", "cases[0]: cores: 0"},
		{"cases", "skipped", "\"no\"", "runs[0]: case: 0"},
		{"cases", "skipped", "false", "skipped"},
		{"runs", "case", "128", "runs[0]: case: 128"},
		{"runs", "case", "3", "runs[0]: case: 3"},
		{"runs", "case", "1", "repetition 0 already"},
		{"runs", "seconds", "null", "runs[0]: seconds"},
		{"runs", "seconds", "", "runs[0]: seconds"},
		{"runs", "seconds", "\"3\"", "runs[0]: seconds"},
		{"runs", "seconds", "1e10", "runs[0]: seconds"},
		{"runs", "gc_seconds", "-3", "runs[0]: gc_seconds"},
		{"runs", "cpu_idle", "1.5", "runs[0]: a share"},
		{"runs", "peak_bytes", "1.5", "runs[0]: peak_bytes"},
		{"runs", "failed", "[]", "runs[0]: failed"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cleanup_free char *text = text_with(bad[i].list, bad[i].key, bad[i].value);
		struct err e = {0};

		again.run_count = 77;
		ck_assert_msg(json_table_parse(&bench_table, text, strlen(text), &again, &e) < 0,
			      "%s.%s: %s was taken", bad[i].list, bad[i].key, bad[i].value);
		ck_assert_msg(strstr(e.msg, bad[i].said) && e.exit == ERR_WRONG, "%s.%s: '%s'",
			      bad[i].list, bad[i].key, e.msg);
		ck_assert_uint_eq(again.run_count, 77);
	}
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	cleanup_free char *text = text_with("", "java", "17");
	struct err e = {0};

	for (size_t size = 0; size < strlen(text); size++)
		ck_assert_msg(json_table_parse(&bench_table, text, size, &again, &e) < 0 &&
				      e.exit == ERR_WRONG,
			      "%zu bytes were taken", size);
	ck_assert(bench_read("/nonexistent/bench.json", &again, &e) < 0 && e.exit == ERR_WRONG);
	ck_assert_ptr_nonnull(strstr(e.msg, "/nonexistent/bench.json"));
}
END_TEST

/* The file's own figures are not believed. */
START_TEST(what_follows_is_not_read)
{
	cleanup_free char *text = text_with("", "result", "{\"verdict\": 3}");
	cleanup_free char *without = text_with("cases", "figures", "");
	struct err e = {0};

	ck_assert_int_eq(json_table_parse(&bench_table, text, strlen(text), &again, &e), 0);
	ck_equal(0);
	ck_assert_int_eq(json_table_parse(&bench_table, without, strlen(without), &again, &e), 0);
	ck_equal(0);
}
END_TEST

TEST_MAIN("bench_json",
	  test_case("text", it_comes_back_equal, the_largest_fits, scripts_find_what_follows,
		    unknown_has_no_figures),
	  test_case("foreign", bad_values_are_named, every_truncation_is_refused,
		    what_follows_is_not_read))
