/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/place.h"

#include <string.h>

#include "decision/machine/nearness.h"
#include "decision/partition/reserve.h"

/* Packages are the units of decision/machine/topology.h. */
enum level { LEVEL_L3, LEVEL_NODE, LEVEL_PACKAGE, LEVELS };

/* What a slice does not cross, as a mask. */
enum {
	WITHIN_L3 = 1 << LEVEL_L3,
	WITHIN_NODE = 1 << LEVEL_NODE,
	WITHIN_PACKAGE = 1 << LEVEL_PACKAGE,
	WITHIN_ALL = WITHIN_L3 | WITHIN_NODE | WITHIN_PACKAGE,
};

/*
 * The order in which places are tried: an L3 first, then a node, then a package, and at each step
 * those that cross nothing else, since levels need not nest (an L3 of several nodes, nodes of
 * several packages, firmware that lies). Where they nest, smallest first is best: with slices of
 * one size s, containers of c cores hold Σ ⌊c / s⌋ of them whatever the order, and no choice at a
 * lower level costs a slice its place at a higher one.
 */
static const uint8_t phases[] = {
	WITHIN_ALL,	WITHIN_L3 | WITHIN_NODE,      WITHIN_L3 | WITHIN_PACKAGE,
	WITHIN_L3,	WITHIN_NODE | WITHIN_PACKAGE, WITHIN_NODE,
	WITHIN_PACKAGE,
};

enum { PARTS_MAX = 64, SUM_WORDS = TOPOLOGY_CPUS / 64 + 1 };

/* A run of the region's cores that share their containers at some levels. */
struct run {
	uint16_t first, count; /* in place.cores */
	uint16_t free;
	uint16_t big, small; /* slices to be cut from it */
	uint64_t nodes;	     /* mask over topology.nodes */
};

struct state {
	const struct place *p;
	unsigned next;			       /* id of the next slice */
	unsigned small, big;		       /* left to place */
	unsigned slack;			       /* free cores beyond what the slices need */
	uint16_t taken[LEVELS][TOPOLOGY_CPUS]; /* cores taken, by container */
};

static uint16_t container(const struct topology *t, enum level level, unsigned core)
{
	const struct topology_core *c = &t->cores[core];

	return level == LEVEL_L3 ? c->l3 : level == LEVEL_NODE ? c->numa : c->unit;
}

static bool is_within(const struct topology *t, unsigned levels, unsigned a, unsigned b)
{
	for (enum level level = 0; level < LEVELS; level++) {
		if ((levels & 1u << level) && container(t, level, a) != container(t, level, b))
			return false;
	}
	return true;
}

/* The runs inside `of` that cross none of the levels; at most `most`, the first in tree order. */
static unsigned runs_read(const struct state *s, struct run of, unsigned levels, struct run *runs,
			  unsigned most)
{
	const struct place *p = s->p;
	unsigned count = 0;

	for (unsigned i = of.first; i < of.first + (unsigned)of.count; i++) {
		unsigned core = p->cores[i];

		if (i == of.first || !is_within(p->t, levels, p->cores[i - 1], core)) {
			if (count == most)
				break;
			runs[count++] = (struct run){.first = (uint16_t)i};
		}
		runs[count - 1].count++;
		if (p->owner[core] == CORE_FREE)
			runs[count - 1].free++;
		runs[count - 1].nodes |= p->t->numa[p->t->cores[core].numa].nodes;
	}
	return count;
}

/* Give the slice up to `count` free cores of the run, in tree order. Return how many. */
static unsigned take(struct state *s, struct run *run, unsigned count)
{
	const struct place *p = s->p;
	unsigned got = 0;

	for (unsigned i = run->first; i < run->first + (unsigned)run->count && got < count; i++) {
		unsigned core = p->cores[i];

		if (p->owner[core] != CORE_FREE)
			continue;
		p->owner[core] = (uint16_t)s->next;
		for (enum level level = 0; level < LEVELS; level++)
			s->taken[level][container(p->t, level, core)]++;
		got++;
	}
	run->free = (uint16_t)(run->free - got);
	return got;
}

/* ---- one slice out of several containers ---- */

