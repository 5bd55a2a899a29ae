/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_HOST_HWLOC_H
#define LAUNCHER_INPUTS_HOST_HWLOC_H

/*
 * From hwloc to struct topology: this machine, an XML file of another one, or hwloc's synthetic
 * text. The only file that knows hwloc.
 */

#include "decision/machine/topology.h"

enum { TOPOLOGY_FILE_MAX = 64 << 20 }; /* 4096 CPUs are 4 MB of XML */

struct topology_source {
	/*
	 * NULL: this machine. Else FILE (with a '/', ending in ".xml", or "xml:FILE") or synthetic
	 * text ("pack:8 core:15 pu:1" or "synthetic:…").
	 */
	const char *text;
	/* Of this machine only: what may be used, and the least memory limit above us (0: none). */
	struct cpuset cpus, nodes;
	uint64_t memory_limit_bytes;
	bool is_isolated;    /* all of `cpus` are, by a partition of cgroup v2 */
	const char *unified; /* where cgroup v2 is mounted; NULL: nowhere */
};

/*
 * Read and derive. `mask` gets the CPUs that this process is bound to if they are fewer than its
 * cpuset allows (taskset, numactl; cleave ignores that), else the empty set. HWLOC_* variables
 * leave the environment. Errors are ERR_WRONG: unreadable files, XML that this hwloc cannot read,
 * synthetic text that is none, machines over the bounds of decision/machine/topology.h. Why it is
 * read this way: README.md.
 */
int topology_read(const struct topology_source *source, struct topology *out, struct cpuset *mask,
		  struct err *e);

#endif
