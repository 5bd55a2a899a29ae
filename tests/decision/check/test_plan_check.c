/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_check() and the oracle: a good plan passes, and every invariant is broken in turn by a plan
 * that is wrong in one place. Without a machine plan_check() finds what the plan alone shows.
 */

#include <errno.h>

#include "decision/check/plan_check.h"
#include "tests/decision/check/oracle.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

static struct topology t;
static struct plan good, p;

/*
 * Two packages of two nodes of two L3s of four cores with two threads: 32 cores, 64 CPUs, 8 GB a
 * node.
 */
static void begin(enum partition_by by, unsigned slices)
{
	machine_regular(&(struct machine_shape){2, 2, 2, 4, 2, UINT64_C(8) << 30}, &t);
	plan_of_parents(&t, by, slices, &good);
	p = good;
}

static void passes(void)
{
	struct err e = {0};

	ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s", e.msg);
}

/* The plan is refused with these words, and is good again afterwards. */
static void breaks(const char *said)
{
	struct err e = {0};

	ck_assert_msg(oracle_check(&p, &t, &e) == -ERANGE, "passed: %s", said);
	ck_assert_msg(strstr(e.msg, said) != NULL, "%s: %s", said, e.msg);
	p = good;
	passes();
}

/* Give the whole core to another slice, or to nobody. */
static void move_core(unsigned core, unsigned from, unsigned to)
{
	struct cpuset cpus = topology_core_cpus(&t, core);

	p.slices[from].cpus = cpuset_and_not(&p.slices[from].cpus, &cpus);
	p.slices[from].cores--;
	if (to >= p.slice_count)
		return;
	p.slices[to].cpus = cpuset_or(&p.slices[to].cpus, &cpus);
	p.slices[to].cores++;
}

/* The cores change owners. */
static void swap_cores(unsigned a, unsigned b, unsigned slice_a, unsigned slice_b)
{
	move_core(a, slice_a, slice_b);
	move_core(b, slice_b, slice_a);
}

static void locate(void)
{
	for (unsigned i = 0; i < p.slice_count; i++) {
		struct slice *s = &p.slices[i];

		s->nodes = s->packages = (struct cpuset){0};
		for (unsigned core = 0; core < t.core_count; core++) {
			struct cpuset cpus = topology_core_cpus(&t, core), nodes;

			if (!cpuset_intersects(&cpus, &s->cpus))
				continue;
			nodes = topology_node_ids(&t, t.numa[t.cores[core].numa].nodes);
			s->nodes = cpuset_or(&s->nodes, &nodes);
			cpuset_add(&s->packages, t.cores[core].package);
		}
	}
}

START_TEST(test_good)
{
	static const struct {
		enum partition_by by;
		unsigned slices;
	} table[] = {{BY_MACHINE, 1}, {BY_SOCKET, 2}, {BY_NUMA, 4}, {BY_NUMA, 8},
		     {BY_L3, 8},      {BY_L3, 32},    {BY_NUMA, 2}};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		begin(table[i].by, table[i].slices);
		passes();
	}
}
END_TEST

START_TEST(test_form)
{
	begin(BY_NUMA, 4);
	p.slice_count = SLICES_MAX + 1;
	breaks("65 slices; the limit is 64");
	p.slice_count = 0;
	breaks("no slice");
	p.loan_count = SLICES_MAX + 1;
	breaks("65 loans");
	p.warning_count = 1000;
	breaks("1000 warnings");
	p.chosen = 1;
	breaks("candidate 1 was chosen out of 1");
	p.slices[2].id = 3;
	breaks("the slice at place 2 has id 3");
}
END_TEST

