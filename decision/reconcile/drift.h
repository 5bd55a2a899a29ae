/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_RECONCILE_DRIFT_H
#define DECISION_RECONCILE_DRIFT_H

/*
 * The ops that put back what somebody else wrote to our groups: where an observation differs from
 * the plan in force although nothing of ours is under way. CPUs and weights only, for they can be
 * written while processes run; differences.h lists all that differs, for a reader. Repaired up to
 * three times in ten seconds, then left alone and reported: two programs that repair each other
 * would never end. A repair is a value too; whoever applies it owns the effect.
 */

#include "decision/plan/observation.h"
#include "decision/reconcile/op.h"

enum {
	DRIFT_REPAIRS = 3,
	DRIFT_WITHIN_S = 10,
	DRIFT_OPS = 2 * (SLICES_MAX + 1),
};

/* When the last repairs were. */
struct drift_repairs {
	unsigned count;
	uint64_t at_ns[DRIFT_REPAIRS];
};

/*
 * The ops that put CPUs and weights of `seen` back to `p`, narrowing ones first; groups that are
 * gone are not theirs to make. Only CPUs of `allowed` (what the machine can give now:
 * driver_ops.allowed or tree_allowed()) count and are asked for: what is offline is nobody's
 * drift, and once it is back a group that has lost it (cgroup v1) is asked for it again. A group
 * none of whose CPUs are there is left alone, for drift_is_stranded() to tell. Return how many ops
 * there are.
 */
unsigned drift_find(const struct observation *seen, const struct plan *p,
		    const struct cpuset *allowed, struct op ops[DRIFT_OPS]);

/*
 * Whether these ops, of drift_find(), only give groups CPUs that have `returned` to the machine:
 * then nobody has written to them, however many CPUs come back one after the other.
 */
bool drift_gives_back(const struct observation *seen, const struct op *ops, unsigned count,
		      const struct cpuset *returned);

/* Whether none of the CPUs of a slice, loans included, is there. */
bool drift_is_stranded(const struct plan *p, unsigned slice, const struct cpuset *allowed);

/* Keep of an op's CPUs those that are there; false: none is, and it must not be written. */
bool drift_clip(struct op *op, const struct cpuset *allowed);

/* Whether one more repair is in order at this time; notes it. Times never go back. */
bool drift_may_repair(struct drift_repairs *d, uint64_t now_ns);

#endif
