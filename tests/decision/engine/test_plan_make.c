/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole plans: what they say beside the shapes of test_partition and the bytes of test_budget, and
 * values of plans.
 */

#include "decision/engine/plan_make.h"
#include "tests/decision/check/oracle.h"
#include "tests/decision/equal.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

static struct topology t;
static struct profile profile;
static struct facts facts;
static struct plan p, other;

static void setup(const char *machine)
{
	machine_named(machine, &t);
	profile_default(&profile);
	memset(&facts, 0, sizeof(facts));
}

static void make(void)
{
	struct err e = {0};

	ck_assert_msg(plan_make(&t, &profile, &facts, &p, &e) == 0, "%s", e.msg);
	ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s", e.msg);
}

static void refuse(const char *message)
{
	struct err e = {0};

	memset(&p, 0x5a, sizeof(p));
	ck_assert_int_lt(plan_make(&t, &profile, &facts, &p, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strncmp(e.msg, message, strlen(message)) == 0, "%s", e.msg);
	ck_assert_uint_eq(p.slice_count, 0x5a5a5a5a);
}

static const char *warning(enum warning_code code)
{
	for (unsigned i = 0; i < p.warning_count; i++) {
		if (p.warnings[i].code == code)
			return p.warnings[i].message;
	}
	return NULL;
}

static bool has_note(const char *begin)
{
	for (unsigned i = 0; i < p.note_count; i++) {
		if (strncmp(p.notes[i], begin, strlen(begin)) == 0)
			return true;
	}
	return false;
}

START_TEST(test_paper)
{
	setup("paper-8x15");
	profile.partition.by = BY_SOCKET;
	profile.partition.reserve_cores = 0;
	make();
	ck_assert_str_eq(p.name, "cleave");
	ck_assert_uint_eq(p.slice_count, 8);
	for (unsigned i = 0; i < 8; i++) {
		const struct slice *s = &p.slices[i];
		char name[32];

		snprintf(name, sizeof(name), "slice-%u", i);
		ck_assert_str_eq(s->name, name);
		ck_assert_uint_eq(s->cores, 15);
		ck_assert_uint_eq(s->slots, 30);
		ck_assert_uint_eq(s->address, 0x7f00000a + i);
		ck_assert_uint_eq(cpuset_first(&s->nodes), i);
		ck_assert_uint_eq(cpuset_count(&s->nodes), 1);
		/* 512 GB: the host gets 2 %, an eighth of it from each node */
		ck_assert_uint_eq(s->memory.max_bytes, 64225 * UINT64_C(1048576));
		/* a quarter to the page cache, two heaps for tasks of more than 1 GB */
		ck_assert_uint_eq(s->executors, 2);
		ck_assert_uint_eq(s->memory.heap_bytes, 2 * 21007 * UINT64_C(1048576));
		ck_assert_str_eq(strings_get(&s->jvm_options, 0), "-XX:+UseParallelGC");
		ck_assert_str_eq(strings_get(&s->jvm_options, 1),
				 "-XX:MaxDirectMemorySize=754974720");
	}
	ck_assert(p.host.shared);
	ck_assert_str_eq(CPUSET_STRING(&p.host.nodes), "0-7");
	ck_assert_uint_eq(p.unused_count, 0);
	ck_assert_uint_eq(p.warning_count, 0);
	ck_assert_int_eq(p.candidates[p.chosen].by, BY_SOCKET);
	ck_assert_uint_eq(p.candidates[p.chosen].cores, 15);
	ck_assert(p.candidates[p.chosen].feasible);
}

START_TEST(test_reserve_is_the_hosts)
{
	setup("nps4");
	profile.partition.by = BY_SOCKET;
	make();
	ck_assert(!p.host.shared);
	ck_assert_str_eq(CPUSET_STRING(&p.host.cpus), "0,64,128,192");
	ck_assert_str_eq(CPUSET_STRING(&p.usable), "0-255");
	ck_assert_str_eq(CPUSET_STRING(&p.slices[0].cpus), "1-63,129-191");
	ck_assert_uint_eq(p.slices[0].slots, 2 * 63);
}

START_TEST(test_unused_and_why)
{
	setup("nps4");
	profile.partition.by = BY_NUMA;
	profile.partition.reserve_cores = 0;
	profile.partition.cores = 6;
	profile.partition.smt = SMT_ONE;
	profile.partition.all_cpus = false;
	for (unsigned cpu = 0; cpu < 32; cpu++)
		cpuset_add(&profile.partition.cpus, cpu);
	make();
	ck_assert_uint_eq(p.slice_count, 4);
	ck_assert_uint_eq(p.unused_count, 2);
	ck_assert_str_eq(CPUSET_STRING(&p.unused[0].cpus), "6-7,14-15,22-23,30-31");
	ck_assert_str_eq(p.unused[0].why, "left over: 4 slices of 6 cores (partition.cores)");
	ck_assert_str_eq(CPUSET_STRING(&p.unused[1].cpus), "32-255");
	ck_assert_str_eq(p.unused[1].why, "outside partition.cpus");
	ck_assert_ptr_nonnull(warning(WARN_UNUSED_CORES));
	ck_assert_ptr_nonnull(strstr(warning(WARN_UNUSED_CORES), "8 of 32 cores"));

	profile.partition.all_cpus = true;
	profile.partition.cores = AMOUNT_AUTO;
	profile.partition.max_cores = 64;
	make();
	ck_assert_uint_eq(p.unused_count, 2);
	ck_assert_str_eq(p.unused[0].why, "above partition.max_cores: 64");
	ck_assert_uint_eq(cpuset_count(&p.unused[0].cpus), 64);
	ck_assert_ptr_nonnull(strstr(p.unused[1].why, "partition.smt: one"));
	ck_assert_uint_eq(cpuset_count(&p.unused[1].cpus), 128);
	ck_assert_ptr_null(warning(WARN_UNUSED_CORES));
}

/*
 * 4 x 32 cores with 2 reserved are 4 x 31: the others are the host's, if it did not say how many.
 */
START_TEST(test_slices_of_one_size)
{
	machine_regular(&(struct machine_shape){4, 1, 1, 32, 1, UINT64_C(128) << 30}, &t);
	profile_default(&profile);
	profile.partition.by = BY_NUMA;
	make();
	ck_assert_uint_eq(cpuset_count(&p.host.cpus), 4);
	ck_assert_uint_eq(p.unused_count, 0);
	profile.partition.reserve_cores = 2;
	make();
	ck_assert_uint_eq(cpuset_count(&p.host.cpus), 2);
	ck_assert_uint_eq(p.unused_count, 1);
	ck_assert_uint_eq(cpuset_count(&p.unused[0].cpus), 2);
	ck_assert_str_eq(p.unused[0].why, "left over: 4 slices of 31 cores each");
	ck_assert_ptr_nonnull(strstr(warning(WARN_UNUSED_CORES),
				     "2 of 126 cores belong to no slice, so that 4 slices have 31 "
				     "each: partition.reserve.cores: 4 "));
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(p.slices[i].cores, 31);
}

/* What the firmware or hwloc keep from us is named. */
START_TEST(test_what_is_left_alone)
{
	struct err e = {0};

	setup("cxl");
	profile.partition.memory_only_nodes = true;
	cpuset_add(&t.hidden_nodes, 9);
	t.cpus[t.cpu_count - 1].package = TOPOLOGY_NONE;
	t.cpus[t.cpu_count - 2].package = TOPOLOGY_NONE;
	ck_assert_msg(topology_derive(&t, &e) == 0, "%s", e.msg);
	make();
	ck_assert_ptr_null(warning(WARN_MEMORY_ONLY_NODES));
	ck_assert_ptr_nonnull(strstr(warning(WARN_HIDDEN_NODES), "memory on nodes 9, which"));
	ck_assert_ptr_nonnull(strstr(warning(WARN_CPUS_WITHOUT_PACKAGE), "in no package"));
}

START_TEST(test_warnings)
{
	static const struct {
		const char *machine;
		enum partition_by by;
		int slices;
		enum warning_code code;
		const char *message;
	} table[] = {
		{"half-offline", BY_SOCKET, AMOUNT_AUTO, WARN_UNEVEN_PACKAGES,
		 "package 1 (in tree order) has 4 cores for slices, package 0 has 16"},
		{"half-offline", BY_NUMA, AMOUNT_AUTO, WARN_UNEVEN_NODES, "node 1"},
		{"paper-8x15", BY_SOCKET, 12, WARN_UNEVEN_PACKAGES, "some hold 2, others 1"},
		{"paper-8x15", BY_SOCKET, 3, WARN_UNEVEN_PACKAGES, "joined packages are unequal"},
		{"paper-8x15", BY_MACHINE, 12, WARN_CROSSES_PACKAGE, "slices 1,4,7,10 lie in"},
		{"paper-8x15", BY_MACHINE, 12, WARN_CROSSES_NODE, "slices 1,4,7,10 lie in"},
		{"nps4", BY_MACHINE, 40, WARN_CROSSES_L3, "slices "},
		{"no-packages", BY_AUTO, AMOUNT_AUTO, WARN_NO_PACKAGES, "counts as one"},
		{"no-packages", BY_AUTO, AMOUNT_AUTO, WARN_NO_DISTANCES, "10 inside"},
		{"no-l3", BY_L3, AMOUNT_AUTO, WARN_NO_L3, "partition.by: l3"},
		{"memoryless", BY_AUTO, AMOUNT_AUTO, WARN_CPUS_WITHOUT_NODE, "nearest"},
		{"memory-unknown", BY_AUTO, AMOUNT_AUTO, WARN_MEMORY_UNKNOWN, "no memory limit"},
		{"cxl", BY_AUTO, AMOUNT_AUTO, WARN_MEMORY_ONLY_NODES,
		 "512 GB of memory on nodes 2-3 are left alone, for no CPU that is allowed is "
		 "there: partition.memory_only_nodes: true"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *message;

		setup(table[i].machine);
		profile.partition.by = table[i].by;
		profile.partition.slices = table[i].slices;
		profile.partition.reserve_cores = 0;
		make();
		message = warning(table[i].code);
		ck_assert_msg(message && strstr(message, table[i].message), "row %u: %s", i,
			      message ? message : "no warning");
	}
}

START_TEST(test_slots)
{
	static const struct {
		enum rebalance_mode mode;
		int slots_per_cpu;
		unsigned slots;
		bool warned;
	} table[] = {
		{REBALANCE_ACT, AMOUNT_AUTO, 30, false},
		{REBALANCE_ACT, 1, 15, true},
		{REBALANCE_OBSERVE, AMOUNT_AUTO, 30, false},
		{REBALANCE_OFF, AMOUNT_AUTO, 15, false},
		{REBALANCE_OFF, 3, 45, false},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		setup("paper-8x15");
		profile.partition.reserve_cores = 0;
		profile.rebalance.mode = table[i].mode;
		profile.spark.slots_per_cpu = table[i].slots_per_cpu;
		make();
		ck_assert_uint_eq(p.slices[0].slots, table[i].slots);
		ck_assert_int_eq(warning(WARN_SLOTS_EQUAL_CPUS) != NULL, table[i].warned);
	}
}

static void set_node_sizes(uint64_t bytes)
{
	for (unsigned i = 0; i < t.node_count; i++)
		t.nodes[i].usable_bytes = t.nodes[i].memory_bytes = bytes;
}

/*
 * 8 nodes of 1 GB, a quarter reserved at most: 6 GB make three slices of 1.9 GB, but two is what
 * divides evenly.
 */
START_TEST(test_fewer_slices_where_memory_is_small)
{
	setup("paper-8x15");
	set_node_sizes(GIB);
	make();
	ck_assert_uint_eq(p.slice_count, 2);
	ck_assert_str_eq(warning(WARN_MEMORY_SMALL),
			 "2 slices instead of 8, so that each has enough memory");

	profile.partition.slices = 8;
	refuse("partition.slices: slice-0 has 768 MB and needs 1.1 GB more");
	profile.partition.slices = AMOUNT_AUTO;
	profile.partition.by = BY_NUMA;
	refuse("partition.slices: slice-0 has 768 MB and needs 1.1 GB more");
	profile.partition.by = BY_AUTO;
	set_node_sizes(GIB / 8);
	refuse("partition.reserve.memory: slice-0 has 768 MB and needs 1.1 GB more");
}

START_TEST(test_tight_memory)
{
	setup("paper-8x15");
	profile.partition.by = BY_NUMA;
	profile.partition.reserve_memory = (struct size){SIZE_NONE, 0};
	set_node_sizes(2 * GIB);
	make();
	ck_assert_uint_eq(p.slice_count, 8);
	ck_assert_ptr_nonnull(
		strstr(warning(WARN_MEMORY_SMALL), "was given up for the heap of 450"));
}

START_TEST(test_reserve_stays_on_our_nodes)
{
	setup("paper-8x15");
	profile.partition.all_cpus = false;
	for (unsigned cpu = 15; cpu < 45; cpu++)
		cpuset_add(&profile.partition.cpus, cpu);
	make();
	ck_assert_str_eq(CPUSET_STRING(&p.host.nodes), "1-2");
	ck_assert_uint_eq(p.host.memory_bytes,
			  128 * GIB / 100 * 2 + 128 * GIB % 100 * 2 / 100 -
				  (128 * GIB / 100 * 2 + 128 * GIB % 100 * 2 / 100) % 2);
}

/*
 * A reserve of all memory leaves nothing: that is not the same as memory whose size nobody knows.
 */
START_TEST(test_reserve_of_all_memory)
{
	static const struct size sizes[] = {
		{SIZE_PERCENT, 100},
		{SIZE_BYTES, 512 * GIB}, /* all of it */
		{SIZE_BYTES, 512 * GIB - 1},
		{SIZE_BYTES, 513 * GIB},
	};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		setup("paper-8x15");
		profile.partition.reserve_memory = sizes[i];
		refuse("partition.reserve.memory: ");
		profile.partition.by = BY_SOCKET;
		refuse("partition.reserve.memory: ");
	}
	setup("memory-unknown");
	profile.partition.reserve_memory = sizes[0];
	make();
	ck_assert_uint_eq(p.slices[0].memory.max_bytes, 0);
}

START_TEST(test_other_clusters)
{
	struct err e;

	setup("paper-8x15");
	ck_assert_int_eq(cpuset_parse("60-74", &facts.taken, &e), 0);
	string_copy(facts.taken_by, "night");
	refuse("partition.cpus: CPUs 60-74 belong to the cluster night");
	profile.partition.all_cpus = false;
	ck_assert_int_eq(cpuset_parse("0-59", &profile.partition.cpus, &e), 0);
	make();
	ck_assert_uint_eq(p.slice_count, 4);
}

START_TEST(test_addresses)
{
	setup("paper-8x15");
	facts.first_address = 0x7f000114;
	make();
	ck_assert_uint_eq(p.slices[7].address, 0x7f00011b);
	profile.spark.first_address = 0x0a000001;
	make();
	ck_assert_uint_eq(p.slices[0].address, 0x0a000001);
	profile.spark.first_address = 0xfffffffe;
	refuse("spark.first_address: 8 addresses do not fit behind 255.255.255.254");
}

START_TEST(test_jvm_options)
{
	static char longest[STRINGS_POOL - 40];

	setup("paper-8x15");
	profile.jvm.gc = GC_G1;
	strings_add(&profile.jvm.options, "-Dx=y z");
	make();
	ck_assert_str_eq(strings_get(&p.slices[3].jvm_options, 0), "-XX:+UseG1GC");
	ck_assert_str_eq(strings_get(&p.slices[3].jvm_options, 2), "-Dx=y z");
	ck_assert(!has_note("jvm.gc"));
	memset(longest, 'x', sizeof(longest) - 1);
	strings_add(&profile.jvm.options, longest);
	refuse("jvm.options: with cleave's own");
}

START_TEST(test_notes)
{
	setup("memory-unknown");
	strings_add(&facts.missing, "memory.high");
	make();
	ck_assert(has_note("memory.heap: auto is Spark's own default, 1 GB"));
	ck_assert(has_note("spark.slots_per_cpu: auto is "));
	ck_assert(has_note("jvm.home: the JDK is not known"));
	ck_assert(has_note("jvm.gc: auto is parallel"));
	ck_assert(has_note("workload.data.size"));
	ck_assert(has_note("memory.high: no controller"));
	facts.java_version = 17;
	facts.data_bytes = 1;
	make();
	ck_assert(!has_note("jvm.home"));
	ck_assert(!has_note("workload.data.size"));

	setup("paper-8x15");
	profile.memory.heap = (struct size){SIZE_BYTES, 40 * GIB};
	make();
	ck_assert(has_note("memory.heap: above 31 GB"));
	ck_assert_uint_eq(p.slices[0].memory.heap_bytes, 40 * GIB);
}

START_TEST(test_largest)
{
	setup("cpus-4096");
	profile.partition.by = BY_NUMA;
	make();
	ck_assert_uint_eq(p.slice_count, 64);
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_ge(p.slices[i].cores, 31);
}

/* ---- values ---- */

START_TEST(test_equality)
{
	setup("paper-8x15");
	make();
	other = p;
	ck_assert(plan_is_equal(&p, &other));
	other.slices[7].memory.low_bytes++;
	ck_assert(!plan_is_equal(&p, &other));
	ck_assert(!slice_is_equal(&p.slices[7], &other.slices[7]));
	ck_assert(slice_is_equal(&p.slices[6], &other.slices[6]));
	other = p;
	cpuset_remove(&other.usable, 0);
	ck_assert(!plan_is_equal(&p, &other));
	other = p;
	plan_note(&other, "one more");
	ck_assert(!plan_is_equal(&p, &other));
	other = p;
	other.host.memory_bytes++;
	ck_assert(!plan_is_equal(&p, &other));
	other = p;
	other.candidates[0].terms.tail = 1;
	ck_assert(!plan_is_equal(&p, &other));
	other = p;
	other.loans[0] = (struct loan){.from = 1, .to = 2};
	other.loan_count = 1;
	ck_assert(!plan_is_equal(&p, &other));
}

START_TEST(test_loans)
{
	struct cpuset cpus;

	setup("paper-8x15");
	profile.partition.reserve_cores = 0;
	make();
	p.loan_count = 2;
	p.loans[0] = (struct loan){.from = 1, .to = 0, .mode = LOANS_SHARED};
	p.loans[0].cpus = p.slices[1].cpus;
	p.loans[1] = (struct loan){.from = 2, .to = 0, .mode = LOANS_EXCLUSIVE};
	cpuset_add(&p.loans[1].cpus, 30);
	cpus = plan_effective_cpus(&p, 0);
	ck_assert_str_eq(CPUSET_STRING(&cpus), "0-30");
	cpus = plan_effective_cpus(&p, 1);
	ck_assert_str_eq(CPUSET_STRING(&cpus), "15-29");
	cpus = plan_effective_cpus(&p, 2);
	ck_assert_str_eq(CPUSET_STRING(&cpus), "31-44");
	ck_assert_uint_eq(plan_weight(&p, 0), WEIGHT_DEFAULT);
	ck_assert_uint_eq(plan_weight(&p, 1), WEIGHT_MAX);
	ck_assert_uint_eq(plan_weight(&p, 2), WEIGHT_DEFAULT);
}

START_TEST(test_notes_are_bounded)
{
	char text[2 * PLAN_TEXT];

	memset(&p, 0, sizeof(p));
	for (unsigned i = 0; i < 2 * PLAN_NOTES; i++)
		plan_note(&p, "%u", i);
	ck_assert_uint_eq(p.note_count, PLAN_NOTES);
	plan_warn(&p, WARN_NO_L3, "first");
	plan_warn(&p, WARN_NO_L3, "second");
	ck_assert_uint_eq(p.warning_count, 1);
	ck_assert_str_eq(p.warnings[0].message, "first");

	for (unsigned pad = 0; pad < 3;
	     pad++) { /* "ü" is two bytes: cut before, in and after one */
		memset(text, 'x', pad);
		for (size_t i = pad; i + 2 < sizeof(text); i += 2)
			memcpy(text + i, "ü", 3);
		p.note_count = 0;
		plan_note(&p, "%s", text);
		ck_assert_uint_lt(strlen(p.notes[0]), PLAN_TEXT);
		ck_assert_uint_gt(strlen(p.notes[0]), PLAN_TEXT - 4);
		ck_assert_str_eq(p.notes[0] + strlen(p.notes[0]) - 3, "…");
		ck_assert_uint_eq((strlen(p.notes[0]) - 3 - pad) % 2, 0);
	}
}

START_TEST(test_names)
{
	for (unsigned i = 0; i < WARN_COUNT; i++) {
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(warning_code_name(i), warning_code_name(k));
	}
	ck_assert_str_eq(warning_code_name(WARN_CPUS_WITHOUT_NODE), "cpus-without-node");
	ck_assert_str_eq(partition_by_name(BY_NUMA), "numa");
}

TEST_MAIN("plan_make",
	  test_case("plans", test_paper, test_reserve_is_the_hosts, test_unused_and_why,
		    test_slices_of_one_size, test_what_is_left_alone, test_warnings, test_slots,
		    test_fewer_slices_where_memory_is_small, test_tight_memory,
		    test_reserve_stays_on_our_nodes, test_reserve_of_all_memory,
		    test_other_clusters, test_addresses, test_jvm_options, test_notes,
		    test_largest),
	  test_case("values", test_equality, test_loans, test_notes_are_bounded, test_names))
