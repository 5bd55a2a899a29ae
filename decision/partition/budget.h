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
#include "decision/cost/cost.h"
#include "decision/machine/topology.h"
#include "decision/partition/partition.h"
#include "decision/partition/reserve.h"
#include "decision/plan/plan.h"
#include "decision/plan/profile.h"

#define BUDGET_MIB (UINT64_C(1) << 20)

#define BUDGET_HEAP_MOST    (31 * 1024 * BUDGET_MIB) /* of an automatic one */
#define BUDGET_HEAP_UNKNOWN (1024 * BUDGET_MIB)	     /* spark.executor.memory's own default */
#define BUDGET_NATIVE_LEAST (768 * BUDGET_MIB)	     /* or a tenth of the heap, if that is more */
/* Of the Worker: its heap, and what it takes beside that (launcher/spark/README.md). */
#define BUDGET_DAEMON_HEAP   (384 * BUDGET_MIB)
#define BUDGET_DAEMON_BESIDE (128 * BUDGET_MIB)
#define BUDGET_DIRECT_A_SLOT (48 * BUDGET_MIB)
/*
 * "At most 75 % of the memory for Spark; leave the rest for the operating system and buffer cache"
 * (Spark's hardware-provisioning.html): percent of the limit that an automatic heap leaves to the
 * page cache.
 */
enum { BUDGET_PAGE_CACHE_PERCENT = 25 };
/* The same where a slot would get less than BUDGET_SLOT_GOOD otherwise; assumed. */
enum { BUDGET_PAGE_CACHE_LEAST = 10 };
/*
 * Heap and off-heap memory of a task slot: slots go down before one gets less than LEAST (tasks of
 * TPC-DS hold 410 MB at the 95th percentile), a slot has GOOD where the memory is there, and more
 * than AIM is left to the page cache. Published practice is 2 … 8 GB a core.
 */
#define BUDGET_SLOT_LEAST (512 * BUDGET_MIB)
#define BUDGET_SLOT_GOOD  (1024 * BUDGET_MIB)
#define BUDGET_SLOT_FAIR  (2048 * BUDGET_MIB)
#define BUDGET_SLOT_AIM	  (4096 * BUDGET_MIB)
/* From here on, a heap with 8-byte pointers holds more than one of BUDGET_HEAP_MOST. */
#define BUDGET_HEAP_WIDE (BUDGET_HEAP_MOST / 2 * 3)

/* What one slice has to go round with. */
struct budget_slice {
	uint64_t nodes; /* for cpuset.mems: mask over topology.nodes */
	uint64_t share; /* of their memory, in bytes */
	unsigned slots;
};

/* What is wanted of it, beside the profile. */
struct budget_wish {
	unsigned executors;  /* of each slice, >= 1 */
	uint64_t data_bytes; /* of the job; 0: not known */
	struct cost_needs needs;
	uint64_t daemon_heap; /* of the Worker; 0: BUDGET_DAEMON_HEAP */
};

struct budget {
	bool known; /* the nodes have sizes; else limits are 0 */
	bool tight; /* automatic terms were shrunk so that the smallest heap fits */
	struct slice_memory slices[SLICES_MAX];
};

/*
 * The nodes of each slice (those local to its cores; memory-only ones if `memory_only`), and its
 * share of them: each node's memory less its reserve goes to the slices that use it by their cores
 * there, of which one that may use k nodes counts 1/k on each; so the shares themselves are an
 * assignment that exceeds no node (invariant 6). Rounded down to 1 MB. slots is left alone.
 */
void budget_shares(const struct topology *t, const struct partition *p, bool memory_only,
		   const struct reserve_memory *reserve, struct budget_slice out[SLICES_MAX]);

/*
 * `known`: shares are, and a share of 0 is nothing to live on; else slices have no limit unless
 * memory.limit says one in bytes. Return 0, or ERR_IMPOSSIBLE with the slice, the bytes that do not
 * fit and the key to change. Executors are the same in all slices (an application has one executor
 * size): the smallest slice decides.
 */
int budget_make(const struct profile_memory *wanted, const struct budget_wish *wish,
		const struct budget_slice *slices, unsigned count, bool known, struct budget *out,
		struct err *e);

/*
 * How many executors of a slice its heap is best divided into, so that each has 4-byte pointers: 1
 * … SLICE_EXECUTORS; 1 where the heap is written or sizes are unknown. wish->executors is not
 * looked at.
 */
unsigned budget_executors(const struct profile_memory *wanted, const struct budget_wish *wish,
			  const struct budget_slice *slices, unsigned count, bool known);

/*
 * How many slots of `each` bytes the smallest slice has room for at most, at least 1; UINT_MAX
 * where nothing limits them.
 */
unsigned budget_slots(const struct profile_memory *wanted, const struct budget_wish *wish,
		      const struct budget_slice *slices, unsigned count, bool known, uint64_t each);

#endif
