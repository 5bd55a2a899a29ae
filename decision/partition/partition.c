/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/partition.h"

#include "decision/partition/parents.h"
#include "decision/partition/place.h"
#include "decision/partition/usable.h"
#include "decision/plan/plan.h"

/* The work in hand. */
struct division {
	const struct topology *t;
	const struct profile_partition *wanted;
	struct partition *out;
	unsigned slices, cores; /* as written, 0 for auto */
	unsigned free;		/* cores that are neither outside nor reserved */
	unsigned ceiling;	/* cores that slices may have in all */
	struct parents parents;
};

static void describe_parents(struct division *d)
{
	struct partition *out = d->out;
	const struct parents *ps = &d->parents;

	out->parents = ps->count;
	out->smallest = UINT16_MAX;
	out->largest = 0;
	for (unsigned i = 0; i < ps->count; i++) {
		unsigned cores = ps->list[i].cores;

		if (cores < out->smallest) {
			out->smallest = cores;
			out->smallest_at = i;
		}
		if (cores > out->largest) {
			out->largest = cores;
			out->largest_at = i;
		}
	}
}

/* ---- how many slices each parent gets ---- */

/*
 * What max_cores leaves of each parent: one core at a time from the one from which fewest were
 * taken, the largest of them, so that those that were equal to within one core stay so.
 */
static void set_quotas(struct division *d)
{
	struct parents *ps = &d->parents;

	if (d->cores || ps->count > SLICES_MAX)
		return;
	for (unsigned cut = d->free - d->ceiling; cut > 0; cut--) {
		struct parent *best = NULL;

		for (unsigned i = 0; i < ps->count; i++) {
			struct parent *p = &ps->list[i];
			int more = best ? (p->cores - p->quota) - (best->cores - best->quota) : 0;

			if (p->quota &&
			    (!best || more < 0 || (more == 0 && p->quota > best->quota)))
				best = p;
		}
		if (best)
			best->quota--;
	}
}

/*
 * One slice at a time to the parent with the fewest that has room, the largest first. Return how
 * many found room.
 */
static unsigned spread(struct parents *ps, unsigned slices, unsigned cores)
{
	unsigned done = 0;

	for (; done < slices; done++) {
		struct parent *best = NULL;

		for (unsigned i = 0; i < ps->count; i++) {
			struct parent *p = &ps->list[i];

			if (p->quota < (p->slices + 1u) * (cores ? cores : 1))
				continue;
			if (!best || p->slices < best->slices ||
			    (p->slices == best->slices && p->quota > best->quota))
				best = p;
		}
		if (!best)
			break;
		best->slices++;
	}
	return done;
}

static unsigned room_for(const struct division *d)
{
	unsigned room = 0;

	for (unsigned i = 0; i < d->parents.count; i++)
		room += d->parents.list[i].quota / (d->cores ? d->cores : 1);
	return d->cores && room > d->ceiling / d->cores ? d->ceiling / d->cores : room;
}

static int share_written_slices(struct division *d, struct err *e)
{
	enum partition_by by = d->out->by;
	unsigned room = room_for(d);

	if (d->cores && d->slices * d->cores > d->ceiling)
		return err_impossible(e,
				      "partition.slices: %u slices of %u cores do not fit on %u "
				      "cores%s: write at most %u slices, or fewer partition.cores",
				      d->slices, d->cores, d->ceiling,
				      d->ceiling < d->free ? " (partition.max_cores)" : "",
				      d->ceiling / d->cores);
	if (room < d->slices && !d->cores)
		return err_impossible(e,
				      "partition.slices: %u slices do not fit on %u cores%s: "
				      "write at most %u",
				      d->slices, room,
				      d->ceiling < d->free ? " (partition.max_cores)" : "", room);
	if (spread(&d->parents, d->slices, d->cores) < d->slices)
		return err_impossible(
			e,
			"partition.cores: %u slices of %u cores do not fit: the %s "
			"have room for %u; write fewer cores, or partition.by: machine",
			d->slices, d->cores, parent_noun(by, 2), room);
	return 0;
}

static int share_by_cores(struct division *d, struct err *e)
{
	unsigned room = room_for(d);

	if (d->cores > d->ceiling)
		return err_impossible(e,
				      "partition.cores: %u cores a slice are more than the %u "
				      "cores there are%s: write at most %u",
				      d->cores, d->ceiling,
				      d->ceiling < d->free ? " (partition.max_cores)" : "",
				      d->ceiling);
	if (!room)
		return err_impossible(
			e,
			"partition.cores: %u cores do not fit in a %s: the largest has "
			"%u; write at most %u, or partition.by: machine",
			d->cores, parent_noun(d->out->by, 1), d->out->largest, d->out->largest);
	if (room > SLICES_MAX)
		return err_impossible(e,
				      "partition.cores: %u slices of %u cores are more than %d: "
				      "write more cores, or partition.slices",
				      room, d->cores, SLICES_MAX);
	spread(&d->parents, room, d->cores);
	return 0;
}

