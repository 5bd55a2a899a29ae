/* What `rebalance` requests of the monitor, and what `status` shows of it. Declared in monitor.h. */
#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/lending/loan_request.h"
#include "launcher/supervisor/monitor.h"

/* ---- requests */

/* With the verdicts of the last tick. */
static void decide_under(struct monitor *m, const struct rebalance_policy *policy)
{
	const struct plan *p = &m->site->state->plan;

	if (rebalance_decide(p, &m->topology, policy, m->memory.verdicts, &m->memory.decisions,
			     &m->wanted) <= 0)
		m->wanted = *p;
}

/* m->wanted, and the policy it was decided under. */
static int decide(struct monitor *m, const struct rebalance_request *request,
		  struct rebalance_policy *policy, struct err *e)
{
	const struct plan *p = &m->site->state->plan;
	struct loan_wish wanted = {
		.from = request->from,
		.to = request->to,
		.cores = request->cores,
		.mode = request->has_loans ? request->loans : m->policy.loans,
		.keep = m->policy.keep,
	};

	*policy = m->policy;
	m->memory.decisions.count = 0;
	switch (request->what) {
	case REBALANCE_BY_HAND:
		return loan_wish(p, &m->topology, &wanted, &m->wanted, e);
	case REBALANCE_ONCE:
		policy->mode = REBALANCE_ACT;
		decide_under(m, policy);
		return 0;
	case REBALANCE_RESET:
		loan_reset(p, &m->wanted);
		return 0;
	case REBALANCE_SET_MODE:
		/* What the monitor had lent ends, unless it goes on acting. */
		policy->mode = request->mode == REBALANCE_ACT ? REBALANCE_ACT : REBALANCE_OFF;
		if (policy->mode == REBALANCE_ACT)
			m->wanted = *p;
		else
			decide_under(m, policy);
		return 0;
	}
	return err_wrong(e, "a request of kind %d is unknown", (int)request->what);
}

/* A pass, and a change of mode, decide as the monitor does: they are steps that can be replayed, too. */
static int put_in_force(struct monitor *m, const struct rebalance_request *request,
			const struct rebalance_policy *policy, struct err *e)
{
	struct plan *p = &m->site->state->plan;
	struct plan *result = request->dry_run ? &m->wanted : p;
	struct loan_list before;
	int r;

	monitor_get_loans(p, &before);
	r = monitor_put_in_force(m, request->dry_run ? MONITOR_DRY_RUN : MONITOR_WRITES, e);
	if (r)
		return r;
	if (!request->dry_run && m->memory.decisions.count)
		monitor_note_step(m, "loan", &before, policy);
	/* Where the monitor does not act, it would take back at once what a pass has lent: so that counts as lent by hand. */
	if (request->what == REBALANCE_ONCE && m->policy.mode != REBALANCE_ACT)
		for (unsigned i = 0; i < result->loan_count; i++)
			result->loans[i].by_hand = true;
	return 0;
}

/* "slice-1 is told to lend 2 cores more to slice-0", for events and `status`. */
static void format_request(const struct rebalance_request *r, char *text, size_t size)
{
	switch (r->what) {
	case REBALANCE_BY_HAND:
		snprintf(text, size, "slice-%u is told to lend %u core%s more to slice-%u", r->from,
			 r->cores, r->cores == 1 ? "" : "s", r->to);
		break;
	case REBALANCE_ONCE:
		snprintf(text, size, "one pass was asked for");
		break;
	case REBALANCE_RESET:
		snprintf(text, size, "all loans are told to end");
		break;
	case REBALANCE_SET_MODE:
		snprintf(text, size, "rebalance.mode is set to %s", rebalance_mode_name(r->mode));
		break;
	}
}

static void fill_loans(const struct monitor *m, const struct plan *p, struct status_loan *out)
{
	uint64_t now_ns = m->site->now_ns;

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];
		uint64_t since_ns = p == &m->site->state->plan ? m->since_ns[i] : now_ns;

		out[i] = (struct status_loan){.loan = *loan,
					      .since_s = (double)(now_ns - since_ns) / 1e9};
	}
}

