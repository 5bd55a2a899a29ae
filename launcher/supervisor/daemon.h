/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_DAEMON_H
#define LAUNCHER_SUPERVISOR_DAEMON_H

/*
 * One supervised process, the master's or a slice's worker: its life (decision/reconcile/life.h)
 * and its handle in the kernel.
 */

#include "containers/driver.h"
#include "decision/reconcile/life.h"
#include "launcher/protocol/state.h"
#include "launcher/spark/spark.h"

enum { DAEMON_MASTER = SLICES_MAX }; /* beside slice ids */

struct daemon {
	struct worker life;
	unsigned id;			/* of its slice, or DAEMON_MASTER */
	char name[NAME_MAX_BYTES + 1];	/* "slice-0", "master" */
	char group[NAME_MAX_BYTES + 1]; /* where it lives */
	struct process_id process;
	int pidfd;		/* -1: no process */
	int wait_status;	/* of the last exit; -1: not our child */
	char log[PROFILE_PATH]; /* "" before it was started or adopted */
	/* Its start waits for its group to become empty: since when, and when it is tried again. */
	uint64_t wait_since_ns, wait_until_ns;
};

void daemon_init(struct daemon *d, unsigned id);

/* How this daemon would be started now. */
int daemon_process(const struct daemon *d, const struct state *s, struct process *out,
		   struct err *e);

/*
 * Start it in its group. A slice's group is emptied first (executors of a worker that died);
 * -ETIMEDOUT while that is not done.
 */
int daemon_spawn(struct daemon *d, struct driver *driver, const struct state *s, struct err *e);

/*
 * Find it alive: by the recorded identity, else in its group by its main class. Return 1, 0 if
 * there is none, or an error.
 */
int daemon_adopt(struct daemon *d, struct driver *driver, const struct state *s,
		 const struct process_id *recorded, struct err *e);

/* Whether the running process has the command line and the environment of `p`. */
bool daemon_is(const struct daemon *d, const struct process *p);

void daemon_signal(const struct daemon *d, int signal_number);

/*
 * SIGKILL: of a slice the whole group, of the master itself only (drivers of users live beside it).
 * Does not wait: the end of the daemon is its pidfd's to tell.
 */
int daemon_kill(struct daemon *d, struct driver *driver, struct err *e);

/* Its pidfd is readable: reap it if it is ours, forget the handle. */
void daemon_reap(struct daemon *d);

/* "exited with status 1", "was killed by signal 9": of the last exit. */
char *daemon_exit_text(const struct daemon *d, char *text, size_t size);

/*
 * Whether the command line or environment of a process (NUL-separated, as in /proc) is `argv`, less
 * GROUP_VARIABLE.
 */
bool argv_match_proc(char *const *argv, const char *text, size_t size);

#endif
