/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_MONITOR_H
#define LAUNCHER_SUPERVISOR_MONITOR_H

/*
 * The straggler monitor: at each tick the kernel's counters become samples, Spark's answers are
 * added as far as they are known, rebalance_step() decides, and what it wants is put in force at
 * once (loan_book.h).
 */

#include "decision/lending/rebalance.h"
#include "launcher/supervisor/crew.h"
#include "launcher/supervisor/executor_ends.h"
#include "launcher/supervisor/loan_book.h"
#include "launcher/watch/executor_watch.h"
#include "launcher/watch/task_watch.h"

struct monitor {
	struct site *site;
	struct crew *crew;
	bool has_plan; /* one is in force … */
	bool is_on;    /* … on groups that can lend */
	struct rebalance_policy policy;
	struct topology topology;
	struct rebalance memory;
	struct loan_book book;
	struct plan wanted;		     /* of the last step that changed loans */
	struct loan_list observed_only;	     /* of mode observe: those that would be in force */
	struct sample samples[SLICES_MAX];   /* of the last tick */
	uint64_t runnable_at_ns[SLICES_MAX]; /* when threads were counted; 0: not now */
	unsigned runnable[SLICES_MAX];
	/* Executors that have not registered: each until its time, and those without a name. */
	unsigned starting_count;
	struct starting_executor {
		struct executor_start start;
		uint64_t until_ns;
	} starting[EXECUTOR_STARTS];
	uint64_t nameless_until_ns[SLICES_MAX];
	uint64_t tick_at_ns, pause_until_ns;
	uint64_t idle, busy; /* slices, one bit each, after the last step */
	bool tasks_changed;  /* Spark has said something since the last step */
	bool asks_master; /* the master's list may be old news: until the loop has asked for it */
	struct executor_watch *starts;
	struct executor_ends ends;
	struct task_watch *tasks;
};

/* All three are borrowed and outlive it. */
int monitor_open(struct monitor *m, struct site *site, struct crew *crew, struct rest *rest,
		 struct err *e);
void monitor_close(struct monitor *m);

/* A plan is in force: from here on CPUs may be lent, once the topology has been read. */
void monitor_begin(struct monitor *m);
/*
 * All loans end, before something else changes. What cannot be written is left to the next
 * reconcile.
 */
void monitor_end(struct monitor *m);

/* This machine as it is now: at the beginning, and when it has lost or regained CPUs. */
void monitor_read_topology(struct monitor *m);

/*
 * The directories that tell of starting executors are readable. Return whether one starts: then a
 * step is due at once, for its JVM must not count CPUs on loan.
 */
bool monitor_note_starts(struct monitor *m);

/* Ask Spark what is due to be asked. */
void monitor_ask(struct monitor *m);

/* Whether a step is due: at each tick, and when Spark has said something. */
bool monitor_is_due(const struct monitor *m);
/* Whether it is a tick: then the next one is a tick later. */
bool monitor_take_tick(struct monitor *m);
void monitor_step(struct monitor *m);

/* When something is due next, CLOCK_MONOTONIC; UINT64_MAX: never. */
uint64_t monitor_deadline(const struct monitor *m);

/*
 * The event of a step whose inputs were these loans and this policy: its decisions are in `memory`,
 * its writes in the book.
 */
void monitor_note_step(struct monitor *m, const char *what, const struct loan_list *before,
		       const struct rebalance_policy *policy);

#endif
