/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_DRIFT_WATCH_H
#define LAUNCHER_SUPERVISOR_DRIFT_WATCH_H

/*
 * What others do to what is in force: CPUs that the machine loses and regains, and whoever writes
 * to our groups. Drift is put back up to three times in ten seconds, then left alone, and told.
 */

#include "decision/reconcile/drift.h"
#include "launcher/supervisor/site.h"

struct drift_watch {
	struct site *site; /* borrowed; outlives it */
	/* CPUs that came back since all groups were as they should be. */
	struct cpuset returned;
	struct drift_repairs repairs;
	struct observation seen; /* at the last look */
	bool has_given_up; /* somebody else keeps writing: nothing is repaired or lent until the next `up` */
};

/* A plan is in force anew: whatever was the matter before, look again. */
void drift_watch_begin(struct drift_watch *w);

/*
 * Is the kernel's state still the plan's? Repairs what is not. Return whether the machine has other
 * CPUs than at the last look; site.allowed has them.
 */
bool drift_watch_look(struct drift_watch *w);

/* Put processes back that the kernel moved out of their group when it lost its last CPU. */
void drift_watch_bring_back(struct drift_watch *w);

#endif
