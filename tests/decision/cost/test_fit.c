/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fit: its solver against all active sets by brute force, what it recovers, what it leaves to
 * the table, what it refuses.
 */

#include <math.h>

#include "decision/cost/fit.h"
#include "decision/cost/quadratic.h"
#include "tests/harness.h"

enum { N = QUADRATIC_SIZE, ROUNDS = 300, SETS = 1 << N };

static unsigned long long state;

static double uniform(double low, double high)
{
	return low + (high - low) * (double)(test_random(&state) >> 11) / 9007199254740992.0;
}

/* ---- the solver ---- */

/* A = GᵀG + small·I of a random G with fewer rows than unknowns, as few runs make. */
static void random_problem(double a[N][N], double b[N])
{
	unsigned rows = 1 + (unsigned)(test_random(&state) % N);
	double g[N][N];

	for (unsigned i = 0; i < rows; i++) {
		for (unsigned j = 0; j < N; j++)
			g[i][j] = uniform(-1, 2);
	}
	for (unsigned j = 0; j < N; j++) {
		b[j] = uniform(-1, 1);
		for (unsigned k = 0; k < N; k++) {
			a[j][k] = j == k ? 0.01 : 0;
			for (unsigned i = 0; i < rows; i++)
				a[j][k] += g[i][j] * g[i][k];
		}
	}
}

static double value_of(const double a[N][N], const double b[N], const double u[N])
{
	double sum = 0;

	for (unsigned j = 0; j < N; j++) {
		sum -= b[j] * u[j];
		for (unsigned k = 0; k < N; k++)
			sum += u[j] * a[j][k] * u[k] / 2;
	}
	return sum;
}

/* Gauss-Jordan on the unknowns in `set`, the others 0. Return whether all are >= 0. */
static bool solve_on(unsigned set, const double a[N][N], const double b[N], double u[N])
{
	double m[N][N + 1];
	bool fits = true;

	for (unsigned j = 0; j < N; j++) {
		for (unsigned k = 0; k < N; k++)
			m[j][k] = set >> j & set >> k & 1 ? a[j][k] : j == k;
		m[j][N] = set >> j & 1 ? b[j] : 0;
	}
	for (unsigned p = 0; p < N; p++) {
		for (unsigned j = 0; j < N; j++) {
			double f = m[j][p] / m[p][p];

			for (unsigned k = p; j != p && k <= N; k++)
				m[j][k] -= f * m[p][k];
		}
	}
	for (unsigned j = 0; j < N; j++) {
		u[j] = m[j][N] / m[j][j];
		fits &= u[j] >= 0;
	}
	return fits;
}

START_TEST(the_minimum_is_that_of_the_best_active_set)
{
	state = test_seed();
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		double a[N][N], b[N], u[N] = {0}, v[N], least = 0;

		random_problem(a, b);
		quadratic_minimize(N, (const double(*)[N])a, b, u);
		for (unsigned set = 0; set < SETS; set++) {
			if (solve_on(set, (const double(*)[N])a, b, v))
				least = fmin(least, value_of((const double(*)[N])a, b, v));
		}
		for (unsigned j = 0; j < N; j++)
			ck_assert_msg(u[j] >= 0, "SEED=%lu round %u", test_seed(), round);
		ck_assert_msg(value_of((const double(*)[N])a, b, u) <= least + 1e-9 * fabs(least),
			      "SEED=%lu round %u: %.12g, brute force has %.12g", test_seed(), round,
			      value_of((const double(*)[N])a, b, u), least);
	}
}
END_TEST

START_TEST(the_inverse_times_the_matrix_is_one)
{
	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		double a[N][N], b[N], inverse[N][N];

		random_problem(a, b);
		quadratic_invert((const double(*)[N])a, inverse);
		for (unsigned j = 0; j < N; j++) {
			for (unsigned k = 0; k < N; k++) {
				double sum = j == k ? -1 : 0;

				for (unsigned i = 0; i < N; i++)
					sum += a[j][i] * inverse[i][k];
				ck_assert_msg(fabs(sum) < 1e-8, "SEED=%lu round %u: %g",
					      test_seed(), round, sum);
			}
		}
	}
}
END_TEST

/* ---- the fit ---- */

static const struct cost_coefficients table = {{10, 1, 3, 5, 2, 50, 2, 0.5, 3, 0, 4, 2, 1}};