/* The parts that one slice takes, in this order, and its size. */
struct pick {
	bool whole; /* they are used up */
	unsigned size, count;
	uint8_t parts[PARTS_MAX];
};

/*
 * All parts with free cores, the start first, then by distance from it, then by place in the tree.
 */
static void order_parts(const struct state *s, const struct run *parts, unsigned count,
			unsigned start, struct pick *out)
{
	uint64_t keys[PARTS_MAX];
	struct node_distances distances = node_distances_of(s->p->t, parts[start].nodes);

	out->count = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned apart = i < start ? start - i : i - start, at = out->count;
		uint64_t key = (uint64_t)node_distances_mean(&distances, parts[i].nodes) << 16 |
			       apart << 8 | (i < start);

		if (!parts[i].free)
			continue;
		key = i == start ? 0 : key + 1;
		for (; at > 0 && keys[at - 1] > key; at--) {
			keys[at] = keys[at - 1];
			out->parts[at] = out->parts[at - 1];
		}
		keys[at] = key;
		out->parts[at] = (uint8_t)i;
		out->count++;
	}
}

static bool sum_has(const uint64_t *sums, unsigned sum)
{
	return sums[sum / 64] >> sum % 64 & 1;
}

/* to = from ∪ (from + step), for sums below words × 64 */
static void sums_add(uint64_t *to, const uint64_t *from, unsigned step, unsigned words)
{
	unsigned skip = step / 64, bits = step % 64;

	for (unsigned i = 0; i < words; i++) {
		to[i] = from[i];
		if (i >= skip)
			to[i] |= from[i - skip] << bits;
		if (bits && i > skip)
			to[i] |= from[i - skip - 1] >> (64 - bits);
	}
}

/*
 * Reduce the pick to parts that are used up and add up to exactly its size: its first part always,
 * then each that can be in such a sum, nearest first. Return whether there is such a sum.
 */
static bool pick_whole(const struct run *parts, struct pick *pick)
{
	uint64_t sums[PARTS_MAX + 1][SUM_WORDS]; /* sums of the parts from here on */
	unsigned words = pick->size / 64 + 1, left = pick->size, kept = 1;

	if (parts[pick->parts[0]].free > left)
		return false;
	left -= parts[pick->parts[0]].free;
	memset(sums[pick->count], 0, words * sizeof(uint64_t));
	sums[pick->count][0] = 1;
	for (unsigned i = pick->count; i-- > 1;)
		sums_add(sums[i], sums[i + 1], parts[pick->parts[i]].free, words);
	if (!sum_has(sums[1], left))
		return false;
	for (unsigned i = 1; i < pick->count && left; i++) {
		unsigned free = parts[pick->parts[i]].free;

		if (free > left || !sum_has(sums[i + 1], left - free))
			continue;
		left -= free;
		pick->parts[kept++] = pick->parts[i];
	}
	pick->count = kept;
	pick->whole = true;
	return true;
}

/* Whole parts if that is possible from any start, else from the first start, nearest first. */
static struct pick pick_parts(const struct state *s, const struct run *parts, unsigned count,
			      unsigned big, unsigned small)
{
	struct pick pick = {0}, first;
	bool any = false;

	for (unsigned start = 0; start < count; start++) {
		if (!parts[start].free)
			continue;
		order_parts(s, parts, count, start, &pick);
		pick.size = s->p->size + (big > 0);
		if (!any)
			first = pick;
		any = true;
		if (big && pick_whole(parts, &pick))
			return pick;
		pick.size = s->p->size;
		if (small && pick_whole(parts, &pick))
			return pick;
	}
	return any ? first : pick;
}

/* Cut the run's slices out of it, by whole runs within `levels` where that is possible. */
static void carve(struct state *s, struct run *run, unsigned levels)
{
	struct run parts[PARTS_MAX];
	unsigned count = runs_read(s, *run, levels, parts, PARTS_MAX);

	while (run->big + run->small) {
		struct pick pick = {.size = s->p->size + (run->big > 0)};
		unsigned left;

		if (count > 1)
			pick = pick_parts(s, parts, count, run->big, run->small);
		left = pick.size ? pick.size : s->p->size + (run->big > 0);
		*(left > s->p->size ? &run->big : &run->small) -= 1;
		for (unsigned i = 0; i < pick.count && left; i++)
			left -= take(s, &parts[pick.parts[i]], left);
		take(s, run, left); /* what lies beyond PARTS_MAX parts */
		s->next++;
	}
}

