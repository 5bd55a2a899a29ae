/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROCESS_SPAWN_H
#define CONTAINERS_PROCESS_SPAWN_H

/*
 * Start a process in its group: it is born there (clone3, CLONE_INTO_CGROUP), or it waits until it
 * has been put there; only then it executes. So no page of it is ever charged elsewhere.
 */

#include <sys/types.h>

#include "containers/driver.h"
#include "containers/process/memory_policy.h"

struct spawn_into {
	int cgroup2; /* directory of the group in a v2 tree, -1: none */
	/* Put the waiting child into v1 groups; NULL: there are none. */
	int (*attach)(void *context, pid_t child, struct err *e);
	/* Put it into the v2 group where clone3 could not. */
	int (*join)(void *context, pid_t child, struct err *e);
	void *context;
	const struct cpuset
		*cpus; /* its affinity; NULL: every CPU, so that the cpuset alone decides */
	enum memory_wall wall;
};

/*
 * Return 0 with pid and pidfd (both the caller's), after exec has succeeded. Else no process is
 * left. The code is that of execve(2) exactly if exec itself failed (-ENOENT, -EACCES, -ENOEXEC …);
 * failures before it are -EIO or what attach and join returned.
 */
int spawn_process(const struct spawn *s, const struct spawn_into *into, pid_t *pid, int *pidfd,
		  struct err *e);

#endif
