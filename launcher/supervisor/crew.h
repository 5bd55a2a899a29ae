/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_CREW_H
#define LAUNCHER_SUPERVISOR_CREW_H

/*
 * The daemons of the cluster: the master and a worker a slice. Each has a life
 * (decision/reconcile/life.h), which the events here carry on, and the master says over its REST
 * which workers are registered. All are asked from time to time, and one that lives and does not
 * answer (decision/reconcile/pulse.h) is killed, and so begins anew. What happens to a daemon is
 * done to it at once, but for its start: crew_start_due() does that, so that the loop can take back
 * the CPUs its slice has borrowed before. What the loop has to hear of is in `news` until it takes
 * it.
 */

#include "decision/reconcile/pulse.h"
#include "launcher/supervisor/daemon.h"
#include "launcher/supervisor/site.h"
#include "launcher/watch/master.h"
#include "launcher/watch/rest.h"

enum { DAEMONS = SLICES_MAX + 1 };

enum crew_failure {
	CREW_FINE,
	CREW_CANNOT_START, /* a daemon */
	CREW_EXITED,	   /* one of itself that was started since the last crew_call() */
	CREW_OTHER_MASTER, /* something else answers at the master's port */
};

struct crew_news {
	bool has_answer, is_mute;  /* the master has answered (`seen`), or not as it should */
	bool has_started;	   /* any daemon */
	enum crew_failure failure; /* the first one */
	struct err why;		   /* of it, a sentence for an `up` that waits … */
	unsigned daemon;	   /* … and whose log tells more */
};

struct crew;

/* How a daemon is asked, and what its silence means. */
struct contact {
	struct crew *crew;
	unsigned daemon;
	int ui_port; /* of a worker; 0: not known, then being listed is its sign of life */
	bool is_asking;
	uint64_t ask_at_ns; /* the next question */
	struct pulse pulse;
	bool is_new; /* started since the last crew_call() */
	uint64_t
		missed_since_ns; /* CLOCK_REALTIME: given up then, and not back; 0: it is not missed */
};

struct crew {
	struct site *site;
	struct rest *rest;
	struct daemon daemons[DAEMONS]; /* by slice id; the last one is the master's */
	struct contact contacts[DAEMONS];
	uint64_t ticked_ns;		/* the last crew_tick() */
	uint64_t due[DAEMONS / 64 + 1]; /* those that are to be started, one bit each */
	bool is_without_engine;		/* none answers, and containers are to be begun */
	bool has_adopted;		/* daemons that an earlier supervisor has left */
	bool has_started;		/* any: there is a log that may tell why an `up` failed */
	bool is_dismissed;		/* all are to stop, for good */

	struct master_state *seen; /* the master's last answer */

	struct crew_news news;
};

/* The site and the rest are borrowed and outlive it. */
int crew_open(struct crew *c, struct site *site, struct rest *rest, struct err *e);
void crew_close(struct crew *c);

struct daemon *crew_master(struct crew *c);

/*
 * Find alive what is of this crew in the groups of `seen`, as `described` says how it was started.
 */
int crew_adopt(struct crew *c, const struct state *described, const struct observation *seen,
	       struct err *e);

/* ---- what is wanted of it */

/* It shall run. Return whether it has no process as yet. */
bool crew_want(struct crew *c, unsigned daemon);
void crew_unwant(struct crew *c, unsigned daemon);
void crew_dismiss(struct crew *c);

/* Those that do not run as the state in force has it are to stop. Return how many, or the error. */
int crew_unwant_others(struct crew *c, struct err *e);

/* ---- what happens to it */

/* Time has passed: back-offs end, what does not stop or answer is killed, all are asked. */
void crew_tick(struct crew *c);
/* A daemon's pidfd is readable. */
void crew_reap(struct crew *c, struct daemon *d);
/* Somebody has paused its container: it goes on, by an errand. */
void crew_unpause(struct crew *c, const char *group);
/* A daemon's errand is over. */
void crew_errand(struct crew *c, struct daemon *d);

bool crew_has_due(const struct crew *c);
void crew_start_due(struct crew *c);

/* Ask the master at the next tick. */
void crew_ask_soon(struct crew *c);

/* A roll call: only who answers a question asked from here on crew_has_answered(). */
void crew_call(struct crew *c);

/* When crew_tick() has something to do next, CLOCK_MONOTONIC; UINT64_MAX: never. */
uint64_t crew_deadline(const struct crew *c);

/* ---- how it is */

bool crew_is_running(const struct crew *c, unsigned daemon);
bool crew_has_answered(const struct crew *c, unsigned daemon); /* and is running */
bool crew_is_starting(const struct crew *c, unsigned daemon);
bool crew_is_stopping(const struct crew *c); /* any */
bool crew_has_stopped(const struct crew *c); /* all */

/* -ETIMEDOUT, with its name and process: all that are still to stop have been killed, in vain. */
int crew_check_stopping(const struct crew *c, struct err *e);

/* Copy pids and restarts into the state, and write that if it is old. */
int crew_save(struct crew *c, struct err *e);

#endif
