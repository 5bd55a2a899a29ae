/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/loan_book.h"

#include <errno.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/reconcile/drift.h"

void loan_list_get(const struct plan *p, struct loan_list *out)
{
	out->count = p->loan_count;
	memcpy(out->items, p->loans, sizeof(out->items));
}

void loan_list_set(struct plan *p, const struct loan_list *loans)
{
	p->loan_count = loans->count;
	memcpy(p->loans, loans->items, sizeof(p->loans));
}

/* ---- writing */

/* What an earlier write of this answer left is what a later one begins with. */
static void note_before(const struct loan_book *b, const struct op *op,
			struct rebalance_change *change)
{
	const struct plan *p = &b->site->state->plan;

	change->before = plan_effective_cpus(p, op->slice);
	change->weight_before = plan_weight(p, op->slice);
	for (const struct rebalance_change *c = b->answer->changes; c < change; c++) {
		if (strcmp(c->group, op->name) != 0 || c->kind != op->kind)
			continue;
		change->before = c->requested;
		change->weight_before = c->weight;
	}
}

/*
 * CPUs that the machine has lost are not asked for; an op that is left with none of them waits for
 * them.
 */
static int write_op(struct loan_book *b, const struct op *op, enum loan_effect effect,
		    struct rebalance_change *change, struct err *e)
{
	struct op possible = *op;
	bool is_possible = drift_clip(&possible, &b->site->allowed);
	uint64_t begin_ns;
	int r;

	*change = (struct rebalance_change){
		.kind = op->kind,
		.requested = possible.cpus,
		.weight = op->weight,
	};
	string_copy(change->group, op->name);
	note_before(b, op, change);
	if (effect == LOANS_DRY_RUN || !is_possible)
		return 0;
	begin_ns = clock_now_ns();
	r = driver_execute(b->site->driver, &possible, NULL, NULL, &change->effective, e);
	change->write_us = (double)(clock_now_ns() - begin_ns) / 1000;
	return r;
}

/*
 * The way back, write by write, so that no CPU has two owners meanwhile. What cannot be undone
 * either is repaired as what somebody else has written.
 */
static void undo_writes(struct loan_book *b)
{
	struct err e;

	for (unsigned i = b->answer->change_count; i-- > 0;) {
		const struct rebalance_change *c = &b->answer->changes[i];
		struct op op = {.kind = c->kind, .cpus = c->before, .weight = c->weight_before};

		string_copy(op.name, c->group);
		if (drift_clip(&op, &b->site->allowed))
			driver_execute(b->site->driver, &op, NULL, NULL, NULL, &e);
	}
}

/* Loans that stay keep their beginning. */
static void take_loans(struct loan_book *b)
{
	struct plan *p = &b->site->state->plan;
	const struct plan *wanted = &b->wanted;
	uint64_t since_ns[SLICES_MAX];

	for (unsigned i = 0; i < wanted->loan_count; i++) {
		const struct loan *new = &wanted->loans[i];

		since_ns[i] = b->site->now_ns;
		for (unsigned k = 0; k < p->loan_count; k++)
			if (p->loans[k].from == new->from && p->loans[k].to == new->to &&
			    p->loans[k].mode == new->mode && p->loans[k].by_hand == new->by_hand)
				since_ns[i] = b->since_ns[k];
	}
	memcpy(b->since_ns, since_ns, sizeof(since_ns));
	p->loan_count = wanted->loan_count;
	memcpy(p->loans, wanted->loans, sizeof(p->loans));
}

int loan_book_put_in_force(struct loan_book *b, enum loan_effect effect, struct err *e)
{
	cleanup_free struct oplist *ops = calloc(1, sizeof(*ops));
	struct rebalance_answer *a = b->answer;
	int r = ops ? 0 : err_set(e, -ENOMEM, "no memory for the steps of a loan");

	if (!r)
		r = plan_diff(&b->site->state->plan, &b->wanted, ops);
	a->change_count = 0;
	for (unsigned i = 0; !r && i < ops->count; i++)
		r = write_op(b, &ops->ops[i], effect, &a->changes[a->change_count++], e);
	if (r)
		undo_writes(b);
	else if (effect == LOANS_WRITTEN)
		take_loans(b);
	return r;
}

int loan_book_open(struct loan_book *b, struct err *e)
{
	free(b->answer);
	b->answer = calloc(1, sizeof(*b->answer));
	return b->answer ? 0 : err_set(e, -ENOMEM, "no memory for a loan");
}

void loan_book_shut(struct loan_book *b)
{
	free(b->answer);
	b->answer = NULL;
}

/* ---- telling */

void loan_book_list(const struct loan_book *b, const struct plan *p, struct status_loan *out)
{
	uint64_t now_ns = b->site->now_ns;

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];
		uint64_t since_ns = p == &b->site->state->plan ? b->since_ns[i] : now_ns;

		out[i] = (struct status_loan){.loan = *loan,
					      .since_s = (double)(now_ns - since_ns) / 1e9};
	}
}

void loan_book_remember(struct loan_book *b, const char *text)
{
	unsigned i = b->recent_count++ % STATUS_RECENT;

	b->recent[i].at_ns = b->site->now_ns;
	snprintf(b->recent[i].text, sizeof(b->recent[i].text), "%s", text);
}

double loan_book_write_us(const struct rebalance_answer *a)
{
	double sum = 0;

	for (unsigned i = 0; i < a->change_count; i++)
		sum += a->changes[i].write_us;
	return sum;
}
