/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_CPUS_H
#define CONTAINERS_CGROUP_CPUS_H

/*
 * The CPUs of a group and of those that an engine made below it. In v2 one without a set of its own
 * follows the group above; in v1 each has a copy, and the kernel wants a group's set inside that of
 * the group above at any moment.
 */

#include "containers/cgroup/subtree.h"

/*
 * Write them: to the group, and such that those below follow. What the kernel made of it is for the
 * caller to read back.
 */
int cpus_write(const struct cgroup_driver *d, const struct open_group *g, const struct cpuset *cpus,
	       struct err *e);

/*
 * The first group below that does not run on these CPUs, and on which it does; NULL: there is none.
 * One that is just being made has none yet.
 */
const struct subgroup *cpus_find_other(const struct cgroup_driver *d, const struct subtree *below,
				       const struct cpuset *cpus, struct cpuset *found);

#endif
