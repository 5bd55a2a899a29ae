/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_CGROUP_H
#define CONTAINERS_CGROUP_CGROUP_H

/* A cluster in cgroup files: the openers of both versions, and what is common to them. */

#include "containers/cgroup/group.h"

/* Openers: make the cluster's own group with everything above it. */
int cgroup2_open(const struct placement *p, const char *cluster, struct driver **out,
		 struct err *e);
int cgroup1_open(const struct placement *p, const char *cluster, struct driver **out,
		 struct err *e);

/* An empty driver for a placement, with its bases open. */
int cgroup_new(const struct placement *p, const char *cluster, const struct cgroup_version *version,
	       struct cgroup_driver **out, struct err *e);

/* What an opener that fails calls: driver_ops.destroy and close. */
int cgroup_destroy(struct driver *d, struct err *e);
void cgroup_close(struct driver *d);

#endif
