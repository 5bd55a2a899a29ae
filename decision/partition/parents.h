/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_PARENTS_H
#define DECISION_PARTITION_PARENTS_H

/*
 * What partition.by divides: packages, nodes, L3s or the whole machine, as they are left after the
 * reserve; and whole neighbours joined.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

/* What is divided: a package, node, L3 or the machine, or several of them joined. */
struct parent {
	uint16_t usable; /* cores, those in the reserve included */
	uint16_t cores;	 /* without them */
	uint16_t quota;	 /* of them, what partition.max_cores leaves */
	uint16_t slices;
	uint16_t members; /* joined into this one */
	uint16_t package; /* of its first core; of the one joined last */
	uint64_t nodes;	  /* mask over topology.nodes */
};

struct parents {
	unsigned count;
	unsigned emptied; /* dropped, because the reserve took their last core */
	struct parent list[TOPOLOGY_CPUS];
	uint16_t of_core[TOPOLOGY_CPUS]; /* or TOPOLOGY_NONE */
};

/* "package", "packages" …: what `by` divides, for messages about `count` of them. */
const char *parent_noun(enum partition_by by, unsigned count);

/* How many there are on the whole machine, and the cores of the largest. */
unsigned parents_count(const struct topology *t, enum partition_by by);
unsigned parents_largest(const struct topology *t, enum partition_by by);

/*
 * Those with a free core, in tree order; `owner` is by core (enum core_owner). BY_AUTO is the
 * machine.
 */
void parents_read(const struct topology *t, const uint16_t *owner, enum partition_by by,
		  struct parents *out);

/*
 * Join whole parents into `count` <= ps->count groups of about equal size: each starts with the
 * first parent left in tree order and takes the others of the same package, then the nearest ones,
 * until one more would miss its even share by more than half of that one.
 */
void parents_join(const struct topology *t, struct parents *ps, unsigned count);

#endif
