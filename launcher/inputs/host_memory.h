/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_HOST_MEMORY_H
#define LAUNCHER_INPUTS_HOST_MEMORY_H

/* How much memory the nodes of this machine really have (README.md). */

#include <stdint.h>
#include <stdio.h>

#include "decision/machine/topology.h"

struct host_memory {
	uint64_t total_bytes;			   /* MemTotal; 0: unknown */
	uint64_t present_pages[TOPOLOGY_NODE_IDS]; /* by OS index of the node, over all zones */
};

/* Read the two files, all but the lines looked for skipped; a NULL one leaves its part at 0. */
void host_memory_parse(FILE *meminfo, FILE *zoneinfo, struct host_memory *out);

/*
 * Where the nodes' sizes sum up to less than 0.95 of the total (a few per cent are the kernel's
 * own), replace them: total × present pages of the node / all present pages. Nothing changes if the
 * total or the pages are unknown.
 */
void host_memory_correct(struct topology *t, const struct host_memory *memory);

/* Where the allowed nodes have more than `limit_bytes` (0: no limit), shrink each alike. */
void host_memory_limit(struct topology *t, uint64_t limit_bytes);

/*
 * Note the nodes that the kernel has memory on and hwloc does not show: it takes several nodes with
 * the same CPUs (numa=fake) for a mistake. `with_memory` is the kernel's list of them; NULL or one
 * that cannot be read: nothing is hidden.
 */
void host_memory_find_hidden(struct topology *t, FILE *with_memory);

#endif