/* ---- which slices into which containers ---- */

/*
 * With cores to spare, slices are spread as evenly as the reserve is. Without, containers are
 * filled one after the other, so that what is left of them stays together for the slices that must
 * cross.
 */
static bool is_less_used(const struct state *s, const struct run *a, const struct run *b)
{
	unsigned x = s->p->cores[a->first], y = s->p->cores[b->first];

	if (!s->slack)
		return false;
	for (unsigned i = LEVELS; i-- > 0;) {
		enum level level = (enum level)i;
		unsigned used_x = s->taken[level][container(s->p->t, level, x)];
		unsigned used_y = s->taken[level][container(s->p->t, level, y)];

		if (used_x != used_y)
			return used_x < used_y;
	}
	return false;
}

/* What to place next; a big slice is free of cost where a core would be left over anyway. */
enum fit { FIT_BIG_FREE, FIT_SMALL, FIT_BIG };

/* Note one more slice for the least used run that fits. Return whether one did. */
static bool assign_one(struct state *s, struct run *runs, unsigned count, enum fit fit)
{
	unsigned left = fit == FIT_SMALL ? s->small : s->big;
	unsigned size = s->p->size + (fit != FIT_SMALL);
	struct run *best = NULL;

	for (unsigned i = 0; left && i < count; i++) {
		if (runs[i].free < size || (fit == FIT_BIG_FREE && runs[i].free % s->p->size == 0))
			continue;
		if (!best || is_less_used(s, &runs[i], best))
			best = &runs[i];
	}
	if (!best)
		return false;
	best->free = (uint16_t)(best->free - size);
	*(fit == FIT_SMALL ? &best->small : &best->big) += 1;
	*(fit == FIT_SMALL ? &s->small : &s->big) -= 1;
	for (enum level level = 0; level < LEVELS; level++)
		s->taken[level][container(s->p->t, level, s->p->cores[best->first])] +=
			(uint16_t)size;
	return true;
}

static void place_phase(struct state *s, unsigned levels)
{
	struct run runs[TOPOLOGY_CPUS], region = {.count = (uint16_t)s->p->count};
	unsigned count = runs_read(s, region, levels, runs, TOPOLOGY_CPUS);

	for (enum fit fit = FIT_BIG_FREE; fit <= FIT_BIG; fit++) {
		while (assign_one(s, runs, count, fit))
			;
	}
	/*
	 * The counts that assign_one() advanced are taken back; take() counts the cores themselves.
	 */
	for (unsigned i = 0; i < count; i++) {
		struct run *run = &runs[i];
		unsigned cores = run->big * (s->p->size + 1) + run->small * s->p->size;

		run->free = (uint16_t)(run->free + cores);
		for (enum level level = 0; level < LEVELS; level++)
			s->taken[level][container(s->p->t, level, s->p->cores[run->first])] -=
				(uint16_t)cores;
	}
	for (unsigned i = 0; i < count; i++)
		carve(s, &runs[i], WITHIN_ALL);
}

/* ---- several kinds of cores ---- */

enum { ANY_KIND = UINT16_MAX + 1 };

static unsigned free_cores(const struct place *p, unsigned kind)
{
	unsigned free = 0;

	for (unsigned i = 0; i < p->count; i++)
		free += p->owner[p->cores[i]] == CORE_FREE &&
			(kind == ANY_KIND || p->t->cores[p->cores[i]].kind == kind);
	return free;
}

/* Slice i gets share[i] cores of the kind, in tree order. */
static void take_kind(const struct place *p, unsigned kind, const uint16_t *share, unsigned slices)
{
	unsigned slice = 0, got = 0;

	for (unsigned i = 0; i < p->count; i++) {
		unsigned core = p->cores[i];

		while (slice < slices && got == share[slice]) {
			slice++;
			got = 0;
		}
		if (slice == slices)
			return;
		if (p->t->cores[core].kind != kind || p->owner[core] != CORE_FREE)
			continue;
		p->owner[core] = (uint16_t)(p->first + slice);
		got++;
	}
}

