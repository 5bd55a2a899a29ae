/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison as a value: the order of its runs, its medians against a slow way to find them,
 * its verdict against the definition, and the sentence.
 */

#include <math.h>

#include "decision/base/strings.h"
#include "decision/plan/bench.h"
#include "tests/harness.h"

enum { ROUNDS = 400 };

static struct bench b;
static unsigned long long state;
static char said[BENCH_TEXT];

static unsigned below(unsigned n)
{
	return (unsigned)(test_random(&state) % n);
}

static double uniform(double low, double high)
{
	return low + (high - low) * (double)(test_random(&state) >> 11) / 9007199254740992.0;
}

/* ---- made-up comparisons */

static void add_case(enum bench_side side, enum gc gc, unsigned slices)
{
	b.cases[b.case_count++] =
		(struct bench_case){.side = side, .gc = gc, .slices = slices, .cores = 16};
}

static struct bench_run *add_run(unsigned case_id, double seconds)
{
	struct bench_run *run = &b.runs[b.run_count++];

	*run = (struct bench_run){.case_id = case_id,
				  .seconds = seconds,
				  .start_seconds = -1,
				  .cpu_idle = -1,
				  .gc_seconds = -1,
				  .local_share = -1,
				  .peak_bytes = UINT64_MAX,
				  .written_bytes = UINT64_MAX};
	for (unsigned i = 0; i + 1 < b.run_count; i++)
		run->repetition += b.runs[i].case_id == case_id;
	return run;
}

static void add_three(unsigned case_id, double first, double second, double third)
{
	add_run(case_id, first);
	add_run(case_id, second);
	add_run(case_id, third);
}

/* Plain Spark at 60 s and eight slices, without runs yet. */
static void begin(void)
{
	memset(&b, 0, sizeof(b));
	b.repetitions = 3;
	add_case(BENCH_PLAIN, GC_PARALLEL, 1);
	add_case(BENCH_SLICED, GC_PARALLEL, 8);
	add_three(0, 61, 60, 62.5);
}

static void begin_random(void)
{
	static const enum gc collectors[] = {GC_PARALLEL, GC_G1, GC_ZGC};
	unsigned n = 1 + below(12);

	memset(&b, 0, sizeof(b));
	b.repetitions = 1 + below(7);
	b.data_bytes = below(2) ? 1 + below(1 << 30) : 0;
	for (unsigned i = 0; i < n; i++) {
		add_case((enum bench_side)below(BENCH_SIDES), collectors[below(3)], 1 + below(8));
		b.cases[i].is_sweep = below(4) == 0;
		if (below(6) == 0)
			string_copy(b.cases[i].skipped, "not on this machine");
	}
}

static void run_all_random(void)
{
	const double spread = below(2) ? 1.001 : 2;

	while (bench_next(&b) < b.case_count) {
		struct bench_run *run = add_run(bench_next(&b), 10 * uniform(1, spread));

		if (below(12) == 0)
			string_copy(run->failed, "it failed");
		if (below(2))
			run->cpu_idle = uniform(0, 1);
		if (below(2))
			run->peak_bytes = below(1 << 30);
	}
}

static void ck_valid(unsigned round)
{
	struct err e = {0};

	ck_assert_msg(bench_check(&b, &e) == 0, "seed %lu, round %u: %s", test_seed(), round,
		      e.msg);
}

/* ---- the order */

START_TEST(sides_take_turns_and_turn_round)
{
	static const unsigned order[] = {0, 2, 3, 3, 2, 0, 0, 2, 3};

	memset(&b, 0, sizeof(b));
	b.repetitions = 3;
	for (unsigned side = 0; side < 4; side++)
		add_case((enum bench_side)side, GC_G1, 1 + (side > 1));
	string_copy(b.cases[1].skipped, "this kernel does not balance");
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++) {
		ck_assert_uint_eq(bench_left(&b), 9 - i);
		ck_assert_uint_eq(bench_next(&b), order[i]);
		add_run(order[i], 1);
	}
	ck_assert_uint_eq(bench_next(&b), b.case_count);
	ck_assert_uint_eq(bench_left(&b), 0);
}
END_TEST

