/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_SLICE_UNIT_H
#define CONTAINERS_CGROUP_SLICE_UNIT_H

/*
 * Groups as slice units of systemd's (unit.h), made and removed by executing its programs: tens of
 * milliseconds each. Between that they are groups as others: limits, loans and weights are written
 * to their files. What systemd puts back there from the unit's properties is drift.
 */

#include "containers/cgroup/group.h"

/*
 * Make the unit of a group, with the limits as its properties; `g` NULL: of the cluster's own group,
 * which may be there. An empty one that a dead cluster has left is made anew.
 */
int slice_unit_make(struct cgroup_driver *d, const struct group_spec *g, struct err *e);

/* Stop the unit, whose group is empty, with the empty ones in it; it being gone is success. */
int slice_unit_unmake(struct cgroup_driver *d, const char *path, struct err *e);

/*
 * Set memory.oom.group of a slice again where systemd has written 0: it does at daemon-reload, and
 * has no such property for slices.
 */
void slice_unit_keep_whole(struct cgroup_driver *d, const char *group);

#endif
