/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans of machines that have memory and CPUs which cannot be had: huge pages, what others hold,
 * isolated and nohz_full CPUs.
 */

#include "decision/engine/plan_make.h"
#include "tests/decision/check/oracle.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

static struct topology t;
static struct profile profile;
static struct facts facts;
static struct plan p;

static void derive(void)
{
	struct err e = {0};

	ck_assert_msg(topology_derive(&t, &e) == 0, "%s", e.msg);
}

/* Two packages of a node of 64 GB and 8 cores each: CPUs 0-15. */
static void setup(unsigned smt)
{
	machine_regular(&(struct machine_shape){2, 1, 1, 8, smt, 64 * GIB}, &t);
	profile_default(&profile);
}

static struct cpuset cpus(const char *list)
{
	struct cpuset out;

	ck_assert_int_eq(cpuset_parse(list, &out, &(struct err){0}), 0);
	return out;
}

static void make(void)
{
	struct err e = {0};

	ck_assert_msg(plan_make(&t, &profile, &facts, &p, &e) == 0, "%s", e.msg);
	ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s", e.msg);
}

static const char *warning(enum warning_code code)
{
	for (unsigned i = 0; i < p.warning_count; i++) {
		if (p.warnings[i].code == code)
			return p.warnings[i].message;
	}
	return "";
}

static const char *why_unused(const char *list)
{
	for (unsigned i = 0; i < p.unused_count; i++) {
		if (!strcmp(CPUSET_STRING(&p.unused[i].cpus), list))
			return p.unused[i].why;
	}
	return "";
}

static struct cpuset cpus_of_slices(void)
{
	struct cpuset all = {0};

	for (unsigned i = 0; i < p.slice_count; i++)
		all = cpuset_or(&all, &p.slices[i].cpus);
	return all;
}

/* ---- CPUs */

#define ISOLATED	    "isolcpus=, partitions: no load is balanced between them"
#define NOHZ_FULL	    "nohz_full=: made for one thread each"
#define LEFT_OUT(kind, why) kind " CPUs (" why ") are left out unless partition.cpus names them: "
#define IN_SLICES(kind, why)                                                          \
	kind " CPUs (" why                                                            \
	     ") are in slices of several CPUs: leave them out of partition.cpus, or " \
	     "make slices of one CPU there; slices "

/* What is apart and what the profile names; slices, reserve, host group; the warnings. */
static const struct {
	const char *isolated, *nohz_full, *named;
	int reserve;
	const char *slices, *reserved, *host, *of_isolated, *of_nohz_full;
} rows[] = {
	{"", "", "", 0, "0-15", "", "0-15", "", ""},
	{"4-7", "", "", 0, "0-3,8-15", "", "0-3,8-15", LEFT_OUT("isolated", ISOLATED) "4-7", ""},
	{"", "4-7", "", 0, "0-3,8-15", "", "0-3,8-15", "", LEFT_OUT("nohz_full", NOHZ_FULL) "4-7"},
	{"4-5", "5-6", "", 0, "0-3,7-15", "", "0-3,7-15", LEFT_OUT("isolated", ISOLATED) "4-5",
	 LEFT_OUT("nohz_full", NOHZ_FULL) "5-6"},
	/* others' are nobody's business */
	{"16-99", "", "", 0, "0-15", "", "0-15", "", ""},
	/* the reserve and the host group stay off them, named or not */
	{"0-7", "", "", 1, "9-15", "8", "8", LEFT_OUT("isolated", ISOLATED) "0-7", ""},
	{"0-7", "", "0-15", 2, "0-7,10-15", "8-9", "8-9", IN_SLICES("isolated", ISOLATED) "0-1",
	 ""},
	{"0-3", "", "0-15", 0, "0-15", "", "4-15", IN_SLICES("isolated", ISOLATED) "0", ""},
	/* isolated for the slices: the host group is on what is left */
	{"2-15", "", "2-15", AMOUNT_AUTO, "2-15", "", "0-1", IN_SLICES("isolated", ISOLATED) "0-1",
	 ""},
	{"", "2-15", "2-15", AMOUNT_AUTO, "2-15", "", "0-1", "",
	 IN_SLICES("nohz_full", NOHZ_FULL) "0-1"},
	/* not named, not left out by us */
	{"8-15", "", "0-7", 0, "0-7", "", "0-7", "", ""},
	/* none but isolated ones: then those that are named */
	{"0-15", "", "4-7", 0, "4-7", "", "4-7", IN_SLICES("isolated", ISOLATED) "0", ""},
};