START_TEST(a_case_that_failed_is_done)
{
	begin();
	b.run_count = 0;
	string_copy(add_run(0, 9)->failed, "out of memory");
	ck_assert_uint_eq(bench_left(&b), 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(bench_next(&b), 1);
		add_run(1, 1);
	}
	ck_assert_uint_eq(bench_next(&b), b.case_count);
}
END_TEST

START_TEST(there_is_room_for_all_that_is_next)
{
	memset(&b, 0, sizeof(b));
	b.repetitions = BENCH_REPETITIONS_MAX;
	for (unsigned i = 0; i < BENCH_CASES; i++)
		add_case(BENCH_SLICED, GC_G1, 2);
	for (unsigned i = 0; i < BENCH_RUNS; i++) {
		ck_assert_uint_eq(bench_left(&b), BENCH_RUNS - i);
		ck_assert_uint_lt(bench_next(&b), BENCH_CASES);
		add_run(bench_next(&b), 1);
	}
	ck_assert_uint_eq(bench_next(&b), b.case_count);
	ck_assert_uint_eq(bench_left(&b), 0);
}
END_TEST

/* At every moment no open case is more than one run ahead, and what is left is what comes. */
START_TEST(random_orders)
{
	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned counts[BENCH_CASES] = {0}, left;

		begin_random();
		left = bench_left(&b);
		while (bench_next(&b) < b.case_count) {
			const unsigned next = bench_next(&b);
			const bool fails = below(10) == 0;
			struct bench_run *run;

			ck_assert(!b.cases[next].skipped[0]);
			for (unsigned i = 0; i < b.case_count; i++)
				ck_assert_msg(b.cases[i].skipped[0] || counts[i] >= counts[next],
					      "seed %lu, round %u", test_seed(), round);
			run = add_run(next, 1);
			counts[next]++;
			left--;
			if (fails) {
				string_copy(run->failed, "it failed");
				left -= b.repetitions - counts[next];
				counts[next] = BENCH_RUNS;
			}
			ck_assert_msg(bench_left(&b) == left, "seed %lu, round %u: %u, not %u",
				      test_seed(), round, bench_left(&b), left);
		}
		ck_assert_uint_eq(left, 0);
		ck_valid(round);
	}
}
END_TEST

/* ---- figures */

/* The value that has as many below as above it, or the mean of the two nearest to that. */
static double slow_median(const double *values, unsigned n)
{
	double low = 0, high = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned less = 0, equal = 0;

		for (unsigned k = 0; k < n; k++) {
			less += values[k] < values[i];
			equal += values[k] == values[i];
		}
		if (less <= (n - 1) / 2 && (n - 1) / 2 < less + equal)
			low = values[i];
		if (less <= n / 2 && n / 2 < less + equal)
			high = values[i];
	}
	return (low + high) / 2;
}

START_TEST(random_spreads)
{
	state = test_seed() + 1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned metric = below(BENCH_METRICS);
		double values[BENCH_RUNS];
		struct bench_spread s;
		unsigned n = 0;

		begin_random();
		run_all_random();
		s = bench_spread(&b, 0, (enum bench_metric)metric);
		for (unsigned i = 0; i < b.run_count; i++) {
			double value = bench_value(&b, &b.runs[i], (enum bench_metric)metric);

			if (b.runs[i].case_id != 0 || b.runs[i].failed[0] || value < 0)
				continue;
			ck_assert(s.min <= value && value <= s.max);
			values[n++] = value;
		}
		ck_assert_msg(s.count == n && (n == 0 || s.median == slow_median(values, n)),
			      "seed %lu, round %u: %u of %u, %g", test_seed(), round, s.count, n,
			      s.median);
	}
}
END_TEST

START_TEST(what_was_not_measured_is_no_figure)
{
	begin();
	ck_assert_uint_eq(bench_spread(&b, 0, BENCH_SECONDS).count, 3);
	ck_assert_uint_eq(bench_spread(&b, 0, BENCH_THROUGHPUT).count, 0);
	b.data_bytes = 120000000;
	ck_assert_double_eq(bench_spread(&b, 0, BENCH_THROUGHPUT).max, 2e6);
	for (unsigned m = BENCH_CPU_IDLE; m < BENCH_METRICS; m++)
		ck_assert_uint_eq(bench_spread(&b, 0, (enum bench_metric)m).count, 0);
	b.runs[1].peak_bytes = 77;
	ck_assert_uint_eq(bench_spread(&b, 0, BENCH_PEAK).count, 1);
	ck_assert_double_eq(bench_spread(&b, 0, BENCH_PEAK).median, 77);
}
END_TEST

