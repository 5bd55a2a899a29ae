/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cores make up which slice: by, slices, cores, max_cores, reserve, on regular and on odd
 * machines.
 */

#include "decision/partition/partition.h"
#include "decision/partition/usable.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

static struct topology t;
static struct partition part;
static struct profile profile;

/* "15@0 30@1-2": the cores of each slice and its packages, in tree order. */
static const char *shape(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < part.slices; i++) {
		struct cpuset packages = {0};

		for (unsigned core = 0; core < t.core_count; core++) {
			if (part.owner[core] == i)
				cpuset_add(&packages, t.cores[core].package);
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u@%s", i ? " " : "",
					 part.cores[i], CPUSET_STRING(&packages));
	}
	return text;
}

struct wanted {
	const char *machine;
	enum partition_by by;
	int slices, cores, max_cores, reserve;
};

static const struct profile_partition *wanted_of(const struct wanted *w)
{
	profile_default(&profile);
	profile.partition.by = w->by;
	profile.partition.slices = w->slices ? w->slices : AMOUNT_AUTO;
	profile.partition.cores = w->cores ? w->cores : AMOUNT_AUTO;
	profile.partition.max_cores = w->max_cores ? w->max_cores : AMOUNT_ALL;
	profile.partition.reserve_cores = w->reserve;
	return &profile.partition;
}

#define AUTO AMOUNT_AUTO