/*
 * Deal the cores like cards, one kind after the other: each slice then has the same number of each
 * kind, and of all, to within one. Where not all cores are used, each kind gives in proportion.
 */
static void place_hybrid(const struct place *p, unsigned free)
{
	unsigned slices = p->small + p->big, wanted = slices * p->size + p->big;
	unsigned seen = 0, dealt = 0, next = 0;
	uint16_t share[SLICES_MAX];
	uint64_t done[(UINT16_MAX + 1) / 64] = {0};

	for (unsigned i = 0; i < p->count; i++) {
		unsigned kind = p->t->cores[p->cores[i]].kind, quota;

		if (p->owner[p->cores[i]] != CORE_FREE || sum_has(done, kind))
			continue;
		done[kind / 64] |= UINT64_C(1) << kind % 64;
		seen += free_cores(p, kind);
		quota = wanted * seen / free - dealt;
		dealt += quota;
		for (unsigned slice = 0; slice < slices; slice++) {
			unsigned turn = (slice + slices - next) % slices;

			share[slice] = (uint16_t)(quota / slices + (turn < quota % slices));
		}
		next = (next + quota) % slices;
		take_kind(p, kind, share, slices);
	}
}

/* ---- the whole ---- */

/*
 * Where no slice fits into a package, nor is one the sum of some, or the sums were those of slices
 * one core larger, the region's spare cores are better taken out of the game beforehand, from all
 * packages as evenly as the reserve.
 */
static void trim(const struct state *s, struct run region)
{
	const struct place *p = s->p;
	struct run parts[PARTS_MAX];
	unsigned count = runs_read(s, region, WITHIN_PACKAGE, parts, PARTS_MAX);
	uint16_t owner[TOPOLOGY_CPUS];

	if (!s->slack || s->small + s->big < p->small + p->big ||
	    (!p->spares && pick_parts(s, parts, count, s->big, s->small).whole))
		return;
	for (unsigned core = 0; core < p->t->core_count; core++)
		owner[core] = CORE_OUTSIDE;
	for (unsigned i = 0; i < p->count; i++)
		owner[p->cores[i]] = p->owner[p->cores[i]];
	reserve_cores(p->t, owner, s->slack, CORE_ABOVE);
	for (unsigned i = 0; i < p->count; i++)
		p->owner[p->cores[i]] = owner[p->cores[i]];
}

/*
 * Whether slices have several L3s of one node each: then spare cores go beforehand, so that each
 * slice loses as much and none begins inside another's L3.
 */
static bool is_of_l3s(const struct place *p)
{
	const struct topology_core *cores = p->t->cores, *first = &cores[p->cores[0]];

	for (unsigned i = 0; i < p->count; i++) {
		const struct topology_core *core = &cores[p->cores[i]];

		if (core->numa != first->numa || core->unit != first->unit ||
		    p->t->l3s[core->l3].count > p->size)
			return false;
	}
	return true;
}

void place_slices(const struct place *p)
{
	struct state s = {.p = p, .next = p->first, .small = p->small, .big = p->big};
	struct run region = {.count = (uint16_t)p->count};
	unsigned free = free_cores(p, ANY_KIND);
	bool hybrid = false;

	if (!p->size || !free || !(p->small + p->big))
		return;
	for (unsigned i = 1; i < p->count; i++)
		hybrid |= p->t->cores[p->cores[i]].kind != p->t->cores[p->cores[0]].kind;
	if (hybrid) {
		place_hybrid(p, free);
		return;
	}
	s.slack = free - (p->small + p->big) * p->size - p->big;
	if (p->spares && is_of_l3s(p)) {
		trim(&s, region);
		s.slack = 0;
	}
	for (unsigned i = 0; i < sizeof(phases) && s.small + s.big; i++)
		place_phase(&s, phases[i]);
	trim(&s, region);
	region.small = (uint16_t)s.small;
	region.big = (uint16_t)s.big;
	carve(&s, &region, WITHIN_PACKAGE);
}