START_TEST(test_1_sets)
{
	begin(BY_NUMA, 4);
	p.slices[1].cpus = (struct cpuset){0};
	breaks("invariant 1: slice-1 has no CPU");
	cpuset_add(&p.slices[1].cpus, 64);
	breaks("invariant 1: slice-1 has CPUs 64, which are not allowed");
	cpuset_add(&p.slices[1].cpus, 0);
	breaks("invariant 1: slice-1 has CPUs 0, which another slice");
	cpuset_add(&p.host.cpus, 3);
	p.host.shared = false;
	breaks("invariant 1: slice-0 has CPUs 3, which another slice or the reserve");
	p.host.shared = false;
	breaks("invariant 1: the host group is not shared");
	cpuset_add(&p.host.cpus, 99);
	breaks("invariant 1: the reserve, 99,");
	p.unused_count = 1;
	cpuset_add(&p.unused[0].cpus, 5);
	breaks("invariant 1: CPUs 5 are listed as unused");
	move_core(3, 0, SLICES_MAX);
	p.unused_count = 2;
	p.unused[0].cpus = p.unused[1].cpus = topology_core_cpus(&t, 3);
	breaks("invariant 1: CPUs 3,35 are listed as unused");
}
END_TEST

START_TEST(test_2_cores)
{
	struct cpuset core;

	begin(BY_NUMA, 4);
	core = topology_core_cpus(&t, 0);
	cpuset_remove(&p.slices[0].cpus, cpuset_first(&core));
	cpuset_add(&p.slices[1].cpus, cpuset_first(&core));
	breaks("invariant 2: slice-0 and slice-1 share the core of CPUs 0,32");
	cpuset_remove(&p.slices[0].cpus, 32);
	cpuset_add(&p.host.cpus, 32);
	p.host.shared = false;
	breaks("invariant 2: CPU 0 of slice-0 is in a core of the reserve");
	p.slices[3].cores = 9;
	breaks("invariant 2: slice-3 says 9 cores, but its CPUs are 8");
	cpuset_add(&p.slices[3].packages, 0);
	breaks("invariant 2: slice-3 says packages 0-1, but its CPUs are in 1");
	cpuset_remove(&p.slices[0].cpus, 32); /* smt: one: fewer threads of a core are no split */
	passes();
}
END_TEST

START_TEST(test_3_named)
{
	begin(BY_NUMA, 8);
	swap_cores(3, 4, 0, 1);
	breaks("invariant 3: slice-0 of 4 cores would fit in a L3 of 4, but lies in 2");
	p = good;
	swap_cores(3, 4, 0, 1);
	plan_warn(&p, WARN_CROSSES_L3, "named");
	breaks("invariant 3: 2 of 2 slices of 4 cores in cores 0-7 cross a L3, though 2");
	p = good;
	swap_cores(0, 31, 0, 7);
	locate();
	plan_warn(&p, WARN_CROSSES_L3, "named");
	plan_warn(&p, WARN_CROSSES_NODE, "named");
	breaks("invariant 3: slice-0 of 4 cores would fit in a package of 16");
}
END_TEST

/* One slice crosses although what it lacks is left over beside it. */
START_TEST(test_3_needed)
{
	begin(BY_NUMA, 8);
	move_core(7, 1, SLICES_MAX);
	move_core(3, 0, 1);
	p.candidates[0].by = BY_MACHINE;
	plan_warn(&p, WARN_CROSSES_L3, "named");
	breaks("invariant 3: slice-1 of 4 cores lies in 2 L3s, but the one of core 4 has room");
}
END_TEST

/* Packages are equal, a slice is two of them: not the halves of four. */
START_TEST(test_3_whole_packages)
{
	machine_regular(&(struct machine_shape){4, 1, 1, 4, 1, UINT64_C(8) << 30}, &t);
	plan_of_parents(&t, BY_MACHINE, 2, &good);
	p = good;
	passes();
	for (unsigned i = 0; i < 4; i++)
		swap_cores(i < 2 ? i : i + 2, i < 2 ? i + 8 : i + 10, 0, 1);
	locate();
	breaks("invariant 3: slice-0 of 8 cores lies in 4 packages of 4 instead of 2 whole ones");
}
END_TEST

