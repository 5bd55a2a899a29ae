/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_RESERVE_H
#define DECISION_PARTITION_RESERVE_H

/*
 * What the host group (Spark's master and the driver) gets before anything is divided: some cores,
 * some memory (decision/partition/README.md has the rules).
 */

#include <stdint.h>

#include "decision/base/err.h"
#include "decision/machine/topology.h"
#include "decision/partition/usable.h"
#include "decision/plan/profile.h"

/*
 * Memory of the host group in bytes; `node` is by index of topology.nodes and adds up to `total`.
 */
struct reserve_memory {
	uint64_t total;
	uint64_t node[TOPOLOGY_NODES];
};

/* How many of `usable` cores are reserved; ERR_IMPOSSIBLE if that leaves none. */
int reserve_count(int wanted, unsigned usable, struct err *e);

/*
 * Give `count` free cores the owner `mark`, as evenly as the reserve is taken. Cores that are
 * reserved already count as taken. `owner` is by core; it has at least `count` free ones.
 */
void reserve_cores(const struct topology *t, uint16_t *owner, unsigned count, uint16_t mark);

/*
 * What each of the nodes in the mask gives. Return 0, or ERR_IMPOSSIBLE if that leaves nothing for
 * slices.
 */
int reserve_memory(const struct topology *t, uint64_t nodes, const struct size *wanted,
		   struct reserve_memory *out, struct err *e);

/*
 * The same for a profile: from the nodes of the cores that we may use, for others' are not ours to
 * take; `nodes` gets their mask. All 0 where the machine's memory is not known.
 */
int reserve_for(const struct topology *t, const struct profile_partition *wanted, uint64_t *nodes,
		struct reserve_memory *out, struct err *e);

#endif
