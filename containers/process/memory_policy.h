/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROCESS_MEMORY_POLICY_H
#define CONTAINERS_PROCESS_MEMORY_POLICY_H

/*
 * The memory policy of a process to be. The walls are cpuset.mems where there is a cpuset; this
 * says only where inside them pages go.
 */

#include "decision/base/cpuset.h"
#include "decision/plan/profile.h"

/*
 * What backs `strict`: a cpuset around the process, or nothing, and then the policy itself has to
 * bind.
 */
enum memory_wall { WALL_CPUSET, WALL_NONE };

/*
 * Set the caller's; async-signal-safe. Return 0 or negative errno. A kernel without NUMA (ENOSYS)
 * has one node: success.
 */
int memory_policy_set(enum memory_policy policy, const struct cpuset *nodes, enum memory_wall wall);

#endif
