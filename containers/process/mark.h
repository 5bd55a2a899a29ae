/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROCESS_MARK_H
#define CONTAINERS_PROCESS_MARK_H

/*
 * The mark of a process that we have started: GROUP_VARIABLE=CLUSTER/GROUP in its environment, which
 * its children inherit; the affinity driver's goes on with what that has to know. Anybody can write
 * one: it counts where cgroup or user say that the process is ours.
 */

#include <stdbool.h>
#include <sys/types.h>

/*
 * The environment with `mark` ("NAME=…") ahead, in place of one that was there. Only the array is
 * new, for the caller to free(); NULL: no memory.
 */
char **mark_environment(char *const *envp, char *mark);

/* Why there is no mark. */
enum unmarked {
	UNMARKED_NONE,	    /* it has another environment, or has ended */
	UNMARKED_HIDDEN,    /* the environment cannot be read: this may take CAP_SYS_PTRACE */
	UNMARKED_EXECUTING, /* it has none for this moment: the next look may tell */
};

/*
 * What follows CLUSTER/ in the mark of a process; its environment is read into `text` of
 * PROC_TEXT_MAX bytes. NULL: it bears none of this cluster, *why tells more. While another program
 * is executed environment and command line are both empty; of kernel threads, which have no
 * executable, for ever.
 */
const char *mark_read(pid_t pid, const char *cluster, char *text, enum unmarked *why);

#endif
