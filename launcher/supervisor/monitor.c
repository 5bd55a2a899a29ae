/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/monitor.h"

#include <errno.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/lending/loan_request.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/rebalance_event.h"

enum {
	/* An executor that Spark does not list by then has counted its CPUs, or failed. */
	START_SECONDS = 10,
	BLIND_START_SECONDS = 5, /* the same where Spark does not answer */
	COUNT_MS = 1000,	 /* between two counts of a slice's threads */
	PAUSE_MS = 1000,	 /* after a write that failed */
};

static const uint64_t second = 1000 * CLOCK_MS;

/* ---- beginning and end */

static void on_tasks_changed(void *context)
{
	struct monitor *m = context;

	m->tasks_changed = true;
}

int monitor_open(struct monitor *m, struct site *site, struct crew *crew, struct rest *rest,
		 struct err *e)
{
	int r;

	m->site = m->book.site = site;
	m->crew = crew;
	r = executor_watch_open(&m->starts, e);
	return r ? r : task_watch_open(rest, on_tasks_changed, m, &m->tasks, e);
}

void monitor_close(struct monitor *m)
{
	executor_watch_close(m->starts);
	task_watch_close(m->tasks);
}

void monitor_begin(struct monitor *m)
{
	struct site *s = m->site;
	const struct state *state = s->state;
	struct err e;

	m->policy = rebalance_policy_of(&state->profile.rebalance);
	m->pause_until_ns = 0;
	m->observed_only.count = 0;
	m->starting_count = 0;
	memset(m->nameless_until_ns, 0, sizeof(m->nameless_until_ns));
	task_watch_begin(m->tasks, state->master.address, state->master.ui_port, &state->plan);
	task_watch_apps(m->tasks, m->crew->seen, s->now_ns);
	m->has_plan = true;
	m->is_on = s->driver->ops->usage;
	m->tick_at_ns = s->now_ns;
	executor_watch_clear(m->starts);
	for (unsigned i = 0; m->is_on && i < state->plan.slice_count; i++) {
		const char *name = state->plan.slices[i].name;
		char path[PROFILE_PATH + NAME_MAX_BYTES + 8];

		snprintf(path, sizeof(path), "%s/%s/work", state->cluster.data, name);
		if (executor_watch_add(m->starts, i, path, &e))
			events_note(&s->events, "watch-failed", name, e.msg, {"errno", -e.code});
	}
}

static void note_failure(struct monitor *m, const char *what, const struct err *why)
{
	events_note(&m->site->events, what, m->site->state->cluster.name, why->msg,
		    {"errno", -why->code});
}

void monitor_end(struct monitor *m)
{
	struct plan *p = &m->site->state->plan;
	struct err e;

	if (!m->is_on || !p->loan_count || loan_book_open(&m->book, &e))
		return;
	loan_reset(p, &m->book.wanted);
	if (loan_book_put_in_force(&m->book, LOANS_WRITTEN, &e))
		note_failure(m, "loan-failed", &e);
	loan_book_shut(&m->book);
}

void monitor_read_topology(struct monitor *m)
{
	struct roots roots = {.cgroup_root = m->site->cgroup_root};
	struct cpuset mask;
	struct err e;

	if (m->is_on && load_topology(&roots, &m->topology, &mask, &e))
		note_failure(m, "cpus-failed", &e);
}

/* ---- samples */

/*
 * The slices (a bit each) of which an executor starts, "until it has registered"; where Spark does
 * not answer, until its JVM must have counted its CPUs. Of a slice's executors the last counts.
 */
static uint64_t starting_slices(struct monitor *m)
{
	uint64_t now_ns = m->site->now_ns, slices = 0;
	bool is_blind = task_watch_why(m->tasks)[0];

	if (is_blind)
		now_ns += (START_SECONDS - BLIND_START_SECONDS) * second;
	for (unsigned i = m->starting_count; i-- > 0;) {
		const struct executor_start *start = &m->starting[i].start;

		if (now_ns >= m->starting[i].until_ns ||
		    task_watch_has_executor(m->tasks, start->app, start->executor))
			m->starting[i] = m->starting[--m->starting_count];
		else
			slices |= UINT64_C(1) << start->slice;
	}
	for (unsigned i = 0; i < m->site->state->plan.slice_count; i++)
		slices |= (uint64_t)(now_ns < m->nameless_until_ns[i]) << i;
	return slices;
}

/*
 * Whether threads have to be counted: the slice is busy, somebody could lend, and neither Spark's
 * tasks nor the kernel's pressure tell whether it has more of them than CPUs.
 */
