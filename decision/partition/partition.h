/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_PARTITION_H
#define DECISION_PARTITION_PARTITION_H

/*
 * Which core belongs to which slice. Sizes come first (partition.by, slices, cores, max_cores),
 * placement second (place.h). A partition is a value; slices are numbered in tree order of their
 * first core. Where no size is written and that leaves at most one core in PARTITION_FEW over,
 * slices have one size.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/err.h"
#include "decision/machine/topology.h"
#include "decision/partition/reserve.h"
#include "decision/plan/profile.h"

/* One core in so many may be left over, so that slices are equal. */
enum { PARTITION_FEW = 16 };

struct partition {
	enum partition_by by; /* what was divided; never BY_AUTO */
	unsigned slices;
	uint16_t cores[SLICES_MAX];
	uint16_t owner[TOPOLOGY_CPUS]; /* by core: the slice, or one of enum core_owner */
	unsigned usable;	       /* cores that partition.cpus leaves */
	unsigned reserved;	       /* of them */
	/*
	 * Cores that would make some slices larger than others: reserved, if
	 * partition.reserve.cores is automatic, else without an owner.
	 */
	unsigned spared;

	/* what a reader of the plan should know */
	unsigned parents;		  /* that were divided */
	unsigned emptied;		  /* dropped, because the reserve took their last core */
	unsigned joined;		  /* most parents that share one slice; 1: none */
	unsigned smallest, largest;	  /* cores of a parent, the reserve taken off */
	unsigned smallest_at, largest_at; /* which, in tree order */
	unsigned fewest, most;		  /* slices of a parent */
};

/*
 * Divide. partition.by: auto is, with slices or cores written, the smallest parents that suit them,
 * else one slice a node, or a package where that is larger. Return 0, or ERR_IMPOSSIBLE with the
 * number that does not fit and the key to change.
 */
int partition_make(const struct topology *t, const struct profile_partition *wanted,
		   struct partition *out, struct err *e);

#endif
