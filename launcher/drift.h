#ifndef LAUNCHER_DRIFT_H
#define LAUNCHER_DRIFT_H

/*
 * Where the kernel's groups differ from the plan in force although nothing of ours is under way: somebody else wrote to
 * them. Repaired up to three times in ten seconds (DESIGN §9), then left alone and told.
 */

#include "containers/driver.h"
#include "decision/op.h"

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
 * The ops that put CPUs and weights of `seen` back to `p`, narrowing ones first; groups that are gone are not theirs to make.
 * Return how many there are.
 */
unsigned drift_find(const struct observation *seen, const struct plan *p, struct op ops[DRIFT_OPS]);

/* Put one of them in force. Errors: the driver's. */
int drift_repair(struct driver *driver, const struct op *op, struct err *e);

/* Whether one more repair is in order at this time; notes it. Times never go back. */
bool drift_may_repair(struct drift_repairs *d, uint64_t now_ns);

#endif
