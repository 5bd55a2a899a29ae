#ifndef DECISION_CHECK_PLAN_CHECK_H
#define DECISION_CHECK_PLAN_CHECK_H

/*
 * The pieces of plan_check(), one file an idea: sets (plan_check.c), placement (placement_check.c), memory
 * (memory_check.c). All look at the same map from cores to their users. Each returns 0 or -ERANGE with a
 * sentence that begins "invariant N: ".
 */

#include "decision/plan/plan.h"

/*
 * Whether a plan is sound (decision/README.md has the invariants). 3 and 4 speak of a decision: they are checked where
 * the plan has candidates, with those of candidates[chosen].by as the parents. Return 0, or -ERANGE with the number of
 * the invariant, the slice that breaks it, and the numbers.
 */
int plan_check(const struct plan *p, const struct topology *t, struct err *e);

/* Who uses a core: a slice's id, or one of these. */
enum {
	USER_HOST = SLICES_MAX,	       /* the reserve */
	USER_NOBODY = SLICES_MAX + 1,  /* usable, and left over */
	USER_OUTSIDE = SLICES_MAX + 2, /* not for this plan */
};

struct plan_map {
	uint16_t core[CPUSET_MAX];   /* by OS index; TOPOLOGY_NONE: not an allowed CPU */
	uint8_t user[TOPOLOGY_CPUS]; /* by core */
};

/* Invariant 3: slices lie where they fit, and those that cannot are few and named. Linear in cores × slices. */
int placement_check(const struct plan *p, const struct topology *t, const struct plan_map *map,
		    struct err *e);

/* Invariant 4: equal parents have equal slices. Linear in cores. */
int evenness_check(const struct plan *p, const struct topology *t, const struct plan_map *map,
		   struct err *e);

/*
 * Invariant 6: the slices' limits and the host's reserve can be laid out on their own nodes. A maximum flow
 * (Edmonds and Karp 1972) over at most 65 consumers and 64 nodes; nothing is checked where sizes are unknown.
 */
int memory_check(const struct plan *p, const struct topology *t, struct err *e);

#endif
