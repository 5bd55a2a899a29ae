/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology_derive(): the rules on named machines, its promises on random ones, refusal of nonsense.
 */

#include <errno.h>

#include "tests/decision/machines.h"
#include "tests/harness.h"

static struct topology t, other;

/* "cores@nodes" of each numa parent, a stand-in marked by "*": "15@0 15@1". */
static const char *numa_text(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < t.numa_count && used < sizeof(text) - 64; i++) {
		struct cpuset ids = topology_node_ids(&t, t.numa[i].nodes);

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u@%s%s",
					 i ? " " : "", t.numa[i].cores.count, CPUSET_STRING(&ids),
					 t.numa[i].stand_in ? "*" : "");
	}
	return text;
}

START_TEST(test_named)
{
	static const struct {
		const char *name;
		unsigned packages, l3s, cores, oddities;
		const char *numa;
	} table[] = {
		{"paper-8x15", 8, 8, 120, 0, "15@0 15@1 15@2 15@3 15@4 15@5 15@6 15@7"},
		{"snc4", 2, 2, 96, 0, "12@0 12@1 12@2 12@3 12@4 12@5 12@6 12@7"},
		{"cxl", 2, 2, 32, 0, "16@0 16@1"},
		{"memoryless", 4, 4, 32, TOPOLOGY_CPUS_WITHOUT_NODE, "8@0 8@1 8@3* 8@3"},
		{"no-packages", 1, 2, 16,
		 TOPOLOGY_NO_PACKAGES | TOPOLOGY_NO_L3 | TOPOLOGY_NO_DISTANCES, "8@0 8@1"},
		{"no-l3", 2, 4, 32, TOPOLOGY_NO_L3, "8@0 8@1 8@2 8@3"},
		{"broken-3x4", 3, 3, 12, 0, "3@0 3@1 3@2 3@3"},
		{"hybrid", 1, 1, 16, TOPOLOGY_HYBRID_CORES, "16@0"},
		{"half-offline", 2, 2, 20, 0, "16@0 4@1"},
		{"nodeless", 2, 2, 16, TOPOLOGY_CPUS_WITHOUT_NODE, "8@0 8@0*"},
		{"memory-unknown", 2, 2, 16, TOPOLOGY_MEMORY_UNKNOWN, "8@0 8@1"},
		{"one-cpu", 1, 1, 1, 0, "1@0"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		machine_named(table[i].name, &t);
		ck_assert_msg(t.package_count == table[i].packages && t.l3_count == table[i].l3s &&
				      t.core_count == table[i].cores,
			      "%s: %u packages, %u L3s, %u cores", table[i].name, t.package_count,
			      t.l3_count, t.core_count);
		ck_assert_msg(t.oddities == table[i].oddities, "%s: oddities %#x", table[i].name,
			      t.oddities);
		ck_assert_msg(strcmp(numa_text(), table[i].numa) == 0, "%s: %s", table[i].name,
			      numa_text());
	}
}
END_TEST

START_TEST(test_all_named_derive)
{
	for (unsigned i = 0; machine_names[i]; i++) {
		machine_named(machine_names[i], &t);
		ck_assert_uint_gt(t.numa_count, 0);
	}
}
END_TEST

START_TEST(test_cxl)
{
	machine_named("cxl", &t);
	ck_assert(!t.nodes[0].memory_only && !t.nodes[1].memory_only);
	ck_assert(t.nodes[2].memory_only && t.nodes[3].memory_only);
	ck_assert_uint_eq(t.nodes[1].package, 1);
	ck_assert_uint_eq(t.nodes[2].package, 0); /* by the CPUs that it is shown with */
	ck_assert_uint_eq(t.nodes[3].package, TOPOLOGY_NONE);
}
END_TEST

/* An expander shown with the CPUs of a whole package of two nodes owns none of them. */
START_TEST(test_expander_over_two_nodes)
{
	struct err e = {0};

	machine_regular(&(struct machine_shape){1, 2, 1, 4, 1, 1 << 30}, &t);
	t.nodes[2] = (struct topology_node){.id = 9, .allowed = true, .memory_bytes = 1 << 30};
	t.nodes[2].cpus = cpuset_or(&t.nodes[0].cpus, &t.nodes[1].cpus);
	t.node_count = 3;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert(t.nodes[2].memory_only);
	ck_assert_str_eq(numa_text(), "4@0 4@1");
}
END_TEST

START_TEST(test_disallowed_node)
{
	struct err e = {0};

	machine_regular(&(struct machine_shape){2, 2, 1, 4, 1, 1 << 30}, &t);
	t.nodes[1].allowed = false;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "4@0 4@0* 4@2 4@3"); /* 12 inside the package, 21 beyond */
	t.has_distances = false;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "4@0 4@0* 4@2 4@3"); /* the nodes of the package */
	t.nodes[0].allowed = false;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "8@2-3* 4@2 4@3"); /* one parent; all nodes */
	t.has_distances = true;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "8@2-3* 4@2 4@3"); /* equally far: both */
}
END_TEST

