/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/probe.h"

#include <math.h>

unsigned probe_best(const struct probe_option *options, unsigned count, const struct fit *now)
{
	unsigned best = 0;

	for (unsigned i = 1; i < count; i++) {
		if (cost_seconds(&now->theta, &options[i].whole) <
		    cost_seconds(&now->theta, &options[best].whole))
			best = i;
	}
	return best;
}

/*
 * How likely a rival beats the best, up to a common factor: exp(−k²/2), k the distance of the two
 * predictions in standard deviations of their difference. The model's own error is part of that
 * deviation, so that doubt never becomes 0.
 */
static double chance(const struct fit *now, const struct cost_features *rival,
		     const struct cost_features *best)
{
	double t = cost_seconds(&now->theta, best);
	double behind = cost_seconds(&now->theta, rival) - t;
	double k2 =
		behind * behind / (fit_variance(now, rival, best) + t * t * FIT_NOISE * FIT_NOISE);

	return exp(-k2 / 2);
}

/* What an option's runs would tell, before any difference is looked at. */
struct promise {
	unsigned count;
	double loading[PROBE_RUNS][COST_TERMS]; /* covariance of each coefficient with the run */
	double weight[PROBE_RUNS];		/* 1 / variance of the run, noise included */
};

/*
 * Kalman's update, one run after the other: each is taken with what those before it leave in doubt
 * (Maybeck, Stochastic Models, Estimation and Control, 1979, ch. 5).
 */
static void promise_make(const struct fit *now, const struct probe_option *o, struct promise *out)
{
	out->count = o->run_count;
	for (unsigned i = 0; i < o->run_count; i++) {
		const double *x = o->runs[i].x;
		double noise = FIT_NOISE * cost_seconds(&now->theta, &o->runs[i]);
		double variance = noise * noise;

		for (unsigned j = 0; j < COST_TERMS; j++) {
			out->loading[i][j] = 0;
			for (unsigned k = 0; k < COST_TERMS; k++)
				out->loading[i][j] += now->covariance[j][k] * x[k];
		}
		for (unsigned before = 0; before < i; before++) {
			const double *l = out->loading[before];
			double shared = 0;

			for (unsigned k = 0; k < COST_TERMS; k++)
				shared += l[k] * x[k];
			for (unsigned j = 0; j < COST_TERMS; j++)
				out->loading[i][j] -= shared * out->weight[before] * l[j];
		}
		for (unsigned k = 0; k < COST_TERMS; k++)
			variance += out->loading[i][k] * x[k];
		out->weight[i] = variance > 0 ? 1 / variance : 0;
	}
}

/* The variance, in s², that the runs would take off a - b; `b` may be NULL. */
static double gain(const struct promise *p, const struct cost_features *a,
		   const struct cost_features *b)
{
	double sum = 0;

	for (unsigned i = 0; i < p->count; i++) {
		double c = 0;

		for (unsigned k = 0; k < COST_TERMS; k++)
			c += (a->x[k] - (b ? b->x[k] : 0)) * p->loading[i][k];
		sum += c * c * p->weight[i];
	}
	return sum;
}

unsigned probe_next(const struct probe_option *options, unsigned count, const struct fit *now)
{
	unsigned best = probe_best(options, count, now), next = count, most_exact = count;
	const struct cost_features *whole = &options[best].whole;
	double t = cost_seconds(&now->theta, whole), noise = t * FIT_NOISE;
	double most = 1e-6 * t * t, most_of_best = 0;

	for (unsigned i = 0; i < count; i++) {
		double sum = 0, weights = 0, of_best;
		struct promise p;

		if (options[i].tried)
			continue;
		promise_make(now, &options[i], &p);
		for (unsigned rival = 0; rival < count; rival++) {
			double weight =
				rival == best ? 0 : chance(now, &options[rival].whole, whole);

			if (weight < 1e-4)
				continue;
			sum += weight * gain(&p, &options[rival].whole, whole);
			weights += weight;
		}
		if (weights > 0 && sum / weights > most) {
			most = sum / weights;
			next = i;
		}
		of_best = gain(&p, whole, NULL);
		if (of_best > most_of_best) {
			most_of_best = of_best;
			most_exact = i;
		}
	}
	if (next == count && fit_variance(now, whole, NULL) > noise * noise)
		next = most_exact;
	return next;
}
