/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/lending/rebalance.h"

#include <errno.h>
#include <stdio.h>

enum { DOUBLINGS = 8 };

static const uint64_t second_ns = 1000000000;
static const uint64_t longest_pause_ns = 60 * UINT64_C(1000000000);

/*
 * A loan of use: more CPU time than home CPUs have, by more than what clocks and ticks of the
 * kernel blur in a second.
 */
#define USED_SLACK 0.02

/* More CPU time than this many times all CPUs is no CPU time. */
#define USED_ERROR 1.25

/* What the plan in force gives one slice, in CPUs that the machine has. */
struct share {
	unsigned home, lent, borrowed, away; /* away: lent exclusively */
};

static unsigned allowed_count(const struct topology *t, const struct cpuset *cpus)
{
	struct cpuset both = cpuset_and(cpus, &t->allowed);

	return cpuset_count(&both);
}

static void read_shares(const struct plan *now, const struct topology *t, struct share *shares)
{
	for (unsigned i = 0; i < now->slice_count; i++)
		shares[i].home = allowed_count(t, &now->slices[i].cpus);
	for (unsigned i = 0; i < now->loan_count; i++) {
		const struct loan *loan = &now->loans[i];
		unsigned count = allowed_count(t, &loan->cpus);

		shares[loan->from].lent += count;
		shares[loan->to].borrowed += count;
		if (loan->mode == LOANS_EXCLUSIVE)
			shares[loan->from].away += count;
	}
}

/* 0 where the clock went back. */
static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static uint64_t longest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Twice as long each time, up to a minute. */
static uint64_t pause_ns(uint64_t base_ns, unsigned times)
{
	uint64_t most = longest(base_ns, longest_pause_ns);
	unsigned doublings = times < DOUBLINGS ? times : DOUBLINGS;

	return base_ns > most >> doublings ? most : base_ns << doublings;
}

/* ---- one tick of one slice ---- */

static void begin_tick(struct rebalance_slice *m, const struct sample *s)
{
	m->base_at_ns = s->at_ns;
	m->base_usage_us = s->cpu_usage_us;
	m->base_pressure_us = s->pressure_us;
	m->has_base_pressure = s->known & SAMPLE_PRESSURE;
}

/* What cannot be tells nothing, and what came before it is not to be trusted either. */
static void forget(struct rebalance_slice *m, const struct sample *s)
{
	begin_tick(m, s);
	m->idle_ticks = m->busy_ticks = 0;
	m->stirred = false;
	m->window_at_ns = 0;
	m->unused = false;
}

/* Whether a tick is over; then m->used and m->pressure are its. */
static bool measure(struct rebalance_slice *m, const struct sample *s, const struct topology *t,
		    uint64_t now_ns, uint64_t tick_ns)
{
	double elapsed_us;

	/*
	 * A group that has something to lend has used some CPU time: 0 is a machine without the
	 * counter.
	 */
	if (!s->at_ns || s->at_ns > now_ns || !s->cpu_usage_us ||
	    now_ns - s->at_ns > REBALANCE_BLIND_TICKS * tick_ns)
		return false;
	if (!m->base_at_ns || s->at_ns < m->base_at_ns || s->cpu_usage_us < m->base_usage_us) {
		forget(m, s);
		return false;
	}
	if (s->at_ns - m->base_at_ns < tick_ns / 2 || s->at_ns == m->base_at_ns)
		return false;
	elapsed_us = (double)(s->at_ns - m->base_at_ns) / 1000;
	m->used = (double)(s->cpu_usage_us - m->base_usage_us) / elapsed_us;
	if (m->used > USED_ERROR * t->cpu_count) {
		forget(m, s);
		return false;
	}
	m->pressure = 0;
	if (m->has_base_pressure && s->known & SAMPLE_PRESSURE &&
	    s->pressure_us > m->base_pressure_us)
		m->pressure = (double)(s->pressure_us - m->base_pressure_us) / elapsed_us;
	return true;
}

static bool is_idle(const struct rebalance_slice *m)
{
	return m->used < REBALANCE_IDLE * m->width;
}

static void count_tick(struct rebalance_slice *m)
{
	bool idle = is_idle(m);

	if (idle && !m->idle_ticks)
		m->idle_since_ns = m->base_at_ns;
	if (!idle && (m->used >= REBALANCE_BACK || m->stirred))
		m->away = REBALANCE_DONOR_BACK;
	m->stirred = !idle;
	m->idle_ticks = idle ? m->idle_ticks + 1 : 0;
	m->busy_ticks = m->width && m->used >= REBALANCE_BUSY * m->width ? m->busy_ticks + 1 : 0;
	if (m->idle_ticks >= REBALANCE_TICKS)
		m->away = REBALANCE_STAYS;
}