/* With the same collector; of the sweep on as many cores. */
START_TEST(plain_is_that_of_the_same_kind)
{
	begin();
	add_three(1, 30, 30, 30);
	ck_assert_double_eq(bench_times_plain(&b, 0), 1);
	ck_assert_double_eq_tol(bench_times_plain(&b, 1), 61.0 / 30, 1e-12);
	add_case(BENCH_SLICED, GC_G1, 8);
	add_run(2, 10);
	ck_assert(bench_times_plain(&b, 2) < 0);
	add_case(BENCH_SLICED, GC_PARALLEL, 4);
	add_case(BENCH_PLAIN, GC_PARALLEL, 1);
	b.cases[3].is_sweep = b.cases[4].is_sweep = true;
	b.cases[3].cores = b.cases[4].cores = 8;
	add_run(3, 50);
	ck_assert(bench_times_plain(&b, 3) < 0);
	add_run(4, 100);
	ck_assert_double_eq(bench_times_plain(&b, 3), 2);
	b.cases[3].cores = 16;
	ck_assert_double_eq(bench_times_plain(&b, 3), 61.0 / 50);
}
END_TEST

/* ---- what came of it */

/* Every pair of runs, instead of their least and most. */
static enum bench_verdict slow_verdict(unsigned plain, unsigned best)
{
	const double p = bench_spread(&b, plain, BENCH_SECONDS).median;
	const double s = bench_spread(&b, best, BENCH_SECONDS).median;
	bool faster = true, slower = true;

	for (unsigned i = 0; i < b.run_count; i++) {
		for (unsigned k = 0; k < b.run_count; k++) {
			if (b.runs[i].case_id != plain || b.runs[k].case_id != best ||
			    b.runs[i].failed[0] || b.runs[k].failed[0])
				continue;
			faster &= b.runs[k].seconds < b.runs[i].seconds;
			slower &= b.runs[k].seconds > b.runs[i].seconds;
		}
	}
	if (fmax(p, s) / fmin(p, s) < 1.02)
		return BENCH_NO_MATTER;
	return faster ? BENCH_PAID : slower ? BENCH_DID_NOT_PAY : BENCH_NO_MATTER;
}

START_TEST(random_results)
{
	static const double steps[] = {0.3, -0.06, 0};
	unsigned seen[BENCH_VERDICTS] = {0};

	state = test_seed() + 2;
	for (unsigned round = 0; round < 4 * ROUNDS; round++) {
		struct bench_result r;

		begin_random();
		run_all_random();
		/* later sides slower, faster, or all alike */
		for (unsigned i = 0; i < b.run_count; i++)
			b.runs[i].seconds *=
				1 + steps[round % 3] * (int)b.cases[b.runs[i].case_id].side;
		r = bench_result(&b);
		seen[r.verdict]++;
		bench_sentence(&b, said);
		ck_assert_msg(said[strlen(said) - 1] == '.', "%s", said);
		ck_assert((r.verdict == BENCH_UNKNOWN) ==
			  (r.plain == b.case_count || r.best == b.case_count));
		if (r.verdict == BENCH_UNKNOWN)
			continue;
		ck_assert_msg(r.verdict == slow_verdict(r.plain, r.best), "seed %lu, round %u: %s",
			      test_seed(), round, said);
		ck_assert(r.least <= r.ratio && r.ratio <= r.most);
		for (unsigned i = 0; i < b.case_count; i++) {
			const struct bench_spread s = bench_spread(&b, i, BENCH_SECONDS);
			const enum bench_side side = b.cases[i].side;
			const bool sliced = side == BENCH_SLICED || side == BENCH_LENT;

			if (s.count == 0 || b.cases[i].is_sweep || side == BENCH_WORKERS)
				continue;
			ck_assert(
				s.median >=
				bench_spread(&b, sliced ? r.best : r.plain, BENCH_SECONDS).median);
		}
	}
	for (unsigned v = 0; v < BENCH_VERDICTS; v++)
		ck_assert_msg(seen[v] > 10, "%s: %u times", bench_verdict_name(v), seen[v]);
}
END_TEST

