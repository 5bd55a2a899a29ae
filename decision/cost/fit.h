/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_COST_FIT_H
#define DECISION_COST_FIT_H

/*
 * Coefficients of the cost model from a few timed runs: least squares over relative residuals,
 * coefficients >= 0, with a ridge towards a table. There are more coefficients than runs, so the
 * ridge decides what the runs do not tell: the table's *ratios* hold until measured otherwise,
 * while its scale (how fast this machine is, how heavy this application) is nearly free. Pure.
 */

#include <stdbool.h>

#include "decision/base/err.h"
#include "decision/cost/cost.h"

enum { FIT_RUNS = 24 };

/*
 * How far a run lies from the model, relative (standard deviation): 5 % of timing noise and as much
 * of the model's own error.
 */
#define FIT_NOISE 0.07

/* One timed run. */
struct fit_run {
	struct cost_features x;
	double seconds;
};

struct fit {
	struct cost_coefficients theta; /* >= 0 */
	/*
	 * Of theta, as the runs leave it (Gaussian, without the bound at 0); what the choice of a
	 * next run needs.
	 */
	double covariance[COST_TERMS][COST_TERMS];
	/*
	 * By term: the share of the table's doubt that the runs removed, 0 (as in the table) … 1
	 * (measured). That is the diagonal of the averaging kernel of Rodgers, Inverse Methods for
	 * Atmospheric Sounding, 2000, ch. 2.
	 */
	double confidence[COST_TERMS];
	double error; /* root mean square of the relative residuals; 0 without runs */
};

/*
 * Fit. `held` is a mask over enum cost_term: terms that the runs cannot tell (the GC's where heaps
 * were not scaled with the data); they only follow the common scale. A coefficient that is 0 in the
 * table stays 0. Without runs the result is the table. Return 0, or ERR_WRONG for more than
 * FIT_RUNS runs, a time that is not positive, a feature or a table that is negative, and what is
 * not finite, naming the run.
 */
int fit_make(const struct cost_coefficients *table, const struct fit_run *runs, unsigned count,
	     unsigned held, struct fit *out, struct err *e);

/* Variance of the predicted difference of two times, in s²; `b` may be NULL. */
double fit_variance(const struct fit *f, const struct cost_features *a,
		    const struct cost_features *b);

/* Covariance of the predicted times, in s²: of a - b (b may be NULL) with c. */
double fit_covariance(const struct fit *f, const struct cost_features *a,
		      const struct cost_features *b, const struct cost_features *c);

#endif
