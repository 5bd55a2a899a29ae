/* Loans are written, undone where that fails half-way, and told. Declared in monitor.h. */
#include <errno.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/reconcile/drift.h"
#include "launcher/protocol/rebalance_event.h"
#include "launcher/supervisor/monitor.h"

void monitor_get_loans(const struct plan *p, struct loan_list *out)
{
	out->count = p->loan_count;
	memcpy(out->items, p->loans, sizeof(out->items));
}

void monitor_set_loans(struct plan *p, const struct loan_list *loans)
{
	p->loan_count = loans->count;
	memcpy(p->loans, loans->items, sizeof(p->loans));
}

/* ---- writing */

/* What an earlier write of this answer left is what a later one begins with. */
static void note_before(const struct monitor *m, const struct op *op,
			struct rebalance_change *change)
{
	const struct plan *p = &m->site->state->plan;

	change->before = plan_effective_cpus(p, op->slice);
	change->weight_before = plan_weight(p, op->slice);
	for (const struct rebalance_change *c = m->answer->changes; c < change; c++) {
		if (strcmp(c->group, op->name) != 0 || c->kind != op->kind)
			continue;
		change->before = c->requested;
		change->weight_before = c->weight;
	}
}

/* CPUs that the machine has lost are not asked for; an op that is left with none of them waits for them. */
static int write_op(struct monitor *m, const struct op *op, enum monitor_effect effect,
		    struct rebalance_change *change, struct err *e)
{
	struct op possible = *op;
	bool is_possible = drift_clip(&possible, &m->site->allowed);
	uint64_t begin_ns;
	int r;

	*change = (struct rebalance_change){
		.kind = op->kind,
		.requested = possible.cpus,
		.weight = op->weight,
	};
	string_copy(change->group, op->name);
	note_before(m, op, change);
	if (effect == MONITOR_DRY_RUN || !is_possible)
		return 0;
	begin_ns = clock_now_ns();
	r = driver_execute(m->site->driver, &possible, NULL, NULL, &change->effective, e);
	change->write_us = (double)(clock_now_ns() - begin_ns) / 1000;
	return r;
}

/*
 * The way back, write by write, so that no CPU has two owners meanwhile. What cannot be undone either is repaired as
 * what somebody else has written.
 */
static void undo_writes(struct monitor *m)
{
	struct err e;

	for (unsigned i = m->answer->change_count; i-- > 0;) {
		const struct rebalance_change *c = &m->answer->changes[i];
		struct op op = {.kind = c->kind, .cpus = c->before, .weight = c->weight_before};

		string_copy(op.name, c->group);
		if (drift_clip(&op, &m->site->allowed))
			driver_execute(m->site->driver, &op, NULL, NULL, NULL, &e);
	}
}

/* Loans that stay keep their beginning. */
static void take_loans(struct monitor *m)
{
	struct plan *p = &m->site->state->plan;
	const struct plan *wanted = &m->wanted;
	uint64_t since_ns[SLICES_MAX];

	for (unsigned i = 0; i < wanted->loan_count; i++) {
		const struct loan *new = &wanted->loans[i];

		since_ns[i] = m->site->now_ns;
		for (unsigned k = 0; k < p->loan_count; k++)
			if (p->loans[k].from == new->from && p->loans[k].to == new->to &&
			    p->loans[k].mode == new->mode && p->loans[k].by_hand == new->by_hand)
				since_ns[i] = m->since_ns[k];
	}
	memcpy(m->since_ns, since_ns, sizeof(since_ns));
	p->loan_count = wanted->loan_count;
	memcpy(p->loans, wanted->loans, sizeof(p->loans));
}

int monitor_put_in_force(struct monitor *m, enum monitor_effect effect, struct err *e)
{
	cleanup_free struct oplist *ops = calloc(1, sizeof(*ops));
	struct rebalance_answer *a = m->answer;
	int r = ops ? 0 : err_set(e, -ENOMEM, "no memory for the steps of a loan");

	if (!r)
		r = plan_diff(&m->site->state->plan, &m->wanted, ops);
	a->change_count = 0;
	for (unsigned i = 0; !r && i < ops->count; i++)
		r = write_op(m, &ops->ops[i], effect, &a->changes[a->change_count++], e);
	if (r)
		undo_writes(m);
	else if (effect == MONITOR_WRITES)
		take_loans(m);
	return r;
}

int monitor_new_answer(struct monitor *m, struct err *e)
{
	free(m->answer);
	m->answer = calloc(1, sizeof(*m->answer));
	return m->answer ? 0 : err_set(e, -ENOMEM, "no memory for a loan");
}

void monitor_free_answer(struct monitor *m)
{
	free(m->answer);
	m->answer = NULL;
}

/* ---- telling */

void monitor_remember(struct monitor *m, const char *text)
{
	struct monitor_recent *recent = &m->recent[m->recent_count++ % STATUS_RECENT];

	recent->at_ns = m->site->now_ns;
	snprintf(recent->text, sizeof(recent->text), "%s", text);
}

double monitor_write_us(const struct rebalance_answer *a)
{
	double sum = 0;

	for (unsigned i = 0; i < a->change_count; i++)
		sum += a->changes[i].write_us;
	return sum;
}

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
	monitor_set_loans(&ev->before, before);
	memcpy(ev->verdicts, m->memory.verdicts, sizeof(ev->verdicts));
	ev->decisions = m->memory.decisions;
	ev->loan_count = m->wanted.loan_count;
	memcpy(ev->loans, m->wanted.loans, sizeof(ev->loans));
	ev->idle_us = idle_us(m);
	ev->write_us = monitor_write_us(m->answer);
	ev->writes = m->answer->change_count;
	line = rebalance_event_format(ev, clock_date_ns());
	if (line)
		events_add_line(&m->site->events, line);
}
