/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_CGROUP_H
#define CONTAINERS_CGROUP_CGROUP_H

/* A cluster in cgroup files: the openers of both versions, and what is common to them. */

#include "containers/cgroup/group.h"

/* Openers: make the cluster's own group with everything above it, or observe it: driver_open(). */
int cgroup2_open(const struct placement *p, const struct driver_request *request,
		 struct driver **out, struct err *e);
int cgroup1_open(const struct placement *p, const struct driver_request *request,
		 struct driver **out, struct err *e);

/*
 * A driver for a placement, with its bases open. -ENOENT: the request is to observe, and the
 * cluster's own group is not there; -EPERM: it is a stranger's.
 */
int cgroup_new(const struct placement *p, const struct driver_request *request,
	       const struct cgroup_version *version, struct cgroup_driver **out, struct err *e);

/* What an opener that fails calls: driver_ops.destroy and close. */
int cgroup_destroy(struct driver *d, struct err *e);
void cgroup_close(struct driver *d);

#endif
