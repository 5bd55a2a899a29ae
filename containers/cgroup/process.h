/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_PROCESS_H
#define CONTAINERS_CGROUP_PROCESS_H

/*
 * Processes of a cgroup driver: which are in a group, how one is born there, how all of them end,
 * how the caller enters and leaves.
 */

#include <stdlib.h>

#include "containers/cgroup/group.h"

/* driver_ops that the versions share. */
int cgroup_spawn(struct driver *d, const struct spawn *s, pid_t *pid, int *pidfd, struct err *e);
int cgroup_kill(struct driver *d, const char *group, unsigned timeout_ms, struct err *e);
int cgroup_enter(struct driver *d, const char *group, struct err *e);
int cgroup_pids(struct driver *d, const char *group, pid_t *pids, size_t size, struct err *e);

bool cgroup_has(struct driver *d, const char *group, pid_t pid);

/* Of one group alone, by its file "cgroup.procs" below `base`. */
int cgroup_pids_at(int base, const char *procs, pid_t *pids, size_t size, struct err *e);

/* Processes, however many; what is listed is appended. {0} is empty. */
struct pid_list {
	pid_t *pids;
	size_t count, size;
};

static inline void cleanup_pidsp(struct pid_list *list)
{
	free(list->pids);
}
#define cleanup_pids __attribute__((cleanup(cleanup_pidsp)))

/* cgroup_pids_at() without a bound. */
int cgroup_list_at(int base, const char *procs, struct pid_list *list, struct err *e);

/* cgroup_pids() by what one controller says: in v1 they are separate trees. */
int cgroup_pids_in(const struct cgroup_driver *d, enum controller c, const char *group, pid_t *pids,
		   size_t size, struct err *e);

/*
 * The same without a bound, by the name of a hierarchy as for cgroup_has_process().
 */
int cgroup_pids_of(const struct cgroup_driver *d, const char *controller, const char *group,
		   struct pid_list *list, struct err *e);

/* Fill in d->origin, if that is not done yet. */
int cgroup_remember_origin(struct cgroup_driver *d, struct err *e);

/*
 * Whether a process is in our group `group` (or below it) in the hierarchy of `controller` ("" for
 * v2's).
 */
bool cgroup_has_process(const struct cgroup_driver *d, const char *group, pid_t pid,
			const char *controller);

/* The same for any path below the base. */
bool cgroup_path_has_process(const struct cgroup_driver *d, const char *path, pid_t pid,
			     const char *controller);

/*
 * SIGKILL for one process of the group, through a pidfd, and only after the process that it means
 * was seen in the group: since its number was read that may have become somebody else's. Return the
 * pidfd, -1: it is not there any more, or not in the group.
 */
int cgroup_kill_process(const struct cgroup_driver *d, const char *group, pid_t pid);

#endif