static int share_one_each(struct division *d, struct err *e)
{
	struct parents *ps = &d->parents;

	if (ps->count > SLICES_MAX)
		return err_impossible(e,
				      "partition.by: %s makes %u slices, more than %d: write "
				      "partition.slices, or a coarser partition.by",
				      partition_by_name(d->out->by), ps->count, SLICES_MAX);
	for (unsigned i = 0; i < ps->count; i++) {
		if (!ps->list[i].quota)
			return err_impossible(e,
					      "partition.max_cores: %u cores are too few for a "
					      "slice in each of %u %s: write more",
					      d->ceiling, ps->count,
					      parent_noun(d->out->by, ps->count));
		ps->list[i].slices = 1;
	}
	return 0;
}

/* ---- what is divided ---- */

static void read_parents(struct division *d, enum partition_by by)
{
	parents_read(d->t, d->out->owner, by, &d->parents);
	d->out->by = by;
	d->out->emptied = d->parents.emptied;
}

/*
 * Fewer slices than parents: joined parents make the sizes. Where sizes are written, each slice is
 * put into a parent of its own, or, where it does not fit, all parents are one place to find room.
 */
static int divide_by(struct division *d, enum partition_by by, struct err *e)
{
	unsigned with_room = 0;

	read_parents(d, by);
	for (unsigned i = 0; i < d->parents.count; i++)
		with_room += d->parents.list[i].quota >= d->cores;
	if (d->slices && d->slices < d->parents.count) {
		if (!d->cores)
			parents_join(d->t, &d->parents, d->slices);
		else if (with_room < d->slices)
			parents_join(d->t, &d->parents, 1);
	}
	describe_parents(d);
	set_quotas(d);
	if (d->slices)
		return share_written_slices(d, e);
	return d->cores ? share_by_cores(d, e) : share_one_each(d, e);
}

/*
 * Whether each parent holds the same whole number of the slices that are written, of as many cores.
 */
static bool suits(const struct division *d)
{
	const struct parents *ps = &d->parents;
	unsigned each = d->slices ? d->slices / ps->count : 1;

	if (d->slices && !d->cores && ps->count % d->slices == 0)
		return true;
	if (each == 0 || (d->slices && d->slices % ps->count))
		return false;
	for (unsigned i = 0; i < ps->count; i++) {
		if (ps->list[i].cores < each * (d->cores ? d->cores : 1))
			return false;
	}
	return true;
}

static int divide(struct division *d, struct err *e)
{
	enum partition_by by = d->wanted->by;

	if (by != BY_AUTO)
		return divide_by(d, by, e);
	/* Nodes, or packages where they are larger. */
	by = parents_largest(d->t, BY_SOCKET) > parents_largest(d->t, BY_NUMA) ? BY_SOCKET
									       : BY_NUMA;
	/*
	 * Slices or cores are written: the smallest parents that suit, at last the machine.
	 * Packages smaller than nodes are none.
	 */
	while ((d->slices || d->cores) && by != BY_MACHINE) {
		read_parents(d, by);
		if (suits(d))
			break;
		by = by == BY_NUMA && topology_packages_are_units(d->t) ? BY_SOCKET : BY_MACHINE;
	}
	return divide_by(d, by, e);
}

/* ---- one size ---- */

/*
 * Slices of the smallest one's size, if that leaves few cores over: an application's executors have
 * one size, which is the smallest one's.
 */
static void make_equal(struct division *d)
{
	unsigned slices = 0, size = TOPOLOGY_CPUS;

	for (unsigned i = 0; i < d->parents.count; i++) {
		const struct parent *p = &d->parents.list[i];

		slices += p->slices;
		if (p->slices && p->quota / p->slices < size)
			size = p->quota / p->slices;
	}
	if (d->cores || d->ceiling < d->free || (d->free - slices * size) * PARTITION_FEW > d->free)
		return;
	d->out->spared = d->free - slices * size;
	d->cores = size;
}

/* ---- cutting ---- */

static void number_in_tree_order(const struct topology *t, struct partition *out)
{
	uint16_t number[SLICES_MAX];
	unsigned next = 0;

	for (unsigned i = 0; i < SLICES_MAX; i++)
		number[i] = TOPOLOGY_NONE;
	for (unsigned core = 0; core < t->core_count; core++) {
		uint16_t *owner = &out->owner[core];

		if (*owner >= SLICES_MAX)
			continue;
		if (number[*owner] == TOPOLOGY_NONE)
			number[*owner] = (uint16_t)next++;
		*owner = number[*owner];
		out->cores[*owner]++;
	}
}

/* The cores of each parent side by side, in tree order. */
static void sort_by_parent(const struct division *d, uint16_t cores[TOPOLOGY_CPUS],
			   uint16_t begin[TOPOLOGY_CPUS + 1])
{
	const uint16_t *parent = d->parents.of_core;

	memset(begin, 0, (d->parents.count + 1) * sizeof(*begin));
	for (unsigned core = 0; core < d->t->core_count; core++) {
		if (parent[core] != TOPOLOGY_NONE)
			begin[parent[core]]++;
	}
	/* Where each ends; filled from there, it is where each begins. */
	for (unsigned i = 1; i <= d->parents.count; i++)
		begin[i] = (uint16_t)(begin[i] + begin[i - 1]);
	for (unsigned core = d->t->core_count; core-- > 0;) {
		if (parent[core] != TOPOLOGY_NONE)
			cores[--begin[parent[core]]] = (uint16_t)core;
	}
}

