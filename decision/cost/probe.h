/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_COST_PROBE_H
#define DECISION_COST_PROBE_H

/* Which short run tells most about where the whole job is fastest. Pure. */

#include <stdbool.h>

#include "decision/cost/cost.h"
#include "decision/cost/fit.h"

enum {
	PROBES_MOST = 6, /* each starts a cluster */
	PROBE_RUNS = 3,	 /* that are timed in one probe */
};
_Static_assert((int)PROBES_MOST *(int)PROBE_RUNS <= (int)FIT_RUNS, "all of them are fitted");

/*
 * One probe that can be made: a partition that the job could run on, and the short runs that are
 * timed there. It is tried at most once: what the model lacks there would not be averaged out.
 */
struct probe_option {
	unsigned run_count; /* 1 … PROBE_RUNS */
	struct cost_features runs[PROBE_RUNS];
	struct cost_features whole; /* of the whole job */
	bool tried;
};

/*
 * The option with the least predicted time for the whole job; the first of equal ones. `count` >=
 * 1.
 */
unsigned probe_best(const struct probe_option *options, unsigned count, const struct fit *now);

/*
 * The untried option whose runs would take most doubt off the differences between the best and
 * those that may still beat it: optimal design for a linear model, with the differences as what is
 * to be told (V-optimality; Chaloner, Verdinelli, Bayesian Experimental Design: A Review,
 * Statistical Science 10, 1995, and Yu, Bi, Tresp, Active Learning via Transductive Experimental
 * Design, ICML 2006). Where no difference is open by a thousandth of the best time, the one that
 * takes most off the best time itself, as long as that is less sure than a timed run. Return its
 * index; `count` if none is left, or nothing is open.
 */
unsigned probe_next(const struct probe_option *options, unsigned count, const struct fit *now);

#endif
