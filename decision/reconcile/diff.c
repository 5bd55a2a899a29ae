/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "decision/plan/observation.h"
#include "decision/reconcile/op.h"

enum { NO_SLICE = SLICES_MAX };

/* The group of a slice: what it has after the ops so far. */
struct group_state {
	const struct slice *slice; /* of `from` */
	unsigned next; /* the same slice in `to` if it is changed in place, else NO_SLICE */
	bool same_home;
	struct cpuset cpus;
	unsigned weight;
};

struct diff {
	const struct plan *from, *to;
	struct oplist *out;
	struct group_state groups[SLICES_MAX]; /* by index in `from` */
	/* By index in `to`: the one in `from` that is changed in place, or NO_SLICE. */
	unsigned back[SLICES_MAX];
	int r;
};

/* ---- ops ---- */

static void add_op(struct diff *d, struct op op, const char *name)
{
	if (d->out->count == OPLIST_MAX) {
		d->r = -E2BIG;
		return;
	}
	string_copy(op.name, name);
	d->out->ops[d->out->count++] = op;
}

/* An op on a group that is there. */
static void set(struct diff *d, const struct group_state *group, struct op op)
{
	op.slice = group->next == NO_SLICE ? group->slice->id : group->next;
	add_op(d, op, group->slice->name);
}

/* The kernel is told only what it does not have already, and never an empty set. */
static void set_cpus(struct diff *d, struct group_state *group, const struct cpuset *cpus)
{
	if (cpuset_is_equal(&group->cpus, cpus) || cpuset_is_empty(cpus))
		return;
	set(d, group, (struct op){.kind = OP_SET_CPUS, .cpus = *cpus});
	group->cpus = *cpus;
}

static void set_weight(struct diff *d, struct group_state *group, unsigned weight)
{
	if (group->weight != weight)
		set(d, group, (struct op){.kind = OP_SET_WEIGHT, .weight = weight});
	group->weight = weight;
}

/* ---- which slices stay ---- */

/* What a worker was started with cannot be changed under it. */
static bool can_stay(const struct slice *a, const struct slice *b)
{
	return strcmp(a->name, b->name) == 0 && cpuset_intersects(&a->cpus, &b->cpus) &&
	       cpuset_is_equal(&a->nodes, &b->nodes) && a->slots == b->slots &&
	       a->executors == b->executors && a->address == b->address &&
	       slice_memory_is_equal(&a->memory, &b->memory) &&
	       strings_is_equal(&a->jvm_options, &b->jvm_options);
}

static void match(struct diff *d)
{
	for (unsigned i = 0; i < d->to->slice_count; i++)
		d->back[i] = NO_SLICE;
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct group_state *group = &d->groups[i];

		group->slice = &d->from->slices[i];
		group->next = NO_SLICE;
		group->cpus = plan_effective_cpus(d->from, i);
		group->weight = plan_weight(d->from, i);
		for (unsigned k = 0; k < d->to->slice_count && group->next == NO_SLICE; k++) {
			if (d->back[k] != NO_SLICE || !can_stay(group->slice, &d->to->slices[k]))
				continue;
			group->next = k;
			group->same_home =
				cpuset_is_equal(&group->slice->cpus, &d->to->slices[k].cpus);
			d->back[k] = i;
		}
	}
}

/* ---- loans end ---- */

/*
 * The CPUs of a loan of `from` that `to` has too, and that no change of home sets gets in the way
 * of.
 */
static struct cpuset kept_cpus(const struct diff *d, const struct loan *loan)
{
	const struct group_state *donor = &d->groups[loan->from], *borrower = &d->groups[loan->to];
	struct cpuset kept = {0};

	if (donor->next == NO_SLICE || borrower->next == NO_SLICE || !donor->same_home ||
	    !borrower->same_home)
		return kept;
	for (unsigned i = 0; i < d->to->loan_count; i++) {
		const struct loan *other = &d->to->loans[i];

		if (other->from == donor->next && other->to == borrower->next &&
		    other->mode == loan->mode) {
			struct cpuset both = cpuset_and(&loan->cpus, &other->cpus);

			kept = cpuset_or(&kept, &both);
		}
	}
	return kept;
}