/* Runs of a law: features at random, times as the law says, with log-normal noise (Box, Muller). */
static void make_runs(const struct cost_coefficients *law, double noise, struct fit_run *runs,
		      unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < COST_TERMS; j++)
			runs[i].x.x[j] = j == COST_FIXED ? 1 : uniform(0.1, 4);
		runs[i].seconds =
			cost_seconds(law, &runs[i].x) *
			exp(noise * sqrt(-2 * log(uniform(1e-9, 1))) * cos(uniform(0, 2 * M_PI)));
	}
}

static void must_fit(const struct fit_run *runs, unsigned count, unsigned held, struct fit *out)
{
	struct err e = {0};

	ck_assert_msg(fit_make(&table, runs, count, held, out, &e) == 0, "%s", e.msg);
}

START_TEST(without_runs_it_is_the_table)
{
	struct fit f;

	must_fit(NULL, 0, 0, &f);
	for (unsigned j = 0; j < COST_TERMS; j++) {
		ck_assert_double_eq_tol(f.theta.c[j], table.c[j], 1e-9);
		ck_assert_double_eq_tol(f.confidence[j], 0, 1e-9);
	}
	ck_assert(f.error == 0);
}
END_TEST

/* What the runs tell is predicted, also where it was not run; what the table has at 0 stays so. */
START_TEST(it_predicts_what_it_has_not_seen)
{
	double off = 0;

	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct cost_coefficients law = table;
		struct fit_run runs[FIT_RUNS], other;
		struct fit f;
		double scale = exp(uniform(-2, 2));

		for (unsigned j = 0; j < COST_TERMS; j++)
			law.c[j] *= exp(uniform(-0.3, 0.3)) * (j <= COST_COLD ? 1 : scale);
		make_runs(&law, 0, runs, FIT_RUNS);
		make_runs(&law, 0, &other, 1);
		must_fit(runs, FIT_RUNS, 0, &f);
		off += fabs(cost_seconds(&f.theta, &other.x) / other.seconds - 1);
		ck_assert_msg(f.theta.c[COST_REMOTE] == 0 && f.error < 0.03 &&
				      f.confidence[COST_WORK] > 0.5,
			      "SEED=%lu round %u", test_seed(), round);
	}
	ck_assert_msg(off / ROUNDS < 0.02, "SEED=%lu: off by %g in the mean", test_seed(),
		      off / ROUNDS);
}
END_TEST

/* One run tells how fast the machine is; all ratios are the table's still. */
START_TEST(one_run_sets_the_scale)
{
	struct cost_coefficients law = table;
	struct fit_run run;
	struct fit f;

	state = test_seed();
	for (unsigned j = COST_STAGE; j < COST_TERMS; j++)
		law.c[j] *= 5;
	make_runs(&law, 0, &run, 1);
	must_fit(&run, 1, 0, &f);
	ck_assert_double_eq_tol(f.theta.c[COST_WORK] / table.c[COST_WORK], 5, 1);
	ck_assert_double_eq_tol(f.theta.c[COST_GC] / table.c[COST_GC], 5, 1);
	ck_assert(f.error < 0.05);
}
END_TEST

/* Cold, warm, and warm on less: enough to tell start-up, stages and work from each other. */
START_TEST(stages_are_told_from_work)
{
	static const double stages[] = {0.05, 1, 5}, startups[] = {0.5, 1, 2};

	for (unsigned round = 0; round < 9; round++) {
		static const double data[] = {1, 1, 0.25, 10};
		struct cost_coefficients law = table;
		struct fit_run runs[4] = {{.seconds = 0}};
		struct fit f;

		law.c[COST_STAGE] *= stages[round % 3];
		law.c[COST_FIXED] *= startups[round / 3];
		law.c[COST_COLD] *= startups[round / 3];
		for (unsigned i = 0; i < 4; i++) {
			double *x = runs[i].x.x;

			x[COST_FIXED] = x[COST_COLD] = i % 3 == 0;
			x[COST_STAGE] = 1;
			x[COST_WORK] = data[i];
			runs[i].seconds = cost_seconds(&law, &runs[i].x);
		}
		must_fit(runs, 3, 0, &f);
		ck_assert_msg(fabs(cost_seconds(&f.theta, &runs[3].x) / runs[3].seconds - 1) < 0.08,
			      "stages %g, start-up %g: %g s instead of %g s", stages[round % 3],
			      startups[round / 3], cost_seconds(&f.theta, &runs[3].x),
			      runs[3].seconds);
	}
}
END_TEST

