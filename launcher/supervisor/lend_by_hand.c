/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/lend_by_hand.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/lending/loan_request.h"

/* With the verdicts of the last tick. */
static void decide_under(struct monitor *m, const struct rebalance_policy *policy)
{
	const struct plan *p = &m->site->state->plan;

	if (rebalance_decide(p, &m->topology, policy, m->memory.verdicts, &m->memory.decisions,
			     &m->book.wanted) <= 0)
		m->book.wanted = *p;
}

/* m->book.wanted, and the policy it was decided under. */
static int decide(struct monitor *m, const struct rebalance_request *request,
		  struct rebalance_policy *policy, struct err *e)
{
	const struct plan *p = &m->site->state->plan;
	struct loan_request wanted = {
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
		return loan_request(p, &m->topology, &wanted, &m->book.wanted, e);
	case REBALANCE_ONCE:
		policy->mode = REBALANCE_ACT;
		decide_under(m, policy);
		return 0;
	case REBALANCE_RESET:
		loan_reset(p, &m->book.wanted);
		return 0;
	case REBALANCE_SET_MODE:
		/* What the monitor had lent ends, unless it goes on acting. */
		policy->mode = request->mode == REBALANCE_ACT ? REBALANCE_ACT : REBALANCE_OFF;
		if (policy->mode == REBALANCE_ACT)
			m->book.wanted = *p;
		else
			decide_under(m, policy);
		return 0;
	}
	return err_wrong(e, "a request of kind %d is unknown", (int)request->what);
}

/*
 * A pass, and a change of mode, decide as the monitor does: they are steps that can be replayed,
 * too.
 */
static int put_in_force(struct monitor *m, const struct rebalance_request *request,
			const struct rebalance_policy *policy, struct err *e)
{
	struct plan *p = &m->site->state->plan;
	struct plan *result = request->dry_run ? &m->book.wanted : p;
	struct loan_list before;
	int r;

	loan_list_get(p, &before);
	r = loan_book_put_in_force(&m->book, request->dry_run ? LOANS_DRY_RUN : LOANS_WRITTEN, e);
	if (r)
		return r;
	if (!request->dry_run && m->memory.decisions.count)
		monitor_note_step(m, "loan", &before, policy);
	/*
	 * Where the monitor does not act, it would take back at once what a pass has lent: so that
	 * counts as lent by hand.
	 */
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

static void fill_answer(struct monitor *m, const struct rebalance_request *request)
{
	const struct state *state = m->site->state;
	const struct plan *p = request->dry_run ? &m->book.wanted : &state->plan;
	struct rebalance_answer *a = m->book.answer;

	string_copy(a->name, state->cluster.name);
	a->mode = m->policy.mode;
	a->dry_run = request->dry_run;
	a->loan_count = p->loan_count;
	loan_book_list(&m->book, p, a->loans);
	a->decisions = m->memory.decisions;
	if (request->what == REBALANCE_ONCE && !a->decisions.count)
		rebalance_format_nothing(p, m->memory.verdicts, a->why, sizeof(a->why));
}

int lend_by_hand(struct monitor *m, const struct rebalance_request *request, char **text,
		 struct err *e)
{
	struct site *s = m->site;
	const char *name = s->state->cluster.name;
	struct rebalance_policy policy;
	char what[PLAN_TEXT];
	int r;

	if (!s->driver->ops->usage)
		return err_impossible(e,
				      "cluster %s has no cgroups (backend: affinity), so its "
				      "slices cannot lend CPUs",
				      name);
	if (!m->is_on)
		return err_set(e, -EAGAIN, "cluster %s is not up: run cleave up", name);
	r = loan_book_open(&m->book, e);
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
		events_note(&s->events, "rebalance", name, what,
			    {"writes", m->book.answer->change_count},
			    {"write_us", (int64_t)loan_book_write_us(m->book.answer)},
			    {"loans", s->state->plan.loan_count});
		loan_book_remember(&m->book, what);
	}
	if (!r) {
		fill_answer(m, request);
		r = json_table_format(&rebalance_answer_table, m->book.answer, text, e);
	}
	loan_book_shut(&m->book);
	return r;
}