START_TEST(test_cpus_apart)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpuset slices, host, left, none = {0};

		setup(1);
		t.isolated = cpus(rows[i].isolated);
		t.nohz_full = cpus(rows[i].nohz_full);
		derive();
		profile.partition.reserve_cores = rows[i].reserve;
		profile.partition.by = BY_MACHINE;
		profile.partition.all_cpus = !rows[i].named[0];
		profile.partition.cpus = cpus(rows[i].named);
		profile.partition.slices = i >= 6 && i < 11 ? 2 : 1;
		make();
		slices = cpus_of_slices();
		host = plan_host_cpus(&p);
		ck_assert_msg(!strcmp(CPUSET_STRING(&slices), rows[i].slices) &&
				      !strcmp(CPUSET_STRING(&p.host.cpus), rows[i].reserved) &&
				      !strcmp(CPUSET_STRING(&host), rows[i].host),
			      "row %u: slices %s, reserve %s, host %s", i, CPUSET_STRING(&slices),
			      CPUSET_STRING(&p.host.cpus), CPUSET_STRING(&host));
		ck_assert_str_eq(warning(WARN_ISOLATED_CPUS), rows[i].of_isolated);
		ck_assert_str_eq(warning(WARN_NOHZ_FULL_CPUS), rows[i].of_nohz_full);
		/* Every CPU that is ours is someone's, or unused for a reason. */
		left = cpuset_and_not(&t.allowed, &slices);
		left = cpuset_and_not(&left, &p.host.cpus);
		for (unsigned k = 0; k < p.unused_count; k++)
			left = cpuset_and_not(&left, &p.unused[k].cpus);
		ck_assert_msg(cpuset_is_equal(&left, &none), "row %u: %s", i, CPUSET_STRING(&left));
	}
}
END_TEST

START_TEST(test_unused_says_why)
{
	setup(1);
	t.isolated = cpus("4-5");
	t.nohz_full = cpus("5-6");
	derive();
	make();
	ck_assert_str_eq(why_unused("4-5"), "isolated, and not named in partition.cpus");
	ck_assert_str_eq(why_unused("6"), "nohz_full, and not named in partition.cpus");
	ck_assert_str_eq(CPUSET_STRING(&p.apart), "4-6");
	ck_assert(!cpuset_intersects(&p.usable, &p.apart));
}
END_TEST

/* One thread of a core is isolated: the other is still a CPU. CPUs 0-31, siblings 16 apart. */
START_TEST(test_a_thread_of_a_core)
{
	setup(2);
	t.isolated = cpus("0-3");
	derive();
	profile.partition.by = BY_NUMA;
	profile.partition.reserve_cores = 0;
	make();
	ck_assert_uint_eq(p.slices[0].cores, 8);
	ck_assert_str_eq(CPUSET_STRING(&p.slices[0].cpus), "4-7,16-23");
	ck_assert_str_eq(why_unused("0-3"), "isolated, and not named in partition.cpus");
	/* The reserve takes a core of which no thread is. */
	profile.partition.all_cpus = false;
	profile.partition.cpus = t.allowed;
	profile.partition.reserve_cores = 1;
	make();
	ck_assert_str_eq(CPUSET_STRING(&p.host.cpus), "4,20");
	/* A thread that is isolated and not used makes no difference. */
	profile.partition.cpus = cpus("16-31");
	make();
	ck_assert_str_eq(CPUSET_STRING(&p.host.cpus), "16");
	ck_assert_str_eq(warning(WARN_ISOLATED_CPUS), "");
}
END_TEST

