/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PARTITION_USABLE_H
#define DECISION_PARTITION_USABLE_H

/* What of the machine a profile lets us use. */

#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

/* Who has a core, beside the slices, which are numbered from 0. */
enum core_owner {
	CORE_FREE = 0xff00,	/* may be given to a slice */
	CORE_RESERVED = 0xff01, /* the host group's */
	CORE_ABOVE = 0xff02,	/* above partition.max_cores */
	CORE_OUTSIDE = 0xff03,	/* outside partition.cpus, or apart (topology.h) and not in it */
};

/* Whether the profile leaves the cut to the engine (decision/engine). */
bool partition_is_auto(const struct profile_partition *wanted);

/*
 * Whether there is something to divide: ERR_IMPOSSIBLE if partition.cpus names CPUs that are not
 * allowed, or names none where all that are allowed are apart.
 */
int partition_check_cpus(const struct topology *t, const struct profile_partition *wanted,
			 struct err *e);

/*
 * Add the CPUs of a core that the profile uses to *add_to, which may be NULL: those inside
 * partition.cpus, or those that are not apart where it is `all`; only the first in tree order if
 * partition.smt is one. Return how many there are.
 */
unsigned partition_core_cpus(const struct topology *t, const struct profile_partition *wanted,
			     unsigned core, struct cpuset *add_to);

/* Whether some of these are apart. */
bool partition_core_is_apart(const struct topology *t, const struct profile_partition *wanted,
			     unsigned core);

/* By core: CORE_FREE if it has such a CPU, else CORE_OUTSIDE. Return how many have. */
unsigned partition_usable(const struct topology *t, const struct profile_partition *wanted,
			  uint16_t owner[TOPOLOGY_CPUS]);

#endif
