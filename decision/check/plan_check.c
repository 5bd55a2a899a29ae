/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/check/plan_check.h"

#include <errno.h>
#include <inttypes.h>

#include "decision/machine/topology.h"

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
		if (!p->slices[i].executors || p->slices[i].executors > SLICE_EXECUTORS)
			return err_set(e, -ERANGE, "%s has %u executors, not 1 … %d",
				       p->slices[i].name, p->slices[i].executors, SLICE_EXECUTORS);
		if (p->slices[i].executors != p->slices[0].executors)
			return err_set(e, -ERANGE, "%s has %u executors, slice-0 %u",
				       p->slices[i].name, p->slices[i].executors,
				       p->slices[0].executors);
		if (p->slices[i].executors > 1 && (p->slices[i].slots % p->slices[i].executors ||
						   p->slices[i].slots != p->slices[0].slots))
			return err_set(
				e, -ERANGE,
				"%s has %u slots for %u executors, slice-0 %u: all executors "
				"have equally many",
				p->slices[i].name, p->slices[i].slots, p->slices[i].executors,
				p->slices[0].slots);
	}
	return 0;
}

/* ---- 1: sets ---- */

/* Slices, reserve and unused sets: allowed, and each CPU once. */
static int check_sets(const struct plan *p, const struct cpuset *allowed, struct err *e)
{
	struct cpuset seen = p->host.cpus;

	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		struct cpuset outside = cpuset_and_not(&s->cpus, allowed);
		struct cpuset twice = cpuset_and(&s->cpus, &seen);

		if (cpuset_is_empty(&s->cpus))
			return err_set(e, -ERANGE, "invariant 1: %s has no CPU", s->name);
		if (!cpuset_is_empty(&outside))
			return err_set(e, -ERANGE,
				       "invariant 1: %s has CPUs %s, which are not allowed",
				       s->name, CPUSET_STRING(&outside));
		if (!cpuset_is_empty(&twice))
			return err_set(e, -ERANGE,
				       "invariant 1: %s has CPUs %s, which another slice or the "
				       "reserve has too",
				       s->name, CPUSET_STRING(&twice));
		seen = cpuset_or(&seen, &s->cpus);
	}
	if (!cpuset_is_subset(&p->host.cpus, allowed))
		return err_set(e, -ERANGE, "invariant 1: the reserve, %s, is not all allowed",
			       CPUSET_STRING(&p->host.cpus));
	if (p->host.shared != cpuset_is_empty(&p->host.cpus))
		return err_set(
			e, -ERANGE, "invariant 1: the host group is %s, but its reserve is \"%s\"",
			p->host.shared ? "shared" : "not shared", CPUSET_STRING(&p->host.cpus));
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

/* Who has a CPU, or a core: a slice's id, or one of these. */
enum { USER_HOST = SLICES_MAX, USER_NOBODY };

