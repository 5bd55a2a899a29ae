#ifndef DECISION_PARTITION_RESERVE_H
#define DECISION_PARTITION_RESERVE_H

/*
 * What the host group (Spark's master and the driver) gets before anything is divided: some cores,
 * some memory (decision/partition/README.md).
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

/*
 * How many of `usable` cores the wanted reserves: auto is 0 up to 4 cores, 1 up to 64, 2 up to 256,
 * else 4. Return the number, or ERR_IMPOSSIBLE if that leaves no core.
 */
int reserve_count(int wanted, unsigned usable, struct err *e);

/*
 * Give `count` free cores the owner `mark`, one at a time: from the package from which fewest were
 * taken (of several, one whose node, if it spans packages, gave fewest), in it from the node and
 * then the L3 from which fewest were taken, ties in tree order. Cores that are reserved already
 * count as taken. `owner` is by core; it has at least `count` free ones.
 */
void reserve_cores(const struct topology *t, uint16_t *owner, unsigned count, uint16_t mark);

/*
 * The memory that the wanted takes from the nodes in the mask `nodes`, evenly; what a small node
 * cannot give is taken evenly from the others. auto is the larger of 2 GB and 2 %, at most 25 % of
 * these nodes' memory. No node gives more than 25 % of its own, unless the wanted is more than 25 %
 * of all: then each gives the same share of itself. Return 0, or ERR_IMPOSSIBLE if that leaves
 * nothing for slices.
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
