/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_ENGINE_TREES_H
#define CONTAINERS_CGROUP_ENGINE_TREES_H

/*
 * What a container engine makes of the parent that it is given: that path in every hierarchy of the
 * machine, also where we have no groups, and a container's group below it. Only with an engine
 * (placement.engine) is any of this called.
 */

#include "containers/cgroup/subtree.h"

/*
 * Find d->top, and the freezer of cgroup v1. ERR_IMPOSSIBLE where what is mounted here does not
 * begin at the top of what the engine sees.
 */
int engine_trees_find(struct cgroup_driver *d, struct err *e);

/* That of driver_ops. */
int cgroup_parent(struct driver *d, const char *group, char path[PROFILE_PATH], struct err *e);

/*
 * Whether the group or one below it is frozen, or about to be; `below` is its subtree in the
 * hierarchy of cpuset.
 */
bool engine_trees_is_frozen(const struct cgroup_driver *d, const char *group,
			    const struct subtree *below);

/*
 * Cgroup v1: what is frozen does not die of SIGKILL before it is thawed. Failures are nobody's: it
 * then does not end.
 */
void engine_trees_thaw(const struct cgroup_driver *d, const char *group);

/*
 * Remove a group of ours ("": the cluster's own) with what is below, in every hierarchy: empty
 * groups only. What the caller has no right to is left: the engine made it as root.
 */
int engine_trees_remove(const struct cgroup_driver *d, const char *group, struct err *e);

/* What is above the cluster's own group, where it is empty. */
void engine_trees_remove_above(const struct cgroup_driver *d);

#endif
