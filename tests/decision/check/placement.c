/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "tests/decision/check/oracle.h"

/* One level of the machine, and how a plan's slices lie in it. */
struct level {
	const char *unit;
	enum warning_code warning;
	enum partition_by by;
	unsigned units;
	unsigned largest;	      /* usable cores of the largest unit, less the reserve */
	uint16_t touched[SLICES_MAX]; /* units that a slice lies in */
};

enum { LEVEL_L3, LEVEL_NODE, LEVEL_PACKAGE, LEVELS };

struct placement {
	const struct plan *p;
	const struct topology *t;
	const struct core_users *map;
	enum partition_by by; /* what the plan divided */
	struct level levels[LEVELS];
	uint16_t first[SLICES_MAX], last[SLICES_MAX]; /* cores of a slice in tree order */
};

static unsigned unit_of(const struct topology *t, unsigned level, unsigned core)
{
	if (level == LEVEL_L3)
		return t->cores[core].l3;
	return level == LEVEL_NODE ? t->cores[core].numa : t->cores[core].unit;
}

static struct topology_span unit_span(const struct topology *t, unsigned level, unsigned unit)
{
	if (level == LEVEL_L3)
		return t->l3s[unit];
	return level == LEVEL_NODE ? t->numa[unit].cores : t->units[unit];
}

static bool is_available(const struct placement *m, unsigned core)
{
	return m->map->user[core] < USER_HOST || m->map->user[core] == USER_NOBODY;
}

static void survey_level(struct placement *m, unsigned number)
{
	struct level *level = &m->levels[number];
	unsigned last[SLICES_MAX];

	for (unsigned i = 0; i < SLICES_MAX; i++)
		last[i] = TOPOLOGY_NONE;
	for (unsigned unit = 0; unit < level->units; unit++) {
		struct topology_span span = unit_span(m->t, number, unit);
		unsigned available = 0;

		for (unsigned core = span.first; core < (unsigned)span.first + span.count; core++) {
			unsigned user = m->map->user[core];

			available += is_available(m, core);
			if (user >= SLICES_MAX || last[user] == unit)
				continue;
			last[user] = unit;
			level->touched[user]++;
		}
		if (available > level->largest)
			level->largest = available;
	}
}

static void survey(struct placement *m)
{
	for (unsigned i = 0; i < SLICES_MAX; i++)
		m->first[i] = TOPOLOGY_NONE;
	for (unsigned core = 0; core < m->t->core_count; core++) {
		unsigned user = m->map->user[core];

		if (user >= SLICES_MAX)
			continue;
		if (m->first[user] == TOPOLOGY_NONE)
			m->first[user] = (uint16_t)core;
		m->last[user] = (uint16_t)core;
	}
	for (unsigned level = 0; level < LEVELS; level++)
		survey_level(m, level);
}

static bool fits(const struct placement *m, unsigned level, unsigned slice)
{
	return m->p->slices[slice].cores <= m->levels[level].largest;
}

static bool crosses(const struct placement *m, unsigned level, unsigned slice)
{
	return m->levels[level].touched[slice] > 1;
}

/* Whoever crosses where it would fit is named. */
static int check_named(const struct placement *m, unsigned number, struct err *e)
{
	const struct level *level = &m->levels[number];

	for (unsigned i = 0; i < m->p->slice_count; i++) {
		if (!fits(m, number, i) || !crosses(m, number, i) ||
		    plan_has_warning(m->p, level->warning))
			continue;
		return err_set(
			e, -ERANGE,
			"invariant 3: %s of %u cores would fit in a %s of %u, but lies in %u "
			"of them, and there is no warning %s",
			m->p->slices[i].name, m->p->slices[i].cores, level->unit, level->largest,
			level->touched[i], warning_code_name(level->warning));
	}
	return 0;
}

/* What the profile divided, by core; the parents that a slice lies in are marked. */
static unsigned parent_of(const struct placement *m, unsigned core)
{
	const struct topology_core *c = &m->t->cores[core];

	return m->by == BY_SOCKET ? c->package
	       : m->by == BY_NUMA ? c->numa
	       : m->by == BY_L3	  ? c->l3
				  : 0;
}

