/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_make() on random machines and profiles: it gives a plan that keeps every invariant and every
 * written key, or refuses in a sentence that names a key. Which, and what plan, does not hang on
 * how the machine numbers its parts.
 */

#include <errno.h>

#include "decision/engine/plan_make.h"
#include "tests/decision/check/oracle.h"
#include "tests/decision/equal.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

enum { ROUNDS = 10000 };

static struct topology t, other;
static struct profile profile, renamed;
static struct plan p, again;
static struct facts facts;
static char where[256];

static void describe(unsigned long long state, unsigned round)
{
	static const char *const by[] = {"auto", "machine", "socket", "numa", "l3"};
	const struct profile_partition *w = &profile.partition;

	snprintf(where, sizeof(where),
		 "SEED=%lu round %u (state %#llx): %u cores, by %s slices %d cores %d max_cores %d "
		 "reserve %d%s%s",
		 test_seed(), round, state, t.core_count, by[w->by], w->slices, w->cores,
		 w->max_cores, w->reserve_cores, w->smt == SMT_ONE ? " smt one" : "",
		 w->all_cpus ? "" : " cpus");
}

/* ---- what a profile wrote is what the plan has ---- */

static void check_wanted(void)
{
	const struct profile_partition *w = &profile.partition;
	unsigned cores = 0;

	ck_assert_msg(p.candidate_count && p.candidates[p.chosen].by != BY_AUTO &&
			      p.candidates[p.chosen].feasible,
		      "%s: no decision", where);
	if (w->by != BY_AUTO)
		ck_assert_msg(p.candidates[p.chosen].by == w->by, "%s: by %d", where,
			      (int)p.candidates[p.chosen].by);
	if (w->slices != AMOUNT_AUTO)
		ck_assert_msg(p.slice_count == (unsigned)w->slices, "%s: %u slices", where,
			      p.slice_count);
	for (unsigned i = 0; i < p.slice_count; i++) {
		const struct slice *s = &p.slices[i];

		cores += s->cores;
		if (w->cores != AMOUNT_AUTO)
			ck_assert_msg(s->cores == (unsigned)w->cores, "%s: %s has %u cores", where,
				      s->name, s->cores);
		if (!w->all_cpus)
			ck_assert_msg(cpuset_is_subset(&s->cpus, &w->cpus), "%s: %s has CPUs %s",
				      where, s->name, CPUSET_STRING(&s->cpus));
		if (w->smt == SMT_ONE)
			ck_assert_msg(cpuset_count(&s->cpus) == s->cores, "%s: %s has %u CPUs",
				      where, s->name, cpuset_count(&s->cpus));
		ck_assert_msg(s->address == PLAN_FIRST_ADDRESS + i && s->slots > 0, "%s: %s", where,
			      s->name);
	}
	if (w->max_cores != AMOUNT_ALL)
		ck_assert_msg(cores <= (unsigned)w->max_cores, "%s: %u cores", where, cores);
}

/*
 * Slices of one size where that leaves at most one core in 16 over, and none that is small or far
 * smaller than others where nothing is written.
 */
static void check_sizes(void)
{
	const struct profile_partition *w = &profile.partition;
	bool is_auto = w->by == BY_AUTO && w->slices == AMOUNT_AUTO;
	unsigned cores = 0, least = UINT16_MAX, most = 0;

	if (w->cores != AMOUNT_AUTO)
		return;
	for (unsigned i = 0; i < p.slice_count; i++) {
		cores += p.slices[i].cores;
		least = p.slices[i].cores < least ? p.slices[i].cores : least;
		most = p.slices[i].cores > most ? p.slices[i].cores : most;
	}
	if (is_auto && p.slice_count > 1)
		ck_assert_msg(least >= 4 && most <= 4 * least, "%s: slices of %u to %u cores",
			      where, least, most);
	if (w->max_cores == AMOUNT_ALL && most > least)
		ck_assert_msg((cores - p.slice_count * least) * 16 > cores,
			      "%s: %u slices of %u to %u cores: %u each would leave few over",
			      where, p.slice_count, least, most, least);
}

/* Memory-only nodes only for those who ask; CPUs near no other memory have them anyway. */
static void check_memory_only(void)
{
	for (unsigned n = 0; n < t.node_count && !profile.partition.memory_only_nodes; n++) {
		bool stands_in = false;

		for (unsigned i = 0; i < t.numa_count; i++)
			stands_in |= t.numa[i].stand_in && (t.numa[i].nodes >> n & 1);
		if (!t.nodes[n].memory_only || stands_in)
			continue;
		for (unsigned i = 0; i < p.slice_count; i++)
			ck_assert_msg(!cpuset_has(&p.slices[i].nodes, t.nodes[n].id),
				      "%s: slice-%u has memory-only node %u", where, i,
				      t.nodes[n].id);
	}
}