/* Borrowers narrow, exclusive donors get back what was theirs, and only then weights go down. */
static void end_loans(struct diff *d)
{
	struct cpuset borrowed[SLICES_MAX] = {0}, lent[SLICES_MAX] = {0};

	for (unsigned i = 0; i < d->from->loan_count; i++) {
		const struct loan *loan = &d->from->loans[i];
		struct cpuset kept = kept_cpus(d, loan);

		borrowed[loan->to] = cpuset_or(&borrowed[loan->to], &kept);
		if (loan->mode == LOANS_EXCLUSIVE)
			lent[loan->from] = cpuset_or(&lent[loan->from], &kept);
	}
	for (unsigned i = 0; i < d->from->loan_count; i++) {
		struct group_state *group = &d->groups[d->from->loans[i].to];
		struct cpuset narrow =
			cpuset_or(&group->slice->cpus, &borrowed[d->from->loans[i].to]);

		set_cpus(d, group, &narrow);
	}
	for (unsigned i = 0; i < d->from->loan_count; i++) {
		struct group_state *group = &d->groups[d->from->loans[i].from];
		struct cpuset whole =
			cpuset_and_not(&group->slice->cpus, &lent[d->from->loans[i].from]);

		if (group->next != NO_SLICE)
			set_cpus(d, group, &whole);
	}
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct group_state *group = &d->groups[i];

		if (group->next != NO_SLICE && plan_weight(d->to, group->next) < group->weight)
			set_weight(d, group, plan_weight(d->to, group->next));
	}
}

/* ---- remove, shrink, host, create, grow ---- */

static void remove_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		if (d->groups[i].next == NO_SLICE)
			set(d, &d->groups[i], (struct op){.kind = OP_REMOVE});
	}
}

static void shrink_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct group_state *group = &d->groups[i];
		struct cpuset both;

		if (group->next == NO_SLICE || group->same_home)
			continue;
		both = cpuset_and(&group->slice->cpus, &d->to->slices[group->next].cpus);
		set_cpus(d, group, &both);
	}
}

/* Its new CPUs are free of slices by now, and none has taken its old ones yet. */
static void move_host(struct diff *d)
{
	struct cpuset before = plan_host_cpus(d->from), after = plan_host_cpus(d->to);

	if (cpuset_is_empty(&after) || (cpuset_is_equal(&before, &after) &&
					cpuset_is_equal(&d->from->host.nodes, &d->to->host.nodes)))
		return;
	add_op(d, (struct op){.kind = OP_SET_HOST, .cpus = after}, GROUP_HOST);
}

/* Born with the weight it is to have: a donor's is up before its first loan. */
static void create_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->to->slice_count; i++) {
		const struct slice *slice = &d->to->slices[i];
		struct op op = {.kind = OP_CREATE, .slice = i, .cpus = slice->cpus};

		op.weight = plan_weight(d->to, i);
		if (d->back[i] == NO_SLICE)
			add_op(d, op, slice->name);
	}
}

static void grow_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct group_state *group = &d->groups[i];

		if (group->next != NO_SLICE && !group->same_home)
			set_cpus(d, group, &d->to->slices[group->next].cpus);
	}
}

/* ---- loans begin ---- */

/* That of a slice of `to`; one that was created joins in with what OP_CREATE gave it. */
static struct group_state group_of(const struct diff *d, unsigned slice)
{
	if (d->back[slice] != NO_SLICE)
		return d->groups[d->back[slice]];
	return (struct group_state){.slice = &d->to->slices[slice],
				    .next = slice,
				    .cpus = d->to->slices[slice].cpus,
				    .weight = plan_weight(d->to, slice)};
}

/* Weights go up, exclusive donors narrow, and only then borrowers widen. */
static void begin_loans(struct diff *d)
{
	for (unsigned i = 0; i < d->to->slice_count; i++) {
		struct group_state group = group_of(d, i);

		set_weight(d, &group, plan_weight(d->to, i));
	}
	for (unsigned widen = 0; widen < 2; widen++) {
		for (unsigned i = 0; i < d->to->slice_count; i++) {
			struct group_state group = group_of(d, i);
			struct cpuset cpus = plan_effective_cpus(d->to, i);
			bool narrower = cpuset_is_subset(&cpus, &group.cpus);

			if (narrower != (widen == 1))
				set_cpus(d, &group, &cpus);
		}
	}
}

int plan_diff(const struct plan *from, const struct plan *to, struct oplist *out)
{
	struct diff d = {.from = from, .to = to, .out = out};

	out->to = to;
	out->count = 0;
	match(&d);
	end_loans(&d);
	remove_slices(&d);
	shrink_slices(&d);
	move_host(&d);
	create_slices(&d);
	grow_slices(&d);
	begin_loans(&d);
	return d.r;
}