START_TEST(test_4_equal_parents)
{
	begin(BY_NUMA, 8);
	move_core(3, 0, SLICES_MAX);
	move_core(2, 0, SLICES_MAX);
	breaks("invariant 4: nodes 0 and 0 are equal (8 cores, 2 slices each), but their slices "
	       "have 2 to 4 cores");
	move_core(3, 0, SLICES_MAX);
	passes(); /* within one core */

	begin(BY_NUMA, 4);
	move_core(0, 0, SLICES_MAX);
	move_core(1, 0, SLICES_MAX);
	breaks("invariant 4: nodes 1 and 0 are equal");
}
END_TEST

START_TEST(test_4_spread)
{
	begin(BY_L3, 32);
	for (unsigned i = 4; i < 32; i++)
		p.slices[i].cores = 0;
	p.slice_count = 4;
	breaks("invariant 4: L3s 0 and 1 are equal (4 cores), but hold 4 and 0 slices");
}
END_TEST

START_TEST(test_4_named)
{
	machine_named("half-offline", &t);
	plan_of_parents(&t, BY_SOCKET, 1, &good);
	good.slices[1] = good.slices[0];
	good.slices[1].id = 1;
	good.slices[0].cpus = topology_span_cpus(&t, t.packages[0]);
	good.slices[1].cpus = topology_span_cpus(&t, t.packages[1]);
	good.slices[0].cores = 16;
	good.slices[1].cores = 4;
	good.slices[0].memory = good.slices[1].memory = (struct slice_memory){0};
	good.slice_count = 2;
	p = good;
	locate();
	plan_warn(&p, WARN_UNEVEN_PACKAGES, "named");
	good = p;
	passes();
	p.warning_count = 0;
	breaks("invariant 4: parents of 4 and 16 cores hold slices of 4 to 16 cores, and there is "
	       "no warning uneven-packages");
}
END_TEST

START_TEST(test_5_nodes)
{
	begin(BY_NUMA, 4);
	cpuset_add(&p.slices[0].nodes, 1);
	breaks("invariant 5: slice-0 has nodes 0-1, but those local to its CPUs are 0");
	p.slices[1].nodes = p.slices[0].nodes;
	breaks("invariant 5: slice-1 has nodes 0,");
	p.slices[1].nodes = (struct cpuset){0};
	breaks("invariant 5: slice-1 has nodes ,");

	machine_named("cxl", &t);
	plan_of_parents(&t, BY_NUMA, 2, &p);
	cpuset_add(&p.slices[0].nodes, 2); /* memory-only: the profile may have opted in */
	passes();
}
END_TEST

START_TEST(test_6_memory)
{
	begin(BY_NUMA, 8);
	p.slices[0].memory.max_bytes++;
	p.slices[0].memory.page_cache_bytes++;
	breaks("invariant 6: the limit of slice-1, 4294967296 bytes, does not fit on nodes 0 "
	       "beside the others: 1 bytes are left over");
	p.host.memory_bytes = 1;
	breaks("invariant 6: the reserve of 1 bytes does not fit on nodes 0");
}
END_TEST

/*
 * A chain that greed gets wrong: slice i may lie on nodes i and i + 1 and takes i first, the host
 * needs node 0, so each slice has to give way to the next node. One byte more anywhere does not
 * fit.
 */
START_TEST(test_6_flow)
{
	machine_regular(&(struct machine_shape){32, 2, 1, 1, 1, 1000}, &t);
	plan_of_parents(&t, BY_SOCKET, 32, &good);
	good.candidate_count = 0;
	for (unsigned i = 0; i < 32; i++) {
		struct slice *s = &good.slices[i];

		s->memory = (struct slice_memory){.max_bytes = 1999, .heap_bytes = 1999};
	}
	good.host.memory_bytes = 32;
	for (unsigned i = 0; i < 64; i++)
		cpuset_add(&good.host.nodes, i);
	p = good;
	passes();
	p.host.memory_bytes = 33;
	breaks("invariant 6: the reserve of 33 bytes");
	p.slices[7].memory.max_bytes = p.slices[7].memory.heap_bytes = 2001;
	breaks("invariant 6");
	good.host.memory_bytes = 1;
	cpuset_remove(&good.host.nodes, 0);
	p = good;
	passes();
}
END_TEST

