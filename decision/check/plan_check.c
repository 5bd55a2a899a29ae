#include "decision/check/plan_check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- the form of the value: nothing below may be led astray by it ---- */

static int check_form(const struct plan *p, struct err *e)
{
	const struct {
		const char *what;
		unsigned count, max;
	} lists[] = {
		{"slices", p->slice_count, SLICES_MAX},
		{"loans", p->loan_count, SLICES_MAX},
		{"unused sets", p->unused_count, PLAN_UNUSED},
		{"candidates", p->candidate_count, PLAN_CANDIDATES},
		{"warnings", p->warning_count, PLAN_WARNINGS},
		{"notes", p->note_count, PLAN_NOTES},
	};

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (lists[i].count > lists[i].max)
			return err_set(e, -ERANGE, "the plan has %u %s; the limit is %u",
				       lists[i].count, lists[i].what, lists[i].max);
	}
	if (p->slice_count == 0)
		return err_set(e, -ERANGE, "the plan has no slice");
	if (p->candidate_count && p->chosen >= p->candidate_count)
		return err_set(e, -ERANGE, "the plan's candidate %u was chosen out of %u",
			       p->chosen, p->candidate_count);
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (p->slices[i].id != i)
			return err_set(e, -ERANGE, "the slice at place %u has id %u", i,
				       p->slices[i].id);
	}
	return 0;
}

/* ---- 1: sets ---- */

static int check_inside(const struct plan *p, const struct topology *t, struct err *e)
{
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct cpuset *cpus = &p->slices[i].cpus;
		struct cpuset outside = cpuset_and_not(cpus, &t->allowed);

		if (cpuset_is_empty(cpus))
			return err_set(e, -ERANGE, "invariant 1: %s has no CPU", p->slices[i].name);
		if (!cpuset_is_empty(&outside))
			return err_set(e, -ERANGE,
				       "invariant 1: %s has CPUs %s, which are not allowed",
				       p->slices[i].name, CPUSET_STRING(&outside));
	}
	if (!cpuset_is_subset(&p->host.cpus, &t->allowed))
		return err_set(e, -ERANGE, "invariant 1: the reserve, %s, is not all allowed",
			       CPUSET_STRING(&p->host.cpus));
	if (p->host.shared != cpuset_is_empty(&p->host.cpus))
		return err_set(
			e, -ERANGE, "invariant 1: the host group is %s, but its reserve is \"%s\"",
			p->host.shared ? "shared" : "not shared", CPUSET_STRING(&p->host.cpus));
	return 0;
}

/* Slices, reserve and unused sets, each CPU once. */
static int check_disjoint(const struct plan *p, struct err *e)
{
	struct cpuset seen = p->host.cpus;

	for (unsigned i = 0; i < p->slice_count; i++) {
		struct cpuset twice = cpuset_and(&p->slices[i].cpus, &seen);

		if (!cpuset_is_empty(&twice))
			return err_set(e, -ERANGE,
				       "invariant 1: %s has CPUs %s, which another slice or the "
				       "reserve has too",
				       p->slices[i].name, CPUSET_STRING(&twice));
		seen = cpuset_or(&seen, &p->slices[i].cpus);
	}
	for (unsigned i = 0; i < p->unused_count; i++) {
		struct cpuset twice = cpuset_and(&p->unused[i].cpus, &seen);

		if (!cpuset_is_empty(&twice))
			return err_set(e, -ERANGE,
				       "invariant 1: CPUs %s are listed as unused and used or "
				       "listed elsewhere",
				       CPUSET_STRING(&twice));
		seen = cpuset_or(&seen, &p->unused[i].cpus);
	}
	return 0;
}

/* ---- 2: cores ---- */

static void map_cores(const struct plan *p, const struct topology *t, struct plan_map *map)
{
	bool all = cpuset_is_empty(&p->usable);

	memset(map->core, 0xff, sizeof(map->core));
	memset(map->user, USER_OUTSIDE, sizeof(map->user));
	for (unsigned i = 0; i < t->cpu_count; i++) {
		const struct topology_cpu *cpu = &t->cpus[i];

		map->core[cpu->os_index] = cpu->core;
		if (all || cpuset_has(&p->usable, cpu->os_index))
			map->user[cpu->core] = USER_NOBODY;
	}
}