static void fill_answer(struct monitor *m, const struct rebalance_request *request)
{
	const struct state *state = m->site->state;
	const struct plan *p = request->dry_run ? &m->wanted : &state->plan;
	struct rebalance_answer *a = m->answer;

	string_copy(a->name, state->cluster.name);
	a->mode = m->policy.mode;
	a->dry_run = request->dry_run;
	a->loan_count = p->loan_count;
	fill_loans(m, p, a->loans);
	a->decisions = m->memory.decisions;
	if (request->what == REBALANCE_ONCE && !a->decisions.count)
		rebalance_format_nothing(p, m->memory.verdicts, a->why, sizeof(a->why));
}

static int check_can_lend(const struct monitor *m, struct err *e)
{
	const char *name = m->site->state->cluster.name;

	if (!m->site->driver->ops->usage)
		return err_impossible(e,
				      "cluster %s has no cgroups (backend: affinity), so its "
				      "slices cannot lend CPUs",
				      name);
	return m->is_on ? 0 : err_set(e, -EAGAIN, "cluster %s is not up: run cleave up", name);
}

int monitor_request(struct monitor *m, const struct rebalance_request *request, char **text,
		    struct err *e)
{
	struct site *s = m->site;
	struct rebalance_policy policy;
	char what[PLAN_TEXT];
	int r = check_can_lend(m, e);

	if (!r)
		r = monitor_new_answer(m, e);
	if (!r)
		r = decide(m, request, &policy, e);
	if (!r)
		r = put_in_force(m, request, &policy, e);
	if (!r && !request->dry_run) {
		if (request->what == REBALANCE_SET_MODE) {
			m->policy.mode = request->mode;
			m->observed_only.count = 0;
		}
		/* What was just taken back is not lent again before anybody could see it. */
		if (request->what == REBALANCE_RESET)
			m->pause_until_ns = s->now_ns + m->policy.cool_down_ns;
		format_request(request, what, sizeof(what));
		events_note(&s->events, "rebalance", s->state->cluster.name, what,
			    {"writes", m->answer->change_count},
			    {"write_us", (int64_t)monitor_write_us(m->answer)},
			    {"loans", s->state->plan.loan_count});
		monitor_remember(m, what);
	}
	if (!r) {
		fill_answer(m, request);
		r = json_table_format(&rebalance_answer_table, m->answer, text, e);
	}
	monitor_free_answer(m);
	return r;
}

/* ---- status */

static void say_what_it_does(const struct monitor *m, unsigned slice, char *text, size_t size)
{
	const struct rebalance_verdict *v = &m->memory.verdicts[slice];
	uint64_t idle_since_ns = m->memory.slices[slice].idle_since_ns;

	if (m->samples[slice].starting)
		snprintf(text, size, "a JVM is starting");
	else if (v->idle_ticks >= REBALANCE_TICKS)
		snprintf(text, size, "idle for %.1f s",
			 (double)(m->site->now_ns - idle_since_ns) / 1e9);
	else if (v->busy_ticks && v->wants > v->width && v->wants < REBALANCE_WANTS)
		snprintf(text, size, "busy, has work for %u CPUs", v->wants);
	else if (v->busy_ticks)
		snprintf(text, size, "busy");
	else
		snprintf(text, size, "uses %.1f of %u CPUs", v->used, v->width);
}

void monitor_status(struct monitor *m, struct status *out)
{
	struct status_monitor *to = &out->monitor;

	to->mode = REBALANCE_OFF;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice_status *slice = &out->slices[i];
		struct sample tasks = {0};

		task_watch_fill(m->tasks, i, m->site->now_ns, &tasks);
		slice->executors = task_watch_executors(m->tasks, i);
		slice->tasks_running = tasks.tasks_running;
		slice->tasks_pending = tasks.tasks_pending;
		if (m->is_on)
			say_what_it_does(m, i, slice->doing, sizeof(slice->doing));
	}
	string_copy(to->tasks, task_watch_why(m->tasks));
	if (!m->is_on)
		return;
	to->mode = m->policy.mode;
	to->loans = m->policy.loans;
	fill_loans(m, &m->site->state->plan, out->loans);
	for (; to->recent_count < STATUS_RECENT && to->recent_count < m->recent_count;
	     to->recent_count++) {
		unsigned last = m->recent_count - 1 - to->recent_count;
		const struct monitor_recent *recent = &m->recent[last % STATUS_RECENT];

		to->recent[to->recent_count].ago_s =
			(double)(m->site->now_ns - recent->at_ns) / 1e9;
		string_copy(to->recent[to->recent_count].text, recent->text);
	}
}
