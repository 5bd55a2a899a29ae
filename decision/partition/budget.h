/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_BUDGET_H
#define DECISION_PARTITION_BUDGET_H

/*
 * The memory of each slice, by subtraction from its limit: daemon, off-heap, Python and tmpfs
 * scratch come off, then JVM native and direct memory, room for the page cache, and the heap; what
 * is left is page cache (decision/partition/README.md has the sources of the figures).
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/err.h"
#include "decision/machine/topology.h"
#include "decision/partition/partition.h"
#include "decision/partition/reserve.h"
#include "decision/plan/plan.h"
#include "decision/plan/profile.h"

#define BUDGET_MIB (UINT64_C(1) << 20)

#define BUDGET_HEAP_MOST     (31 * 1024 * BUDGET_MIB) /* of an automatic one */
#define BUDGET_HEAP_UNKNOWN  (1024 * BUDGET_MIB)      /* spark.executor.memory's own default */
#define BUDGET_NATIVE_LEAST  (768 * BUDGET_MIB)	      /* or a tenth of the heap, if that is more */
#define BUDGET_DAEMON	     (512 * BUDGET_MIB)
#define BUDGET_DIRECT_A_SLOT (48 * BUDGET_MIB)
/*
 * "At most 75 % of the memory for Spark; leave the rest for the operating system and buffer cache"
 * (Spark's hardware-provisioning.html): percent of the limit that an automatic heap leaves to the
 * page cache.
 */
enum { BUDGET_PAGE_CACHE_PERCENT = 25 };

/* What one slice has to go round with. */
struct budget_slice {
	uint64_t nodes; /* for cpuset.mems: mask over topology.nodes */
	uint64_t share; /* of their memory, in bytes */
	unsigned slots;
};

struct budget {
	bool known; /* the nodes have sizes; else limits are 0 */
	bool tight; /* automatic terms were shrunk so that the smallest heap fits */
	struct slice_memory slices[SLICES_MAX];
};

/*
 * The nodes of each slice (those local to its cores; memory-only ones if `memory_only`), and its
 * share of them: each node's memory less its reserve goes to the slices that use it by their cores
 * there, so the shares themselves are an assignment that exceeds no node (invariant 6). Rounded
 * down to 1 MB. slots is left alone.
 */
void budget_shares(const struct topology *t, const struct partition *p, bool memory_only,
		   const struct reserve_memory *reserve, struct budget_slice out[SLICES_MAX]);

/*
 * `known`: shares are, and a share of 0 is nothing to live on; else slices have no limit unless
 * memory.limit says one in bytes. Return 0, or ERR_IMPOSSIBLE with the slice, the bytes that do not
 * fit and the key to change. The heap is the same for all slices (an application has one executor
 * size): the smallest slice decides.
 */
int budget_make(const struct profile_memory *wanted, const struct budget_slice *slices,
		unsigned count, bool known, struct budget *out, struct err *e);

#endif
