/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_LIMITS_H
#define CONTAINERS_WHERE_LIMITS_H

/*
 * The limits under which the caller itself was started: a Slurm job, a unit with AllowedCPUs= and
 * MemoryMax=, a container, a user's slice. They are those of its own groups up to the root, wherever
 * cleave's groups are made: a scope of systemd's, which is elsewhere, would be a way out of them.
 */

#include "containers/where/layout.h"
#include "decision/base/cpuset.h"

struct caller_limits {
	struct cpuset cpus, nodes; /* effective; empty: no group says */
	uint64_t memory_bytes;	   /* the least; 0: none */
	uint64_t quota_milli;	   /* thousandths of a CPU's time, the least; 0: none */
	/* Which group says so, from the top of its hierarchy; "/": the whole, or a container. */
	char cpus_by[2 * LAYOUT_PATH], nodes_by[2 * LAYOUT_PATH];
	char memory_by[2 * LAYOUT_PATH], quota_by[2 * LAYOUT_PATH];
};

/*
 * Read them below `root` ("/" or a recorded tree). A process in one of cleave's own groups is asked
 * for what is above those. Files that are not there limit nothing.
 */
int caller_limits_read(int root, const struct cgroup_layout *l, struct caller_limits *out,
		       struct err *e);

#endif