/* ---- every CPU is accounted for ---- */

static unsigned cores_of(const struct cpuset *cpus)
{
	unsigned count = 0;

	for (unsigned i = 0; i < t.core_count; i++) {
		struct cpuset core = topology_core_cpus(&t, i);

		count += cpuset_intersects(&core, cpus);
	}
	return count;
}

/* oracle_check() sees to it that no CPU is listed twice. */
static void check_accounts(void)
{
	struct cpuset all = p.host.cpus, missing;

	for (unsigned i = 0; i < p.slice_count; i++)
		all = cpuset_or(&all, &p.slices[i].cpus);
	for (unsigned i = 0; i < p.unused_count; i++) {
		ck_assert_msg(p.unused[i].why[0] && !cpuset_is_empty(&p.unused[i].cpus),
			      "%s: unused %u", where, i);
		all = cpuset_or(&all, &p.unused[i].cpus);
	}
	missing = cpuset_and_not(&t.allowed, &all);
	ck_assert_msg(cpuset_is_empty(&missing), "%s: in no list: %s", where,
		      CPUSET_STRING(&missing));
	ck_assert_msg(cpuset_is_equal(&p.allowed, &t.allowed), "%s: allowed", where);
	if (profile.partition.reserve_cores != AMOUNT_AUTO)
		ck_assert_msg(cores_of(&p.host.cpus) == (unsigned)profile.partition.reserve_cores,
			      "%s: %u cores reserved", where, cores_of(&p.host.cpus));
}

/*
 * CPUs that are apart are slices' if they are named, and the host's only if it has all cores that
 * are not.
 */
static void check_apart(void)
{
	struct cpuset host = plan_host_cpus(&p), slices = {0};

	for (unsigned i = 0; i < p.slice_count; i++)
		slices = cpuset_or(&slices, &p.slices[i].cpus);
	ck_assert_msg(cpuset_is_equal(&p.apart, &t.apart), "%s: apart", where);
	if (profile.partition.all_cpus)
		ck_assert_msg(!cpuset_intersects(&slices, &t.apart), "%s: slices are apart", where);
	ck_assert_msg(!cpuset_is_empty(&host), "%s: the host has no CPU", where);
	if (!cpuset_intersects(&host, &t.apart))
		return;
	ck_assert_msg(!profile.partition.all_cpus, "%s: the host is apart", where);
	for (unsigned i = 0; i < t.core_count; i++) {
		struct cpuset core = topology_core_cpus(&t, i);

		ck_assert_msg(
			cpuset_intersects(&core, &t.apart) || !cpuset_intersects(&core, &slices),
			"%s: the host is apart, slices have CPUs %s", where, CPUSET_STRING(&core));
	}
}

/* ---- the same machine with other numbers ---- */

static void rename_profile(void)
{
	renamed = profile;
	renamed.partition.cpus = (struct cpuset){0};
	for (unsigned i = 0; i < t.cpu_count; i++) {
		if (cpuset_has(&profile.partition.cpus, t.cpus[i].os_index))
			cpuset_add(&renamed.partition.cpus, other.cpus[i].os_index);
	}
}

static int compare_shapes(const void *a, const void *b)
{
	return memcmp(a, b, 5 * sizeof(uint64_t));
}

/* Cores, CPUs, nodes, packages and memory of each slice, sorted. */
static void shapes_of(const struct plan *plan, uint64_t shapes[SLICES_MAX][5])
{
	for (unsigned i = 0; i < plan->slice_count; i++) {
		const struct slice *s = &plan->slices[i];

		shapes[i][0] = s->cores;
		shapes[i][1] = cpuset_count(&s->cpus);
		shapes[i][2] = cpuset_count(&s->nodes);
		shapes[i][3] = cpuset_count(&s->packages);
		shapes[i][4] = s->memory.max_bytes;
	}
	qsort(shapes, plan->slice_count, sizeof(shapes[0]), compare_shapes);
}

