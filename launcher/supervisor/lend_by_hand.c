#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/lending/loan_request.h"
#include "launcher/supervisor/monitor.h"

/* ---- what is asked for by hand */

static int check_lendable(const struct supervisor *s, struct err *e)
{
	const char *name = s->state ? s->state->cluster.name : "";

	if (s->stage != STAGE_IDLE || s->wanted)
		return err_set(e, -EBUSY,
			       "cluster %s is being brought up or taken down: try again when it is "
			       "done",
			       name);
	if (!s->driver->ops->usage)
		return err_impossible(e,
				      "cluster %s has no cgroups (backend: affinity), so its "
				      "slices cannot lend CPUs",
				      name);
	if (!s->lend->is_on)
		return err_set(e, -EAGAIN, "cluster %s is not up: run cleave up", name);
	if (s->lend->given_up)
		return err_set(e, -EBUSY, "%s", s->state->why);
	return 0;
}

static int wish(struct supervisor *s, const struct rebalance_request *r, struct err *e)
{
	struct loan_request request = {
		.from = r->from,
		.to = r->to,
		.cores = r->cores,
		.mode = r->has_loans ? r->loans : s->lend->policy.loans,
		.keep = s->lend->policy.keep,
	};

	return loan_request(&s->state->plan, &s->lend->topology, &request, &s->lend->wanted, e);
}

/* With the verdicts of the last tick. */
static void decide_under(struct supervisor *s, const struct rebalance_policy *policy)
{
	struct lend *l = s->lend;

	if (rebalance_decide(&s->state->plan, &l->topology, policy, l->memory.verdicts,
			     &l->memory.decisions, &l->wanted) <= 0)
		l->wanted = s->state->plan;
}

/* Where the monitor does not act, it would take back at once what a pass has lent: so that counts as lent by hand. */
static void hold_by_hand(const struct lend *l, struct plan *p)
{
	for (unsigned i = 0; i < p->loan_count && l->policy.mode != REBALANCE_ACT; i++)
		p->loans[i].by_hand = true;
}

/* What the monitor had lent ends, unless it goes on acting. */
static void change_mode(struct supervisor *s, enum rebalance_mode mode,
			struct rebalance_policy *policy)
{
	policy->mode = mode == REBALANCE_ACT ? REBALANCE_ACT : REBALANCE_OFF;
	if (mode == REBALANCE_ACT)
		s->lend->wanted = s->state->plan;
	else
		decide_under(s, policy);
}

/* s->lend->wanted, and the policy it was decided under. */
static int decide(struct supervisor *s, const struct rebalance_request *r,
		  struct rebalance_policy *policy, struct err *e)
{
	struct lend *l = s->lend;

	*policy = l->policy;
	l->memory.decisions.count = 0;
	switch (r->what) {
	case REBALANCE_BY_HAND:
		return wish(s, r, e);
	case REBALANCE_ONCE:
		policy->mode = REBALANCE_ACT;
		decide_under(s, policy);
		return 0;
	case REBALANCE_RESET:
		loan_reset(&s->state->plan, &l->wanted);
		return 0;
	case REBALANCE_SET_MODE:
		change_mode(s, r->mode, policy);
		return 0;
	}
	return err_wrong(e, "a request of kind %d is unknown", (int)r->what);
}

static void fill_loans(const struct supervisor *s, const struct plan *p, struct status_loan *out)
{
	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];
		uint64_t since_ns = p == &s->state->plan ? s->lend->since_ns[i] : s->now_ns;

		out[i] = (struct status_loan){.from = loan->from,
					      .to = loan->to,
					      .mode = loan->mode,
					      .cpus = loan->cpus,
					      .by_hand = loan->by_hand,
					      .since_s = (double)(s->now_ns - since_ns) / 1e9};
	}
}

static void fill_answer(struct supervisor *s, const struct rebalance_request *r,
			struct rebalance_answer *a)
{
	const struct plan *p = r->dry_run ? &s->lend->wanted : &s->state->plan;

