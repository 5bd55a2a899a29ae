/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_PLACE_H
#define DECISION_PARTITION_PLACE_H

/*
 * Placement: slices whose sizes are fixed get their cores out of one region (a parent, or the
 * machine), so that as few as possible cross an L3, a node or a package (invariant 3 of
 * decision/README.md), and those that must cross take whole containers, nearest first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/machine/topology.h"

struct place {
	const struct topology *t;
	uint16_t *owner;       /* by core; CORE_FREE ones of the region are taken from */
	const uint16_t *cores; /* the region, in tree order */
	unsigned count;	       /* cores in it */
	unsigned first;	       /* the slices' ids: first … first + small + big - 1 */
	unsigned size;	       /* cores of a small slice, at least 1; a big one has one more */
	bool spares;	       /* some cores, so that slices have one size */
	unsigned small, big;   /* how many of each; together they fit the free cores */
};

/*
 * Write the slices' ids to owner. Slices of a region with several kinds of cores share each kind
 * evenly.
 */
void place_slices(const struct place *p);

#endif
