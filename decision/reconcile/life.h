/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_RECONCILE_LIFE_H
#define DECISION_RECONCILE_LIFE_H

/*
 * The life of one supervised process (a slice's worker, the master) as a pure state × event
 * machine: worker_step() says what is to be done, the supervisor does it and owns the process. Time
 * is an argument. An exit is forgotten after ten minutes, so back-off and giving up are about how
 * often it died of late.
 *
 *   STOPPED ──wanted──▶ STARTING ──registered──▶ RUNNING
 *                          ▲  │ exited, refused       │ exited
 *                          │  ▼                       ▼
 *                       BACKING_OFF (1 s, 2 s, 4 s, 8 s)   fifth exit in ten minutes ──▶ DEGRADED
 *   STARTING, RUNNING ──mute──▶ HUNG, killed ──exited──▶ as one that exited of itself
 *   any ──unwanted──▶ STOPPING ──(10 s)──▶ killed ──exited──▶ STOPPED
 */

#include <stdbool.h>
#include <stdint.h>

enum worker_state {
	WORKER_STOPPED,
	WORKER_STARTING, /* its process lives, Spark's master has not listed it yet */
	WORKER_RUNNING,
	WORKER_BACKING_OFF,
	WORKER_DEGRADED, /* given up; a new `up` tries again */
	WORKER_STOPPING,
	WORKER_HUNG, /* it did not answer and was killed; its end is still to come */
	WORKER_STATES
};

enum worker_event {
	WORKER_WANTED,	   /* it shall run */
	WORKER_ADOPTED,	   /* its process was found alive */
	WORKER_REGISTERED, /* the master lists it (of the master: its REST answers) */
	WORKER_LOST,	   /* the master lists it no more, the process lives */
	WORKER_EXITED,	   /* its process ended, or could not be started */
	WORKER_UNWANTED,   /* it shall end */
	WORKER_TICK,	   /* time has passed */
	WORKER_MUTE,	   /* its process lives and has not answered for too long (pulse.h) */
	WORKER_EVENTS
};

enum worker_action {
	WORKER_DO_NOTHING,
	WORKER_DO_SPAWN,     /* kill what is left in its group, start it */
	WORKER_DO_TERMINATE, /* SIGTERM */
	WORKER_DO_KILL,	     /* SIGKILL to its group */
};

enum {
	WORKER_EXITS = 5,	     /* this many exits … */
	WORKER_EXITS_WITHIN_S = 600, /* … within this time are too many */
	WORKER_BACK_OFF_FIRST_S = 1, /* doubled with each exit inside that time */
	WORKER_STOP_S = 10,	     /* from SIGTERM to SIGKILL */
};

struct worker {
	enum worker_state state;
	bool has_process;
	uint64_t since_ns;    /* when the state began */
	uint64_t deadline_ns; /* of backing off and stopping; 0: none */
	unsigned restarts;    /* since it was wanted */
	unsigned exit_count;  /* in exits[]: those within the time */
	uint64_t exits[WORKER_EXITS];
};

/*
 * One event at one time (CLOCK_MONOTONIC, ns, never going back). An event that means nothing in
 * this state is ignored.
 */
enum worker_action worker_step(struct worker *w, enum worker_event event, uint64_t now_ns);

/* "stopped", "starting" …: the stable spelling of status --json. */
const char *worker_state_name(enum worker_state state);

#endif
