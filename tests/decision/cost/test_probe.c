/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of a probe: what tells apart those that may win goes first, nothing twice, and nothing
 * that tells nothing.
 */

#include <math.h>

#include "decision/cost/probe.h"
#include "tests/harness.h"

enum { OPTIONS = 40, ROUNDS = 200 };

static const struct cost_coefficients table = {{5, 2, 3, 10, 1, 100, 1, 0.1, 3, 4, 2, 1, 5}};

static unsigned long long state;
static struct probe_option options[OPTIONS];

static double uniform(double low, double high)
{
	return low + (high - low) * (double)(test_random(&state) >> 11) / 9007199254740992.0;
}

static void random_options(void)
{
	for (unsigned i = 0; i < OPTIONS; i++) {
		options[i] = (struct probe_option){0};
		for (unsigned j = 0; j < COST_TERMS; j++) {
			double x = j == COST_FIXED ? 1 : uniform(0, 2);

			options[i].whole.x[j] = x;
			options[i].runs[0].x[j] = j == COST_FIXED ? 1 : x / 8;
		}
		options[i].run_count = 1;
	}
}

static struct fit fit_of(const struct fit_run *runs, unsigned count)
{
	struct fit f;
	struct err e;

	ck_assert_msg(fit_make(&table, runs, count, 0, &f, &e) == 0, "%s", e.msg);
	return f;
}

/* Whether no other option is predicted to take less than 1.2 times the time of the best. */
static bool best_is_clear(const struct fit *f)
{
	unsigned best = probe_best(options, OPTIONS, f);
	double least = 1.2 * cost_seconds(&f->theta, &options[best].whole);

	for (unsigned i = 0; i < OPTIONS; i++) {
		if (i != best && cost_seconds(&f->theta, &options[i].whole) < least)
			return false;
	}
	return true;
}

/* Seconds squared, over all differences to the one that is best by the table. */
static double doubt(const struct fit *f, unsigned best)
{
	double sum = 0;

	for (unsigned i = 0; i < OPTIONS; i++)
		sum += fit_variance(f, &options[i].whole, &options[best].whole);
	return sum;
}

/*
 * Probes are of other options each time, take doubt off the differences, and end early only where
 * the best is clear.
 */
START_TEST(each_probe_is_new_and_tells_something)
{
	unsigned all = 0;

	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct fit_run runs[6];
		struct fit f = fit_of(NULL, 0);
		unsigned best, count = 0;
		double before;

		random_options();
		best = probe_best(options, OPTIONS, &f);
		before = doubt(&f, best);
		for (; count < 6; count++) {
			unsigned next = probe_next(options, OPTIONS, &f);

			if (next == OPTIONS)
				break;
			ck_assert_msg(!options[next].tried, "SEED=%lu round %u: option %u",
				      test_seed(), round, next);
			options[next].tried = true;
			runs[count].x = options[next].runs[0];
			runs[count].seconds = cost_seconds(&table, &options[next].runs[0]);
			f = fit_of(runs, count + 1);
		}
		all += count == 6;
		ck_assert_msg(count == 6 || best_is_clear(&f), "SEED=%lu round %u: %u probes",
			      test_seed(), round, count);
		ck_assert_msg(count < 6 || doubt(&f, best) < 0.7 * before,
			      "SEED=%lu round %u: %g of %g is left", test_seed(), round,
			      doubt(&f, best), before);
	}
	ck_assert_msg(all > ROUNDS / 2, "SEED=%lu: %u of %d with six probes", test_seed(), all,
		      ROUNDS);
}
END_TEST

/*
 * Two that differ in the shuffle alone, whose price is in doubt: the run that shuffles much is
 * asked for.
 */
START_TEST(what_tells_them_apart_goes_first)
{
	struct fit f = fit_of(NULL, 0);

	state = test_seed();
	for (unsigned i = 0; i < 3; i++) {
		options[i] = (struct probe_option){0};
		options[i].run_count = 1;
		options[i].whole.x[COST_FIXED] = options[i].runs[0].x[COST_FIXED] = 1;
		options[i].whole.x[COST_WORK] = 1;
		options[i].runs[0].x[COST_WORK] = 0.1;
	}
	options[0].whole.x[COST_SHUFFLE] = 5;
	options[0].runs[0].x[COST_SHUFFLE] = 5;
	options[1].whole.x[COST_SHUFFLE] = 6;
	options[2].whole.x[COST_SHUFFLE] = 5.5;
	ck_assert_uint_eq(probe_next(options, 3, &f), 0);
}
END_TEST

/*
 * What several runs of one option promise is what a fit to them keeps: the variance that is left.
 */
START_TEST(what_is_promised_is_taken_off)
{
	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct fit_run runs[2 * PROBE_RUNS];
		struct fit before = fit_of(NULL, 0), after[2];
		struct cost_features rival, best;
		double left[2];
		unsigned more;

		random_options();
		for (unsigned i = 0; i < 2; i++) {
			options[i].run_count = 1 + (unsigned)(test_random(&state) % PROBE_RUNS);
			for (unsigned k = 1; k < options[i].run_count; k++)
				options[i].runs[k] = options[2 + 3 * i + k].runs[0];
			for (unsigned k = 0; k < options[i].run_count; k++)
				runs[k] =
					(struct fit_run){options[i].runs[k],
							 cost_seconds(&table, &options[i].runs[k])};
			after[i] = fit_of(runs, options[i].run_count);
		}
		rival = options[0].whole;
		best = options[1].whole;
		for (unsigned i = 0; i < 2; i++)
			left[i] = fit_variance(&after[i], &rival, &best);
		ck_assert(left[0] < fit_variance(&before, &rival, &best));
		more = left[0] < left[1] ? 0 : 1;
		ck_assert_msg(probe_next(options, 2, &before) == more ||
				      fabs(left[0] / left[1] - 1) < 1e-6,
			      "SEED=%lu round %u: %g and %g are left, option %u", test_seed(),
			      round, left[0], left[1], probe_next(options, 2, &before));
	}
}
END_TEST

START_TEST(nothing_is_asked_where_nothing_is_open)
{
	struct fit_run runs[FIT_RUNS];
	struct fit f = fit_of(NULL, 0);

	state = test_seed();
	random_options();
	for (unsigned i = 0; i < OPTIONS; i++)
		options[i].tried = true;
	ck_assert_uint_eq(probe_next(options, OPTIONS, &f), OPTIONS);
	options[0].tried = false; /* the only one there is: no difference, but its time */
	ck_assert_uint_eq(probe_next(options, 1, &f), 0);
	options[1] = options[0]; /* two that are the same by the model */
	ck_assert_uint_eq(probe_next(options, 2, &f), 0);
	ck_assert_uint_eq(probe_best(options, 2, &f), 0);
	for (unsigned i = 0; i < FIT_RUNS; i++)
		runs[i] =
			(struct fit_run){options[0].whole, cost_seconds(&table, &options[0].whole)};
	f = fit_of(runs, FIT_RUNS); /* as sure as can be */
	ck_assert_uint_eq(probe_next(options, 1, &f), 1);
	ck_assert_uint_eq(probe_next(options, 2, &f), 2);
}
END_TEST

TEST_MAIN("probe", test_case("choice", each_probe_is_new_and_tells_something,
			     what_tells_them_apart_goes_first, what_is_promised_is_taken_off,
			     nothing_is_asked_where_nothing_is_open))
