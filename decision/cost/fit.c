/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/fit.h"

#include <math.h>

#include "decision/cost/quadratic.h"

enum { N = COST_TERMS };
_Static_assert((int)N == (int)QUADRATIC_SIZE, "one unknown a term");

/*
 * What the table's doubt is taken for, as standard deviations of factors around 1. `own` is for one
 * coefficient, `common` for all of a group together, after the group's scale was estimated.
 */
static const double own_doubt[N] = {
	[COST_FIXED] = 0.3,  [COST_SLICE] = 0.5,  [COST_COLD] = 0.5,	   [COST_STAGE] = 1.0,
	[COST_SERIAL] = 0.6, [COST_WORK] = 0.3,	  [COST_CONTENTION] = 0.6, [COST_COHERENCY] = 0.6,
	[COST_GC] = 0.6,     [COST_REMOTE] = 0.6, [COST_SHUFFLE] = 0.6,	   [COST_SPILL] = 0.6,
	[COST_TAIL] = 0.6,
};
static const double common_doubt = 0.3;
static const double held_doubt = 0.001;

/*
 * Terms that are more or less together. Before anything was measured: start-up is Spark's own; how
 * many stages an application has, and how heavy its work is, may be anything.
 */
enum group { GROUP_STARTUP, GROUP_STAGES, GROUP_WORK, GROUPS };
static const double group_doubt[GROUPS] = {0.5, 10, 10};

/* A machine a hundred times as fast as the table's, or an application as light, is none. */
static const double least_scale = 0.01;

static enum group group_of(unsigned term)
{
	return term <= COST_COLD ? GROUP_STARTUP : term == COST_STAGE ? GROUP_STAGES : GROUP_WORK;
}

/* ---- the scales of the groups ---- */

/*
 * How many times the table's start-up, stages and work the runs took: the same least squares with
 * an unknown a group. Without this, an application ten times as heavy would be ten standard
 * deviations away in every term.
 */
static void find_scales(const struct cost_coefficients *table, const struct fit_run *runs,
			unsigned count, double scale[GROUPS])
{
	double a[N][N] = {{0}}, b[N], u[N];

	for (unsigned j = 0; j < GROUPS; j++) {
		b[j] = a[j][j] = 1 / (group_doubt[j] * group_doubt[j]);
		u[j] = 1;
	}
	for (unsigned i = 0; i < count; i++) {
		double z[GROUPS] = {0};

		for (unsigned j = 0; j < N; j++)
			z[group_of(j)] += table->c[j] * runs[i].x.x[j] / runs[i].seconds;
		for (unsigned j = 0; j < GROUPS; j++) {
			for (unsigned k = 0; k < GROUPS; k++)
				a[j][k] += z[j] * z[k] / (FIT_NOISE * FIT_NOISE);
			b[j] += z[j] / (FIT_NOISE * FIT_NOISE);
		}
	}
	quadratic_minimize(GROUPS, (const double(*)[N])a, b, u);
	for (unsigned j = 0; j < GROUPS; j++)
		scale[j] = fmax(u[j], least_scale);
}

/* ---- all coefficients ---- */

static int check_numbers(const char *what, unsigned which, const double v[N], struct err *e)
{
	for (unsigned j = 0; j < N; j++) {
		if (!isfinite(v[j]) || v[j] < 0)
			return err_wrong(e, "%s %u: term %u is %g; a finite number >= 0 is needed",
					 what, which, j, v[j]);
	}
	return 0;
}

static int check_input(const struct cost_coefficients *table, const struct fit_run *runs,
		       unsigned count, struct err *e)
{
	if (count > FIT_RUNS)
		return err_wrong(e, "%u runs are more than the %d that are fitted", count,
				 FIT_RUNS);
	if (check_numbers("table", 0, table->c, e) < 0)
		return e->code;
	for (unsigned i = 0; i < count; i++) {
		if (check_numbers("run", i, runs[i].x.x, e) < 0)
			return e->code;
		if (!isfinite(runs[i].seconds) || runs[i].seconds <= 0)
			return err_wrong(e, "run %u: %g s; a finite time > 0 is needed", i,
					 runs[i].seconds);
	}
	return 0;
}

int fit_make(const struct cost_coefficients *table, const struct fit_run *runs, unsigned count,
	     unsigned held, struct fit *out, struct err *e)
{
	double doubt[N][N], a[N][N], left[N][N], b[N], base[N], u[N];
	double scale[GROUPS], squares = 0;

	if (check_input(table, runs, count, e) < 0)
		return e->code;
	find_scales(table, runs, count, scale);
	for (unsigned j = 0; j < N; j++) {
		double own = held >> j & 1 ? held_doubt : own_doubt[j];

		for (unsigned k = 0; k < N; k++)
			doubt[j][k] = group_of(j) == group_of(k) ? common_doubt * common_doubt : 0;
		doubt[j][j] += own * own;
	}
	quadratic_invert((const double(*)[N])doubt, a);
	for (unsigned j = 0; j < N; j++) {
		base[j] = table->c[j] * scale[group_of(j)];
		b[j] = 0;
		u[j] = 1;
		for (unsigned k = 0; k < N; k++)
			b[j] += a[j][k]; /* the ridge × 1: the table is where the ridge is 0 */
	}
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < N; j++) {
			double z = base[j] * runs[i].x.x[j] / runs[i].seconds /
				   (FIT_NOISE * FIT_NOISE);

			b[j] += z;
			for (unsigned k = 0; k < N; k++)
				a[j][k] += z * base[k] * runs[i].x.x[k] / runs[i].seconds;
		}
	}
	quadratic_minimize(N, (const double(*)[N])a, b, u);
	quadratic_invert((const double(*)[N])a, left);
	for (unsigned j = 0; j < N; j++) {
		out->theta.c[j] = base[j] * u[j];
		out->confidence[j] = fmin(1, fmax(0, 1 - left[j][j] / doubt[j][j]));
		for (unsigned k = 0; k < N; k++)
			out->covariance[j][k] = base[j] * base[k] * left[j][k];
	}
	for (unsigned i = 0; i < count; i++) {
		double residual = cost_seconds(&out->theta, &runs[i].x) / runs[i].seconds - 1;

		squares += residual * residual;
	}
	out->error = count ? sqrt(squares / count) : 0;
	return 0;
}

/* ---- what is still in doubt ---- */

double fit_covariance(const struct fit *f, const struct cost_features *a,
		      const struct cost_features *b, const struct cost_features *c)
{
	double sum = 0;

	for (unsigned j = 0; j < N; j++) {
		double d = a->x[j] - (b ? b->x[j] : 0);

		for (unsigned k = 0; d != 0 && k < N; k++)
			sum += d * f->covariance[j][k] * c->x[k];
	}
	return sum;
}

double fit_variance(const struct fit *f, const struct cost_features *a,
		    const struct cost_features *b)
{
	double v = fit_covariance(f, a, b, a);

	return fmax(0, b ? v - fit_covariance(f, a, b, b) : v);
}
