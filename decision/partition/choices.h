/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_CHOICES_H
#define DECISION_PARTITION_CHOICES_H

/* The ways to cut a machine that are worth a prediction (decision/engine/README.md lists them). */

#include "decision/partition/partition.h"

struct choice {
	enum partition_by by;
	int slices, cores; /* as in the profile; AMOUNT_AUTO */
};

enum { CHOICES_MAX = 192 };

/*
 * Return how many there are; out[0] is one JVM on all cores that may be used. No other makes a slice
 * of fewer than 4 cores, or of less than a quarter of the largest. Packages that
 * are no units are not divided. Several can come to the same sizes, some cannot be made.
 */
unsigned choices_list(const struct topology *t, const struct profile_partition *wanted,
		      struct choice out[CHOICES_MAX]);

#endif
