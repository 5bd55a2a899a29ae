#include <errno.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/protocol/rebalance_event.h"
#include "launcher/supervisor/monitor.h"

/* Loans are written, undone where that fails half-way, and told. */

void lend_get_loans(const struct plan *p, struct loan_list *out)
{
	out->count = p->loan_count;
	memcpy(out->items, p->loans, sizeof(out->items));
}

void lend_set_loans(struct plan *p, const struct loan_list *loans)
{
	p->loan_count = loans->count;
	memcpy(p->loans, loans->items, sizeof(p->loans));
}

static int do_write(struct supervisor *s, const struct op *op, struct rebalance_change *change,
		    struct err *e)
{
	uint64_t begin_ns = clock_now_ns();
	int r = driver_execute(s->driver, op, NULL, NULL, &change->effective, e);

	change->write_us = (double)(clock_now_ns() - begin_ns) / 1000;
	return r;
}

/* What an earlier write of this answer left is what a later one begins with. */
static void note_before(struct supervisor *s, const struct op *op, struct rebalance_change *change)
{
	const struct rebalance_answer *a = s->lend->answer;

	change->before = plan_effective_cpus(&s->state->plan, op->slice);
	change->weight_before = plan_weight(&s->state->plan, op->slice);
	for (const struct rebalance_change *c = a->changes; c < change; c++) {
		if (strcmp(c->group, op->name) != 0 || c->kind != op->kind)
			continue;
		change->before = c->asked;
		change->weight_before = c->weight;
	}
}

/* CPUs that the machine has lost are not asked for; an op that is left with none of them waits for them. */
static int write_op(struct supervisor *s, const struct op *op, bool dry_run,
		    struct rebalance_change *change, struct err *e)
{
	struct op possible = *op;
	bool is_possible = drift_clip(&possible, &s->allowed);

	*change = (struct rebalance_change){
		.kind = op->kind,
		.asked = possible.cpus,
		.weight = op->weight,
	};
	string_copy(change->group, op->name);
	note_before(s, op, change);
	return dry_run || !is_possible ? 0 : do_write(s, &possible, change, e);
}

/* Loans that stay keep their beginning. */
static void take_loans(struct supervisor *s, const struct plan *wanted)
{
	struct plan *p = &s->state->plan;
	uint64_t since_ns[SLICES_MAX];

	for (unsigned i = 0; i < wanted->loan_count; i++) {
		const struct loan *new = &wanted->loans[i];

		since_ns[i] = s->now_ns;
		for (unsigned k = 0; k < p->loan_count; k++)
			if (p->loans[k].from == new->from && p->loans[k].to == new->to &&
			    p->loans[k].mode == new->mode && p->loans[k].by_hand == new->by_hand)
				since_ns[i] = s->lend->since_ns[k];
	}
	memcpy(s->lend->since_ns, since_ns, sizeof(since_ns));
	p->loan_count = wanted->loan_count;
	memcpy(p->loans, wanted->loans, sizeof(p->loans));
}

/* What a group had before this write. */
static struct op inverse_of(const struct rebalance_change *c)
{
	struct op op = {.kind = c->kind, .cpus = c->before, .weight = c->weight_before};

	string_copy(op.name, c->group);
	return op;
}

/*
 * The way back, write by write, so that no CPU has two owners meanwhile. What cannot be undone either is repaired as
 * what somebody else has written.
 */
static void undo_writes(struct supervisor *s)
{
	const struct rebalance_answer *a = s->lend->answer;
	struct err e;

	for (unsigned i = a->change_count; i-- > 0;) {
		struct op op = inverse_of(&a->changes[i]);

		if (drift_clip(&op, &s->allowed))
			driver_execute(s->driver, &op, NULL, NULL, NULL, &e);
	}
}

/*
 * Put the loans of l->wanted in force: nothing else of it differs. What was written is in l->answer, also after a failure;
 * then it has been undone, and the loans are as before.
 */
int lend_put_in_force(struct supervisor *s, bool dry_run, struct err *e)
{
	cleanup_free struct oplist *ops = calloc(1, sizeof(*ops));
	struct rebalance_answer *a = s->lend->answer;
	int r = ops ? 0 : err_set(e, -ENOMEM, "no memory for the steps of a loan");

	if (!r)
		r = plan_diff(&s->state->plan, &s->lend->wanted, ops);
	a->change_count = 0;
	for (unsigned i = 0; !r && i < ops->count; i++)
		r = write_op(s, &ops->ops[i], dry_run, &a->changes[a->change_count++], e);
	if (r)
		undo_writes(s);
	else if (!dry_run)
		take_loans(s, &s->lend->wanted);
	return r;
}

int lend_new_answer(struct lend *l, struct err *e)
{
	free(l->answer);
	l->answer = calloc(1, sizeof(*l->answer));
	return l->answer ? 0 : err_set(e, -ENOMEM, "no memory for a loan");
}

void lend_free_answer(struct lend *l)
{
	free(l->answer);
	l->answer = NULL;
}

/* ---- telling */

void lend_remember(struct lend *l, uint64_t now_ns, const char *text)
{
	struct lend_recent *r = &l->recent[l->recent_count++ % STATUS_RECENT];

	r->at_ns = now_ns;
	snprintf(r->text, sizeof(r->text), "%s", text);
}

double lend_write_us(const struct rebalance_answer *a)
{
	double sum = 0;

	for (unsigned i = 0; i < a->change_count; i++)
		sum += a->changes[i].write_us;
	return sum;
}

/* From the end of the donor's last busy tick to now, of the loan that waited longest. */
static double idle_us(const struct lend *l, uint64_t now_ns)
{
	const struct rebalance_decisions *all = &l->memory.decisions;
	double longest = 0;

	for (unsigned i = 0; i < all->count; i++) {
		const struct rebalance_decision *d = &all->items[i];
		uint64_t since_ns = l->memory.slices[d->from].idle_since_ns;
		double us = (double)(now_ns - since_ns) / 1000;

		if (d->reason == REBALANCE_LENDS && us > longest)
			longest = us;
	}
	return longest;
}

void lend_note_step(struct supervisor *s, const char *what, const struct loan_list *before,
		    const struct rebalance_policy *policy)
{
	struct lend *l = s->lend;
	cleanup_free struct rebalance_event *ev = calloc(1, sizeof(*ev));
	cleanup_free char *line = NULL;

	if (!ev)
		return;
	string_copy(ev->what, what);
	ev->at_ns = s->now_ns;
	ev->allowed = l->topology.allowed;
	ev->policy = *policy;
	string_copy(ev->before.name, s->state->plan.name);
	ev->before.slice_count = s->state->plan.slice_count;
	for (unsigned i = 0; i < ev->before.slice_count; i++) {
		ev->before.slices[i].id = i;
		string_copy(ev->before.slices[i].name, s->state->plan.slices[i].name);
		ev->before.slices[i].cpus = s->state->plan.slices[i].cpus;
	}
	lend_set_loans(&ev->before, before);
	memcpy(ev->verdicts, l->memory.verdicts, sizeof(ev->verdicts));
	ev->decisions = l->memory.decisions;
	ev->loan_count = l->wanted.loan_count;
	memcpy(ev->loans, l->wanted.loans, sizeof(ev->loans));
	ev->idle_us = idle_us(l, clock_now_ns());
	ev->write_us = lend_write_us(l->answer);
	ev->writes = l->answer->change_count;
	line = rebalance_event_format(ev, clock_date_ns());
	if (line)
		events_add_line(&s->events, line);
}
