/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/kernel.h"
#include "tests/decision/equal.h"

#include "tests/harness.h"

void kernel_boot(const struct plan *p, struct kernel *k)
{
	memset(k->groups, 0, sizeof(k->groups));
	for (unsigned i = 0; i < p->slice_count; i++)
		k->groups[i] = (struct kernel_group){.exists = true,
						     .made = &p->slices[i],
						     .cpus = plan_effective_cpus(p, i),
						     .home = p->slices[i].cpus,
						     .weight = plan_weight(p, i)};
	k->host = plan_host_cpus(p);
	k->host_nodes = p->host.nodes;
}

static struct cpuset borrowed(const struct kernel *k, unsigned group)
{
	return cpuset_and_not(&k->groups[group].cpus, &k->groups[group].home);
}

/* Whether the group is a party of a loan that is in force. */
static bool is_party(const struct kernel *k, unsigned group)
{
	struct cpuset own = borrowed(k, group);

	if (!cpuset_is_empty(&own))
		return true;
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		struct cpuset other = borrowed(k, i);

		if (k->groups[i].exists && cpuset_intersects(&other, &k->groups[group].home))
			return true;
	}
	return false;
}

/* A new set of a group that stays: which of the changes are of its home, by what `to` says? */
static void change_cpus(struct kernel *k, unsigned id, const struct cpuset *cpus,
			const struct plan *to, const char *where)
{
	struct kernel_group *g = &k->groups[id];
	struct cpuset lost = cpuset_and_not(&g->cpus, cpus),
		      gained = cpuset_and_not(cpus, &g->cpus);
	struct cpuset none = {0};
	const struct cpuset *wanted = id < to->slice_count ? &to->slices[id].cpus : &none;
	struct cpuset home = g->home, part;

	ck_assert_msg(!cpuset_is_empty(cpus), "%s: empty set", where);
	ck_assert_msg(!cpuset_is_equal(cpus, &g->cpus), "%s: nothing changes", where);
	/* What it owns and is not to own any more. */
	part = cpuset_and(&lost, &g->home);
	part = cpuset_and_not(&part, wanted);
	home = cpuset_and_not(&home, &part);
	/* What it is to own and does not yet. */
	part = cpuset_and(&gained, wanted);
	home = cpuset_or(&home, &part);
	if (!cpuset_is_equal(&home, &g->home))
		ck_assert_msg(!is_party(k, id), "%s: home set changes during a loan", where);
	k->narrowed += !cpuset_is_empty(&lost);
	k->widened += !cpuset_is_empty(&gained);
	g->home = home;
	g->cpus = *cpus;
}

static void apply_op(struct kernel *k, const struct op *op, const struct plan *to,
		     const char *where)
{
	unsigned id = 0;
	struct kernel_group *g;

	k->ops_seen[op->kind]++;
	if (op->kind == OP_SET_HOST) {
		ck_assert_msg(!cpuset_is_empty(&op->cpus), "%s: empty host", where);
		k->host = op->cpus;
		k->host_nodes = to->host.nodes;
		return;
	}
	ck_assert_int_eq(sscanf(op->name, "slice-%u", &id), 1);
	ck_assert_uint_lt(id, SLICES_MAX);
	g = &k->groups[id];
	ck_assert_msg(g->exists == (op->kind != OP_CREATE), "%s: %s", where,
		      g->exists ? "there already" : "not there");
	switch (op->kind) {
	case OP_SET_CPUS:
		change_cpus(k, id, &op->cpus, to, where);
		break;
	case OP_SET_WEIGHT:
		ck_assert_msg(g->weight != op->weight, "%s: nothing changes", where);
		g->weight = op->weight;
		break;
	case OP_REMOVE:
		ck_assert_msg(!is_party(k, id), "%s: removed during a loan", where);
		*g = (struct kernel_group){0};
		break;
	case OP_CREATE:
		ck_assert_msg(!cpuset_is_empty(&op->cpus), "%s: empty set", where);
		*g = (struct kernel_group){.exists = true,
					   .made = &to->slices[op->slice],
					   .cpus = op->cpus,
					   .home = op->cpus,
					   .weight = op->weight};
		break;
	case OP_SET_HOST:
		break;
	}
}