START_TEST(test_shapes)
{
	static const struct {
		struct wanted wanted;
		const char *shape;
	} table[] = {
		{{"paper-8x15", BY_SOCKET, 0, 0, 0, 0}, "15@0 15@1 15@2 15@3 15@4 15@5 15@6 15@7"},
		{{"paper-8x15", BY_AUTO, 0, 0, 0, AUTO}, "14@0 14@1 14@2 14@3 14@4 14@5 14@6 14@7"},
		{{"paper-8x15", BY_SOCKET, 4, 0, 0, 0}, "30@0-1 30@2-3 30@4-5 30@6-7"},
		{{"paper-8x15", BY_SOCKET, 4, 30, 0, 0}, "30@0-1 30@2-3 30@4-5 30@6-7"},
		{{"paper-8x15", BY_MACHINE, 0, 30, 0, 0}, "30@0-1 30@2-3 30@4-5 30@6-7"},
		{{"paper-8x15", BY_MACHINE, 4, 0, 0, 2}, "29@0,2 29@1,3 29@4,6 29@5,7"},
		{{"paper-8x15", BY_SOCKET, 3, 0, 0, 0}, "45@0-2 45@3-5 30@6-7"},
		{{"paper-8x15", BY_SOCKET, 10, 0, 0, 0},
		 "8@0 7@0 8@1 7@1 15@2 15@3 15@4 15@5 15@6 15@7"},
		{{"paper-8x15", BY_SOCKET, 0, 7, 0, 0},
		 "7@0 7@0 7@1 7@1 7@2 7@2 7@3 7@3 7@4 7@4 7@5 7@5 7@6 7@6 7@7 7@7"},
		{{"paper-8x15", BY_SOCKET, 3, 10, 0, 0}, "10@0 10@1 10@2"},
		/*
		 * the paper's sweep of one JVM over fewer cores: whole packages where they make up
		 * the size
		 */
		{{"paper-8x15", BY_MACHINE, 1, 60, 0, 0}, "60@0-3"},
		{{"paper-8x15", BY_MACHINE, 1, 8, 0, 0}, "8@0"},
		{{"paper-8x15", BY_MACHINE, 1, 0, 60, 0}, "60@0-3"},
		/* a ceiling is taken off evenly */
		{{"paper-8x15", BY_SOCKET, 0, 0, 80, 0}, "10@0 10@1 10@2 10@3 10@4 10@5 10@6 10@7"},
		{{"paper-8x15", BY_SOCKET, 0, 0, 80, 2}, "10@0 10@1 10@2 10@3 10@4 10@5 10@6 10@7"},
		{{"paper-8x15", BY_MACHINE, 4, 0, 80, 0}, "20@0-1 20@2-3 20@4-5 20@6-7"},
		{{"paper-8x15", BY_MACHINE, 4, 0, 40, 0}, "10@0 10@1 10@2 10@3"},
		/*
		 * as few as possible cross: each package holds one of 10, the rest makes four more
		 */
		{{"paper-8x15", BY_MACHINE, 12, 0, 0, 0},
		 "10@0 10@0-1 10@1 10@2 10@2-3 10@3 10@4 10@4-5 10@5 10@6 10@6-7 10@7"},
		/* one size, where one core in 16 is enough for it */
		{{"l3-24", BY_SOCKET, 0, 0, 0, 1}, "47@0 47@1"},
		{{"l3-24", BY_SOCKET, 4, 0, 0, 1}, "23@0 23@0 23@1 23@1"},
		{{"snc4", BY_NUMA, 0, 0, 0, 0}, "12@0 12@0 12@0 12@0 12@1 12@1 12@1 12@1"},
		{{"snc4", BY_AUTO, 0, 0, 0, 0}, "48@0 48@1"},
		{{"snc4", BY_L3, 0, 0, 0, 0}, "48@0 48@1"},
		{{"nps4", BY_AUTO, 8, 0, 0, 0}, "16@0 16@0 16@0 16@0 16@1 16@1 16@1 16@1"},
		{{"nps4", BY_MACHINE, 4, 0, 0, 0}, "32@0 32@0 32@1 32@1"},
		{{"l3-24", BY_L3, 0, 0, 0, 0},
		 "4@0 4@0 4@0 4@0 4@0 4@0 4@0 4@0 4@0 4@0 4@0 4@0 "
		 "4@1 4@1 4@1 4@1 4@1 4@1 4@1 4@1 4@1 4@1 4@1 4@1"},
		{{"no-l3", BY_L3, 0, 0, 0, 0}, "8@0 8@0 8@1 8@1"},
		{{"broken-3x4", BY_SOCKET, 0, 0, 0, 0}, "4@0 4@1 4@2"},
		{{"broken-3x4", BY_NUMA, 0, 0, 0, 0}, "3@0 3@0-1 3@1-2 3@2"},
		{{"one-cpu", BY_AUTO, 0, 0, 0, AUTO}, "1@0"},
		{{"half-offline", BY_SOCKET, 0, 0, 0, 0}, "16@0 4@1"},
		{{"half-offline", BY_SOCKET, 3, 0, 0, 0}, "8@0 8@0 4@1"},
		{{"half-offline", BY_MACHINE, 2, 0, 0, 0}, "10@0 10@0-1"},
		{{"no-packages", BY_SOCKET, 0, 0, 0, 0}, "16@0"},
		{{"no-packages", BY_NUMA, 0, 0, 0, 0}, "8@0 8@0"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err e = {0};

		machine_named(table[i].wanted.machine, &t);
		partition_make(&t, wanted_of(&table[i].wanted), &part, &e);
		ck_assert_msg(e.code == 0, "row %u: %s", i, e.msg);
		ck_assert_msg(strcmp(shape(), table[i].shape) == 0, "row %u, %s: %s instead of %s",
			      i, table[i].wanted.machine, shape(), table[i].shape);
	}
}

START_TEST(test_refusals)
{
	static const struct {
		struct wanted wanted;
		const char *message;
	} table[] = {
		{{"paper-8x15", BY_MACHINE, 64, 2, 0, 0},
		 "partition.slices: 64 slices of 2 cores do not fit on 120 cores: write at most 60"},
		{{"half-offline", BY_MACHINE, 21, 0, 0, 0},
		 "partition.slices: 21 slices do not fit on 20 cores: write at most 20"},
		{{"half-offline", BY_MACHINE, 9, 0, 8, 0},
		 "partition.slices: 9 slices do not fit on 8 cores (partition.max_cores)"},
		{{"paper-8x15", BY_SOCKET, 0, 30, 0, 0},
		 "partition.cores: 30 cores do not fit in a package: the largest has 15"},
		{{"paper-8x15", BY_MACHINE, 0, 121, 0, 0},
		 "partition.cores: 121 cores a slice are more than the 120 cores"},
		{{"paper-8x15", BY_MACHINE, 0, 1, 0, 0},
		 "partition.cores: 120 slices of 1 cores are more than 64"},
		{{"paper-8x15", BY_SOCKET, 0, 0, 7, 0},
		 "partition.max_cores: 7 cores are too few for a slice in each of 8 packages"},
		{{"paper-8x15", BY_SOCKET, 9, 8, 0, 0},
		 "partition.cores: 9 slices of 8 cores do not fit: the packages have room for 8"},
		{{"one-cpu", BY_AUTO, 0, 0, 0, 1},
		 "partition.reserve.cores: 1 of 1 usable cores leave none"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err e = {0};

		machine_named(table[i].wanted.machine, &t);
		memset(&part, 0x5a, sizeof(part));
		ck_assert_int_lt(partition_make(&t, wanted_of(&table[i].wanted), &part, &e), 0);
		ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
		ck_assert_msg(strncmp(e.msg, table[i].message, strlen(table[i].message)) == 0,
			      "row %u: %s", i, e.msg);
		ck_assert_msg(part.slices == 0x5a5a5a5a, "row %u wrote its output", i);
	}
}

/* 64 nodes at most, but packages can be more: fewer slices join neighbours, all alike. */
START_TEST(test_many_packages)
{
	static const struct wanted wanted = {.by = BY_AUTO};
	struct err e = {0};

	machine_regular(&(struct machine_shape){1, 1, 1, 1, 1, GIB}, &t);
	t.cpu_count = 800;
	for (unsigned i = 0; i < 800; i++) {
		t.cpus[i] = (struct topology_cpu){(uint16_t)i, (uint16_t)i, TOPOLOGY_NONE,
						  (uint16_t)(i / 8), 0};
		cpuset_add(&t.nodes[0].cpus, i);
	}
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	/* one node holds all: the node is the larger of the two */
	ck_assert_int_eq(partition_make(&t, wanted_of(&wanted), &part, &e), 0);
	ck_assert_str_eq(shape(), "800@0-99");
	ck_assert_int_lt(
		partition_make(&t, wanted_of(&(struct wanted){.by = BY_SOCKET}), &part, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "partition.by: socket makes 100 slices, more than 64"));
	ck_assert_int_eq(partition_make(&t,
					wanted_of(&(struct wanted){.by = BY_SOCKET, .slices = 50}),
					&part, &e),
			 0);
	for (unsigned i = 0; i < 50; i++)
		ck_assert_uint_eq(part.cores[i], 16);
}

/* Pairs by distance, not by number: the firmware puts 0 beside 2 and 1 beside 3. */
START_TEST(test_nearest_first)
{
	static const struct wanted rows[] = {{.by = BY_SOCKET, .slices = 2},
					     {.by = BY_MACHINE, .slices = 2},
					     {.by = BY_MACHINE, .cores = 16}};
	struct err e = {0};

	machine_regular(&(struct machine_shape){4, 1, 1, 8, 1, GIB}, &t);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < 4; k++)
			t.distance[i][k] = i == k ? 10 : i % 2 == k % 2 ? 15 : 30;
	}
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(partition_make(&t, wanted_of(&rows[i]), &part, &e), 0);
		ck_assert_str_eq(shape(), "16@0,2 16@1,3");
	}
}

