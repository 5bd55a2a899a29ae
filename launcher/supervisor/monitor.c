#include <errno.h>

#include "containers/proc/clock.h"
#include "decision/lending/loan_request.h"
#include "launcher/inputs/inputs.h"
#include "launcher/supervisor/monitor.h"

/*
 * The straggler monitor in the supervisor (DESIGN §4): at each tick the kernel's counters become samples, Spark's answers are
 * added as far as they are known, rebalance_step() decides, and what it wants is written at once.
 */

enum {
	/* An executor that Spark does not list by then has counted its CPUs, or failed. */
	START_SECONDS = 10,
	BLIND_START_SECONDS = 5, /* the same where Spark does not answer */
	COUNT_MS = 1000,	 /* between two counts of a slice's threads */
	PAUSE_MS = 1000,	 /* after a write that failed */
};

static const uint64_t millisecond = 1000000;
static const uint64_t second = 1000000000;

/* ---- beginning and end */

static void on_tasks_changed(void *context)
{
	struct supervisor *s = context;

	s->lend->tasks_changed = true;
}

int lend_open(struct supervisor *s, struct err *e)
{
	struct lend *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_set(e, -ENOMEM, "no memory for the straggler monitor");
	s->lend = l;
	r = executor_watch_open(&l->starts, e);
	return r ? r : task_watch_open(s->rest, on_tasks_changed, s, &l->tasks, e);
}

void lend_close(struct supervisor *s)
{
	if (!s->lend)
		return;
	executor_watch_close(s->lend->starts);
	task_watch_close(s->lend->tasks);
	free(s->lend);
	s->lend = NULL;
}

/* This machine, as it is now: CPUs come and go. */
static int read_topology(struct supervisor *s, struct err *e)
{
	struct roots roots = {.cgroup_root = s->cgroup_root};
	struct cpuset mask;

	return load_topology(&roots, &s->lend->topology, &mask, e);
}

static void watch_executors(struct supervisor *s)
{
	struct lend *l = s->lend;
	struct err e;

	executor_watch_clear(l->starts);
	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		char path[PROFILE_PATH + NAME_MAX_BYTES + 8];

		snprintf(path, sizeof(path), "%s/%s/work", s->state->cluster.data,
			 s->state->plan.slices[i].name);
		if (executor_watch_add(l->starts, i, path, &e))
			events_note(&s->events, "watch-failed", s->daemons[i].name, e.msg,
				    {"errno", -e.code});
	}
}

void lend_begin(struct supervisor *s)
{
	struct lend *l = s->lend;

	l->policy = rebalance_policy_of(&s->state->profile.rebalance);
	l->given_up = false;
	l->pause_until_ns = 0;
	l->imagined.count = 0;
	memset(l->start_until_ns, 0, sizeof(l->start_until_ns));
	task_watch_begin(l->tasks, s->state->master.address, s->state->master.ui_port,
			 &s->state->plan);
	task_watch_apps(l->tasks, s->seen, s->now_ns);
	l->has_plan = true;
	l->is_on = s->driver->ops->usage;
	if (!l->is_on)
		return;
	s->allowed = (struct cpuset){0}; /* whatever it was: the topology is read, too */
	machine_tick(s);
	watch_executors(s);
	l->tick_at_ns = s->now_ns;
}

bool lend_is_watching(const struct supervisor *s)
{
	return s->lend && s->lend->has_plan && s->stage == STAGE_IDLE && s->state && s->driver &&
	       !s->wanted;
}

static bool can_lend(const struct supervisor *s)
{
	return lend_is_watching(s) && s->lend->is_on;
}

/* ---- samples */

/* "until it has registered"; where Spark does not answer, until its JVM must have counted its CPUs. */
static bool executor_starts(struct supervisor *s, unsigned slice)
{
	struct lend *l = s->lend;
	const struct executor_start *start = &l->starting[slice];

	if (s->now_ns >= l->start_until_ns[slice] ||
	    task_watch_has_executor(l->tasks, start->app, start->executor))
		l->start_until_ns[slice] = 0;
	else if (task_watch_why(l->tasks)[0] &&
		 s->now_ns + (START_SECONDS - BLIND_START_SECONDS) * second >=
			 l->start_until_ns[slice])
		l->start_until_ns[slice] = 0;
	return l->start_until_ns[slice];
}