/*
 * Whether what is borrowed is used, second by second: counters advance in steps of the kernel's
 * tick, so that a short time says little. A large slice with a small loan is given half of the loan
 * as slack at most.
 */
static void watch_use(struct rebalance_slice *m, const struct sample *s, const struct share *share)
{
	double slack = USED_SLACK * share->home, half = 0.5 * share->borrowed, used;

	if (!share->borrowed || !m->window_at_ns) {
		m->window_at_ns = share->borrowed ? s->at_ns : 0;
		m->window_usage_us = s->cpu_usage_us;
		m->unused = false;
		return;
	}
	if (s->at_ns - m->window_at_ns < second_ns)
		return;
	used = (double)(s->cpu_usage_us - m->window_usage_us) * 1000 /
	       (double)(s->at_ns - m->window_at_ns);
	m->unused = used <= share->home + (slack < half ? slack : half);
	if (!m->unused)
		m->unused_loans = 0;
	m->window_at_ns = s->at_ns;
	m->window_usage_us = s->cpu_usage_us;
}

/*
 * New work: what it did before says nothing of what it will do. Spark is asked seldom: a stage that
 * is new to us may be the very one whose tasks the slice has finished, unless an answer from after
 * it became idle did not have it.
 */
static void note_stage(struct rebalance_slice *m, const struct sample *s)
{
	if (!(s->known & SAMPLE_TASKS))
		return;
	if (m->has_stages && s->stages != m->stages) {
		m->unused_loans = 0;
		m->borrow_after_ns = 0;
		if (!m->idle_ticks || m->stages_at_ns >= m->idle_since_ns) {
			m->away = REBALANCE_DONOR_STAGE;
			m->idle_ticks = 0;
		}
	}
	m->stages = s->stages;
	m->stages_at_ns = s->tasks_at_ns;
	m->has_stages = true;
}

static void note_loans(struct rebalance_slice *m, const struct share *share, uint64_t now_ns)
{
	unsigned width = share->home - share->away + share->borrowed;

	if (!share->lent)
		m->lent_since_ns = 0;
	else if (!m->lent_since_ns)
		m->lent_since_ns = now_ns;
	if (width == m->width)
		return;
	m->width = width;
	m->width_since_ns = now_ns;
	m->busy_ticks = 0;
}

static void observe(struct rebalance_slice *m, const struct slice *slice, const struct sample *s,
		    const struct share *share, const struct topology *t, uint64_t tick_ns,
		    uint64_t now_ns)
{
	if (!cpuset_is_equal(&m->home, &slice->cpus))
		*m = (struct rebalance_slice){.home = slice->cpus};
	note_loans(m, share, now_ns);
	note_stage(m, s);
	if (!measure(m, s, t, now_ns, tick_ns))
		return;
	count_tick(m);
	watch_use(m, s, share);
	begin_tick(m, s);
	m->heard_ns = now_ns;
}

/* ---- verdicts ---- */

static bool has_tasks(const struct sample *s)
{
	return s->known & SAMPLE_TASKS && (s->tasks_running || s->tasks_pending);
}

/*
 * CPUs that it has threads for. Spark counts tasks and /proc is asked seldom: the larger is nearer
 * the truth. Pressure says that there are more than CPUs, but not how many.
 */
static unsigned wanted(const struct rebalance_slice *m, const struct sample *s)
{
	uint64_t wants = 0, task_cpus = s->task_cpus ? s->task_cpus : 1;

	if (!(s->known & (SAMPLE_RUNNABLE | SAMPLE_TASKS | SAMPLE_PRESSURE)))
		return REBALANCE_WANTS;
	if (s->known & SAMPLE_RUNNABLE)
		wants = s->runnable;
	if (s->known & SAMPLE_TASKS)
		wants = longest(wants, s->tasks_running * task_cpus);
	if (wants <= m->width && m->pressure >= REBALANCE_PRESSURE)
		return REBALANCE_WANTS;
	return wants < REBALANCE_WANTS ? (unsigned)wants : REBALANCE_WANTS;
}

static void judge(const struct rebalance_slice *m, const struct sample *s,
		  const struct rebalance_policy *policy, uint64_t now_ns,
		  struct rebalance_verdict *v)
{
	bool blind = !m->heard_ns ||
		     since(now_ns, m->heard_ns) > REBALANCE_BLIND_TICKS * policy->tick_ns;
	/* By Spark, since it is idle. */
	bool confirmed = s->known & SAMPLE_TASKS && !has_tasks(s) &&
			 s->tasks_at_ns >= m->idle_since_ns && s->tasks_at_ns <= now_ns;