/* ---- the rules ---- */

/*
 * Somebody else's CPU: lent by its owner, to nobody else, and the owner has the maximum weight if
 * it shares it.
 */
static void check_borrowed(const struct kernel *k, unsigned id, const struct cpuset *allowed,
			   const char *where)
{
	struct cpuset foreign = borrowed(k, id);

	cpuset_for_each(cpu, &foreign)
	{
		unsigned owners = 0;

		ck_assert_msg(cpuset_has(allowed, cpu), "%s: CPU %u not allowed", where, cpu);
		for (unsigned i = 0; i < SLICES_MAX; i++) {
			const struct kernel_group *g = &k->groups[i];

			if (i == id || !g->exists)
				continue;
			if (!cpuset_has(&g->home, cpu)) {
				ck_assert_msg(!cpuset_has(&g->cpus, cpu),
					      "%s: CPU %u has two borrowers", where, cpu);
				continue;
			}
			owners++;
			ck_assert_msg(!cpuset_has(&g->cpus, cpu) || g->weight == WEIGHT_MAX,
				      "%s: CPU %u is shared by slice-%u of weight %u", where, cpu,
				      i, g->weight);
		}
		ck_assert_msg(owners == 1, "%s: CPU %u of slice-%u has %u owners", where, cpu, id,
			      owners);
	}
}

void kernel_check(const struct kernel *k, const struct cpuset *allowed, const char *where)
{
	bool reserve = !cpuset_is_equal(&k->host, allowed) && !cpuset_is_empty(&k->host);
	struct cpuset owned = {0};

	for (unsigned i = 0; i < SLICES_MAX; i++) {
		const struct kernel_group *g = &k->groups[i];

		if (!g->exists)
			continue;
		ck_assert_msg(!cpuset_intersects(&owned, &g->home),
			      "%s: CPUs of slice-%u are owned twice", where, i);
		owned = cpuset_or(&owned, &g->home);
		check_borrowed(k, i, allowed, where);
	}
	if (reserve)
		ck_assert_msg(!cpuset_intersects(&owned, &k->host), "%s: reserve in a slice",
			      where);
}

static bool has_loans(const struct plan *p, enum loan_mode mode)
{
	for (unsigned i = 0; i < p->loan_count; i++) {
		if (p->loans[i].mode == mode)
			return true;
	}
	return false;
}

/*
 * decision/lending/README.md: without exclusive loans every slice has its home CPUs always; without
 * shared ones a CPU is in one set at most.
 */
static void check_owners(const struct kernel *k, const struct plan *from, const struct plan *to,
			 const char *where)
{
	bool shared = has_loans(from, LOANS_SHARED) || has_loans(to, LOANS_SHARED);
	bool exclusive = has_loans(from, LOANS_EXCLUSIVE) || has_loans(to, LOANS_EXCLUSIVE);
	struct cpuset seen = {0};

	for (unsigned i = 0; i < SLICES_MAX; i++) {
		const struct kernel_group *g = &k->groups[i];

		if (!g->exists)
			continue;
		ck_assert_msg(exclusive || cpuset_is_subset(&g->home, &g->cpus),
			      "%s: slice-%u lacks a home CPU", where, i);
		ck_assert_msg(shared || !cpuset_intersects(&seen, &g->cpus),
			      "%s: slice-%u has CPUs of another", where, i);
		seen = cpuset_or(&seen, &g->cpus);
	}
}