static void check_renumbered(unsigned long long *state, int result)
{
	uint64_t a[SLICES_MAX][5], b[SLICES_MAX][5];
	struct err e = {0};
	int renumbered;

	machine_renumber(state, &t, &other);
	rename_profile();
	renumbered = plan_make(&other, &renamed, &facts, &again, &e);
	ck_assert_msg(renumbered == result, "%s: renumbered: %s", where, e.msg);
	if (result < 0)
		return;
	ck_assert_msg(oracle_check(&again, &other, &e) == 0, "%s: renumbered: %s", where, e.msg);
	ck_assert_msg(p.slice_count == again.slice_count, "%s: renumbered: %u slices", where,
		      again.slice_count);
	shapes_of(&p, a);
	shapes_of(&again, b);
	ck_assert_msg(memcmp(a, b, p.slice_count * sizeof(a[0])) == 0,
		      "%s: renumbered: other shapes", where);
}

/* ---- refusals ---- */

static void check_refusal(const struct err *e, int result)
{
	static const char *const keys[] = {"partition.", "memory.", "jvm.", "spark.", "rebalance."};
	const unsigned char *bytes = (const unsigned char *)&p;
	bool named = false, touched = false;

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		named |= strstr(e->msg, keys[i]) != NULL;
	ck_assert_msg(result == -ERANGE && e->exit == ERR_IMPOSSIBLE && named, "%s: exit %d: %s",
		      where, (int)e->exit, e->msg);
	for (size_t i = 0; i < sizeof(p) && !touched; i++)
		touched = bytes[i] != 0xa5;
	ck_assert_msg(!touched, "%s: a refusal writes the plan", where);
}

START_TEST(test_random_decisions)
{
	unsigned long long state = test_seed();
	unsigned made = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned long long begin = state;
		struct err e = {0};
		int result;

		machine_random(&state, &t);
		profile_random(&state, &t, &profile);
		describe(begin, round);
		memset(&p, 0xa5, sizeof(p));
		result = plan_make(&t, &profile, &facts, &p, &e);
		if (result == 0) {
			made++;
			ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s: %s", where, e.msg);
			check_wanted();
			check_sizes();
			check_memory_only();
			check_accounts();
			check_apart();
			memset(&again, 0x5a, sizeof(again));
			ck_assert_int_eq(plan_make(&t, &profile, &facts, &again, &e), 0);
			ck_assert_msg(plan_is_equal(&p, &again), "%s: twice, two plans", where);
		} else {
			check_refusal(&e, result);
		}
		if (round % 4 == 0)
			check_renumbered(&state, result);
	}
	ck_assert_uint_gt(made, ROUNDS / 3);
	ck_assert_uint_lt(made, ROUNDS);
}
END_TEST

/* The default profile has a plan on every machine that has memory for one smallest slice. */
START_TEST(test_default_profile)
{
	unsigned long long state = test_seed();

	profile_default(&profile);
	for (unsigned round = 0; round < 1000; round++) {
		unsigned long long begin = state;
		struct err e = {0};
		bool unknown;
		uint64_t bytes = 0;
		int result;

		machine_random(&state, &t);
		describe(begin, round);
		unknown = t.oddities & TOPOLOGY_MEMORY_UNKNOWN;
		for (unsigned i = 0; i < t.node_count; i++) {
			if (t.nodes[i].allowed && !t.nodes[i].memory_only &&
			    t.nodes[i].usable_bytes > bytes)
				bytes = t.nodes[i].usable_bytes;
		}
		result = plan_make(&t, &profile, &facts, &p, &e);
		if (unknown || bytes >= UINT64_C(8) << 30)
			ck_assert_msg(result == 0, "%s: %s", where, e.msg);
		if (result < 0)
			continue;
		ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s: %s", where, e.msg);
		check_sizes();
	}
}
END_TEST

/* Every way to divide each named machine, with every number of slices. */
START_TEST(test_named_machines)
{
	for (unsigned m = 0; machine_names[m]; m++) {
		machine_named(machine_names[m], &t);
		for (unsigned k = 0; k < 5 * 20; k++) {
			struct err e = {0};
			int result;

			profile_default(&profile);
			profile.partition.by = (enum partition_by)(k % 5);
			profile.partition.slices = k / 5 ? (int)(k / 5) : AMOUNT_AUTO;
			describe(m, k);
			memset(&p, 0xa5, sizeof(p));
			result = plan_make(&t, &profile, &facts, &p, &e);
			if (result < 0) {
				check_refusal(&e, result);
				continue;
			}
			ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s %s: %s", machine_names[m],
				      where, e.msg);
			check_wanted();
			check_sizes();
			check_accounts();
			check_apart();
		}
	}
}
END_TEST

TEST_MAIN("properties",
	  test_case("properties", test_random_decisions, test_default_profile, test_named_machines))