/* Uneven packages that add up: 10 + 4, 8 + 6. */
START_TEST(test_whole_packages)
{
	static const uint16_t packages[] = {10, 8, 6, 4};
	struct err e = {0};

	machine_regular(&(struct machine_shape){1, 1, 1, 28, 1, GIB}, &t);
	for (unsigned i = 0, package = 0, left = packages[0]; i < 28; i++, left--) {
		if (left == 0)
			left = packages[++package];
		t.cpus[i].package = (uint16_t)package;
		t.cpus[i].l3 = TOPOLOGY_NONE;
	}
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_int_eq(partition_make(&t,
					wanted_of(&(struct wanted){.by = BY_MACHINE, .slices = 2}),
					&part, &e),
			 0);
	ck_assert_str_eq(shape(), "14@0,3 14@1-2");
}

START_TEST(test_reserve_empties_a_package)
{
	static const struct wanted wanted = {.by = BY_SOCKET, .reserve = 2};
	struct err e = {0};

	machine_regular(&(struct machine_shape){3, 1, 1, 3, 1, GIB}, &t);
	for (unsigned i = 0; i < 9; i++) /* packages of 1, 4, 4 */
		t.cpus[i].package = t.cpus[i].l3 = (uint16_t)((i + 3) / 4);
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_int_eq(partition_make(&t, wanted_of(&wanted), &part, &e), 0);
	ck_assert_str_eq(shape(), "3@1 4@2");
	ck_assert_uint_eq(part.emptied, 1);
	ck_assert_uint_eq(part.reserved, 2);
}

