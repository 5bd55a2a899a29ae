/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_CHECK_ORACLE_H
#define TESTS_DECISION_CHECK_ORACLE_H

/*
 * All that a plan of plan_make() has to be (decision/README.md): what plan_check() guards, and
 * invariants 3 to 6, which only a wrong decision can break. Written against the invariants, not
 * against plan_make().
 */

#include "decision/plan/plan.h"

/*
 * plan_check() and the rest. 3 and 4 speak of a decision: they are checked where the plan has
 * candidates, with those of candidates[chosen].by as the parents. Return 0, or -ERANGE with the
 * number of the invariant, the slice that breaks it, and the numbers.
 */
int oracle_check(const struct plan *p, const struct topology *t, struct err *e);

/* ---- its pieces: 0, or -ERANGE with a sentence that begins "invariant N: " ---- */

/* Who uses a core: a slice's id, or one of these. */
enum {
	USER_HOST = SLICES_MAX,	       /* the reserve */
	USER_NOBODY = SLICES_MAX + 1,  /* usable, and left over */
	USER_OUTSIDE = SLICES_MAX + 2, /* not for this plan */
};

struct core_users {
	uint8_t user[TOPOLOGY_CPUS]; /* by core */
};

/*
 * 3: slices lie where they fit, and those that cannot are few and named. Linear in cores × slices.
 */
int placement_check(const struct plan *p, const struct topology *t, const struct core_users *map,
		    struct err *e);

/* 4: equal parents have equal slices. Linear in cores. */
int evenness_check(const struct plan *p, const struct topology *t, const struct core_users *map,
		   struct err *e);

/*
 * 6: the slices' limits and the host's reserve can be laid out on their own nodes. A maximum flow
 * (Edmonds and Karp 1972) over at most 65 consumers and 64 nodes; nothing is checked where sizes
 * are unknown.
 */
int memory_check(const struct plan *p, const struct topology *t, struct err *e);

bool plan_has_warning(const struct plan *p, enum warning_code code);

#endif
