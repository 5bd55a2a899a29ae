/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_MACHINE_NEARNESS_H
#define DECISION_MACHINE_NEARNESS_H

/*
 * How near a core is to a set of CPUs: on one of their nodes, in one of their packages, or how far
 * their memory is from it.
 */

#include "decision/machine/topology.h"

struct nearness {
	uint64_t nodes;		/* local to the CPUs: a mask over topology.nodes */
	struct cpuset packages; /* indexes of topology.packages */
};

/* Of the CPUs in `cpus` that the machine allows. Linear in the machine's CPUs. */
struct nearness nearness_of(const struct topology *t, const struct cpuset *cpus);

bool nearness_has_package(const struct nearness *n, const struct topology *t, unsigned core);

/*
 * The less, the nearer: any core on a node of theirs before any in a package of theirs before
 * others; then by distance.
 */
unsigned nearness_rank(const struct nearness *n, const struct topology *t, unsigned core);

/* How far each node is from a set of nodes, there and back, summed over the set. */
struct node_distances {
	uint64_t from; /* the set: a mask over topology.nodes */
	unsigned sum[TOPOLOGY_NODES];
};

struct node_distances node_distances_of(const struct topology *t, uint64_t from);

/* The mean distance between that set and another, times 16; 0 if either is empty. */
unsigned node_distances_mean(const struct node_distances *d, uint64_t to);

#endif
