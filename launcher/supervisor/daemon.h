/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_DAEMON_H
#define LAUNCHER_SUPERVISOR_DAEMON_H

/*
 * One supervised process, the master's or a slice's worker: its life (decision/reconcile/life.h)
 * and its handle in the kernel. One in a container begins and ends by an errand to the engine
 * (containers/engine/errand.h); between the two it is a process as any other.
 */

#include "containers/driver.h"
#include "containers/engine/errand.h"
#include "decision/reconcile/life.h"
#include "launcher/protocol/state.h"
#include "launcher/spark/spark.h"
#include "launcher/watch/first_error.h"

enum { DAEMON_MASTER = SLICES_MAX }; /* beside slice ids */

struct daemon {
	struct worker life;
	unsigned id;			/* of its slice, or DAEMON_MASTER */
	char name[NAME_MAX_BYTES + 1];	/* "slice-0", "master" */
	char group[NAME_MAX_BYTES + 1]; /* where it lives */
	struct process_id process;
	pid_t last_pid;		/* of the one before */
	int pidfd;		/* -1: no process */
	int wait_status;	/* of the last exit; -1: not our child */
	bool is_out_of_memory;	/* a kill of the kernel's was seen when it ended last */
	bool is_contained;	/* the process, or the one that is to be */
	struct errand errand;	/* under way: it begins, or has ended; fd -1: none */
	struct err last_words;	/* of the engine, how it ended; code 0: none */
	char why[160];		/* what its log says of how it ended last, "": nothing */
	char log[PROFILE_PATH]; /* "" before it was started or adopted */
	off_t log_from;		/* how long that was then */
	/*
	 * Its start waits for its group to become empty, or for the engine: since when, and when it
	 * is tried again; of one that runs, when it may be unpaused again.
	 */
	uint64_t wait_since_ns, wait_until_ns;
};

void daemon_init(struct daemon *d, unsigned id);

/* How this daemon would be started now. */
int daemon_process(const struct daemon *d, const struct state *s, struct process *out,
		   struct err *e);

/*
 * Start it in its group. A slice's group is emptied first (executors of a worker that died);
 * -ETIMEDOUT while that is not done. Return 1 where an errand does it: it is there after
 * daemon_take_begun().
 */
int daemon_spawn(struct daemon *d, struct driver *driver, const struct state *s, struct err *e);

/*
 * The errand that was to begin it is over. -ECONNREFUSED: no engine answers; -ECHILD: it has ended
 * already, -EXDEV: it is not in its group; of both the end is still to be taken (daemon_end()).
 */
int daemon_take_begun(struct daemon *d, struct driver *driver, struct err *e);

/*
 * Its process is dead, or never was: send for what its container has to say. False: there is none,
 * or it cannot be asked.
 */
bool daemon_end(struct daemon *d, const struct state *s);
void daemon_take_ended(struct daemon *d);

/* Somebody has paused its container. */
int daemon_unpause(struct daemon *d, const struct state *s, struct err *e);

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

/*
 * What its log says of an error since it was started or adopted. False: there is no log, or nothing
 * in it.
 */
bool daemon_first_error(const struct daemon *d, struct first_error *out);

/* "exited with status 1", "was killed by signal 9": of the last exit. */
char *daemon_exit_text(const struct daemon *d, char *text, size_t size);

/*
 * Whether the command line or environment of a process (NUL-separated, as in /proc) is `argv`, less
 * GROUP_VARIABLE.
 */
bool argv_match_proc(char *const *argv, const char *text, size_t size);

#endif
