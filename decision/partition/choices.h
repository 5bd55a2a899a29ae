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
 * Whether an automatic cut makes slices of so many cores beside one of `largest`: of 4 at least (a
 * JVM of fewer is its collector's and compiler's), and not far smaller than others, since all
 * executors are as large as the smallest slice's.
 */
static inline bool choice_likes_size(unsigned cores, unsigned largest)
{
	return cores >= 4 && cores * 4 >= largest;
}

/*
 * Return how many there are; out[0] is one JVM on all cores that may be used. Packages that are no
 * units are not divided. Several can come to the same sizes, some cannot be made, some only when
 * they are written (choice_likes_size()).
 */
unsigned choices_list(const struct topology *t, const struct profile_partition *wanted,
		      struct choice out[CHOICES_MAX]);

#endif
