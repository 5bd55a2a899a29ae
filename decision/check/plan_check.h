/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_CHECK_PLAN_CHECK_H
#define DECISION_CHECK_PLAN_CHECK_H

/*
 * Whether a plan can be put in force at all, whoever made it: it may come from a file or a socket.
 * Of the invariants in decision/README.md these are 1, 2, 8 and 9. What only a wrong decision of
 * plan_make() could break (3 to 6) is checked by the tests, tests/decision/check/oracle.h.
 */

#include "decision/plan/plan.h"

/*
 * `t` is the machine that the plan is for; NULL where it is not at hand. Then the plan's own
 * `allowed` bounds its CPUs, and what needs the cores is left out: that none is split between
 * slices or by a loan, and that slices count their cores and packages right (they must have at
 * least one core, and no more of them than CPUs). Return 0, or -ERANGE with the number of the
 * invariant, the slice that breaks it, and the numbers.
 */
int plan_check(const struct plan *p, const struct topology *t, struct err *e);

#endif