	string_copy(a->name, s->state->cluster.name);
	a->mode = s->lend->policy.mode;
	a->dry_run = r->dry_run;
	a->loan_count = p->loan_count;
	fill_loans(s, p, a->loans);
	a->decisions = s->lend->memory.decisions;
	if (r->what == REBALANCE_ONCE && !a->decisions.count)
		rebalance_format_nothing(p, s->lend->memory.verdicts, a->why, sizeof(a->why));
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

/* What was asked for, and what it cost; what a pass decided is an event of its own. */
static void note_by_hand(struct supervisor *s, const struct rebalance_request *r)
{
	const struct rebalance_answer *a = s->lend->answer;
	char text[PLAN_TEXT];

	format_request(r, text, sizeof(text));
	events_note(&s->events, "rebalance", s->state->cluster.name, text,
		    {"writes", a->change_count}, {"write_us", (int64_t)lend_write_us(a)},
		    {"loans", s->state->plan.loan_count});
	lend_remember(s->lend, s->now_ns, text);
}

/* A pass, and a change of mode, decide as the monitor does: they are steps that can be replayed, too. */
static int put_in_force(struct supervisor *s, const struct rebalance_request *r,
			const struct rebalance_policy *policy, struct err *e)
{
	struct lend *l = s->lend;
	struct plan *p = &s->state->plan;
	struct loan_list before;
	int rc;

	lend_get_loans(p, &before);
	rc = lend_put_in_force(s, r->dry_run, e);
	if (rc)
		return rc;
	if (!r->dry_run && l->memory.decisions.count)
		lend_note_step(s, "loan", &before, policy);
	if (r->what == REBALANCE_ONCE)
		hold_by_hand(l, r->dry_run ? &l->wanted : p);
	return 0;
}

static int execute(struct supervisor *s, const struct rebalance_request *r, struct err *e)
{
	struct lend *l = s->lend;
	struct rebalance_policy policy;
	int rc = check_lendable(s, e);

	if (!rc)
		rc = lend_new_answer(l, e);
	if (!rc)
		rc = decide(s, r, &policy, e);
	if (!rc)
		rc = put_in_force(s, r, &policy, e);
	if (rc || r->dry_run)
		return rc;
	if (r->what == REBALANCE_SET_MODE) {
		l->policy.mode = r->mode;
		l->imagined.count = 0;
	}
	/* What was just taken back is not lent again before anybody could see it. */
	if (r->what == REBALANCE_RESET)
		l->pause_until_ns = s->now_ns + l->policy.cool_down_ns;
	note_by_hand(s, r);
	return 0;
}

void lend_asked(struct supervisor *s, struct control_client *client,
		const struct rebalance_request *request)
{
	cleanup_free char *text = NULL;
	struct err e;
	int r = execute(s, request, &e);

	if (!r) {
		fill_answer(s, request, s->lend->answer);
		r = rebalance_answer_format(s->lend->answer, &text, &e);
	}
	if (r)
		supervisor_answer_error(s, client, &e);
	else
		control_answer(s->control, client, text);
	lend_free_answer(s->lend);
}

/* ---- status */

static void say_what_it_does(const struct supervisor *s, unsigned slice, char *text, size_t size)
{
	const struct lend *l = s->lend;
	const struct rebalance_verdict *v = &l->memory.verdicts[slice];
	double idle_s = (double)(s->now_ns - l->memory.slices[slice].idle_since_ns) / 1e9;

	if (l->samples[slice].starting)
		snprintf(text, size, "a JVM is starting");
	else if (v->idle_ticks >= REBALANCE_TICKS)
		snprintf(text, size, "idle for %.1f s", idle_s);
	else if (v->busy_ticks && v->wants > v->width && v->wants < REBALANCE_WANTS)
		snprintf(text, size, "busy, has work for %u CPUs", v->wants);
	else if (v->busy_ticks)
		snprintf(text, size, "busy");
	else
		snprintf(text, size, "uses %.1f of %u CPUs", v->used, v->width);
}

static void fill_recent(const struct supervisor *s, struct status_monitor *out)
{
	const struct lend *l = s->lend;

	while (out->recent_count < STATUS_RECENT && out->recent_count < l->recent_count) {
		unsigned i = out->recent_count++;
		const struct lend_recent *r = &l->recent[(l->recent_count - 1 - i) % STATUS_RECENT];

		out->recent[i].ago_s = (double)(s->now_ns - r->at_ns) / 1e9;
		string_copy(out->recent[i].text, r->text);
	}
}

void lend_status(struct supervisor *s, struct status *out)
{
	struct lend *l = s->lend;

	out->monitor.mode = REBALANCE_OFF;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice_status *slice = &out->slices[i];
		struct sample tasks = {0};

		task_watch_fill(l->tasks, i, s->now_ns, &tasks);
		slice->executors = task_watch_executors(l->tasks, i);
		slice->tasks_running = tasks.tasks_running;
		slice->tasks_pending = tasks.tasks_pending;
		if (l->is_on)
			say_what_it_does(s, i, slice->doing, sizeof(slice->doing));
	}
	string_copy(out->monitor.tasks, task_watch_why(l->tasks));
	if (!l->is_on)
		return;
	out->monitor.mode = l->policy.mode;
	out->monitor.loans = l->policy.loans;
	fill_loans(s, &s->state->plan, out->loans);
	fill_recent(s, &out->monitor);
}