static void ck_says(const char *text)
{
	bench_sentence(&b, said);
	ck_assert_str_eq(said, text);
}

START_TEST(it_paid)
{
	begin();
	add_three(1, 40, 41.5, 42);
	ck_assert_int_eq(bench_result(&b).verdict, BENCH_PAID);
	ck_says("Slicing paid here: 8 slices took 41.5 s (40.0 … 42.0 s in 3 runs), plain Spark "
		"took 61.0 s (60.0 … 62.5 s in 3 runs): 1.47 times as fast (1.43 … 1.56).");
	/* as many Workers without binding: slower, then as fast */
	add_case(BENCH_WORKERS, GC_PARALLEL, 8);
	add_three(2, 50, 50, 51);
	bench_sentence(&b, said);
	ck_assert_ptr_null(strstr(said, "binding"));
	b.run_count -= 3;
	add_three(2, 41, 41.25, 41.5);
	bench_sentence(&b, said);
	ck_assert_msg(strstr(said, " It is several JVMs that paid, not their binding: 8 Workers "
				   "without binding took 41.2 s (41.0 … 41.5 s in 3 runs)."),
		      "%s", said);
}
END_TEST

START_TEST(it_did_not_pay)
{
	begin();
	b.cases[1].side = BENCH_LENT;
	add_three(1, 70, 71, 73.2);
	ck_assert_int_eq(bench_result(&b).verdict, BENCH_DID_NOT_PAY);
	ck_says("Slicing did not pay here: 8 slices with loans took 71.0 s (70.0 … 73.2 s in 3 "
		"runs), plain Spark took 61.0 s (60.0 … 62.5 s in 3 runs): 1.16 times as long "
		"(1.12 … 1.22).");
}
END_TEST

START_TEST(it_does_not_matter)
{
	begin();
	add_three(1, 52, 55, 60.5);
	ck_says("Slicing made no clear difference here: 8 slices took 55.0 s (52.0 … 60.5 s in 3 "
		"runs), plain Spark took 61.0 s (60.0 … 62.5 s in 3 runs); the medians differ by "
		"11 %, but the runs overlap.");
	begin();
	b.run_count = 0;
	add_three(0, 61, 61, 61);
	add_three(1, 60, 60, 60);
	ck_says("Slicing made no clear difference here: 8 slices took 60.0 s (60.0 … 60.0 s in 3 "
		"runs), plain Spark took 61.0 s (61.0 … 61.0 s in 3 runs); the medians differ by "
		"less than 2 %.");
}
END_TEST

START_TEST(it_is_unknown)
{
	begin();
	b.run_count = 0;
	ck_says("Whether slicing pays here is unknown, for no run of plain Spark counts: there was "
		"none.");
	b.is_interrupted = true;
	ck_says("Whether slicing pays here is unknown, for no run of plain Spark counts: it was "
		"interrupted before. It was interrupted when 6 runs were missing.");
	begin();
	string_copy(b.cases[1].skipped, "one slice is all this machine has.");
	ck_says("Whether slicing pays here is unknown, for no run on slices counts: one slice is "
		"all this machine has.");
	begin();
	string_copy(add_run(1, -1)->failed, "spark-submit ended with 1.\n");
	ck_says("Whether slicing pays here is unknown, for no run on slices counts: spark-submit "
		"ended with 1.");
}
END_TEST

START_TEST(it_is_partial)
{
	begin();
	add_run(1, 40);
	b.is_interrupted = true;
	bench_sentence(&b, said);
	ck_assert_msg(strstr(said, "8 slices took 40.0 s (1 of 3 runs)"), "%s", said);
	ck_assert_msg(strstr(said, " It was interrupted when 2 runs were missing."), "%s", said);
	b.is_interrupted = false;
	string_copy(add_run(1, 3)->failed, "it failed");
	bench_sentence(&b, said);
	ck_assert_msg(strstr(said, " So few runs are little to go by."), "%s", said);
}
END_TEST

