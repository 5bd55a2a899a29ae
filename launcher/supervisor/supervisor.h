/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_SUPERVISOR_H
#define LAUNCHER_SUPERVISOR_SUPERVISOR_H

/*
 * The supervisor of one cluster: one process, one thread, one loop (README.md beside this file). It
 * is the only writer of the cluster's groups and state while it holds STATE/NAME/lock.
 */

#include "launcher/protocol/state.h"

enum supervisor_kind {
	SUPERVISOR_DAEMON, /* forked by `up`: in its own group, serves the control socket */
	SUPERVISOR_FOREGROUND, /* `up --foreground`: the same, left where the caller's service manager put it */
	SUPERVISOR_ONCE, /* inside `down`, when no supervisor lives: only takes the cluster down */
};

struct supervisor_start {
	enum supervisor_kind kind;
	struct cluster cluster;
	const char *cgroup_root; /* --cgroup-root, or NULL */
	struct state *wanted;	 /* on the heap, taken over; NULL: take the cluster down */
	int lock;		 /* held */
	int client;		 /* the socket of the `up` that waits, -1: none; taken over */
	pid_t client_pid;
	int signal_number; /* out, of SUPERVISOR_ONCE: what interrupted it; 0: nothing */
};

/*
 * Run until the cluster is down. The caller holds the lock. Return 0, or the error that brought it
 * to an end: then what could not be removed is still in the state, for the next `down` or `up`.
 */
int supervisor_run(struct supervisor_start *start, struct err *e);

#endif
