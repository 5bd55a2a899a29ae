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

/*
 * The variance, in s², that a run of `probe` would take off rival − best: the rank-one update of
 * least squares.
 */
static double gain(const struct fit *now, const struct cost_features *probe,
		   const struct cost_features *rival, const struct cost_features *best)
{
	double noise = FIT_NOISE * cost_seconds(&now->theta, probe);
	double c = fit_covariance(now, rival, best, probe);

	return c * c / (fit_variance(now, probe, NULL) + noise * noise);
}

unsigned probe_next(const struct probe_option *options, unsigned count, const struct fit *now)
{
	unsigned best = probe_best(options, count, now), next = count;
	double least = 1e-3 * cost_seconds(&now->theta, &options[best].whole), most = least * least;

	for (unsigned i = 0; i < count; i++) {
		double sum = 0, weights = 0;

		if (options[i].tried)
			continue;
		for (unsigned rival = 0; rival < count; rival++) {
			double weight = rival == best ? 0
						      : chance(now, &options[rival].whole,
							       &options[best].whole);

			if (weight < 1e-4)
				continue;
			sum += weight * gain(now, &options[i].probe, &options[rival].whole,
					     &options[best].whole);
			weights += weight;
		}
		if (weights > 0 && sum / weights > most) {
			most = sum / weights;
			next = i;
		}
	}
	return next;
}