START_TEST(test_units)
{
	struct err e = {0};

	machine_regular(&(struct machine_shape){2, 1, 1, 8, 1, 1 << 30}, &t);
	ck_assert_uint_eq(t.unit_count, 2);
	ck_assert(topology_packages_are_units(&t));
	for (unsigned i = 0; i < 16; i++) /* four packages a node */
		t.cpus[i].package = (uint16_t)(i / 2);
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_uint_eq(t.unit_count, 2);
	ck_assert_uint_eq(t.units[1].first, 8);
	ck_assert_uint_eq(t.cores[15].unit, 1);
	ck_assert(!topology_packages_are_units(&t));
	machine_regular(&(struct machine_shape){1, 1, 1, 16, 1, 1 << 30}, &t);
	for (unsigned i = 0; i < 16; i++) /* one node: it says nothing of its packages */
		t.cpus[i].package = (uint16_t)(i / 4);
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_uint_eq(t.unit_count, 4);
	ck_assert(topology_packages_are_units(&t));
	for (unsigned i = 0; i < 16; i++)
		t.cpus[i].package = (uint16_t)(i / 2);
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_uint_eq(t.unit_count, 1);
}
END_TEST

START_TEST(test_odd_sources)
{
	struct err e = {0};

	machine_regular(&(struct machine_shape){2, 1, 1, 4, 1, 1 << 30}, &t);
	t.cpus[7].package = TOPOLOGY_NONE;
	cpuset_add(&t.hidden_nodes, 9);
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_uint_eq(t.oddities, TOPOLOGY_CPUS_WITHOUT_PACKAGE | TOPOLOGY_HIDDEN_NODES);
}
END_TEST

/*
 * Equally far: the one in the same package; a memory-only node, however near, is not taken while
 * there is another.
 */
START_TEST(test_nearest_ties)
{
	struct err e = {0};

	machine_regular(&(struct machine_shape){2, 2, 1, 4, 1, 1 << 30}, &t);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned j = 0; j < 4; j++)
			t.distance[i][j] = i == j ? DISTANCE_LOCAL : DISTANCE_REMOTE;
	}
	t.nodes[3].allowed = false;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "4@0 4@1 4@2 4@2*");
	t.nodes[2].cpus =
		t.nodes[1].cpus; /* its CPUs have no node now, and it no CPUs of its own */
	t.distance[3][2] = DISTANCE_LOCAL + 1;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "4@0 4@1 8@0-1*");
}
END_TEST

