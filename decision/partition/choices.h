#ifndef DECISION_PARTITION_CHOICES_H
#define DECISION_PARTITION_CHOICES_H

/*
 * The ways to cut a machine that are worth a prediction: the whole machine as one JVM, and that on fewer cores; packages
 * together; a package, a node, an L3 each; parts of them; packages of which some cores stay idle.
 */

#include "decision/partition/partition.h"

struct choice {
	enum partition_by by;
	int slices, cores; /* as in the profile; AMOUNT_AUTO */
};

enum { CHOICES_MAX = 192 };

/*
 * Fill in at most CHOICES_MAX ways; out[0] is one JVM on all cores that may be used. Several of them can come to the same
 * sizes, some cannot be made. Return how many.
 */
unsigned choices_list(const struct topology *t, const struct profile_partition *wanted,
		      struct choice out[CHOICES_MAX]);

#endif