	*v = (struct rebalance_verdict){
		.lending = m->away,
		.wants = wanted(m, s),
		.width = m->width,
		.used = m->used,
		.idle_ticks = m->idle_ticks,
		.busy_ticks = m->busy_ticks,
		.can_yield = since(now_ns, m->width_since_ns) >= policy->cool_down_ns,
	};
	if (policy->loans == LOANS_EXCLUSIVE && has_tasks(s))
		v->lending = REBALANCE_DONOR_TASKS;
	if (!s->processes)
		v->borrowing = REBALANCE_BORROWER_GONE;
	else if (m->idle_ticks >= REBALANCE_TICKS)
		v->borrowing = REBALANCE_BORROWER_IDLE;
	else if (m->unused && policy->mode != REBALANCE_OBSERVE)
		v->borrowing = REBALANCE_UNUSED;
	if (blind || s->starting)
		v->lending = v->borrowing = blind ? REBALANCE_BLIND : REBALANCE_STARTING;
	v->can_lend = v->lending == REBALANCE_STAYS && is_idle(m) &&
		      m->idle_ticks >= REBALANCE_TICKS && now_ns >= m->lend_after_ns &&
		      (policy->loans == LOANS_SHARED || confirmed);
	v->can_borrow = v->borrowing == REBALANCE_STAYS && m->busy_ticks >= REBALANCE_TICKS &&
			now_ns >= m->borrow_after_ns && v->wants > m->width;
}

/* ---- what follows from a decision for later ones ---- */

/*
 * Who came back before the cool-down was over had only paused, and waits for twice as long as the
 * last time. Each cool-down that a loan lasted takes one such time back.
 */
static void donor_came_back(struct rebalance_slice *m, const struct rebalance_policy *policy,
			    uint64_t now_ns)
{
	uint64_t base_ns = longest(policy->cool_down_ns, policy->tick_ns);
	uint64_t lasted = since(now_ns, m->lent_since_ns) / base_ns;

	if (now_ns < m->lend_after_ns)
		return; /* another loan of it that ended now */
	if (lasted)
		m->short_loans -= lasted < m->short_loans ? (unsigned)lasted : m->short_loans;
	else if (m->short_loans < DOUBLINGS)
		m->short_loans++;
	m->lend_after_ns = now_ns + pause_ns(base_ns, m->short_loans ? m->short_loans - 1 : 0);
}

static void remember(struct rebalance *memory, const struct rebalance_policy *policy,
		     uint64_t now_ns)
{
	for (unsigned i = 0; i < memory->decisions.count; i++) {
		const struct rebalance_decision *d = &memory->decisions.items[i];
		struct rebalance_slice *borrower = &memory->slices[d->to];
		uint64_t base_ns = longest(policy->cool_down_ns, second_ns);

		if (d->reason == REBALANCE_DONOR_BACK || d->reason == REBALANCE_DONOR_STAGE ||
		    d->reason == REBALANCE_DONOR_TASKS) {
			donor_came_back(&memory->slices[d->from], policy, now_ns);
		} else if (d->reason == REBALANCE_UNUSED && now_ns >= borrower->borrow_after_ns) {
			borrower->borrow_after_ns =
				now_ns + pause_ns(base_ns, borrower->unused_loans);
			if (borrower->unused_loans < DOUBLINGS)
				borrower->unused_loans++;
		} else if (d->reason == REBALANCE_BORROWER_IDLE) {
			borrower->borrow_after_ns =
				longest(borrower->borrow_after_ns, now_ns + policy->cool_down_ns);
		}
	}
}

struct rebalance_policy rebalance_policy_of(const struct profile_rebalance *p)
{
	const uint64_t ms = 1000000;

	return (struct rebalance_policy){
		.mode = p->mode,
		.loans = p->loans,
		.scope = p->scope,
		.keep = (unsigned)p->keep,
		.tick_ns = p->tick_ms * ms,
		.cool_down_ns = p->cool_down_ms * ms,
	};
}

int rebalance_step(const struct plan *now, const struct topology *t,
		   const struct rebalance_policy *policy, const struct sample *samples, size_t n,
		   uint64_t now_ns, struct rebalance *memory, struct plan *out)
{
	struct share shares[SLICES_MAX] = {0};
	int changed;

	if (n != now->slice_count)
		return -EINVAL;
	read_shares(now, t, shares);
	for (unsigned i = 0; i < n; i++) {
		observe(&memory->slices[i], &now->slices[i], &samples[i], &shares[i], t,
			policy->tick_ns, now_ns);
		judge(&memory->slices[i], &samples[i], policy, now_ns, &memory->verdicts[i]);
	}
	changed = rebalance_decide(now, t, policy, memory->verdicts, &memory->decisions, out);
	remember(memory, policy, now_ns);
	return changed;
}
