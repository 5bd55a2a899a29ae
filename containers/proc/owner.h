/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_OWNER_H
#define CONTAINERS_PROC_OWNER_H

/*
 * Whose process it is. Command lines and environments are what their owners write, so they say
 * something about a process of ours only.
 */

#include <stdbool.h>
#include <sys/types.h>

/* Those whose processes are ours: who calls, and who the workers run as. */
struct users {
	uid_t caller, workers;
};

/*
 * Whether the real, effective, saved and file-system uid are one of theirs, all the same. false
 * also for who has ended.
 */
bool proc_is_of(pid_t pid, const struct users *u);

/*
 * Whether the program got rights by being executed, or this cannot be known (it may take
 * CAP_SYS_PTRACE): a set-uid program has the words and the environment of who has started it, also
 * after it has become root altogether.
 */
bool proc_is_elevated(pid_t pid);

/* Its real uid; (uid_t)-1 if it has ended. */
uid_t proc_user(pid_t pid);

/*
 * false: it is surely none of theirs. At the price of one stat() below `proc` (a descriptor of
 * /proc), to be asked before anything is read. True proves nothing: the kernel shows whom it hides
 * (dumpable, prctl(2)) as root's.
 */
bool proc_may_be_of(int proc, pid_t pid, const struct users *u);

#endif