START_TEST(test_nothing_left)
{
	struct err e = {0};

	setup(1);
	t.isolated = cpus("0-7");
	t.nohz_full = cpus("8-15");
	derive();
	/* A reserve that is too large, too, is not what is wrong. */
	profile.partition.reserve_memory = (struct size){SIZE_BYTES, 1024 * GIB};
	ck_assert_int_lt(plan_make(&t, &profile, &facts, &p, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_str_eq(
		e.msg,
		"all CPUs that are allowed here, 0-15, are isolated or nohz_full "
		"(isolated and nohz_full in /sys/devices/system/cpu, cpuset.cpus.partition of cgroup v2): name those "
		"that slices may have in partition.cpus");
	profile.partition.all_cpus = false;
	profile.partition.cpus = cpus("14-17");
	ck_assert_int_lt(plan_make(&t, &profile, &facts, &p, &e), 0);
	ck_assert_str_eq(e.msg,
			 "partition.cpus: CPUs 16-17 are not among those allowed here, 0-15: "
			 "leave them out");
}
END_TEST

START_TEST(test_rcu_nocbs_is_noted)
{
	bool noted = false;

	setup(1);
	t.rcu_nocbs = cpus("1-3,20");
	derive();
	make();
	for (unsigned i = 0; i < p.note_count; i++)
		noted |= !strcmp(p.notes[i], "rcu_nocbs=: other CPUs do RCU's work for CPUs 1-3");
	ck_assert(noted);
	ck_assert(cpuset_is_empty(&p.apart));
}
END_TEST

/* ---- memory */

static uint64_t limits(void)
{
	uint64_t sum = p.host.memory_bytes;

	for (unsigned i = 0; i < p.slice_count; i++)
		sum += p.slices[i].memory.max_bytes;
	return sum;
}

START_TEST(test_huge_pages_are_no_memory)
{
	setup(1);
	t.nodes[0].huge_bytes = t.nodes[1].huge_bytes = 56 * GIB;
	derive();
	make();
	ck_assert_uint_le(limits(), 16 * GIB);
	ck_assert_uint_ge(limits(), 15 * GIB);
	ck_assert_str_eq(
		warning(WARN_HUGE_PAGES),
		"112 GB of 128 GB are reserved as huge pages, of which no heap is made: reserve fewer "
		"(vm.nr_hugepages, hugepages=) to give slices more of nodes 0-1");
	/* One node alone: what is left of it is not worth that all heaps are so small. */
	t.nodes[0].huge_bytes = 0;
	t.nodes[1].huge_bytes = 63 * GIB;
	derive();
	make();
	ck_assert_uint_ge(limits(), 63 * GIB);
	for (unsigned i = 0; i < p.slice_count; i++)
		ck_assert_str_eq(CPUSET_STRING(&p.slices[i].nodes), "0");
	ck_assert_str_eq(
		warning(WARN_HUGE_PAGES),
		"63 GB of 64 GB are reserved as huge pages, of which no heap is made: reserve fewer "
		"(vm.nr_hugepages, hugepages=) to give slices more of node 1; too little is left on 1");
}
END_TEST

/* Slices that have to be there: huge pages are named where they leave too little. */
START_TEST(test_too_little_beside_huge_pages)
{
	struct err e = {0};

	setup(1);
	t.nodes[0].huge_bytes = 56 * GIB;
	t.nodes[1].huge_bytes = 63 * GIB;
	derive();
	profile.partition.by = BY_NUMA;
	ck_assert_int_lt(plan_make(&t, &profile, &facts, &p, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_str_eq(e.msg,
			 "beside 119 GB in huge pages (vm.nr_hugepages): partition.slices: "
			 "slice-1 has 768 MB and needs 1.1 GB more (1 executor: heap 450 MB, "
			 "native 768 MB, direct 200 MB; daemon 512 MB, off-heap, Python, "
			 "scratch and page cache 0): write fewer slices, or a coarser "
			 "partition.by");
}
END_TEST

/* GB that are free and held on both nodes, and of slices written: what the warning says. */
START_TEST(test_memory_that_others_hold)
{
	static const struct {
		uint64_t free[2], held[2], limit;
		const char *message;
	} table[] = {
		{{0, 0}, {0, 0}, 0, ""}, /* not known */
		{{63, 63}, {1, 1}, 0, ""},
		{{20, 63},
		 {44, 1},
		 0,
		 "slices may use 63 GB of node 0, of which 20 GB could be had when this was planned, "
		 "for others and the kernel held 44 GB: end those, or write a smaller memory.limit"},
		{{30, 20},
		 {34, 44},
		 0,
		 "slices may use 63 GB of node 1, of which 20 GB could be had when this was planned, "
		 "for others and the kernel held 44 GB, and other nodes are short, too: end those, "
		 "or write a smaller memory.limit"},
		{{20, 20}, {44, 44}, 16, ""}, /* as much as is there */
		{{0, 64}, {64, 0}, 16, "slices may use 16 GB of node 0, of which 0 could be had"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		setup(1);
		for (unsigned n = 0; n < 2; n++) {
			t.nodes[n].free_bytes = table[i].free[n] * GIB;
			t.nodes[n].held_bytes = table[i].held[n] * GIB;
		}
		derive();
		profile.partition.by = BY_NUMA;
		profile.partition.reserve_memory = (struct size){SIZE_BYTES, 2 * GIB};
		if (table[i].limit)
			profile.memory.limit = (struct size){SIZE_BYTES, table[i].limit * GIB};
		make();
		ck_assert_msg(!strncmp(warning(WARN_MEMORY_HELD), table[i].message,
				       strlen(table[i].message)) &&
				      !warning(WARN_MEMORY_HELD)[0] == !table[i].message[0],
			      "row %u: %s", i, warning(WARN_MEMORY_HELD));
	}
	/* A slice on two nodes needs them by their size. */
	setup(1);
	t.nodes[0].free_bytes = 40 * GIB;
	t.nodes[0].held_bytes = 24 * GIB;
	derive();
	profile.partition.by = BY_MACHINE;
	profile.memory.limit = (struct size){SIZE_BYTES, 80 * GIB};
	make();
	ck_assert_str_eq(warning(WARN_MEMORY_HELD), "");
	profile.memory.limit = (struct size){SIZE_BYTES, 100 * GIB};
	make();
	ck_assert(strstr(warning(WARN_MEMORY_HELD), "slices may use 50 GB of node 0") != NULL);
}
END_TEST

TEST_MAIN("plan_apart",
	  test_case("CPUs", test_cpus_apart, test_unused_says_why, test_a_thread_of_a_core,
		    test_nothing_left, test_rcu_nocbs_is_noted),
	  test_case("memory", test_huge_pages_are_no_memory, test_too_little_beside_huge_pages,
		    test_memory_that_others_hold))
