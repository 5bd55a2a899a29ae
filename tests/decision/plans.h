/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_PLANS_H
#define TESTS_DECISION_PLANS_H

/*
 * Plans for tests, made without plan_make(). struct plan is large: keep it static.
 */

#include "decision/plan/plan.h"

/*
 * `count` slices that lie in the parents of `by`, as many in each and as equal as they can be,
 * without a reserve, each with its nodes and an equal share of their memory. The parents' cores
 * must be divisible by count / parents.
 */
void plan_of_parents(const struct topology *t, enum partition_by by, unsigned count,
		     struct plan *out);

/*
 * Any plan that passes plan_check(), without candidates (nothing was decided): slices of any cores,
 * a reserve or none, loans.
 */
void plan_random(unsigned long long *state, const struct topology *t, struct plan *out);

/*
 * Change some of it, so that much of the rest stays: home sets, what workers are started with,
 * reserve, loans.
 */
void plan_mutate(unsigned long long *state, const struct topology *t, struct plan *p);

#endif
