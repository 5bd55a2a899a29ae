/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_GROUPS_LOCK_H
#define LAUNCHER_SYSTEM_GROUPS_LOCK_H

/*
 * One cluster at a time makes or removes groups in a cgroup tree, so that none sees halves of
 * another's. The lock is a file in a directory that nobody else can write (a directory of the tree
 * itself may be locked by whoever can read it, for as long as he likes): /run for root, else
 * $XDG_RUNTIME_DIR or /tmp/cleave-UID. It is there only while somebody has it.
 */

#include <sys/types.h>

#include "decision/base/err.h"

enum { GROUPS_LOCK_NAME = 80 };

struct groups_lock {
	int fd; /* -1: not held */
	int dir;
	char name[GROUPS_LOCK_NAME]; /* in it */
};

/*
 * Take the lock of the tree that tree_name() calls `tree`; do not wait. -EBUSY: *holder has it (0:
 * unknown). -EPERM: the directory, or the file in it, is not ours alone.
 */
int groups_lock_take(const char *tree, struct groups_lock *out, pid_t *holder, struct err *e);

/* If it is held. */
void groups_lock_release(struct groups_lock *l);

#endif