/*
 * The flow against a direct bound (Hall): for every set of consumers, what they ask is what their
 * nodes have.
 */
START_TEST(test_6_random)
{
	unsigned long long state = test_seed();
	unsigned fitting = 0;

	machine_regular(&(struct machine_shape){1, 6, 1, 1, 1, 10}, &t);
	for (unsigned round = 0; round < 3000; round++) {
		bool fits = true;
		struct err e = {0};

		plan_of_parents(&t, BY_NUMA, 6, &p);
		p.candidate_count = 0;
		for (unsigned i = 0; i < 6; i++) {
			uint64_t bytes = 1 + random_below(&state, 18);

			t.nodes[i].usable_bytes = 1 + random_below(&state, 20);
			t.nodes[i].memory_only = true; /* so that any nodes may be added */
			p.slices[i].memory =
				(struct slice_memory){.max_bytes = bytes, .heap_bytes = bytes};
			for (unsigned n = 0; n < 6; n++) {
				if (random_once(&state, 3))
					cpuset_add(&p.slices[i].nodes, n);
			}
		}
		for (unsigned set = 1; set < 64; set++) {
			struct cpuset nodes = {0};
			uint64_t asked = 0, there = 0;

			for (unsigned i = 0; i < 6; i++) {
				if (!(set >> i & 1))
					continue;
				asked += p.slices[i].memory.max_bytes;
				nodes = cpuset_or(&nodes, &p.slices[i].nodes);
			}
			cpuset_for_each(node, &nodes) there += t.nodes[node].usable_bytes;
			fits &= asked <= there;
		}
		ck_assert_msg((oracle_check(&p, &t, &e) == 0) == fits, "seed %lu round %u: %s",
			      test_seed(), round, e.msg);
		fitting += fits;
	}
	ck_assert_uint_gt(fitting, 300);
	ck_assert_uint_lt(fitting, 2700);
}
END_TEST

START_TEST(test_8_sums)
{
	begin(BY_NUMA, 4);
	p.slices[2].memory.daemon_bytes++;
	breaks("invariant 8: the limit of slice-2 is 8589934592 bytes, but its terms are "
	       "8589934593");
	p.slices[2].memory.heap_bytes = UINT64_MAX;
	breaks("invariant 8");
	p.slices[2].memory = (struct slice_memory){.heap_bytes = 5}; /* no limit */
	passes();
	p.slices[2].memory.page_cache_bytes = 1;
	breaks("invariant 8");
}
END_TEST

static void lend(unsigned from, unsigned to, unsigned core)
{
	p.loans[p.loan_count++] = (struct loan){
		.from = from, .to = to, .mode = LOANS_SHARED, .cpus = topology_core_cpus(&t, core)};
}

START_TEST(test_9_loans)
{
	begin(BY_NUMA, 4);
	lend(1, 0, 8);
	lend(1, 2, 9);
	passes();
	p = good;
	lend(0, 0, 0);
	breaks("invariant 9: slice-0 lends to itself");
	lend(0, 4, 0);
	breaks("invariant 9: loan 0 is from slice 0 to slice 4 of 4");
	lend(0, 1, 8);
	breaks("invariant 9: slice-0 lends CPUs 8,40, which are not its own");
	lend(0, 1, 0);
	cpuset_remove(&p.loans[0].cpus, 32);
	breaks("invariant 9: slice-0 lends CPU 0, but not all of its core, 0,32");
	lend(0, 1, 0);
	p.loans[0].cpus = (struct cpuset){0};
	breaks("invariant 9: slice-0 lends no CPU");
	lend(0, 1, 0);
	lend(0, 2, 0);
	breaks("invariant 9: CPUs of slice-0 are lent twice");
	lend(0, 1, 0);
	lend(1, 2, 8);
	breaks("invariant 9: slice-1 lends and borrows");
	lend(0, 1, 0);
	p.loans[0].mode = LOANS_EXCLUSIVE;
	p.loans[0].cpus = p.slices[0].cpus;
	breaks("invariant 9: slice-0 lends all its CPUs exclusively");
	for (unsigned i = 0; i < 2; i++) {
		lend(0, i + 1, 0);
		p.loans[i].mode = LOANS_EXCLUSIVE;
		for (unsigned core = 0; core < 8; core++) {
			struct cpuset cpus = topology_core_cpus(&t, core);

			if (core / 4 == i)
				p.loans[i].cpus = cpuset_or(&p.loans[i].cpus, &cpus);
			else
				p.loans[i].cpus = cpuset_and_not(&p.loans[i].cpus, &cpus);
		}
	}
	breaks("invariant 9: slice-0 lends all its CPUs exclusively");
}
END_TEST

