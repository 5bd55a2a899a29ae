/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_CALLER_H
#define LAUNCHER_INPUTS_CALLER_H

/*
 * What of this machine the caller may use: no more than the limits allow under which cleave itself
 * was started, wherever its groups are made. Root may write partition.cpus to go beyond them, as far
 * as the place of the groups goes; nobody else may.
 */

#include <sys/types.h>

#include "containers/where/limits.h"
#include "containers/where/tree.h"
#include "decision/plan/plan.h"
#include "launcher/inputs/host_hwloc.h"

enum { CALLER_NOTES = 4 };

struct caller {
	struct caller_limits limits;
	struct cpuset online_cpus, online_nodes; /* of the machine */
	uid_t uid;
	bool goes_beyond;
	unsigned note_count;
	char notes[CALLER_NOTES][PLAN_TEXT]; /* what a limit takes away, and which group has it */
};

/* Read the limits of this process. */
int caller_read(const struct tree *t, struct caller *out, struct err *e);

/*
 * Cut what the place of the groups allows, in `source`, to what the caller is allowed. `wanted` is
 * the profile's, NULL: there is none. ERR_IMPOSSIBLE where nothing is left.
 */
int caller_restrict(struct caller *c, const struct profile_partition *wanted,
		    struct topology_source *source, struct err *e);

/*
 * Once the machine is read: note a limit of memory, and let a quota of CPU time be the ceiling of
 * cores: where groups are made below it they would be throttled, elsewhere they would escape it.
 */
void caller_restrict_cores(struct caller *c, const struct topology *t,
			   struct profile_partition *wanted);

#endif