static int take_cores(const struct topology *t, const struct cpuset *cpus, unsigned user,
		      struct plan_map *map, struct err *e)
{
	cpuset_for_each(cpu, cpus)
	{
		uint8_t *now = &map->user[map->core[cpu]];

		if (*now == USER_HOST && user != USER_HOST)
			return err_set(
				e, -ERANGE,
				"invariant 2: CPU %u of slice-%u is in a core of the reserve", cpu,
				user);
		if (*now < USER_HOST && *now != user) {
			struct cpuset core = topology_core_cpus(t, map->core[cpu]);

			return err_set(
				e, -ERANGE,
				"invariant 2: slice-%u and slice-%u share the core of CPUs %s",
				*now, user, CPUSET_STRING(&core));
		}
		*now = (uint8_t)user;
	}
	return 0;
}

/* What a slice says of its cores and packages must be what its CPUs are. */
static int check_counts(const struct slice *s, const struct topology *t, const struct plan_map *map,
			struct err *e)
{
	struct cpuset packages = {0};
	unsigned cores = 0;

	for (unsigned i = 0; i < t->core_count; i++) {
		if (map->user[i] != s->id)
			continue;
		cores++;
		cpuset_add(&packages, t->cores[i].package);
	}
	if (cores != s->cores)
		return err_set(e, -ERANGE,
			       "invariant 2: %s says %u cores, but its CPUs are %u cores", s->name,
			       s->cores, cores);
	if (!cpuset_is_equal(&packages, &s->packages))
		return err_set(e, -ERANGE,
			       "invariant 2: %s says packages %s, but its CPUs are in %s", s->name,
			       CPUSET_STRING(&s->packages), CPUSET_STRING(&packages));
	return 0;
}

static int check_cores(const struct plan *p, const struct topology *t, struct plan_map *map,
		       struct err *e)
{
	map_cores(p, t, map);
	if (take_cores(t, &p->host.cpus, USER_HOST, map, e) < 0)
		return e->code;
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (take_cores(t, &p->slices[i].cpus, i, map, e) < 0)
			return e->code;
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (check_counts(&p->slices[i], t, map, e) < 0)
			return e->code;
	}
	return 0;
}

/* ---- 5: nodes ---- */

static uint64_t memory_only_nodes(const struct topology *t)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];
		bool has_memory = node->memory_bytes || t->oddities & TOPOLOGY_MEMORY_UNKNOWN;

		if (node->memory_only && node->allowed && has_memory)
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

static int check_nodes(const struct plan *p, const struct topology *t, const struct plan_map *map,
		       struct err *e)
{
	uint64_t local[SLICES_MAX] = {0};
	struct cpuset extra = topology_node_ids(t, memory_only_nodes(t));

	for (unsigned i = 0; i < t->core_count; i++) {
		if (map->user[i] < SLICES_MAX)
			local[map->user[i]] |= t->numa[t->cores[i].numa].nodes;
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		struct cpuset needed = topology_node_ids(t, local[i]);
		struct cpuset may = cpuset_or(&needed, &extra);

		if (!cpuset_is_subset(&needed, &s->nodes) || !cpuset_is_subset(&s->nodes, &may))
			return err_set(e, -ERANGE,
				       "invariant 5: %s has nodes %s, but those local to its CPUs "
				       "are %s",
				       s->name, CPUSET_STRING(&s->nodes), CPUSET_STRING(&needed));
	}
	return 0;
}

/* ---- 8: sums ---- */

static int check_sums(const struct plan *p, struct err *e)
{
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice_memory *m = &p->slices[i].memory;
		const uint64_t terms[] = {m->heap_bytes,    m->direct_bytes,	m->off_heap_bytes,
					  m->python_bytes,  m->native_bytes,	m->daemon_bytes,
					  m->scratch_bytes, m->page_cache_bytes};
		uint64_t sum = 0;
		bool overflow = false;

		for (unsigned k = 0; k < sizeof(terms) / sizeof(terms[0]); k++)
			overflow |= __builtin_add_overflow(sum, terms[k], &sum);
		if (m->max_bytes == 0 && m->page_cache_bytes == 0)
			continue; /* sizes unknown: no limit, and nothing is left over */
		if (overflow || sum != m->max_bytes)
			return err_set(e, -ERANGE,
				       "invariant 8: the limit of %s is %" PRIu64
				       " bytes, but its terms are %" PRIu64,
				       p->slices[i].name, m->max_bytes, sum);
	}
	return 0;
}

