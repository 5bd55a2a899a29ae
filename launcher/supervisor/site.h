/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_SITE_H
#define LAUNCHER_SUPERVISOR_SITE_H

/*
 * What all parts of the supervisor work on: the state in force, the cluster's groups, the log of
 * events, the time of this turn of the loop. The loop owns it and lends it to the parts. The state
 * is replaced by an apply only (apply.c); the others write its phase, by site_degrade(), and its
 * processes, by crew_save().
 */

#include "containers/driver.h"
#include "containers/engine/errand.h"
#include "launcher/protocol/events.h"
#include "launcher/protocol/state.h"
#include "launcher/system/groups_lock.h"

/* What `state` is worth. */
enum site_knowledge {
	KNOWN_NOTHING, /* there was no cluster: nothing but its name and directories */
	KNOWN_LOST,    /* there was one, and its files cannot be read */
	KNOWN_STATE,   /* it is what state.json says, or will say */
};

/* A step of something that takes several turns of the loop; or a negative errno. */
enum step { STEP_WAIT, STEP_MORE, STEP_DONE };

struct site {
	bool has_own_group;	 /* of a daemon; where a service manager put us we stay */
	const char *cgroup_root; /* --cgroup-root, or NULL */
	struct state *state;	 /* never NULL once site_recall() was fine */
	enum site_knowledge known;
	char why_lost[ERR_TEXT];  /* of KNOWN_LOST, for the next `up` that ends well; "": told */
	bool is_degraded_for_now; /* what the phase is degraded for may pass by itself */
	bool is_dirty;		  /* state.json is older than `state` … */
	struct err unsaved;	  /* … because it cannot be written; code 0: it can */
	uint64_t save_at_ns;	  /* when that is tried again */
	unsigned save_pause_s;

	struct driver *driver;		/* NULL: no groups, as yet or any more */
	struct groups_lock groups_lock; /* held while groups are made or removed */
	bool has_groups_lock;		/* … or there is nothing to lock */
	pid_t lock_holder;		/* who has it, as far as is known, while we wait for it */
	/* What the stage does next cannot be done yet: since when, and when it is tried again. */
	uint64_t wait_since_ns, wait_until_ns;
	struct errand clearing; /* the cluster's containers go; fd -1: not under way */
	bool is_cleared;
	struct cpuset allowed; /* CPUs that can be had now; empty: not looked yet */

	/* Of whom was moved out of our groups, until the loop tells who waits: group, sentence, … */
	struct strings expelled;

	struct events events;
	uint64_t now_ns; /* CLOCK_MONOTONIC */
};

/*
 * What an earlier supervisor knew of the cluster. Lost or unreadable is no error: the plan is made
 * anew, or all that is there goes down.
 */
int site_recall(struct site *s, const struct cluster *c, struct err *e);

/*
 * Write state.json if it is old. Loans are not in it: the kernel has them, and whoever comes after
 * a crash ends them. Where it fails, and when it no longer does, there is an event.
 */
int site_save(struct site *s, struct err *e);

/* Whether there is something to save, and the pause after a failure is over. */
bool site_is_save_due(const struct site *s);

/*
 * The cluster goes on, and not as it should, until the next `up`: why, in a sentence that says what
 * to do.
 */
void site_degrade(struct site *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The same until site_mend(). An apply under way, and what it is degraded for already until the
 * next `up`, come first.
 */
void site_degrade_for_now(struct site *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void site_mend(struct site *s);

/* ---- groups */

/*
 * Only one cluster at a time makes or removes groups: lock them, if we do not hold the lock
 * already. STEP_DONE; STEP_WAIT; -EBUSY after a minute.
 */
int site_lock_groups(struct site *s, struct err *e);
void site_unlock_groups(struct site *s);

/* With the lock: that no other cluster has got the CPUs of `wanted` since it was planned. */
int site_claim_groups(struct site *s, const struct plan *wanted, struct err *e);

/*
 * Something cannot be done yet: STEP_WAIT, to be tried again after a moment, or, once that has been
 * so for patience_ms, -ETIMEDOUT. Nothing in the loop waits itself. What a stage waits for ends with
 * site_wait_no_more(), or with the stage.
 */
int site_wait(struct site *s, unsigned patience_ms);
void site_wait_no_more(struct site *s);

/*
 * Open the groups, or make the one that they are below, as `described` says where, and look at what
 * there is. The lock is held. -EEXIST: the groups are of a cluster of the same name that
 * runs from another state directory. On failure nothing is left of ours.
 */
int site_open_groups(struct site *s, const struct state *described, struct observation *seen,
		     struct err *e);

/*
 * The groups beside the slices', where they are missing: the host's, and of a daemon its own, which
 * it enters.
 */
int site_make_own_groups(struct site *s, const struct observation *seen, const struct plan *plan,
			 struct err *e);

/*
 * A group is about to be emptied: who was moved in by hand is moved out, and named, in the log and
 * on stderr (a daemon's is supervisor.log).
 */
void site_expel(struct site *s, const char *group);

/*
 * With the lock: remove one group with all that lives in it, our own and the one above at last.
 * STEP_WAIT for processes that do not end at once; -ETIMEDOUT if they do not at all.
 */
int site_remove_next(struct site *s, struct err *e);

#endif
