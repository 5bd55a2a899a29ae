#ifndef CONTAINERS_CGROUP_CGROUP_H
#define CONTAINERS_CGROUP_CGROUP_H

/* A cluster in cgroup files: the openers of both versions, and the driver_ops that they share. */

#include "containers/cgroup/group.h"
#include "containers/cgroup/process.h"
#include "containers/cgroup/usage.h"

/* Openers: make the cluster's own group with everything above it. */
int cgroup2_open(const struct placement *p, const char *cluster, struct driver **out,
		 struct err *e);
int cgroup1_open(const struct placement *p, const char *cluster, struct driver **out,
		 struct err *e);

/* An empty driver for a placement, with its bases open. */
int cgroup_new(const struct placement *p, const char *cluster, const struct driver_ops *ops,
	       const struct cgroup_version *version, struct cgroup_driver **out, struct err *e);

int cgroup_create(struct driver *d, const struct group_spec *g, struct err *e);
int cgroup_set_cpus(struct driver *d, const char *group, const struct cpuset *cpus,
		    struct cpuset *effective, struct err *e);
int cgroup_set_weight(struct driver *d, const char *group, unsigned weight, struct err *e);
int cgroup_remove(struct driver *d, const char *group, struct err *e);
int cgroup_observe(struct driver *d, struct observation *out, struct err *e);
int cgroup_destroy(struct driver *d, struct err *e);
void cgroup_close(struct driver *d);

#define CGROUP_OPS                                                                             \
	.create = cgroup_create, .set_cpus = cgroup_set_cpus, .set_weight = cgroup_set_weight, \
	.spawn = cgroup_spawn, .kill = cgroup_kill, .remove = cgroup_remove,                   \
	.observe = cgroup_observe, .sample = cgroup_sample, .usage = cgroup_usage,             \
	.look = cgroup_look, .allowed = cgroup_allowed, .runnable = cgroup_runnable,           \
	.enter = cgroup_enter, .pids = cgroup_pids, .destroy = cgroup_destroy,                 \
	.close = cgroup_close

#endif
