/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "tests/decision/check/oracle.h"

/* What the profile divided: a package, a node, an L3, several of them where a slice joined them. */
struct parent {
	unsigned joined;  /* the first of those it is joined with, itself if with none */
	unsigned members; /* parents in a join, kept at its first */
	unsigned cores;	  /* usable, reserve included */
	unsigned left;	  /* less the reserve */
	unsigned slices, least, most; /* how many lie here, and their sizes */
};

struct parents {
	unsigned count;
	struct parent list[TOPOLOGY_CPUS];
};

static unsigned parent_of(const struct topology *t, enum partition_by by, unsigned core)
{
	switch (by) {
	case BY_SOCKET:
		return t->cores[core].package;
	case BY_NUMA:
		return t->cores[core].numa;
	case BY_L3:
		return t->cores[core].l3;
	case BY_AUTO:
	case BY_MACHINE:
		break;
	}
	return 0;
}

static unsigned find(const struct parents *all, unsigned parent)
{
	while (all->list[parent].joined != parent)
		parent = all->list[parent].joined;
	return parent;
}

static void join(struct parents *all, unsigned a, unsigned b)
{
	struct parent *into, *from;

	a = find(all, a);
	b = find(all, b);
	if (a == b)
		return;
	into = &all->list[a < b ? a : b];
	from = &all->list[a < b ? b : a];
	from->joined = a < b ? a : b;
	into->members += from->members;
	into->cores += from->cores;
	into->left += from->left;
}

static void survey(const struct plan *p, const struct topology *t, const struct core_users *map,
		   enum partition_by by, struct parents *all)
{
	unsigned where[SLICES_MAX];

	memset(all, 0, sizeof(*all));
	for (unsigned core = 0; core < t->core_count; core++) {
		unsigned parent = parent_of(t, by, core);

		all->list[parent].cores += map->user[core] != USER_OUTSIDE;
		all->list[parent].left +=
			map->user[core] != USER_OUTSIDE && map->user[core] != USER_HOST;
		if (parent >= all->count)
			all->count = parent + 1;
	}
	for (unsigned i = 0; i < all->count; i++) {
		all->list[i].joined = i;
		all->list[i].members = 1;
	}
	for (unsigned i = 0; i < SLICES_MAX; i++)
		where[i] = TOPOLOGY_NONE;
	for (unsigned core = 0; core < t->core_count; core++) {
		unsigned user = map->user[core], parent = parent_of(t, by, core);

		if (user >= SLICES_MAX)
			continue;
		if (where[user] == TOPOLOGY_NONE)
			where[user] = parent;
		join(all, where[user], parent);
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		struct parent *parent = &all->list[find(all, where[i])];
		unsigned cores = p->slices[i].cores;

		if (parent->slices++ == 0 || cores < parent->least)
			parent->least = cores;
		if (cores > parent->most)
			parent->most = cores;
	}
}

static unsigned apart(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

/*
 * Equal to begin with; an uneven reserve may make them differ by the one core that slices may
 * differ by.
 */
static bool are_equal(const struct parent *a, const struct parent *b)
{
	return a->cores == b->cores && a->members == b->members && apart(a->left, b->left) <= 1;
}

/* The heads of joins that hold slices; there are no more than slices. */
static unsigned with_slices(const struct parents *all, unsigned out[SLICES_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < all->count; i++) {
		if (all->list[i].slices)
			out[count++] = i;
	}
	return count;
}

static int check_sizes(const struct parent *a, const struct parent *b, const char *unit, unsigned i,
		       unsigned j, struct err *e)
{
	unsigned least = a->least < b->least ? a->least : b->least;
	unsigned most = a->most > b->most ? a->most : b->most;

	if (!are_equal(a, b) || a->slices != b->slices || most - least <= 1)
		return 0;
	return err_set(e, -ERANGE,
		       "invariant 4: %ss %u and %u are equal (%u cores, %u slices each), but their "
		       "slices have %u to %u cores",
		       unit, i, j, a->cores, a->slices, least, most);
}

/* `slices` are spread evenly: equal parents hold as many, or one more. */
static int check_spread(const struct parents *all, const char *unit, const unsigned *heads,
			unsigned count, struct err *e)
{
	for (unsigned k = 0; k < count; k++) {
		const struct parent *a = &all->list[heads[k]];

		for (unsigned i = 0; i < all->count && a->members == 1 && a->slices > 1; i++) {
			const struct parent *b = &all->list[i];

			if (b->joined != i || !are_equal(a, b) || a->slices <= b->slices + 1)
				continue;
			return err_set(
				e, -ERANGE,
				"invariant 4: %ss %u and %u are equal (%u cores), but hold %u "
				"and %u slices",
				unit, heads[k], i, a->cores, a->slices, b->slices);
		}
	}
	return 0;
}

static int check_named(const struct plan *p, const struct parent *a, const struct parent *b,
		       enum partition_by by, struct err *e)
{
	enum warning_code code = by == BY_SOCKET ? WARN_UNEVEN_PACKAGES : WARN_UNEVEN_NODES;
	unsigned least = a->least < b->least ? a->least : b->least;
	unsigned most = a->most > b->most ? a->most : b->most;

	if ((by != BY_SOCKET && by != BY_NUMA) || a->members != 1 || b->members != 1 ||
	    a->cores == b->cores || most - least <= 1 || plan_has_warning(p, code))
		return 0;
	return err_set(e, -ERANGE,
		       "invariant 4: parents of %u and %u cores hold slices of %u to %u cores, and "
		       "there is no warning %s",
		       a->cores, b->cores, least, most, warning_code_name(code));
}

int evenness_check(const struct plan *p, const struct topology *t, const struct core_users *map,
		   struct err *e)
{
	static const char *const units[] = {"machine", "machine", "package", "node", "L3"};
	enum partition_by by = p->candidates[p->chosen].by;
	struct parents all;
	unsigned heads[SLICES_MAX], count;

	survey(p, t, map, by, &all);
	count = with_slices(&all, heads);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j <= i; j++) {
			const struct parent *a = &all.list[heads[i]], *b = &all.list[heads[j]];

			if (check_sizes(a, b, units[by], heads[i], heads[j], e) < 0 ||
			    check_named(p, a, b, by, e) < 0)
				return e->code;
		}
	}
	return check_spread(&all, units[by], heads, count, e);
}