static void mark_parents(const struct placement *m, unsigned slice, bool parents[TOPOLOGY_CPUS])
{
	memset(parents, 0, TOPOLOGY_CPUS * sizeof(parents[0]));
	for (unsigned core = m->first[slice]; core <= m->last[slice]; core++) {
		if (m->map->user[core] == slice)
			parents[parent_of(m, core)] = true;
	}
}

/*
 * Cores of one unit that a slice has or could have: left over, in its parents, and no new crossing
 * at another level.
 */
static unsigned reach(const struct placement *m, unsigned slice, struct topology_span span,
		      const bool parents[TOPOLOGY_CPUS])
{
	unsigned count = 0;

	for (unsigned core = span.first; core < (unsigned)span.first + span.count; core++) {
		unsigned user = m->map->user[core];
		bool mine = user == slice || (user == USER_NOBODY && parents[parent_of(m, core)]);

		for (unsigned other = 0; other < LEVELS; other++)
			mine &= crosses(m, other, slice) ||
				unit_of(m->t, other, core) == unit_of(m->t, other, m->first[slice]);
		count += mine;
	}
	return count;
}

/*
 * Nobody crosses who could lie in one of the units it touches already, with what is left over
 * there.
 */
static int check_needed(const struct placement *m, unsigned number, struct err *e)
{
	bool parents[TOPOLOGY_CPUS];

	for (unsigned i = 0; i < m->p->slice_count; i++) {
		unsigned size = m->p->slices[i].cores, last = TOPOLOGY_NONE;

		if (!fits(m, number, i) || !crosses(m, number, i))
			continue;
		mark_parents(m, i, parents);
		for (unsigned core = m->first[i]; core <= m->last[i]; core++) {
			unsigned unit = unit_of(m->t, number, core);

			if (m->map->user[core] != i || unit == last)
				continue;
			last = unit;
			if (reach(m, i, unit_span(m->t, number, unit), parents) < size)
				continue;
			return err_set(e, -ERANGE,
				       "invariant 3: %s of %u cores lies in %u %ss, but the one of "
				       "core %u has room for all of it",
				       m->p->slices[i].name, size, m->levels[number].touched[i],
				       m->levels[number].unit, core);
		}
	}
	return 0;
}

/* Whether every unit of one level lies in one unit of the other. */
static bool refines(const struct topology *t, unsigned fine, unsigned coarse)
{
	for (unsigned core = 1; core < t->core_count; core++) {
		if (unit_of(t, fine, core) == unit_of(t, fine, core - 1) &&
		    unit_of(t, coarse, core) != unit_of(t, coarse, core - 1))
			return false;
	}
	return true;
}

static bool is_nested(const struct topology *t)
{
	for (unsigned a = 0; a < LEVELS; a++) {
		for (unsigned b = 0; b < a; b++) {
			if (!refines(t, a, b) && !refines(t, b, a))
				return false;
		}
	}
	return true;
}

/*
 * Slices that lie wholly in [first, end): how many, how many of them cross, and their one size (0:
 * several).
 */
struct group {
	unsigned count, crossing, size;
};

static struct group find_group(const struct placement *m, unsigned number, unsigned first,
			       unsigned end)
{
	struct group g = {0};

	for (unsigned i = 0; i < m->p->slice_count; i++) {
		unsigned size = m->p->slices[i].cores;

		if (m->first[i] < first || m->last[i] >= end)
			continue;
		g.size = g.count == 0 || g.size == size ? size : 0;
		g.crossing += crosses(m, number, i);
		g.count++;
	}
	return g;
}

/*
 * As few as possible: of n slices with c cores each, floor(cores / c) fit into each unit, and the
 * others have to cross. Cores of slices that reach beyond [first, end) are not to be had.
 */
static int check_few(const struct placement *m, unsigned number, unsigned first, unsigned end,
		     struct err *e)
{
	struct group g = find_group(m, number, first, end);
	unsigned inside = 0, available = 0;

