#ifndef LAUNCHER_TASK_WATCH_H
#define LAUNCHER_TASK_WATCH_H

/*
 * What Spark says of the slices' work: which applications run where, how many tasks run and wait, which stages began. Asked
 * through the Master (reverse proxy) when something triggers it, and seldom otherwise; the monitor's second witness
 * (DESIGN §4). Everything in the answers is foreign: bounded, fuzzed, and never waited for.
 */

#include "decision/plan.h"
#include "decision/sample.h"
#include "launcher/rest.h"

struct task_watch;

/* Called when an answer has changed what task_watch_fill() says. */
typedef void task_watch_changed(void *context);

/* `rest` is borrowed and outlives it. */
int task_watch_open(struct rest *rest, task_watch_changed *changed, void *context,
		    struct task_watch **out, struct err *e);
/* Answers under way are dropped when they come. NULL is allowed. */
void task_watch_close(struct task_watch *w);

/* Where the Master's UI is, and the slices of the plan in force, told apart by address. Forgets what was known. */
void task_watch_begin(struct task_watch *w, const char *master_address, int ui_port,
		      const struct plan *p);

/* What the Master lists now: applications that are not listed any more are forgotten. */
void task_watch_apps(struct task_watch *w, const struct master_state *m, uint64_t now_ns);

/* Something happened: ask now, and again 50, 100 and 200 ms later. */
void task_watch_trigger(struct task_watch *w, uint64_t now_ns);

/* Send what is due; `lending`: CPUs are lent, so ask once a second besides, else every five. */
void task_watch_tick(struct task_watch *w, bool lending, uint64_t now_ns);
/* When task_watch_tick() has something to do next, CLOCK_MONOTONIC. */
uint64_t task_watch_deadline(const struct task_watch *w);

/*
 * The second part of a slice's sample, as far as it is known: SAMPLE_TASKS, tasks_at_ns, stages, tasks_running,
 * tasks_pending, task_cpus. An answer older than ten seconds is none.
 */
void task_watch_fill(const struct task_watch *w, unsigned slice, uint64_t now_ns,
		     struct sample *out);

/* Executors that Spark lists on the slice. */
unsigned task_watch_executors(const struct task_watch *w, unsigned slice);

/* Whether this executor has registered. Unknown applications: false. */
bool task_watch_has_executor(const struct task_watch *w, const char *app, const char *executor);

/* Why tasks are not known although applications run: one sentence; "" if they are, or none runs. */
const char *task_watch_why(const struct task_watch *w);

#endif