/* ---- 9: loans ---- */

static int check_loan(const struct plan *p, const struct topology *t, const struct plan_map *map,
		      const struct loan *loan, struct err *e)
{
	const struct slice *lender = &p->slices[loan->from];
	struct cpuset outside = cpuset_and_not(&loan->cpus, &lender->cpus);

	if (loan->from == loan->to)
		return err_set(e, -ERANGE, "invariant 9: %s lends to itself", lender->name);
	if (cpuset_is_empty(&loan->cpus))
		return err_set(e, -ERANGE, "invariant 9: %s lends no CPU", lender->name);
	if (!cpuset_is_empty(&outside))
		return err_set(e, -ERANGE, "invariant 9: %s lends CPUs %s, which are not its own",
			       lender->name, CPUSET_STRING(&outside));
	if (loan->mode == LOANS_EXCLUSIVE && cpuset_is_equal(&loan->cpus, &lender->cpus))
		return err_set(e, -ERANGE, "invariant 9: %s lends all its CPUs exclusively",
			       lender->name);
	cpuset_for_each(cpu, &loan->cpus)
	{
		struct cpuset core = topology_core_cpus(t, map->core[cpu]);
		struct cpuset own = cpuset_and(&core, &lender->cpus);

		if (!cpuset_is_subset(&own, &loan->cpus))
			return err_set(e, -ERANGE,
				       "invariant 9: %s lends CPU %u, but not all of its core, %s",
				       lender->name, cpu, CPUSET_STRING(&own));
	}
	return 0;
}

static int check_loans(const struct plan *p, const struct topology *t, const struct plan_map *map,
		       struct err *e)
{
	bool lends[SLICES_MAX] = {false}, borrows[SLICES_MAX] = {false};
	struct cpuset exclusive[SLICES_MAX] = {0}, lent = {0};

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];

		if (loan->from >= p->slice_count || loan->to >= p->slice_count)
			return err_set(e, -ERANGE,
				       "invariant 9: loan %u is from slice %u to slice %u of %u", i,
				       loan->from, loan->to, p->slice_count);
		if (check_loan(p, t, map, loan, e) < 0)
			return e->code;
		if (cpuset_intersects(&lent, &loan->cpus))
			return err_set(e, -ERANGE, "invariant 9: CPUs of %s are lent twice",
				       p->slices[loan->from].name);
		lent = cpuset_or(&lent, &loan->cpus);
		lends[loan->from] = true;
		borrows[loan->to] = true;
		if (loan->mode == LOANS_EXCLUSIVE)
			exclusive[loan->from] = cpuset_or(&exclusive[loan->from], &loan->cpus);
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		if (lends[i] && borrows[i])
			return err_set(e, -ERANGE, "invariant 9: %s lends and borrows",
				       p->slices[i].name);
		if (cpuset_is_equal(&exclusive[i], &p->slices[i].cpus))
			return err_set(e, -ERANGE, "invariant 9: %s lends all its CPUs exclusively",
				       p->slices[i].name);
	}
	return 0;
}

int plan_check(const struct plan *p, const struct topology *t, struct err *e)
{
	struct plan_map map;

	if (check_form(p, e) < 0 || check_inside(p, t, e) < 0 || check_disjoint(p, e) < 0 ||
	    check_cores(p, t, &map, e) < 0)
		return e->code;
	if (p->candidate_count &&
	    (placement_check(p, t, &map, e) < 0 || evenness_check(p, t, &map, e) < 0))
		return e->code;
	if (check_nodes(p, t, &map, e) < 0 || memory_check(p, t, e) < 0 || check_sums(p, e) < 0)
		return e->code;
	return check_loans(p, t, &map, e);
}
