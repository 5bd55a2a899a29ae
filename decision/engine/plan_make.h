/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_PLAN_MAKE_H
#define DECISION_ENGINE_PLAN_MAKE_H

/* The way from what is given to what is decided. */

#include "decision/cost/facts.h"
#include "decision/machine/topology.h"
#include "decision/plan/plan.h"
#include "decision/plan/profile.h"

/*
 * Decide. Same input, same plan. Return 0, or ERR_IMPOSSIBLE with a sentence that names the number
 * that does not fit and the profile key to change.
 */
int plan_make(const struct topology *t, const struct profile *p, const struct facts *f,
	      struct plan *out, struct err *e);

#endif