static bool is_starting(struct supervisor *s, unsigned slice)
{
	enum worker_state state = s->daemons[slice].life.state;

	return state == WORKER_STARTING || executor_starts(s, slice);
}

/*
 * Whether threads have to be counted: the slice is busy, somebody could lend, and neither Spark's tasks nor the kernel's
 * pressure tell whether it has more of them than CPUs.
 */
static bool must_count(const struct lend *l, unsigned slice, const struct sample *sample)
{
	const struct rebalance_verdict *v = &l->memory.verdicts[slice];

	if (!v->busy_ticks || !(l->idle & ~(UINT64_C(1) << slice)) ||
	    sample->known & SAMPLE_PRESSURE)
		return false;
	return !(sample->known & SAMPLE_TASKS) ||
	       sample->tasks_running * (sample->task_cpus ? sample->task_cpus : 1) <= v->width;
}

/* At most once a second: it costs a file a thread. */
static void count_threads(struct supervisor *s, unsigned slice, struct sample *sample)
{
	struct lend *l = s->lend;
	bool is_old = s->now_ns >= l->runnable_at_ns[slice] + COUNT_MS * millisecond;
	struct err e;

	if (!must_count(l, slice, sample)) {
		l->runnable_at_ns[slice] = 0;
		return;
	}
	if (is_old &&
	    s->driver->ops->runnable(s->driver, s->daemons[slice].group, &l->runnable[slice], &e))
		return;
	if (is_old)
		l->runnable_at_ns[slice] = s->now_ns;
	sample->runnable = l->runnable[slice];
	sample->known |= SAMPLE_RUNNABLE;
}

static void take_samples(struct supervisor *s)
{
	struct lend *l = s->lend;
	struct err e;

	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		struct sample now = {0};

		/* A slice that cannot be read has no news, and step by step nothing is lent to or by it. */
		s->driver->ops->usage(s->driver, s->daemons[i].group, &now, &e);
		task_watch_fill(l->tasks, i, s->now_ns, &now);
		now.starting = is_starting(s, i);
		count_threads(s, i, &now);
		l->samples[i] = now;
	}
	s->now_ns = clock_now_ns(); /* not before the samples were taken */
}

/* ---- one step */

/*
 * An exclusive loan has to be confirmed: by the master, too, where a slice has no application. A
 * shared one does not wait for Spark.
 */
static void ask_spark(struct supervisor *s)
{
	if (s->lend->policy.loans != LOANS_EXCLUSIVE) {
		task_watch_hint(s->lend->tasks, s->now_ns);
		return;
	}
	task_watch_trigger(s->lend->tasks, s->now_ns);
	s->poll_at_ns = s->now_ns;
}

static void note_verdicts(struct supervisor *s)
{
	struct lend *l = s->lend;
	uint64_t idle = 0, busy = 0;

	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		idle |= (uint64_t)(l->memory.verdicts[i].idle_ticks >= REBALANCE_TICKS) << i;
		busy |= (uint64_t)(l->memory.verdicts[i].busy_ticks >= REBALANCE_TICKS) << i;
	}
	if (idle && busy && (idle != l->idle || busy != l->busy))
		ask_spark(s);
	l->idle = idle;
	l->busy = busy;
}

static void remember_decisions(struct supervisor *s, const char *before)
{
	const struct rebalance_decisions *all = &s->lend->memory.decisions;
	char text[PLAN_TEXT], line[PLAN_TEXT];

	for (unsigned i = 0; i < all->count; i++) {
		rebalance_format(&all->items[i], text, sizeof(text));
		snprintf(line, sizeof(line), "%s%.*s", before, PLAN_TEXT - 16, text);
		lend_remember(s->lend, s->now_ns, line);
	}
}

static void act(struct supervisor *s, const struct loan_list *before)
{
	struct lend *l = s->lend;
	struct err e;

	if (lend_new_answer(l, &e))
		return;
	if (lend_put_in_force(s, false, &e)) {
		events_note(&s->events, "loan-failed", s->state->cluster.name, e.msg,
			    {"errno", -e.code});
		l->pause_until_ns = s->now_ns + PAUSE_MS * millisecond;
	} else {
		lend_note_step(s, "loan", before, &l->policy);
		remember_decisions(s, "");
		ask_spark(s);
	}
	lend_free_answer(l);
}

