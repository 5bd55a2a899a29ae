#ifndef CONTAINERS_PROCESS_MEMORY_POLICY_H
#define CONTAINERS_PROCESS_MEMORY_POLICY_H

/*
 * The memory policy of a process to be, prepared as a value and set in the child by one system
 * call. The walls are cpuset.mems where there is a cpuset; this says only where inside them pages
 * go.
 */

#include <stdbool.h>

#include "decision/base/cpuset.h"
#include "decision/plan/profile.h"

enum { MEMORY_POLICY_NODES = 256 }; /* the bound on node ids (decision/machine/topology.h) */

struct memory_policy_call {
	int mode; /* set_mempolicy(2)'s */
	unsigned long nodes[MEMORY_POLICY_NODES / (8 * sizeof(unsigned long))];
};

/*
 * What backs `strict`: a cpuset around the process, or nothing, and then the policy itself has to
 * bind.
 */
enum memory_wall { WALL_CPUSET, WALL_NONE };

struct memory_policy_call memory_policy_prepare(enum memory_policy policy,
						const struct cpuset *nodes, enum memory_wall wall);

/*
 * Async-signal-safe. Return 0 or negative errno. A kernel without NUMA (ENOSYS) has one node:
 * success.
 */
int memory_policy_set(const struct memory_policy_call *call);

#endif