/*
 * Times that fall where a term grows ask for a negative coefficient; it gets 0, and nothing becomes
 * negative.
 */
START_TEST(no_coefficient_is_negative)
{
	struct fit_run runs[6];
	bool bound = false;

	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct fit f;

		make_runs(&table, 0, runs, 6);
		for (unsigned i = 0; i < 6; i++) {
			runs[i].x.x[COST_SHUFFLE] = 5 * i;
			runs[i].seconds = 400 / (1.0 + i);
		}
		must_fit(runs, 6, 0, &f);
		for (unsigned j = 0; j < COST_TERMS; j++)
			ck_assert_msg(f.theta.c[j] >= 0 && isfinite(f.theta.c[j]),
				      "SEED=%lu round %u", test_seed(), round);
		bound |= f.theta.c[COST_SHUFFLE] == 0;
	}
	ck_assert_msg(bound, "SEED=%lu: the bound was never met", test_seed());
}
END_TEST

START_TEST(a_held_term_follows_the_scale_only)
{
	struct cost_coefficients law = table;
	struct fit_run runs[6];
	struct fit f, held;

	state = test_seed();
	law.c[COST_GC] *= 10;
	make_runs(&law, 0, runs, 6);
	for (unsigned i = 0; i < 6; i++) {
		runs[i].x = runs[0].x;
		runs[i].x.x[COST_GC] = i;
		runs[i].seconds = cost_seconds(&law, &runs[i].x);
	}
	must_fit(runs, 6, 0, &f);
	must_fit(runs, 6, 1u << COST_GC, &held);
	ck_assert(f.theta.c[COST_GC] / f.theta.c[COST_WORK] >
		  1.3 * held.theta.c[COST_GC] / held.theta.c[COST_WORK]);
	ck_assert(f.confidence[COST_GC] > 0.2);
}
END_TEST

/* More runs never make it less sure, and doubt is that of a covariance. */
START_TEST(runs_take_doubt_away)
{
	state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct fit_run runs[FIT_RUNS], other[2];
		struct fit f;
		double doubt = INFINITY, now;

		make_runs(&table, 0, runs, FIT_RUNS);
		make_runs(&table, 0, other, 2);
		for (unsigned count = 0; count <= FIT_RUNS; count += 4) {
			for (unsigned i = 0; i < count; i++)
				runs[i].seconds = cost_seconds(&table, &runs[i].x);
			must_fit(runs, count, 0, &f);
			now = fit_variance(&f, &other[0].x, &other[1].x);
			ck_assert_msg(now >= 0 && now <= doubt * 1.0001,
				      "SEED=%lu round %u: %g after %g", test_seed(), round, now,
				      doubt);
			doubt = now;
		}
	}
}
END_TEST

START_TEST(bad_numbers_are_refused)
{
	struct fit_run good, bad;
	struct fit f = {.error = 77};
	struct err e = {0};
	struct cost_coefficients broken = table;

	state = test_seed();
	make_runs(&table, 0, &good, 1);
	for (unsigned which = 0; which < 4; which++) {
		bad = good;
		if (which == 0)
			bad.seconds = 0;
		else if (which == 1)
			bad.seconds = NAN;
		else if (which == 2)
			bad.x.x[COST_GC] = -1;
		else
			bad.x.x[COST_WORK] = INFINITY;
		ck_assert(fit_make(&table, &bad, 1, 0, &f, &e) < 0 && e.exit == ERR_WRONG);
		ck_assert_ptr_nonnull(strstr(e.msg, "run 0"));
	}
	broken.c[COST_TAIL] = -2;
	ck_assert(fit_make(&broken, &good, 1, 0, &f, &e) < 0 && e.exit == ERR_WRONG);
	ck_assert(fit_make(&table, &good, FIT_RUNS + 1, 0, &f, &e) < 0 && e.exit == ERR_WRONG);
	ck_assert(f.error == 77);
}
END_TEST

TEST_MAIN("fit",
	  test_case("solver", the_minimum_is_that_of_the_best_active_set,
		    the_inverse_times_the_matrix_is_one),
	  test_case("fit", without_runs_it_is_the_table, it_predicts_what_it_has_not_seen,
		    one_run_sets_the_scale, stages_are_told_from_work, no_coefficient_is_negative,
		    a_held_term_follows_the_scale_only, runs_take_doubt_away,
		    bad_numbers_are_refused))