/* Four nodes of 64 GB, of which so many GB are huge pages. */
START_TEST(test_huge_pages)
{
	static const struct {
		uint64_t huge[4], usable[4];
		unsigned oddities;
		const char *numa;
	} table[] = {
		{{0}, {64, 64, 64, 64}, 0, "8@0 8@1 8@2 8@3"},
		{{56, 56, 56, 56}, {8, 8, 8, 8}, TOPOLOGY_HUGE_PAGES, "8@0 8@1 8@2 8@3"},
		{{63, 63, 63, 63}, {1, 1, 1, 1}, TOPOLOGY_HUGE_PAGES, "8@0 8@1 8@2 8@3"},
		{{0, 56, 0, 0}, {64, 8, 64, 64}, TOPOLOGY_HUGE_PAGES, "8@0 8@1 8@2 8@3"},
		/* next to nothing is left of one: its CPUs use the nearest */
		{{0, 57, 0, 0},
		 {64, 0, 64, 64},
		 TOPOLOGY_HUGE_PAGES | TOPOLOGY_CPUS_WITHOUT_NODE,
		 "8@0 8@0,2* 8@2 8@3"},
		{{64, 64, 0, 64},
		 {0, 0, 64, 0},
		 TOPOLOGY_HUGE_PAGES | TOPOLOGY_CPUS_WITHOUT_NODE,
		 "8@2* 8@2* 8@2 8@2*"},
	};
	const uint64_t gib = UINT64_C(1) << 30;
	struct err e = {0};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		machine_regular(&(struct machine_shape){4, 1, 1, 8, 1, 64 * gib}, &t);
		for (unsigned n = 0; n < 4; n++)
			t.nodes[n].huge_bytes = table[i].huge[n] * gib;
		ck_assert_int_eq(topology_derive(&t, &e), 0);
		for (unsigned n = 0; n < 4; n++)
			ck_assert_msg(t.nodes[n].usable_bytes == table[i].usable[n] * gib,
				      "row %u: node %u has %llu GB", i, n,
				      (unsigned long long)(t.nodes[n].usable_bytes / gib));
		ck_assert_msg(t.oddities == table[i].oddities, "row %u: oddities %#x", i,
			      t.oddities);
		ck_assert_msg(!strcmp(numa_text(), table[i].numa), "row %u: %s", i, numa_text());
	}
	for (unsigned n = 0; n < 4; n++)
		t.nodes[n].huge_bytes = 64 * gib;
	ck_assert_int_lt(topology_derive(&t, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_str_eq(e.msg, "all memory of the NUMA nodes that are allowed is reserved as huge "
				"pages: reserve fewer (vm.nr_hugepages, hugepages= on the kernel "
				"command line)");
	/* That of others matters to nobody. */
	t.nodes[0].huge_bytes = 0;
	t.nodes[0].allowed = false;
	ck_assert_int_lt(topology_derive(&t, &e), 0);
	t.nodes[1].huge_bytes = 65 * gib;
	ck_assert_int_lt(topology_derive(&t, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_str_eq(e.msg, "NUMA node 1 has more huge pages than memory");
}
END_TEST

/* Those of ours that are treated apart; nothing of the tree changes. */
START_TEST(test_apart)
{
	struct err e = {0};

	machine_named("half-offline", &t);
	other = t;
	for (unsigned i = 0; i < 4; i++)
		cpuset_add(&t.isolated, t.cpus[i].os_index);
	cpuset_add(&t.nohz_full, t.cpus[4].os_index);
	ck_assert(!cpuset_is_empty(&t.disallowed));
	cpuset_add(&t.nohz_full, cpuset_first(&t.disallowed));
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_uint_eq(cpuset_count(&t.apart), 5);
	ck_assert_uint_eq(t.oddities,
			  other.oddities | TOPOLOGY_ISOLATED_CPUS | TOPOLOGY_NOHZ_FULL_CPUS);
	ck_assert_uint_eq(t.core_count, other.core_count);
	ck_assert(cpuset_is_equal(&t.allowed, &other.allowed));
	/* None of ours is. */
	t.isolated = (struct cpuset){0};
	t.nohz_full = t.disallowed;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert(cpuset_is_empty(&t.apart));
	ck_assert_uint_eq(t.oddities, other.oddities);
}
END_TEST

/* Only a memory-only node has memory: better than none. No node that is allowed: refused. */
START_TEST(test_only_other_memory)
{
	struct err e = {0};

	machine_named("cxl", &t);
	t.nodes[0].memory_bytes = 0;
	t.nodes[1].memory_bytes = 0;
	t.nodes[3].allowed = false;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_str_eq(numa_text(), "32@2*");
	t.nodes[2].allowed = false;
	ck_assert_int_eq(topology_derive(&t, &e), -EINVAL);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_ptr_nonnull(strstr(e.msg, "no NUMA node with memory"));
}
END_TEST

START_TEST(test_distance)
{
	machine_named("memoryless", &t);
	ck_assert_uint_eq(topology_distance(&t, 2, 3), 15);
	ck_assert_uint_eq(topology_distance(&t, 3, 2), 21); /* asymmetric */
	t.distance[0][1] = 0;				    /* firmware's "I do not know" */
	ck_assert_uint_eq(topology_distance(&t, 0, 1), DISTANCE_REMOTE);
	t.has_distances = false;
	ck_assert_uint_eq(topology_distance(&t, 2, 3), DISTANCE_REMOTE);
	ck_assert_uint_eq(topology_distance(&t, 2, 2), DISTANCE_LOCAL);
}
END_TEST

static void refused(const char *said)
{
	struct err e = {0};

	other = t;
	ck_assert_int_eq(topology_derive(&t, &e), -EINVAL);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_msg(strstr(e.msg, said) != NULL, "%s: %s", said, e.msg);
	ck_assert_msg(memcmp(&other, &t, sizeof(t)) == 0, "%s: changed", said);
	machine_regular(&(struct machine_shape){2, 1, 2, 4, 2, 1 << 30}, &t);
}

START_TEST(test_refused)
{
	machine_regular(&(struct machine_shape){2, 1, 2, 4, 2, 1 << 30}, &t);
	t.cpu_count = 0;
	refused("no CPU");
	t.cpu_count = TOPOLOGY_CPUS + 1;
	refused("4097 CPUs; the limit is 4096");
	t.cpus[3].os_index = CPUSET_MAX;
	refused("CPU 4096; the highest index is 4095");
	t.cpus[3].os_index = t.cpus[9].os_index;
	refused("twice");
	cpuset_add(&t.disallowed, t.cpus[3].os_index);
	refused("as allowed and as disallowed");
	t.node_count = 0;
	refused("no NUMA node with memory");
	t.node_count = TOPOLOGY_NODES + 1;
	refused("65 NUMA nodes; the limit is 64");
	t.nodes[1].id = 256;
	refused("node 256");
	t.nodes[1].id = 0;
	refused("node 0 comes after node 0");
	t.cpus[1].package = 1;
	refused("package 0 lies in two places");
	t.cpus[1].core = 5;
	refused("core 5 lies in two places");
	t.cpus[15].l3 = 0;
	refused("L3 0 lies in two places");
	t.cpus[16].core = t.cpus[15].core;
	refused("but in two packages");
	t.cpus[8].core = t.cpus[7].core;
	refused("but of two L3 caches");
}
END_TEST

/* The runs of a level cover all cores, one after the other. */
static void check_spans(const struct topology_span *spans, unsigned count, const char *level,
			unsigned round)
{
	unsigned next = 0;

	for (unsigned i = 0; i < count; i++) {
		ck_assert_msg(spans[i].first == next && spans[i].count > 0,
			      "seed %lu round %u: %s %u", test_seed(), round, level, i);
		next += spans[i].count;
	}
	ck_assert_msg(next == t.core_count, "seed %lu round %u: %ss", test_seed(), round, level);
}

static void check_cores(unsigned round)
{
	unsigned next = 0;

	for (unsigned i = 0; i < t.core_count; i++) {
		const struct topology_core *c = &t.cores[i];
		bool inside =
			i >= t.packages[c->package].first &&
			i < (unsigned)t.packages[c->package].first + t.packages[c->package].count &&
			i >= t.l3s[c->l3].first &&
			i < (unsigned)t.l3s[c->l3].first + t.l3s[c->l3].count &&
			i >= t.numa[c->numa].cores.first &&
			i < (unsigned)t.numa[c->numa].cores.first + t.numa[c->numa].cores.count;

		ck_assert_msg(c->first_cpu == next && c->cpus && inside,
			      "seed %lu round %u: core %u", test_seed(), round, i);
		next += c->cpus;
	}
	ck_assert_uint_eq(next, t.cpu_count);
}

static void check_numa(unsigned round)
{
	struct topology_span spans[TOPOLOGY_CPUS];

	for (unsigned i = 0; i < t.numa_count; i++) {
		spans[i] = t.numa[i].cores;
		ck_assert_msg(t.numa[i].nodes, "seed %lu round %u: numa %u", test_seed(), round, i);
		for (unsigned n = 0; n < TOPOLOGY_NODES; n++) {
			if (!(t.numa[i].nodes >> n & 1))
				continue;
			ck_assert_msg(n < t.node_count && t.nodes[n].allowed &&
					      (t.nodes[n].usable_bytes ||
					       t.oddities & TOPOLOGY_MEMORY_UNKNOWN),
				      "seed %lu round %u: numa %u has node %u", test_seed(), round,
				      i, n);
			ck_assert(t.numa[i].stand_in || !t.nodes[n].memory_only);
		}
	}
	check_spans(spans, t.numa_count, "numa", round);
}

START_TEST(test_random_machines)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 3000; round++) {
		struct err e = {0};
		struct cpuset all;

		machine_random(&state, &t);
		check_spans(t.packages, t.package_count, "package", round);
		check_spans(t.l3s, t.l3_count, "L3", round);
		check_numa(round);
		check_cores(round);
		all = topology_span_cpus(&t, (struct topology_span){0, (uint16_t)t.core_count});
		ck_assert(cpuset_is_equal(&all, &t.allowed));
		ck_assert_uint_eq(cpuset_count(&all), t.cpu_count);
		other = t;
		ck_assert_int_eq(topology_derive(&t, &e), 0);
		ck_assert_msg(memcmp(&t, &other, sizeof(t)) == 0,
			      "seed %lu round %u: deriving again changes it", test_seed(), round);
	}
}
END_TEST

/* Other OS indexes, same tree. */
START_TEST(test_renumbered)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 1000; round++) {
		machine_random(&state, &t);
		machine_renumber(&state, &t, &other);
		ck_assert_uint_eq(t.oddities, other.oddities);
		ck_assert_uint_eq(t.numa_count, other.numa_count);
		for (unsigned i = 0; i < t.numa_count; i++)
			ck_assert_msg(t.numa[i].cores.count == other.numa[i].cores.count &&
					      __builtin_popcountll(t.numa[i].nodes) ==
						      __builtin_popcountll(other.numa[i].nodes),
				      "seed %lu round %u: numa %u", test_seed(), round, i);
		ck_assert(memcmp(t.cores, other.cores, sizeof(t.cores)) == 0);
		ck_assert(memcmp(t.l3s, other.l3s, sizeof(t.l3s)) == 0);
	}
}
END_TEST

