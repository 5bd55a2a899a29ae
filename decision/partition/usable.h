#ifndef DECISION_PARTITION_USABLE_H
#define DECISION_PARTITION_USABLE_H

/* What of the machine a profile lets us use. */

#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

/* Whether the profile leaves the cut to the engine (decision/engine). */
bool partition_is_auto(const struct profile_partition *wanted);

/*
 * Add the CPUs of a core that the profile uses to *add_to, which may be NULL: those inside partition.cpus, only the first
 * in tree order if partition.smt is one. Return how many there are.
 */
unsigned partition_core_cpus(const struct topology *t, const struct profile_partition *wanted,
			     unsigned core, struct cpuset *add_to);

#endif
