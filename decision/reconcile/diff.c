#include <errno.h>
#include <string.h>

#include "decision/plan/observation.h"
#include "decision/reconcile/op.h"

enum { NO_SLICE = SLICES_MAX };

/* A slice on its way: what its group has after the ops so far. */
struct way {
	const struct slice *slice; /* of `from` */
	unsigned next; /* the same slice in `to` if it is changed in place, else NO_SLICE */
	bool same_home;
	struct cpuset cpus;
	unsigned weight;
};

struct diff {
	const struct plan *from, *to;
	struct oplist *out;
	struct way ways[SLICES_MAX]; /* by index in `from` */
	unsigned back
		[SLICES_MAX]; /* by index in `to`: the one in `from` changed in place, or NO_SLICE */
	int result;
};

/* ---- ops ---- */

static struct op *add_op(struct diff *d, enum op_kind kind, unsigned slice, const char *name)
{
	struct op *op;

	if (d->out->count == OPLIST_MAX) {
		d->result = -E2BIG;
		return NULL;
	}
	op = &d->out->ops[d->out->count++];
	*op = (struct op){.kind = kind, .slice = slice};
	string_copy(op->name, name);
	return op;
}

static unsigned way_id(const struct way *way)
{
	return way->next == NO_SLICE ? way->slice->id : way->next;
}

/* The kernel is told only what it does not have already, and never an empty set. */
static void set_cpus(struct diff *d, struct way *way, const struct cpuset *cpus)
{
	struct op *op;

	if (cpuset_is_equal(&way->cpus, cpus) || cpuset_is_empty(cpus))
		return;
	op = add_op(d, OP_SET_CPUS, way_id(way), way->slice->name);
	if (op)
		op->cpus = *cpus;
	way->cpus = *cpus;
}

static void set_weight(struct diff *d, struct way *way, unsigned weight)
{
	struct op *op;

	if (way->weight == weight)
		return;
	op = add_op(d, OP_SET_WEIGHT, way_id(way), way->slice->name);
	if (op)
		op->weight = weight;
	way->weight = weight;
}

/* ---- which slices stay ---- */

/* What a worker was started with cannot be changed under it. */
static bool can_stay(const struct slice *old, const struct slice *new)
{
	return strcmp(old->name, new->name) == 0 && cpuset_intersects(&old->cpus, &new->cpus) &&
	       cpuset_is_equal(&old->nodes, &new->nodes) && old->slots == new->slots &&
	       old->address == new->address &&slice_memory_is_equal(&old->memory, &new->memory) &&
	       strings_is_equal(&old->jvm_options, &new->jvm_options);
}

static void match(struct diff *d)
{
	for (unsigned i = 0; i < d->to->slice_count; i++)
		d->back[i] = NO_SLICE;
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct way *way = &d->ways[i];

		way->slice = &d->from->slices[i];
		way->next = NO_SLICE;
		way->cpus = plan_effective_cpus(d->from, i);
		way->weight = plan_weight(d->from, i);
		for (unsigned k = 0; k < d->to->slice_count && way->next == NO_SLICE; k++) {
			if (d->back[k] != NO_SLICE || !can_stay(way->slice, &d->to->slices[k]))
				continue;
			way->next = k;
			way->same_home = cpuset_is_equal(&way->slice->cpus, &d->to->slices[k].cpus);
			d->back[k] = i;
		}
	}
}

/* ---- loans end ---- */

/* The CPUs of a loan of `from` that `to` has too, and that no change of home sets gets in the way of. */
static struct cpuset kept_cpus(const struct diff *d, const struct loan *loan)
{
	const struct way *donor = &d->ways[loan->from], *borrower = &d->ways[loan->to];
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
		struct way *way = &d->ways[d->from->loans[i].to];
		struct cpuset narrow =
			cpuset_or(&way->slice->cpus, &borrowed[d->from->loans[i].to]);

		set_cpus(d, way, &narrow);
	}
	for (unsigned i = 0; i < d->from->loan_count; i++) {
		struct way *way = &d->ways[d->from->loans[i].from];
		struct cpuset whole =
			cpuset_and_not(&way->slice->cpus, &lent[d->from->loans[i].from]);

		if (way->next != NO_SLICE)
			set_cpus(d, way, &whole);
	}
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct way *way = &d->ways[i];

		if (way->next != NO_SLICE && plan_weight(d->to, way->next) < way->weight)
			set_weight(d, way, plan_weight(d->to, way->next));
	}
}

/* ---- remove, shrink, host, create, grow ---- */

static void remove_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		if (d->ways[i].next == NO_SLICE)
			add_op(d, OP_REMOVE, d->from->slices[i].id, d->from->slices[i].name);
	}
}

static void shrink_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct way *way = &d->ways[i];
		struct cpuset both;

		if (way->next == NO_SLICE || way->same_home)
			continue;
		both = cpuset_and(&way->slice->cpus, &d->to->slices[way->next].cpus);
		set_cpus(d, way, &both);
	}
}

/* Its new CPUs are free of slices by now, and none has taken its old ones yet. */
static void move_host(struct diff *d)
{
	struct cpuset old = plan_host_cpus(d->from), new = plan_host_cpus(d->to);
	struct op *op;

	if (cpuset_is_empty(&new) || (cpuset_is_equal(&old, &new) &&
				      cpuset_is_equal(&d->from->host.nodes, &d->to->host.nodes)))
		return;
	op = add_op(d, OP_SET_HOST, 0, GROUP_HOST);
	if (op)
		op->cpus = new;
}

/* Born with the weight it is to have: a donor's is up before its first loan. */
static void create_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->to->slice_count; i++) {
		const struct slice *slice = &d->to->slices[i];
		struct op *op;

		if (d->back[i] != NO_SLICE)
			continue;
		op = add_op(d, OP_CREATE, i, slice->name);
		if (!op)
			return;
		op->cpus = slice->cpus;
		op->weight = plan_weight(d->to, i);
	}
}

static void grow_slices(struct diff *d)
{
	for (unsigned i = 0; i < d->from->slice_count; i++) {
		struct way *way = &d->ways[i];

		if (way->next != NO_SLICE && !way->same_home)
			set_cpus(d, way, &d->to->slices[way->next].cpus);
	}
}

/* ---- loans begin ---- */

/* The way of a slice of `to`; one that was created joins in with what OP_CREATE gave it. */
static struct way way_of(const struct diff *d, unsigned slice)
{
	if (d->back[slice] != NO_SLICE)
		return d->ways[d->back[slice]];
	return (struct way){.slice = &d->to->slices[slice],
			    .next = slice,
			    .cpus = d->to->slices[slice].cpus,
			    .weight = plan_weight(d->to, slice)};
}

/* Weights go up, exclusive donors narrow, and only then borrowers widen. */
static void begin_loans(struct diff *d)
{
	for (unsigned i = 0; i < d->to->slice_count; i++) {
		struct way way = way_of(d, i);

		set_weight(d, &way, plan_weight(d->to, i));
	}
	for (unsigned widen = 0; widen < 2; widen++) {
		for (unsigned i = 0; i < d->to->slice_count; i++) {
			struct way way = way_of(d, i);
			struct cpuset cpus = plan_effective_cpus(d->to, i);
			bool narrower = cpuset_is_subset(&cpus, &way.cpus);

			if (narrower != (widen == 1))
				set_cpus(d, &way, &cpus);
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
	return d.result;
}