/* The plan, which comes from a file, is refused with these words, and is good again afterwards. */
static void breaks_alone(const char *said)
{
	struct err e = {0};

	ck_assert_msg(plan_check(&p, NULL, &e) == -ERANGE, "passed: %s", said);
	ck_assert_msg(strstr(e.msg, said) != NULL, "%s: %s", said, e.msg);
	p = good;
	ck_assert_msg(plan_check(&p, NULL, &e) == 0, "%s", e.msg);
}

START_TEST(test_without_machine)
{
	struct err e;

	begin(BY_NUMA, 4);
	good.allowed = t.allowed;
	p = good;
	p.slice_count = 0;
	breaks_alone("no slice");
	cpuset_add(&p.slices[1].cpus, 64);
	breaks_alone("invariant 1: slice-1 has CPUs 64, which are not allowed");
	cpuset_add(&p.slices[1].cpus, 0);
	breaks_alone("invariant 1: slice-1 has CPUs 0, which another slice");
	cpuset_add(&p.host.cpus, 99);
	breaks_alone("invariant 1: the reserve, 99,");
	p.slices[2].cores = 0;
	breaks_alone("invariant 2: slice-2 says 0 cores, but has 16 CPUs");
	p.slices[2].cores = 17;
	breaks_alone("invariant 2: slice-2 says 17 cores, but has 16 CPUs");
	p.slices[2].memory.daemon_bytes++;
	breaks_alone("invariant 8: the limit of slice-2");
	lend(0, 4, 0);
	breaks_alone("invariant 9: loan 0 is from slice 0 to slice 4 of 4");
	lend(0, 1, 8);
	breaks_alone("invariant 9: slice-0 lends CPUs 8,40, which are not its own");
	lend(0, 1, 0);
	lend(1, 2, 8);
	breaks_alone("invariant 9: slice-1 lends and borrows");
	lend(0, 1, 0);
	cpuset_remove(&p.loans[0].cpus, 32); /* whole cores cannot be told without the machine */
	ck_assert_int_eq(plan_check(&p, NULL, &e), 0);
}
END_TEST

START_TEST(test_random_plans)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 500; round++) {
		struct err e = {0};

		machine_random(&state, &t);
		plan_random(&state, &t, &p);
		for (unsigned i = 0; i < p.slice_count; i++)
			p.slices[i].memory = (struct slice_memory){0};
		ck_assert_msg(oracle_check(&p, &t, &e) == 0, "seed %lu round %u: %s", test_seed(),
			      round, e.msg);
		ck_assert_msg(plan_check(&p, NULL, &e) == 0, "seed %lu round %u: %s", test_seed(),
			      round, e.msg);
	}
}
END_TEST

TEST_MAIN("plan_check",
	  test_case("invariants", test_good, test_form, test_1_sets, test_2_cores, test_3_named,
		    test_3_needed, test_3_whole_packages, test_4_equal_parents, test_4_spread,
		    test_4_named, test_5_nodes, test_6_memory, test_6_flow, test_8_sums,
		    test_9_loans, test_without_machine),
	  test_case("random", test_6_random, test_random_plans))