/* The plan in force with the loans that would be: what the next step goes on from. */
static void observe(struct supervisor *s, const struct loan_list *before)
{
	struct lend *l = s->lend;
	struct err e;

	lend_get_loans(&l->wanted, &l->imagined);
	if (lend_new_answer(l, &e))
		return;
	lend_note_step(s, "observe", before, &l->policy);
	remember_decisions(s, "(observed) ");
	lend_free_answer(l);
}

/* During a pause only the history goes on: what would be decided is not done. */
static int decide(struct supervisor *s)
{
	struct lend *l = s->lend;
	struct rebalance_policy policy = l->policy;
	bool is_paused = s->now_ns < l->pause_until_ns;
	int changed;

	if (is_paused)
		policy.mode = REBALANCE_OFF;
	changed = rebalance_step(&s->state->plan, &l->topology, &policy, l->samples,
				 s->state->plan.slice_count, s->now_ns, &l->memory, &l->wanted);
	return is_paused ? 0 : changed;
}

static void step(struct supervisor *s)
{
	struct lend *l = s->lend;
	struct loan_list real, before;
	int changed;

	l->tasks_changed = false;
	lend_get_loans(&s->state->plan, &real);
	before = l->policy.mode == REBALANCE_OBSERVE ? l->imagined : real;
	lend_set_loans(&s->state->plan, &before);
	changed = decide(s);
	lend_set_loans(&s->state->plan, &real);
	note_verdicts(s);
	if (changed <= 0)
		return;
	if (l->policy.mode == REBALANCE_OBSERVE)
		observe(s, &before);
	else
		act(s, &before);
}

/* Something happened that cannot wait for the tick. */
static void step_now(struct supervisor *s)
{
	if (!can_lend(s) || s->lend->given_up)
		return;
	take_samples(s);
	step(s);
}

void lend_executors_started(struct supervisor *s)
{
	struct lend *l = s->lend;
	struct executor_start start;
	bool any = false;

	while (l && executor_watch_next(l->starts, &start)) {
		l->starting[start.slice] = start;
		l->start_until_ns[start.slice] = s->now_ns + START_SECONDS * second;
		any = true;
	}
	if (!any)
		return;
	step_now(s);
	s->poll_at_ns = s->now_ns; /* the application may be new to us */
}

void lend_slice_starts(struct supervisor *s)
{
	step_now(s);
}

void lend_machine_changed(struct supervisor *s)
{
	struct err e;

	if (s->lend->is_on && read_topology(s, &e))
		events_note(&s->events, "cpus-failed", s->state->cluster.name, e.msg,
			    {"errno", -e.code});
}

void lend_end(struct supervisor *s)
{
	struct lend *l = s->lend;
	struct err e;

	if (!l || !l->is_on || !s->state->plan.loan_count || lend_new_answer(l, &e))
		return;
	loan_reset(&s->state->plan, &l->wanted);
	if (lend_put_in_force(s, false, &e))
		events_note(&s->events, "loan-failed", s->state->cluster.name, e.msg,
			    {"errno", -e.code});
	lend_free_answer(l);
}

/* ---- time */

static bool has_starting(const struct supervisor *s)
{
	for (unsigned i = 0; i < s->state->plan.slice_count; i++)
		if (s->lend->samples[i].starting)
			return true;
	return false;
}

static enum task_watch_pace task_pace(const struct supervisor *s)
{
	const struct lend *l = s->lend;

	if (has_starting(s) || (l->policy.loans == LOANS_EXCLUSIVE && l->idle && l->busy))
		return TASK_WATCH_WAITING;
	return s->state->plan.loan_count ? TASK_WATCH_LENDING : TASK_WATCH_SELDOM;
}

void lend_tick(struct supervisor *s)
{
	struct lend *l = s->lend;

	if (!lend_is_watching(s))
		return;
	task_watch_tick(l->tasks, task_pace(s), s->now_ns);
	if (!l->is_on || (s->now_ns < l->tick_at_ns && !l->tasks_changed))
		return;
	if (s->now_ns >= l->tick_at_ns) {
		l->tick_at_ns = s->now_ns + l->policy.tick_ns;
		machine_tick(s);
	}
	if (l->given_up)
		return;
	take_samples(s);
	step(s);
}

uint64_t lend_deadline(const struct supervisor *s)
{
	uint64_t next;

	if (!lend_is_watching(s))
		return UINT64_MAX;
	next = task_watch_deadline(s->lend->tasks);
	return s->lend->is_on && s->lend->tick_at_ns < next ? s->lend->tick_at_ns : next;
}
