/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_RECONCILE_ACTUAL_H
#define DECISION_RECONCILE_ACTUAL_H

/*
 * The plan that is in force: the `from` of every plan_diff(). Made of an observation, which is the
 * truth about CPUs, nodes and limits, and of what the kernel does not know: the plan that the state
 * file records, or, where that is lost, the one that is wanted. So `up`, a changed profile and
 * coming back after a crash are one path.
 */

#include "decision/plan/observation.h"

/*
 * A slice exists if its group does. Its CPUs are those written to its group (so a loan or a change
 * cut short by a crash is narrowed like any other difference), its nodes (where `policy` binds
 * them) and its memory limit the kernel's; what the kernel does not know comes from `recorded`
 * (NULL: lost), else it is taken to be as `wanted`. A gap (slice-0 gone, slice-1 there) is a slice
 * without CPUs and nodes. Where a weight is not the default a supervisor died while it was lending:
 * what other slices have of that slice's home CPUs are its shared loans, none is one of no CPUs; so
 * plan_diff() narrows every borrower first and resets weights last. The host group
 * counts as wanted where it is missing: it is made apart.
 */
void actual_plan(const struct observation *seen, const struct plan *recorded,
		 const struct plan *wanted, enum memory_policy policy, struct plan *out);

#endif