/* The fastest of each, whatever its collector, which is then said. */
START_TEST(collectors_are_told_apart)
{
	begin();
	add_case(BENCH_PLAIN, GC_G1, 1);
	add_case(BENCH_BALANCED, GC_G1, 1);
	add_three(1, 40, 41, 42);
	add_three(2, 50, 51, 52);
	add_three(3, 48, 49, 50);
	bench_sentence(&b, said);
	ck_assert_msg(strstr(said, "8 slices under Parallel took 41.0 s"), "%s", said);
	ck_assert_msg(strstr(said, ", plain Spark with balanced pages under G1 took 49.0 s"), "%s",
		      said);
}
END_TEST

/* The longest texts end at a whole character, and in a full stop. */
START_TEST(long_reasons_are_cut)
{
	for (unsigned shift = 0; shift < 4; shift++) {
		char *why;

		begin();
		why = add_run(1, -1)->failed;
		for (unsigned i = 0; i < shift; i++)
			why[i] = 'x';
		for (size_t i = shift; i + 2 < BENCH_TEXT; i += 2)
			memcpy(why + i, "é", 2);
		bench_sentence(&b, said);
		ck_assert_uint_lt(strlen(said), BENCH_TEXT);
		ck_assert_uint_gt(strlen(said), BENCH_TEXT - 8);
		ck_assert_msg(strstr(said, "é…."), "%s", said);
	}
}
END_TEST

START_TEST(numbers_have_three_digits)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0.00"},     {0.516, "0.52"},	{9.994, "9.99"}, {9.996, "10.0"},
		     {41.24, "41.2"}, {415.1, "415.1"}, {999.96, "1000"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(BENCH_NUMBER_STRING(cases[i].value), cases[i].text);
}
END_TEST

/* ---- what a file may not say */

/* And begin anew with what is right. */
static void ck_wrong(const char *text)
{
	struct err e = {0};

	ck_assert(bench_check(&b, &e) < 0);
	ck_assert_msg(e.exit == ERR_WRONG && strstr(e.msg, text), "%s: %s", text, e.msg);
	begin();
	add_three(1, 1, 2, 3);
	ck_valid(0);
}

START_TEST(what_is_out_of_place_is_named)
{
	begin();
	b.repetitions = 0;
	ck_wrong("repetitions: 0");
	b.repetitions = BENCH_REPETITIONS_MAX + 1;
	ck_wrong("repetitions: 101");
	b.cases[1].gc = GC_AUTO;
	ck_wrong("cases[1]: gc");
	b.cases[1].slices = 0;
	ck_wrong("cases[1]: slices: 0");
	b.cases[0].cores = TOPOLOGY_CPUS + 1;
	ck_wrong("cases[0]: cores");
	b.runs[2].case_id = 2;
	ck_wrong("runs[2]: case: 2");
	string_copy(b.cases[0].skipped, "not here");
	ck_wrong("runs[0]: case: 0 is one that is not run");
	b.runs[2].repetition = 3;
	ck_wrong("runs[2]: repetition: 3");
	b.runs[2].repetition = 1;
	ck_wrong("runs[2]: case 0 has a repetition 1 already");
	b.runs[1].seconds = -1;
	ck_wrong("runs[1]: seconds: -1");
	b.runs[1].seconds = NAN;
	ck_wrong("runs[1]: seconds: nan");
	b.runs[1].gc_seconds = 1e300;
	ck_wrong("runs[1]: seconds: more than");
	b.runs[1].cpu_idle = 1.01;
	ck_wrong("runs[1]: a share");
}
END_TEST

TEST_MAIN("bench",
	  test_case("order", sides_take_turns_and_turn_round, a_case_that_failed_is_done,
		    there_is_room_for_all_that_is_next, random_orders),
	  test_case("figures", random_spreads, what_was_not_measured_is_no_figure,
		    plain_is_that_of_the_same_kind, numbers_have_three_digits),
	  test_case("result", random_results, it_paid, it_did_not_pay, it_does_not_matter,
		    it_is_unknown, it_is_partial, collectors_are_told_apart, long_reasons_are_cut),
	  test_case("check", what_is_out_of_place_is_named))
