/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_WATCH_TASK_WATCH_H
#define LAUNCHER_WATCH_TASK_WATCH_H

/*
 * What Spark says of the slices' work: which applications run where, how many tasks run and wait,
 * which stages began. Asked through the Master (reverse proxy) when something triggers it, and
 * seldom otherwise; the monitor's second witness.
 *
 * No question waits for another application's, and of each kind (executors, stages, environment) an
 * application has at most one under way: so answers never come out of order. One that does not
 * answer (within 1 s, the first time 4 s), or with something else, or with too much, is left
 * alone for a second, then for twice as long each time, up to 30 s, and at least until its late
 * answer has come and was thrown away (rest.h). What it said before stays true until it is ten
 * seconds old.
 *
 * What is reported is a hint. Where the driver dropped an event, a task seems to run for ever:
 * tasks_running stays above 0 on a slice that uses no CPU, an exclusive loan of it is never
 * confirmed, and nothing else follows as long as the caller lets the kernel's counters decide.
 */

#include "decision/plan/plan.h"
#include "decision/plan/sample.h"
#include "launcher/watch/master.h"
#include "launcher/watch/rest.h"

struct task_watch;

/* Called by rest_turn() when an answer has changed what task_watch_fill() says, or its time. */
typedef void task_watch_changed(void *context);

/* `rest` is borrowed and outlives it. */
int task_watch_open(struct rest *rest, task_watch_changed *changed, void *context,
		    struct task_watch **out, struct err *e);
/* What is under way is dropped. NULL is allowed. */
void task_watch_close(struct task_watch *w);

/*
 * Where the Master's UI is, and the slices of the plan in force, distinguished by address. Forgets
 * what was known, but for how many stages began.
 */
void task_watch_begin(struct task_watch *w, const char *master_address, int ui_port,
		      const struct plan *p);

/* What the Master lists now: applications that are not listed any more are forgotten. */
void task_watch_apps(struct task_watch *w, const struct master_state *m, uint64_t now_ns);

/*
 * Somebody waits for what Spark says (an exclusive loan is to be confirmed): the next
 * task_watch_tick() asks, and again 50, 100 and 200 ms later, as Spark's own news are late. During
 * these nothing is added. What is under way then is asked again when it has been answered. In the
 * long run there is one such series a second, and four in a row after some quiet; what triggers
 * more often is asked once a second.
 */
void task_watch_trigger(struct task_watch *w, uint64_t now_ns);

/*
 * Something happened that Spark may know more of, and nobody waits for it: asked once, as soon as
 * TASK_WATCH_LENDING allows.
 */
void task_watch_hint(struct task_watch *w, uint64_t now_ns);

/* Somebody wants to know (`status`): the next task_watch_tick() asks, once. */
void task_watch_request(struct task_watch *w, uint64_t now_ns);

/* Whether an answer is still to come, or a question to be sent. */
bool task_watch_is_requesting(const struct task_watch *w);

/*
 * How often it is asked when nothing happens. Answers cost the Master and the driver CPU time that
 * the slices may lack, and most of it while their JVMs are young: so, while CPUs are lent, an
 * application is asked less often the longer it took to answer.
 */
enum task_watch_pace {
	TASK_WATCH_SELDOM,  /* every five seconds */
	TASK_WATCH_LENDING, /* after a hundred times what the last answer took, 1 … 5 s */
	TASK_WATCH_WAITING, /* every second: an executor is to register, a loan to be confirmed */
};

/* Send what is due. To be called after each rest_turn(). */
void task_watch_tick(struct task_watch *w, enum task_watch_pace pace, uint64_t now_ns);
/* When task_watch_tick() has something to do next, CLOCK_MONOTONIC; UINT64_MAX: never. */
uint64_t task_watch_deadline(const struct task_watch *w);

/*
 * The second part of a slice's sample, as far as it is known: SAMPLE_TASKS, tasks_at_ns, stages,
 * tasks_running, tasks_pending, task_cpus. An answer older than ten seconds is none, and so is the
 * Master's list. An application whose executors were never heard of may run anywhere: no slice is
 * known. tasks_at_ns is when the oldest of the questions was asked that the answer for this slice
 * comes from; without applications on it, when the Master listed them. An executor that came since
 * then is the caller's to notice (task_watch_has_executor()). `stages` never goes down.
 */
void task_watch_fill(const struct task_watch *w, unsigned slice, uint64_t now_ns,
		     struct sample *out);

/* Executors that Spark listed on the slice when it was last heard. */
unsigned task_watch_executors(const struct task_watch *w, unsigned slice);

/* Whether this executor has registered. Unknown applications: false. */
bool task_watch_has_executor(const struct task_watch *w, const char *app, const char *executor);

/*
 * Why tasks are not known although applications run: one sentence, at the time of the last call
 * with now_ns; "" if they are, or none runs. Valid until the next call.
 */
const char *task_watch_why(const struct task_watch *w);

#endif