/* Random damage to a good machine: refused in a sentence, or derived; sanitizers watch. */
START_TEST(test_damaged)
{
	unsigned long long state = test_seed();
	unsigned refusals = 0;

	for (unsigned round = 0; round < 2000; round++) {
		struct err e = {0};
		unsigned hits = 1 + random_below(&state, 4);

		machine_random(&state, &t);
		while (hits--) {
			struct topology_cpu *cpu = &t.cpus[random_below(&state, t.cpu_count)];
			uint16_t value =
				(uint16_t)(random_once(&state, 2) ? random_below(&state, 65536)
								  : random_below(&state, 8));
			uint16_t *const fields[] = {&cpu->os_index, &cpu->core, &cpu->l3,
						    &cpu->package,  &cpu->kind, &t.nodes[0].id};

			*fields[random_below(&state, 6)] = value;
		}
		if (topology_derive(&t, &e) == 0)
			check_cores(round);
		else
			refusals += e.exit == ERR_WRONG && e.msg[0];
	}
	ck_assert_uint_gt(refusals, 100);
	ck_assert_uint_lt(refusals, 1900);
}
END_TEST

TEST_MAIN("topology",
	  test_case("rules", test_named, test_all_named_derive, test_cxl,
		    test_expander_over_two_nodes, test_disallowed_node, test_nearest_ties,
		    test_units, test_odd_sources, test_huge_pages, test_apart,
		    test_only_other_memory, test_distance, test_refused),
	  test_case("random", test_random_machines, test_renumbered, test_damaged))
