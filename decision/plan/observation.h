/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PLAN_OBSERVATION_H
#define DECISION_PLAN_OBSERVATION_H

/*
 * What the kernel shows of a cluster's groups: the direct children of the cluster's own group. Made
 * by a driver (containers/driver.h), compared with plans by decision/reconcile.
 */

#include "decision/plan/plan.h"

/* The groups beside those of the slices. */
#define GROUP_HOST	 "host"
#define GROUP_SUPERVISOR "supervisor"

/* One group as the kernel shows it. */
struct observed_group {
	char name[NAME_MAX_BYTES + 1];
	struct cpuset cpus, nodes; /* effective */
	struct cpuset requested;   /* cpuset.cpus as written */
	unsigned weight;
	uint64_t memory_max_bytes; /* 0: none */
	bool populated;
	bool is_frozen; /* what is in it, or in a group below: as `docker pause` leaves it */
};

struct observation {
	unsigned count;
	struct observed_group groups[SLICES_MAX + 2];
};

/* The group of that name, or NULL. */
const struct observed_group *observed_find(const struct observation *seen, const char *name);

/*
 * Whether the group has another memory limit than this one, which the kernel rounds down to pages
 * (64 KiB at most).
 */
bool observed_limit_differs(const struct observed_group *g, uint64_t bytes);

#endif