	if (g.crossing == 0 || g.size == 0)
		return 0;
	for (unsigned core = first; core < end; core++) {
		unsigned user = m->map->user[core];

		if (core > first &&
		    unit_of(m->t, number, core) != unit_of(m->t, number, core - 1)) {
			inside += available / g.size;
			available = 0;
		}
		available += user == USER_NOBODY ||
			     (user < SLICES_MAX && m->first[user] >= first && m->last[user] < end);
	}
	inside += available / g.size;
	if (g.crossing <= (g.count > inside ? g.count - inside : 0))
		return 0;
	return err_set(e, -ERANGE,
		       "invariant 3: %u of %u slices of %u cores in cores %u-%u cross a %s, though "
		       "%u of them would fit",
		       g.crossing, g.count, g.size, first, end - 1, m->levels[number].unit, inside);
}

static bool same_container(const struct placement *m, unsigned number, unsigned a, unsigned b)
{
	for (unsigned coarser = number + 1; coarser < LEVELS; coarser++) {
		if (unit_of(m->t, coarser, a) != unit_of(m->t, coarser, b))
			return false;
	}
	return parent_of(m, a) == parent_of(m, b);
}

/* The units of each container are compared: nodes inside a package, L3s inside a node. */
static int check_fewest(const struct placement *m, unsigned number, struct err *e)
{
	unsigned first = 0;

	for (unsigned core = 1; core <= m->t->core_count; core++) {
		if (core < m->t->core_count && same_container(m, number, first, core))
			continue;
		if (check_few(m, number, first, core, e) < 0)
			return e->code;
		first = core;
	}
	return 0;
}

/*
 * Where packages (or what is larger than they) are equal and every slice is some of them, each
 * takes whole ones.
 */
static int check_whole_packages(const struct placement *m, struct err *e)
{
	const struct level *packages = &m->levels[LEVEL_PACKAGE];
	unsigned size = packages->largest;

	for (unsigned i = 0; i < packages->units; i++) {
		struct topology_span span = m->t->units[i];
		unsigned available = 0;

		for (unsigned core = span.first; core < (unsigned)span.first + span.count; core++)
			available += is_available(m, core);
		if (available && available != size)
			return 0;
	}
	for (unsigned i = 0; i < m->p->slice_count; i++) {
		if (m->p->slices[i].cores % size)
			return 0;
	}
	for (unsigned i = 0; i < m->p->slice_count; i++) {
		if (m->p->slices[i].cores > size &&
		    packages->touched[i] * size != m->p->slices[i].cores)
			return err_set(e, -ERANGE,
				       "invariant 3: %s of %u cores lies in %u packages of %u "
				       "instead of %u whole ones",
				       m->p->slices[i].name, m->p->slices[i].cores,
				       packages->touched[i], size, m->p->slices[i].cores / size);
	}
	return 0;
}

int placement_check(const struct plan *p, const struct topology *t, const struct core_users *map,
		    struct err *e)
{
	bool hybrid = plan_has_warning(p, WARN_HYBRID_CORES), nested = is_nested(t);
	struct placement m = {
		.p = p,
		.t = t,
		.map = map,
		.by = p->candidates[p->chosen].by,
		.levels = {{"L3", WARN_CROSSES_L3, BY_L3, t->l3_count, 0, {0}},
			   {"node", WARN_CROSSES_NODE, BY_NUMA, t->numa_count, 0, {0}},
			   {"package", WARN_CROSSES_PACKAGE, BY_SOCKET, t->unit_count, 0, {0}}},
	};

	survey(&m);
	for (unsigned i = 0; i < LEVELS; i++) {
		if (i == LEVEL_L3 && t->oddities & TOPOLOGY_NO_L3)
			continue;
		if (check_named(&m, i, e) < 0)
			return e->code;
		/*
		 * Each kind of core is shared out by itself: that may break locality, and is said.
		 */
		if (hybrid)
			continue;
		if (check_needed(&m, i, e) < 0)
			return e->code;
		/* Joined parents decide where a slice lies before containment does. */
		if (nested && m.by < m.levels[i].by && check_fewest(&m, i, e) < 0)
			return e->code;
	}
	return hybrid || !nested ? 0 : check_whole_packages(&m, e);
}
