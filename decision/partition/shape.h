/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_SHAPE_H
#define DECISION_PARTITION_SHAPE_H

/*
 * The geometry of a partition: how large its slices are, and how far their cores lie from each
 * other and from their memory. It is what the cost of a partition depends on (decision/cost), and
 * what a choice between equally good ones looks at.
 */

#include <stdbool.h>

#include "decision/cost/cost.h"
#include "decision/machine/topology.h"
#include "decision/partition/partition.h"

/* Where slices lie. */
struct shape_place {
	bool crosses_packages; /* a slice lies in several units (decision/machine/topology.h) */
	bool crosses_nodes;
	bool splits_node; /* a node holds several slices */
	bool splits_l3;	  /* an L3 cache does */
};

/*
 * Distances are those of the topology, relative to a node's own: from the node that a core belongs
 * to, with or without memory, to the nodes that its slice's memory is on, in shares of its cores
 * there; between cores from node to node, and 1.63 between packages inside one node. Those of the
 * firmware count at most that, latencies in full. `cpus` are the CPUs used of each core. Slots and
 * memory are set to 0, executors to 1. Linear in cores; quadratic in the nodes of a slice.
 */
void shape_read(const struct topology *t, const struct partition *p,
		const uint16_t cpus[TOPOLOGY_CPUS], struct cost_shape *out,
		struct shape_place *place);

#endif
