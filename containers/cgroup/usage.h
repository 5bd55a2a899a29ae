/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_USAGE_H
#define CONTAINERS_CGROUP_USAGE_H

/*
 * What the straggler monitor and the watch on drift read at every tick: kept descriptors, one
 * pread() a file, nothing allocated; with a container engine also its groups below, some 20 µs each.
 * And the threads that are runnable, which only /proc knows.
 */

#include "containers/cgroup/group.h"

/* driver_ops that the versions share. */
int cgroup_sample(struct driver *d, const char *group, struct sample *out, struct err *e);
int cgroup_usage(struct driver *d, const char *group, struct sample *out, struct err *e);
int cgroup_look(struct driver *d, const char *group, struct observed_group *out, struct err *e);
int cgroup_allowed(struct driver *d, struct cpuset *cpus, struct err *e);
int cgroup_runnable(struct driver *d, const char *group, unsigned *out, struct err *e);

#endif
