/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/partition/choices.h"

#include "decision/partition/parents.h"
#include "decision/partition/usable.h"

/* What there is of one kind of parents, as far as the profile uses it. */
struct grain {
	enum partition_by by;
	unsigned count;	  /* with a core */
	unsigned largest; /* cores */
	unsigned good;	  /* parents large enough for a slice */
};

struct choices {
	struct choice *list;
	unsigned count;
};

static void add(struct choices *w, enum partition_by by, int slices, int cores)
{
	if (w->count < CHOICES_MAX)
		w->list[w->count++] = (struct choice){by, slices, cores};
}

static struct grain read_grain(const struct topology *t, const uint16_t *owner,
			       enum partition_by by)
{
	struct parents parents;
	struct grain g = {.by = by};

	parents_read(t, owner, by, &parents);
	g.count = parents.count;
	for (unsigned i = 0; i < parents.count; i++)
		g.largest = parents.list[i].cores > g.largest ? parents.list[i].cores : g.largest;
	for (unsigned i = 0; i < parents.count; i++)
		g.good += choice_likes_size(parents.list[i].cores, g.largest);
	return g;
}

/* One slice each, the small ones with a neighbour, and neighbours together, as many in each. */
static void add_grain(struct choices *w, const struct grain *g)
{
	for (unsigned slices = 2; slices < g->count && slices <= SLICES_MAX; slices++) {
		if (g->count % slices == 0)
			add(w, g->by, (int)slices, AMOUNT_AUTO);
	}
	add(w, g->by, AMOUNT_AUTO, AMOUNT_AUTO);
	if (g->good > 1 && g->good < g->count && g->good <= SLICES_MAX)
		add(w, g->by, (int)g->good, AMOUNT_AUTO);
}

/*
 * Equal parts of each: a reader knows what a half or a fifth is; beyond, one step is like the next.
 */
static void add_parts(struct choices *w, const struct grain *g)
{
	static const uint8_t parts[] = {2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64};

	for (unsigned i = 0; i < sizeof(parts); i++) {
		if (parts[i] <= g->largest && g->count * parts[i] <= SLICES_MAX)
			add(w, g->by, (int)(g->count * parts[i]), AMOUNT_AUTO);
	}
}

/* One JVM on few cores, then on more and more units, or on parts of the only one. */
static void add_sweep(struct choices *w, const struct grain *units, unsigned usable)
{
	static const uint8_t counts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48};
	unsigned each = units->largest;

	for (int cores = 2; cores <= 8; cores *= 2) {
		if ((unsigned)cores < usable)
			add(w, BY_MACHINE, 1, cores);
	}
	for (unsigned quarter = 1; quarter <= 3; quarter++) {
		if (units->count == 1 && usable * quarter / 4 > 0)
			add(w, BY_MACHINE, 1, (int)(usable * quarter / 4));
	}
	for (unsigned i = 0; i < sizeof(counts) && counts[i] * each < usable; i++)
		add(w, BY_MACHINE, 1, (int)(counts[i] * each));
}

/* A slice each, on half of its cores and on three quarters. */
static void add_idle(struct choices *w, const struct grain *g)
{
	for (unsigned quarters = 2; quarters <= 3; quarters++) {
		if (g->count > 1 && g->count <= SLICES_MAX && g->largest * quarters / 4 > 0)
			add(w, g->by, (int)g->count, (int)(g->largest * quarters / 4));
	}
}

unsigned choices_list(const struct topology *t, const struct profile_partition *wanted,
		      struct choice out[CHOICES_MAX])
{
	uint16_t owner[TOPOLOGY_CPUS];
	unsigned usable = partition_usable(t, wanted, owner);
	bool divided = topology_packages_are_units(t);
	struct grain nodes = read_grain(t, owner, BY_NUMA), l3s = read_grain(t, owner, BY_L3);
	struct grain packages = divided ? read_grain(t, owner, BY_SOCKET) : nodes;
	struct choices w = {.list = out};

	add(&w, BY_MACHINE, 1, AMOUNT_AUTO);
	add_sweep(&w, &packages, usable);
	add_grain(&w, &nodes);
	if (divided)
		add_grain(&w, &packages);
	add_parts(&w, &nodes);
	if (divided)
		add_parts(&w, &packages);
	if (!(t->oddities & TOPOLOGY_NO_L3))
		add_grain(&w, &l3s);
	add_idle(&w, &nodes);
	return w.count;
}