void kernel_check_reached(const struct kernel *k, const struct plan *to, const char *where)
{
	struct cpuset host = plan_host_cpus(to);

	for (unsigned i = 0; i < SLICES_MAX; i++) {
		const struct kernel_group *g = &k->groups[i];
		struct cpuset cpus;
		struct slice made;

		ck_assert_msg(g->exists == (i < to->slice_count), "%s: slice-%u", where, i);
		if (!g->exists)
			continue;
		cpus = plan_effective_cpus(to, i);
		made = *g->made; /* what can be changed in place is compared by the sets */
		made.cpus = to->slices[i].cpus;
		made.packages = to->slices[i].packages;
		made.cores = to->slices[i].cores;
		ck_assert_msg(slice_is_equal(&made, &to->slices[i]), "%s: slice-%u is an old one",
			      where, i);
		ck_assert_msg(cpuset_is_equal(&cpus, &g->cpus) && g->weight == plan_weight(to, i),
			      "%s: slice-%u has CPUs %s weight %u", where, i,
			      CPUSET_STRING(&g->cpus), g->weight);
	}
	ck_assert_msg(to->slice_count == 0 || (cpuset_is_equal(&host, &k->host) &&
					       cpuset_is_equal(&to->host.nodes, &k->host_nodes)),
		      "%s: host", where);
}

/* ---- what is there, as a plan ---- */

void plan_add_loan(struct plan *p, unsigned from, unsigned to, enum loan_mode mode,
		   const struct cpuset *cpus)
{
	p->loans[p->loan_count++] =
		(struct loan){.from = from, .to = to, .mode = mode, .cpus = *cpus};
}

static void observe_loans(const struct kernel *k, const unsigned *place, struct plan *out)
{
	bool lends[SLICES_MAX] = {false};

	for (unsigned to = 0; to < SLICES_MAX; to++) {
		struct cpuset foreign = borrowed(k, to);

		for (unsigned from = 0; from < SLICES_MAX && k->groups[to].exists; from++) {
			const struct kernel_group *donor = &k->groups[from];
			struct cpuset part = cpuset_and(&foreign, &donor->home);
			struct cpuset shared = cpuset_and(&part, &donor->cpus);
			struct cpuset exclusive = cpuset_and_not(&part, &donor->cpus);

			if (!donor->exists)
				continue;
			if (!cpuset_is_empty(&shared))
				plan_add_loan(out, place[from], place[to], LOANS_SHARED, &shared);
			if (!cpuset_is_empty(&exclusive))
				plan_add_loan(out, place[from], place[to], LOANS_EXCLUSIVE,
					      &exclusive);
			lends[from] |= !cpuset_is_empty(&shared);
		}
	}
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		struct cpuset none = {0};

		if (k->groups[i].exists && !lends[i] && k->groups[i].weight == WEIGHT_MAX)
			plan_add_loan(out, place[i], place[i], LOANS_SHARED, &none);
	}
}

void kernel_observe(struct kernel *k, const struct plan *like, struct plan *out)
{
	unsigned place[SLICES_MAX] = {0};

	memset(out, 0, sizeof(*out));
	out->allowed = like->allowed;
	out->host.cpus = k->host;
	out->host.nodes = k->host_nodes;
	for (unsigned i = SLICES_MAX; i-- > 0;) {
		struct kernel_group *g = &k->groups[i];
		struct slice *s = &out->slices[out->slice_count];
		struct cpuset given = cpuset_and_not(&g->home, &g->cpus);

		if (!g->exists)
			continue;
		*s = *g->made;
		s->id = out->slice_count;
		snprintf(s->name, sizeof(s->name), "slice-%u", i);
		for (unsigned other = 0; other < SLICES_MAX; other++)
			given = cpuset_and_not(&given, &k->groups[other].cpus);
		g->home = cpuset_and_not(&g->home, &given);
		s->cpus = g->home;
		place[i] = out->slice_count++;
	}
	observe_loans(k, place, out);
}

/* ---- walks ---- */

void kernel_walk(struct kernel *k, const struct plan *from, const struct plan *to, unsigned stop,
		 const struct cpuset *allowed, const char *name)
{
	static struct oplist ops;
	char where[160];

	ck_assert_int_eq(plan_diff(from, to, &ops), 0);
	for (unsigned i = 0; i < ops.count && i < stop; i++) {
		snprintf(where, sizeof(where), "%s op %u of %u (kind %d, %s)", name, i, ops.count,
			 (int)ops.ops[i].kind, ops.ops[i].name);
		apply_op(k, &ops.ops[i], to, where);
		kernel_check(k, allowed, where);
		check_owners(k, from, to, where);
	}
}
