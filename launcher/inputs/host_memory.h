/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_HOST_MEMORY_H
#define LAUNCHER_INPUTS_HOST_MEMORY_H

/* How much memory the nodes of this machine really have, and what can be had of it (README.md). */

#include <stdint.h>

#include "decision/machine/topology.h"

/* What the kernel says, by OS index of the node. */
struct host_memory {
	uint64_t total_bytes;			   /* MemTotal; 0: unknown */
	uint64_t present_pages[TOPOLOGY_NODE_IDS]; /* over all zones */
	/* Of nodeN/meminfo: MemTotal, and of it free or in caches of files; 0, 0: unknown. */
	uint64_t node_bytes[TOPOLOGY_NODE_IDS], free_bytes[TOPOLOGY_NODE_IDS];
	bool has_memory; /* there is a list of the nodes that have some: */
	struct cpuset with_memory;
};

/* Read it from proc and sys below the directory `root` ("/"); what is not there stays unknown. */
void host_memory_read(int root, struct host_memory *out);

/*
 * Where the nodes' sizes sum up to less than 0.95 of what they should have (a few per cent are the
 * kernel's own), replace them: total × present pages of the node / present pages of all nodes that
 * the kernel has. Nothing changes if the total or the pages are unknown. Then no node has more huge
 * pages than memory.
 */
void host_memory_correct(struct topology *t, const struct host_memory *memory);

/*
 * What can be had now of each node, free or in caches of files, and what is held by others, the
 * kernel among them: neither has huge pages in it. After host_memory_correct(): what is not in
 * nodeN/meminfo yet is free. Both stay 0 where the node's file is not known.
 */
void host_memory_find_free(struct topology *t, const struct host_memory *memory);

/*
 * Where all nodes that are allowed together have more than `limit_bytes` (0: no limit) beside their
 * huge pages, which no group is charged for, shrink each alike.
 */
void host_memory_limit(struct topology *t, uint64_t limit_bytes);

/*
 * Note the nodes that the kernel has memory on and hwloc does not show: it takes several nodes with
 * the same CPUs (numa=fake) for a mistake.
 */
void host_memory_find_hidden(struct topology *t, const struct host_memory *memory);

#endif