static int check_cores(const struct plan *p, const struct topology *t, struct err *e)
{
	uint8_t of_cpu[CPUSET_MAX];
	struct cpuset packages[SLICES_MAX] = {0};
	unsigned cores[SLICES_MAX] = {0};

	memset(of_cpu, USER_NOBODY, sizeof(of_cpu));
	cpuset_for_each(cpu, &p->host.cpus) of_cpu[cpu] = USER_HOST;
	for (unsigned i = 0; i < p->slice_count; i++) {
		cpuset_for_each(cpu, &p->slices[i].cpus) of_cpu[cpu] = (uint8_t)i;
	}
	for (unsigned i = 0; i < t->core_count; i++) {
		struct cpuset core = topology_core_cpus(t, i);
		unsigned user = USER_NOBODY, first = 0;

		cpuset_for_each(cpu, &core)
		{
			unsigned other = of_cpu[cpu];

			if (other == USER_NOBODY || other == user)
				continue;
			if (user == USER_NOBODY) {
				user = other;
				first = cpu;
			} else if (user == USER_HOST || other == USER_HOST) {
				return err_set(e, -ERANGE,
					       "invariant 2: CPU %u of slice-%u is in a core of "
					       "the reserve",
					       user == USER_HOST ? cpu : first,
					       user == USER_HOST ? other : user);
			} else {
				return err_set(e, -ERANGE,
					       "invariant 2: slice-%u and slice-%u share the core "
					       "of CPUs %s",
					       user < other ? user : other,
					       user < other ? other : user, CPUSET_STRING(&core));
			}
		}
		if (user >= SLICES_MAX)
			continue;
		cores[user]++;
		cpuset_add(&packages[user], t->cores[i].package);
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];

		if (cores[i] != s->cores)
			return err_set(e, -ERANGE,
				       "invariant 2: %s says %u cores, but its CPUs are %u cores",
				       s->name, s->cores, cores[i]);
		if (!cpuset_is_equal(&packages[i], &s->packages))
			return err_set(e, -ERANGE,
				       "invariant 2: %s says packages %s, but its CPUs are in %s",
				       s->name, CPUSET_STRING(&s->packages),
				       CPUSET_STRING(&packages[i]));
	}
	return 0;
}

/* Without a machine: what the numbers alone show. */
static int check_core_counts(const struct plan *p, struct err *e)
{
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		unsigned cpus = cpuset_count(&s->cpus);

		if (!s->cores || s->cores > cpus)
			return err_set(e, -ERANGE, "invariant 2: %s says %u cores, but has %u CPUs",
				       s->name, s->cores, cpus);
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

static int check_whole_cores(const struct slice *donor, const struct topology *t,
			     const struct loan *loan, struct err *e)
{
	for (unsigned i = 0; i < t->core_count; i++) {
		struct cpuset core = topology_core_cpus(t, i);
		struct cpuset own = cpuset_and(&core, &donor->cpus);
		struct cpuset lent = cpuset_and(&own, &loan->cpus);

		if (!cpuset_is_empty(&lent) && !cpuset_is_equal(&lent, &own))
			return err_set(e, -ERANGE,
				       "invariant 9: %s lends CPU %u, but not all of its core, %s",
				       donor->name, cpuset_first(&lent), CPUSET_STRING(&own));
	}
	return 0;
}

static int check_loan(const struct plan *p, const struct topology *t, unsigned number,
		      struct err *e)
{
	const struct loan *loan = &p->loans[number];
	const struct slice *donor;
	struct cpuset outside;

	if (loan->from >= p->slice_count || loan->to >= p->slice_count)
		return err_set(e, -ERANGE,
			       "invariant 9: loan %u is from slice %u to slice %u of %u", number,
			       loan->from, loan->to, p->slice_count);
	donor = &p->slices[loan->from];
	if (loan->from == loan->to)
		return err_set(e, -ERANGE, "invariant 9: %s lends to itself", donor->name);
	if (cpuset_is_empty(&loan->cpus))
		return err_set(e, -ERANGE, "invariant 9: %s lends no CPU", donor->name);
	outside = cpuset_and_not(&loan->cpus, &donor->cpus);
	if (!cpuset_is_empty(&outside))
		return err_set(e, -ERANGE, "invariant 9: %s lends CPUs %s, which are not its own",
			       donor->name, CPUSET_STRING(&outside));
	return t ? check_whole_cores(donor, t, loan, e) : 0;
}

static int check_loans(const struct plan *p, const struct topology *t, struct err *e)
{
	bool lends[SLICES_MAX] = {false}, borrows[SLICES_MAX] = {false};
	struct cpuset exclusive[SLICES_MAX] = {0}, lent = {0};

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];

		if (check_loan(p, t, i, e) < 0)
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
	if (check_form(p, e) < 0 || check_sets(p, t ? &t->allowed : &p->allowed, e) < 0 ||
	    (t ? check_cores(p, t, e) : check_core_counts(p, e)) < 0 || check_sums(p, e) < 0)
		return e->code;
	return check_loans(p, t, e);
}
