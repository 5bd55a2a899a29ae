#ifndef LAUNCHER_SUPERVISOR_PARTS_H
#define LAUNCHER_SUPERVISOR_PARTS_H

/*
 * What the supervisor's files share. supervisor.c: the loop. supervisor_claim.c: one cluster at a time. supervisor_apply.c:
 * from the plan in force to the wanted one. supervisor_down.c: the way back. supervisor_watch.c: daemons, Spark's master,
 * samples, answers. supervisor_machine.c: CPUs that come and go, files that others write. supervisor_lend.c,
 * supervisor_write.c and supervisor_loans.c: lending, see supervisor_lend.h. supervisor_tell.c: what it tells the commands,
 * the service manager and state.json.
 */

#include "decision/reconcile/drift.h"
#include "decision/reconcile/op.h"
#include "launcher/protocol/control.h"
#include "launcher/protocol/events.h"
#include "launcher/protocol/status.h"
#include "launcher/spark/rest.h"
#include "launcher/supervisor/daemon.h"
#include "launcher/supervisor/supervisor.h"

/* What it is doing; each stage is a function that does one step a turn of the loop. */
enum supervisor_stage {
	STAGE_IDLE,    /* nothing but supervising */
	STAGE_GROUPS,  /* one op a turn */
	STAGE_REPLACE, /* daemons that are not what they should be are stopping */
	STAGE_MASTER,  /* waiting for the master's REST */
	STAGE_WORKERS, /* waiting until all are registered */
	STAGE_STOP,    /* daemons are stopping */
	STAGE_REMOVE,  /* one group a turn */
	STAGE_GONE,    /* the loop ends */
};

enum { ASKERS_MAX = CONTROL_CLIENTS, DAEMONS = SLICES_MAX + 1 };

struct supervisor {
	enum supervisor_kind kind;
	const char *cgroup_root;
	struct state *state;  /* in force; what state.json says or will say */
	struct state *wanted; /* of the apply under way */
	bool dirty;	      /* state.json is older than `state` */
	bool adopted;	      /* a cluster was there when this supervisor began */
	bool changed;	      /* the apply under way did something */
	bool is_known;	      /* state.json was read; else `state` holds only the name */
	bool has_past;	      /* there was a state.json or home.json, readable or not */
	bool has_logs;	      /* a daemon was started: its log may tell why an `up` failed */
	bool fresh;	      /* nothing was there: a failure of the first apply takes all down */
	char why_rebuilt[ERR_TEXT]; /* state.json was lost or unreadable: one line for `up` */
	uint64_t begin_ns, now_ns;

	struct driver *driver;
	int groups_lock; /* held while groups are made or removed; -1: not held */
	struct rest *rest;
	struct control *control; /* NULL in `down` */
	struct events events;
	int signal_fd;

	enum supervisor_stage stage;
	struct control_client *job; /* the `up` that waits, NULL: none or gone */
	pid_t job_pid;
	char left_scratch[PROFILE_PATH]; /* memory.scratch.path until this apply; "": as it was */
	struct oplist *ops;
	unsigned next_op;
	uint64_t deadline_ns; /* of STAGE_MASTER and STAGE_WORKERS */
	unsigned registered;  /* as last reported */
	struct err pending;   /* why the apply under way has to fail; code 0: it does not */
	struct err failure;   /* why it goes down; code 0: because it was asked to */
	struct control_client *leavers[ASKERS_MAX]; /* the `down`s that wait */

	struct daemon daemons[DAEMONS]; /* by slice id; the last one is the master's */
	struct daemon *master;

	struct cpuset allowed; /* CPUs that can be had now; empty: not looked yet */
	struct cpuset
		returned; /* of them, those that came back since all groups were as they should be */
	struct drift_repairs repairs;

	bool poll_busy;
	uint64_t poll_at_ns;
	struct master_state *seen;		   /* the last answer of the master */
	struct control_client *askers[ASKERS_MAX]; /* the `status`es that wait */
	uint64_t ask_deadline_ns;
	bool is_listed; /* the master has answered since the last `status` asked */

	uint64_t sample_at_ns;
	struct sample samples[SLICES_MAX];
	double cpu_used[SLICES_MAX];
	bool throttled[SLICES_MAX];

	struct lend *lend; /* supervisor_lend.h; NULL: as yet */
};