static bool must_count(const struct monitor *m, unsigned slice, const struct sample *sample)
{
	const struct rebalance_verdict *v = &m->memory.verdicts[slice];

	if (!v->busy_ticks || !(m->idle & ~(UINT64_C(1) << slice)) ||
	    sample->known & SAMPLE_PRESSURE)
		return false;
	return !(sample->known & SAMPLE_TASKS) ||
	       sample->tasks_running * (sample->task_cpus ? sample->task_cpus : 1) <= v->width;
}

/* At most once a second: it costs a file a thread. */
static void count_threads(struct monitor *m, unsigned slice, struct sample *sample)
{
	struct site *s = m->site;
	uint64_t *at_ns = &m->runnable_at_ns[slice];
	struct err e;

	if (!must_count(m, slice, sample)) {
		*at_ns = 0;
		return;
	}
	if (s->now_ns >= *at_ns + COUNT_MS * CLOCK_MS) {
		if (s->driver->ops->runnable(s->driver, s->state->plan.slices[slice].name,
					     &m->runnable[slice], &e))
			return;
		*at_ns = s->now_ns;
	}
	sample->runnable = m->runnable[slice];
	sample->known |= SAMPLE_RUNNABLE;
}

static void take_samples(struct monitor *m)
{
	uint64_t starting = starting_slices(m);
	struct site *s = m->site;
	struct err e;

	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		struct sample now = {0};

		/*
		 * A slice that cannot be read has no news, and step by step nothing is lent to or
		 * by it.
		 */
		s->driver->ops->usage(s->driver, s->state->plan.slices[i].name, &now, &e);
		task_watch_fill(m->tasks, i, s->now_ns, &now);
		now.starting = crew_is_starting(m->crew, i) || starting >> i & 1;
		count_threads(m, i, &now);
		m->samples[i] = now;
	}
	s->now_ns = clock_now_ns(); /* not before the samples were taken */
}

/* ---- one step */

/*
 * An exclusive loan has to be confirmed: by the master, too, where a slice has no application. A
 * shared one does not wait for Spark.
 */
static void ask_spark(struct monitor *m)
{
	if (m->policy.loans != LOANS_EXCLUSIVE) {
		task_watch_hint(m->tasks, m->site->now_ns);
		return;
	}
	task_watch_trigger(m->tasks, m->site->now_ns);
	m->asks_master = true;
}

static void note_verdicts(struct monitor *m)
{
	uint64_t idle = 0, busy = 0;

	for (unsigned i = 0; i < m->site->state->plan.slice_count; i++) {
		idle |= (uint64_t)(m->memory.verdicts[i].idle_ticks >= REBALANCE_TICKS) << i;
		busy |= (uint64_t)(m->memory.verdicts[i].busy_ticks >= REBALANCE_TICKS) << i;
	}
	if (idle && busy && (idle != m->idle || busy != m->busy))
		ask_spark(m);
	m->idle = idle;
	m->busy = busy;
}

static void remember_decisions(struct monitor *m, const char *before)
{
	const struct rebalance_decisions *all = &m->memory.decisions;
	char text[PLAN_TEXT], line[PLAN_TEXT];

	for (unsigned i = 0; i < all->count; i++) {
		rebalance_format(&all->items[i], text, sizeof(text));
		snprintf(line, sizeof(line), "%s%.*s", before, PLAN_TEXT - 16, text);
		loan_book_remember(&m->book, line);
	}
}

/* ---- telling */

/* From the end of the donor's last busy tick to now, of the loan that waited longest. */
static double idle_us(const struct monitor *m)
{
	const struct rebalance_decisions *all = &m->memory.decisions;
	uint64_t now_ns = clock_now_ns();
	double longest = 0;

	for (unsigned i = 0; i < all->count; i++) {
		const struct rebalance_decision *d = &all->items[i];
		double us = (double)(now_ns - m->memory.slices[d->from].idle_since_ns) / 1000;

		if (d->reason == REBALANCE_LENDS && us > longest)
			longest = us;
	}
	return longest;
}

