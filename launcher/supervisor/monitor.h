#ifndef LAUNCHER_SUPERVISOR_MONITOR_H
#define LAUNCHER_SUPERVISOR_MONITOR_H

/*
 * Lending in the supervisor. supervisor_lend.c: the monitor's tick, from samples to writes. supervisor_write.c: the
 * writes, and what is told of them. supervisor_loans.c: what is asked for by hand, and what `status` shows of it.
 */

#include "decision/lending/rebalance.h"
#include "launcher/protocol/rebalance_answer.h"
#include "launcher/spark/executor_watch.h"
#include "launcher/spark/task_watch.h"
#include "launcher/supervisor/parts.h"

struct lend_recent {
	uint64_t at_ns;
	char text[PLAN_TEXT];
};

/* The loans of a plan, without the plan. */
struct loan_list {
	unsigned count;
	struct loan items[SLICES_MAX];
};

struct lend {
	bool has_plan; /* a plan is in force … */
	bool is_on;    /* … on groups that can lend */
	bool given_up; /* somebody else keeps writing to our groups: nothing is lent until the next `up` */
	struct rebalance_policy policy;
	struct topology topology;
	struct rebalance memory;
	struct plan wanted; /* of the last step that changed loans */
	/* Loans of mode observe: those that would be in force. */
	struct loan_list imagined;
	struct observation seen;	     /* the groups at the last tick */
	struct sample samples[SLICES_MAX];   /* of the last tick */
	uint64_t runnable_at_ns[SLICES_MAX]; /* when threads were counted; 0: not now */
	unsigned runnable[SLICES_MAX];
	struct executor_start starting[SLICES_MAX]; /* the last executor that started there … */
	uint64_t start_until_ns[SLICES_MAX];	    /* … is starting, at most until then; 0: no */
	uint64_t since_ns[SLICES_MAX];		    /* by loan in force */
	uint64_t tick_at_ns, pause_until_ns;
	uint64_t idle, busy; /* slices, one bit each, after the last step */
	bool tasks_changed;  /* Spark has said something since the last step */
	struct executor_watch *starts;
	struct task_watch *tasks;
	struct rebalance_answer *answer; /* what the step under way has written */
	unsigned recent_count;		 /* so far; the last STATUS_RECENT are kept */
	struct lend_recent recent[STATUS_RECENT];
};

void lend_get_loans(const struct plan *p, struct loan_list *out);
void lend_set_loans(struct plan *p, const struct loan_list *loans);

/* Put the loans of lend.wanted in force (nothing else of it differs), or only say in lend.answer what that takes. */
int lend_put_in_force(struct supervisor *s, bool dry_run, struct err *e);

/* A new, empty lend.answer; to be freed by lend_free_answer(). */
int lend_new_answer(struct lend *l, struct err *e);
void lend_free_answer(struct lend *l);

/* Of all writes of an answer. */
double lend_write_us(const struct rebalance_answer *a);

/* For `status`. */
void lend_remember(struct lend *l, uint64_t now_ns, const char *text);

/* The event of a step whose inputs were these loans and this policy; its decisions are in lend.memory. */
void lend_note_step(struct supervisor *s, const char *what, const struct loan_list *before,
		    const struct rebalance_policy *policy);

#endif