/* ---- supervisor_claim.c */

/* Only one cluster at a time makes or removes groups. Nothing if we hold the lock already. */
int lock_groups(struct supervisor *s, struct err *e);
void unlock_groups(struct supervisor *s);

/* Lock, and be sure that no other cluster has got the CPUs of `wanted` since it was planned. */
int claim_groups(struct supervisor *s, struct err *e);

/* ---- supervisor_apply.c */

/* Open the groups and adopt what lives in them. */
int supervisor_open_groups(struct supervisor *s, struct err *e);

/* Begin to put s->wanted in force. */
int apply_begin(struct supervisor *s, struct err *e);

/* One step of STAGE_GROUPS … STAGE_WORKERS. 1: go on at once; 0: wait; negative: it failed. */
int apply_step(struct supervisor *s, struct err *e);

/* Note why the apply under way fails; its next step ends it. Without one, or after a first reason: nothing. */
void apply_note_failure(struct supervisor *s, const struct err *why);

/* The apply under way has failed: back to nothing if nothing was there before, else stop where it is. */
void apply_fail(struct supervisor *s, const struct err *why);

/* ---- supervisor_down.c */

void down_begin(struct supervisor *s);
int down_step(struct supervisor *s, struct err *e);

/* ---- supervisor_watch.c */

void watch_event(struct supervisor *s, struct daemon *d, enum worker_event event);

/* A daemon's pidfd is readable. */
void watch_exit(struct supervisor *s, struct daemon *d);

/* Time has passed: back-offs, samples, questions to the master, pending answers, state.json. */
void watch_tick(struct supervisor *s);

/* When watch_tick() has something to do next, CLOCK_MONOTONIC. */
uint64_t watch_deadline(const struct supervisor *s);

/* Somebody wants the status. */
void watch_status(struct supervisor *s, struct control_client *client);

/* ---- supervisor_machine.c */

/* At each tick of the monitor, else once a second: is the kernel's state still the plan's? */
void machine_tick(struct supervisor *s);

/* Once a second. */
void machine_second(struct supervisor *s);

/* ---- supervisor_lend.c */

int lend_open(struct supervisor *s, struct err *e);
void lend_close(struct supervisor *s);

/* A plan is in force: from here on CPUs may be lent. */
void lend_begin(struct supervisor *s);

/* Whether Spark is asked what it does: a plan is in force and nothing else is under way. */
bool lend_is_watching(const struct supervisor *s);

/* All loans end, before something else changes. What cannot be written is left to the next reconcile. */
void lend_end(struct supervisor *s);

/* The directories that tell of starting executors are readable. */
void lend_executors_started(struct supervisor *s);

/* A worker is about to be started: its JVM must not count CPUs on loan. */
void lend_slice_starts(struct supervisor *s);

/* The machine has lost or regained CPUs. */
void lend_machine_changed(struct supervisor *s);

/* Time has passed. */
void lend_tick(struct supervisor *s);

/* When lend_tick() has something to do next, CLOCK_MONOTONIC; 0: nothing. */
uint64_t lend_deadline(const struct supervisor *s);

/* ---- supervisor_loans.c */

/* `rebalance`: do it and answer. */
void lend_asked(struct supervisor *s, struct control_client *client,
		const struct rebalance_request *request);

/* Loans, executors, tasks, and what the monitor does. */
void lend_status(struct supervisor *s, struct status *out);

/* ---- supervisor_tell.c */

/* Copy pids and restarts into the state and write it if it has changed. */
int supervisor_save(struct supervisor *s, struct err *e);

/*
 * Tell the waiting `up`: a line {"progress": what, "object": object, "count": done, "total": total}. Nothing as long as the
 * apply under way has changed nothing.
 */
void supervisor_report(struct supervisor *s, const char *what, const char *object, unsigned done,
		       unsigned total);
/* The end of a daemon's log, line by line, to the waiting `up`. */
void supervisor_report_log(struct supervisor *s, const struct daemon *d);
void supervisor_answer_done(struct supervisor *s, const char *result);
void supervisor_answer_error(struct supervisor *s, struct control_client *client,
			     const struct err *e);

/* A datagram to the service manager, if there is one (sd_notify(3)). */
void supervisor_notify(const char *text);

#endif