void monitor_note_step(struct monitor *m, const char *what, const struct loan_list *before,
		       const struct rebalance_policy *policy)
{
	const struct plan *p = &m->site->state->plan;
	cleanup_free struct rebalance_event *ev = calloc(1, sizeof(*ev));
	cleanup_free char *line = NULL;

	if (!ev)
		return;
	string_copy(ev->what, what);
	ev->at_ns = m->site->now_ns;
	ev->allowed = m->topology.allowed;
	ev->policy = *policy;
	string_copy(ev->before.name, p->name);
	ev->before.slice_count = p->slice_count;
	for (unsigned i = 0; i < p->slice_count; i++) {
		ev->before.slices[i].id = i;
		string_copy(ev->before.slices[i].name, p->slices[i].name);
		ev->before.slices[i].cpus = p->slices[i].cpus;
	}
	loan_list_set(&ev->before, before);
	memcpy(ev->verdicts, m->memory.verdicts, sizeof(ev->verdicts));
	ev->decisions = m->memory.decisions;
	ev->loan_count = m->book.wanted.loan_count;
	memcpy(ev->loans, m->book.wanted.loans, sizeof(ev->loans));
	ev->idle_us = idle_us(m);
	ev->write_us = loan_book_write_us(m->book.answer);
	ev->writes = m->book.answer->change_count;
	line = rebalance_event_format(ev, clock_date_ns());
	if (line)
		events_add_line(&m->site->events, line);
}

/* ---- one step */

static void act(struct monitor *m, const struct loan_list *before)
{
	struct err e;

	if (loan_book_open(&m->book, &e))
		return;
	if (loan_book_put_in_force(&m->book, LOANS_WRITTEN, &e)) {
		note_failure(m, "loan-failed", &e);
		m->pause_until_ns = m->site->now_ns + PAUSE_MS * CLOCK_MS;
	} else {
		monitor_note_step(m, "loan", before, &m->policy);
		remember_decisions(m, "");
		ask_spark(m);
	}
	loan_book_shut(&m->book);
}

/* The plan in force with the loans that would be: what the next step goes on from. */
static void observe(struct monitor *m, const struct loan_list *before)
{
	struct err e;

	loan_list_get(&m->book.wanted, &m->observed_only);
	if (loan_book_open(&m->book, &e))
		return;
	monitor_note_step(m, "observe", before, &m->policy);
	remember_decisions(m, "(observed) ");
	loan_book_shut(&m->book);
}

void monitor_step(struct monitor *m)
{
	struct plan *p = &m->site->state->plan;
	struct rebalance_policy policy = m->policy;
	struct loan_list real, before;
	bool is_paused;
	int changed;

	take_samples(m);
	m->tasks_changed = false;
	/* During a pause only the history goes on: what would be decided is not done. */
	is_paused = m->site->now_ns < m->pause_until_ns;
	if (is_paused)
		policy.mode = REBALANCE_OFF;
	loan_list_get(p, &real);
	before = m->policy.mode == REBALANCE_OBSERVE ? m->observed_only : real;
	loan_list_set(p, &before);
	changed = rebalance_step(p, &m->topology, &policy, m->samples, p->slice_count,
				 m->site->now_ns, &m->memory, &m->book.wanted);
	loan_list_set(p, &real);
	note_verdicts(m);
	if (changed <= 0 || is_paused)
		return;
	if (m->policy.mode == REBALANCE_OBSERVE)
		observe(m, &before);
	else
		act(m, &before);
}

bool monitor_note_starts(struct monitor *m)
{
	struct executor_start start;
	bool any = false;

	while (executor_watch_next(m->starts, m->site->now_ns, &start)) {
		uint64_t until_ns = m->site->now_ns + START_SECONDS * second;

		if (start.executor[0] && m->starting_count < EXECUTOR_STARTS)
			m->starting[m->starting_count++] =
				(struct starting_executor){start, until_ns};
		else
			m->nameless_until_ns[start.slice] = until_ns;
		executor_ends_note(&m->ends, m->site, m->tasks, &start);
		any = true;
	}
	m->asks_master |= any; /* the application may be new to us */
	return any;
}

/* ---- time */

void monitor_ask(struct monitor *m)
{
	const struct plan *p = &m->site->state->plan;
	enum task_watch_pace pace = p->loan_count ? TASK_WATCH_LENDING : TASK_WATCH_SELDOM;

	if (m->policy.loans == LOANS_EXCLUSIVE && m->idle && m->busy)
		pace = TASK_WATCH_WAITING;
	for (unsigned i = 0; i < p->slice_count; i++)
		if (m->samples[i].starting)
			pace = TASK_WATCH_WAITING;
	task_watch_tick(m->tasks, pace, m->site->now_ns);
}

bool monitor_is_due(const struct monitor *m)
{
	return m->is_on && (m->tasks_changed || m->site->now_ns >= m->tick_at_ns);
}

bool monitor_take_tick(struct monitor *m)
{
	if (!m->is_on || m->site->now_ns < m->tick_at_ns)
		return false;
	m->tick_at_ns = m->site->now_ns + m->policy.tick_ns;
	return true;
}

uint64_t monitor_deadline(const struct monitor *m)
{
	uint64_t next = task_watch_deadline(m->tasks);

	return m->is_on && m->tick_at_ns < next ? m->tick_at_ns : next;
}