START_TEST(test_restricted_cpus)
{
	struct profile_partition wanted = *wanted_of(&(struct wanted){.by = BY_SOCKET});
	struct err e = {0};

	machine_regular(&(struct machine_shape){2, 1, 1, 4, 2, GIB}, &t);
	wanted.all_cpus = false;
	ck_assert_int_eq(cpuset_parse("1-3,9-11,13", &wanted.cpus, &e), 0);
	ck_assert_int_eq(partition_make(&t, &wanted, &part, &e), 0);
	ck_assert_str_eq(shape(), "3@0 1@1"); /* CPU 13 is the second thread of core 5 */
	ck_assert_uint_eq(partition_core_cpus(&t, &wanted, 5, NULL), 1);
	ck_assert_uint_eq(partition_core_cpus(&t, &wanted, 1, NULL), 2);
	wanted.smt = SMT_ONE;
	ck_assert_uint_eq(partition_core_cpus(&t, &wanted, 1, NULL), 1);
	ck_assert_uint_eq(partition_core_cpus(&t, &wanted, 4, NULL), 0);

	ck_assert_int_eq(cpuset_parse("0-3,16-17", &wanted.cpus, &e), 0);
	ck_assert_int_lt(partition_make(&t, &wanted, &part, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "partition.cpus: CPUs 16-17 are not among those"));
}

/* Two nodes of 32 packages of one core: a package is no place for a slice. */
static void make_small_packages(void)
{
	struct err e = {0};

	machine_regular(&(struct machine_shape){2, 1, 0, 32, 1, GIB}, &t);
	for (unsigned i = 0; i < 64; i++)
		t.cpus[i].package = (uint16_t)i;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
}

START_TEST(test_small_packages)
{
	static const struct wanted rows[] = {{.slices = 2, .reserve = AUTO}, {.slices = 21}};
	struct err e = {0};

	make_small_packages();
	ck_assert_uint_eq(t.unit_count, 2);
	ck_assert(!topology_packages_are_units(&t));
	ck_assert_int_eq(partition_make(&t, wanted_of(&rows[0]), &part, &e), 0);
	ck_assert_str_eq(shape(), "31@1-31 31@32-62");
	ck_assert_uint_eq(part.by, BY_NUMA);
	ck_assert_uint_eq(part.reserved, 2); /* 1, and 1 so that slices are equal */
	ck_assert_uint_eq(part.spared, 1);
	ck_assert_int_eq(partition_make(&t, wanted_of(&rows[1]), &part, &e), 0);
	ck_assert_uint_eq(part.by, BY_MACHINE); /* 21 packages of each three, or 64 / 21 */
}

/* Nodes of 12, 12, 12, 12 and 1 cores: the one goes to a neighbour, and there to the reserve. */
START_TEST(test_small_parent)
{
	static const struct wanted four = {.by = BY_NUMA, .slices = 4, .reserve = AUTO};
	struct err e = {0};

	machine_regular(&(struct machine_shape){5, 1, 0, 12, 1, GIB}, &t);
	t.cpu_count = 49;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	ck_assert_int_eq(partition_make(&t, wanted_of(&four), &part, &e), 0);
	ck_assert_str_eq(shape(), "12@0 12@1 12@2 12@3");
}

/* Each slice has as many cores of each kind as the others, to within one. */
START_TEST(test_hybrid)
{
	struct err e = {0};

	machine_named("hybrid", &t);
	for (int slices = 1; slices <= 7; slices++) {
		struct wanted wanted = {.by = BY_MACHINE, .slices = slices};
		unsigned least[2] = {UINT16_MAX, UINT16_MAX}, most[2] = {0};

		ck_assert_int_eq(partition_make(&t, wanted_of(&wanted), &part, &e), 0);
		for (unsigned i = 0; i < part.slices; i++) {
			unsigned count[2] = {0};

			for (unsigned core = 0; core < t.core_count; core++) {
				if (part.owner[core] == i)
					count[t.cores[core].kind]++;
			}
			for (unsigned kind = 0; kind < 2; kind++) {
				least[kind] = count[kind] < least[kind] ? count[kind] : least[kind];
				most[kind] = count[kind] > most[kind] ? count[kind] : most[kind];
			}
		}
		ck_assert_uint_le(most[0] - least[0], 1);
		ck_assert_uint_le(most[1] - least[1], 1);
	}
}

TEST_MAIN("partition",
	  test_case("partition", test_shapes, test_refusals, test_many_packages, test_nearest_first,
		    test_whole_packages, test_reserve_empties_a_package, test_restricted_cpus,
		    test_small_packages, test_small_parent, test_hybrid))
