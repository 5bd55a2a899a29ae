/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_STRANGERS_H
#define CONTAINERS_CGROUP_STRANGERS_H

/*
 * Processes that are in our groups and not ours: somebody has moved them in. Ours are those that
 * bear the cluster's mark (containers/process/mark.h), or have an ancestor in the group, or a
 * session leader, that does; and this program itself, before it executes what it has forked for.
 * Whose environment cannot be read is taken for ours: without CAP_SYS_PTRACE root may not read that
 * of the workers' user.
 */

#include "containers/cgroup/group.h"

/* driver_ops that the versions share. */
int cgroup_strangers(struct driver *d, const char *group, struct strangers *out, struct err *e);
int cgroup_expel(struct driver *d, const char *group, struct strangers *out, struct err *e);

#endif