static void cut(struct division *d)
{
	uint16_t cores[TOPOLOGY_CPUS], begin[TOPOLOGY_CPUS + 1];
	struct partition *out = d->out;

	sort_by_parent(d, cores, begin);
	out->fewest = SLICES_MAX;
	for (unsigned i = 0; i < d->parents.count; i++) {
		const struct parent *parent = &d->parents.list[i];
		struct place place = {
			.t = d->t,
			.owner = out->owner,
			.cores = &cores[begin[i]],
			.count = (unsigned)(begin[i + 1] - begin[i]),
			.first = out->slices,
			.size = d->cores,
			.small = parent->slices,
			.spares = out->spared > 0,
		};

		if (!d->cores && parent->slices) {
			place.size = parent->quota / parent->slices;
			place.big = parent->quota % parent->slices;
			place.small -= place.big;
		}
		place_slices(&place);
		out->slices += parent->slices;
		out->fewest = parent->slices < out->fewest ? parent->slices : out->fewest;
		out->most = parent->slices > out->most ? parent->slices : out->most;
		out->joined = parent->members > out->joined ? parent->members : out->joined;
	}
	number_in_tree_order(d->t, out);
	if (!out->spared || d->wanted->reserve_cores != AMOUNT_AUTO)
		return;
	for (unsigned core = 0; core < d->t->core_count; core++) {
		if (out->owner[core] != CORE_FREE && out->owner[core] != CORE_ABOVE)
			continue;
		if (partition_core_is_apart(d->t, d->wanted, core))
			continue;
		out->owner[core] = CORE_RESERVED;
		out->reserved++;
	}
}

/* ---- the whole ---- */

/*
 * The host group's threads should be balanced, too: it gets cores that are not apart as long as
 * there are some.
 */
static void reserve_balanced_first(struct division *d)
{
	uint16_t balanced[TOPOLOGY_CPUS];
	unsigned count = 0, left = d->out->reserved;

	if (cpuset_is_empty(&d->t->apart)) {
		reserve_cores(d->t, d->out->owner, left, CORE_RESERVED);
		return;
	}
	for (unsigned core = 0; core < d->t->core_count; core++) {
		balanced[core] = d->out->owner[core];
		if (partition_core_is_apart(d->t, d->wanted, core))
			balanced[core] = CORE_OUTSIDE;
		count += balanced[core] == CORE_FREE;
	}
	count = count < left ? count : left;
	reserve_cores(d->t, balanced, count, CORE_RESERVED);
	for (unsigned core = 0; core < d->t->core_count; core++) {
		if (balanced[core] == CORE_RESERVED)
			d->out->owner[core] = CORE_RESERVED;
	}
	reserve_cores(d->t, d->out->owner, left - count, CORE_RESERVED);
}

static int find_usable(struct division *d, struct err *e)
{
	const struct profile_partition *wanted = d->wanted;
	bool is_apart = true;
	int reserved;

	if (partition_check_cpus(d->t, wanted, e) < 0)
		return e->code;
	d->out->usable = partition_usable(d->t, wanted, d->out->owner);
	for (unsigned core = 0; core < d->t->core_count; core++)
		is_apart &= d->out->owner[core] != CORE_FREE ||
			    partition_core_is_apart(d->t, d->wanted, core);
	/* Slices on CPUs that were isolated for them: the host group is on the others. */
	reserved = reserve_count(is_apart && !cpuset_is_equal(&d->t->apart, &d->t->allowed) &&
						 wanted->reserve_cores == AMOUNT_AUTO
					 ? 0
					 : wanted->reserve_cores,
				 d->out->usable, e);
	if (reserved < 0)
		return e->code;
	d->out->reserved = (unsigned)reserved;
	reserve_balanced_first(d);
	d->free = d->out->usable - d->out->reserved;
	d->ceiling = d->free;
	if (wanted->max_cores != AMOUNT_ALL && (unsigned)wanted->max_cores < d->free)
		d->ceiling = (unsigned)wanted->max_cores;
	return 0;
}

int partition_make(const struct topology *t, const struct profile_partition *wanted,
		   struct partition *out, struct err *e)
{
	struct partition made = {0};
	struct division d = {
		.t = t,
		.wanted = wanted,
		.out = &made,
		.slices = wanted->slices == AMOUNT_AUTO ? 0 : (unsigned)wanted->slices,
		.cores = wanted->cores == AMOUNT_AUTO ? 0 : (unsigned)wanted->cores,
	};

	if (find_usable(&d, e) < 0 || divide(&d, e) < 0)
		return e->code;
	make_equal(&d);
	cut(&d);
	*out = made;
	return 0;
}
