/* SPDX-License-Identifier: Apache-2.0 */
/* What the host group gets: how many cores, which ones, and how much memory of which node. */

#include "decision/partition/reserve.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

static struct topology t;

START_TEST(test_count)
{
	static const struct {
		int wanted;
		unsigned usable;
		int count;
	} table[] = {
		{AMOUNT_AUTO, 1, 0},
		{AMOUNT_AUTO, 4, 0},
		{AMOUNT_AUTO, 5, 1},
		{AMOUNT_AUTO, 64, 1},
		{AMOUNT_AUTO, 65, 2},
		{AMOUNT_AUTO, 256, 2},
		{AMOUNT_AUTO, 257, 4},
		{AMOUNT_AUTO, 4096, 4},
		{0, 1, 0},
		{7, 8, 7},
	};
	struct err e;

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_msg(reserve_count(table[i].wanted, table[i].usable, &e) == table[i].count,
			      "wanted %d of %u cores", table[i].wanted, table[i].usable);
}

START_TEST(test_count_refuses)
{
	struct err e;

	ck_assert_int_lt(reserve_count(8, 8, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_ptr_nonnull(strstr(e.msg, "partition.reserve.cores: 8 of 8"));
}

/* The order in which cores go: packages in turn, in each the nodes, in each the L3s. */
START_TEST(test_cores_in_turn)
{
	static const unsigned order[] = {0, 16, 8, 24, 4, 20, 12, 28, 1, 17, 9, 25, 5, 21, 13, 29};
	uint16_t owner[TOPOLOGY_CPUS];

	machine_regular(&(struct machine_shape){2, 2, 2, 4, 1, GIB}, &t);
	for (unsigned count = 1; count <= sizeof(order) / sizeof(order[0]); count++) {
		for (unsigned i = 0; i < t.core_count; i++)
			owner[i] = CORE_FREE;
		reserve_cores(&t, owner, count, CORE_RESERVED);
		for (unsigned i = 0; i < count; i++)
			ck_assert_msg(owner[order[i]] == CORE_RESERVED, "%u taken, not core %u",
				      count, order[i]);
	}
}

/*
 * Cores that are gone are passed over, those reserved already count, and a small package is not
 * asked twice.
 */
START_TEST(test_cores_in_part)
{
	uint16_t owner[TOPOLOGY_CPUS];

	machine_regular(&(struct machine_shape){3, 1, 1, 4, 1, GIB}, &t);
	for (unsigned i = 0; i < 12; i++)
		owner[i] = CORE_FREE;
	owner[0] = CORE_RESERVED;
	for (unsigned i = 5; i < 8; i++)
		owner[i] = CORE_OUTSIDE;
	reserve_cores(&t, owner, 4, CORE_ABOVE);
	ck_assert_uint_eq(owner[4], CORE_ABOVE); /* the second package's only one */
	ck_assert_uint_eq(owner[8], CORE_ABOVE); /* the third's first */
	ck_assert_uint_eq(owner[1], CORE_ABOVE); /* the first has one reserved already */
	ck_assert_uint_eq(owner[9], CORE_ABOVE);
	ck_assert_uint_eq(owner[2], CORE_FREE);
}

/*
 * Four packages, two a node: the second core comes from the second node, not from the first again.
 */
START_TEST(test_cores_of_large_nodes)
{
	uint16_t owner[TOPOLOGY_CPUS];
	struct err e = {0};

	machine_regular(&(struct machine_shape){1, 2, 0, 4, 1, GIB}, &t);
	for (unsigned i = 0; i < 8; i++) {
		t.cpus[i].package = (uint16_t)(i / 2);
		owner[i] = CORE_FREE;
	}
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	reserve_cores(&t, owner, 2, CORE_RESERVED);
	ck_assert_uint_eq(owner[0], CORE_RESERVED);
	ck_assert_uint_eq(owner[4], CORE_RESERVED);
}

/* Four nodes of the given GiB. */
static void four_nodes(const unsigned gib[4])
{
	machine_regular(&(struct machine_shape){4, 1, 1, 2, 1, GIB}, &t);
	for (unsigned i = 0; i < 4; i++)
		t.nodes[i].usable_bytes = gib[i] * GIB;
}

START_TEST(test_memory)
{
	static const struct {
		unsigned gib[4];
		struct size wanted;
		uint64_t node[4];
	} table[] = {
		/* auto: 2 GB, from 100 GB on 2 % */
		{{16, 16, 16, 16}, {SIZE_AUTO, 0}, {GIB / 2, GIB / 2, GIB / 2, GIB / 2}},
		{{100, 100, 100, 100}, {SIZE_AUTO, 0}, {2 * GIB, 2 * GIB, 2 * GIB, 2 * GIB}},
		/* never more than a quarter of all */
		{{1, 1, 1, 1}, {SIZE_AUTO, 0}, {GIB / 4, GIB / 4, GIB / 4, GIB / 4}},
		/* a small node gives a quarter of itself, the others the rest evenly */
		{{1, 13, 13, 13},
		 {SIZE_BYTES, 4 * GIB},
		 {GIB / 4, 5 * GIB / 4, 5 * GIB / 4, 5 * GIB / 4}},
		{{0, 16, 16, 16}, {SIZE_BYTES, 3 * GIB}, {0, GIB, GIB, GIB}},
		/* more than a quarter of all: each gives its share */
		{{8, 8, 8, 8}, {SIZE_PERCENT, 50}, {4 * GIB, 4 * GIB, 4 * GIB, 4 * GIB}},
		{{8, 8, 8, 8}, {SIZE_NONE, 0}, {0, 0, 0, 0}},
		{{8, 8, 8, 8}, {SIZE_BYTES, 0}, {0, 0, 0, 0}},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct reserve_memory r;
		struct err e;
		uint64_t sum = 0;

		four_nodes(table[i].gib);
		ck_assert_int_eq(reserve_memory(&t, 15, &table[i].wanted, &r, &e), 0);
		for (unsigned k = 0; k < 4; k++) {
			ck_assert_msg(r.node[k] == table[i].node[k],
				      "row %u: node %u gives %llu bytes instead of %llu", i, k,
				      (unsigned long long)r.node[k],
				      (unsigned long long)table[i].node[k]);
			sum += r.node[k];
		}
		ck_assert_uint_eq(r.total, sum);
	}
}

START_TEST(test_memory_of_some_nodes)
{
	static const unsigned gib[] = {16, 16, 16, 16};
	static const struct size wanted = {SIZE_BYTES, 2 * GIB};
	struct reserve_memory r;
	struct err e;

	four_nodes(gib);
	ck_assert_int_eq(reserve_memory(&t, 1 << 1 | 1 << 3, &wanted, &r, &e), 0);
	ck_assert_uint_eq(r.node[0], 0);
	ck_assert_uint_eq(r.node[1], GIB);
	ck_assert_uint_eq(r.node[3], GIB);
}

START_TEST(test_memory_refuses)
{
	static const unsigned gib[] = {1, 1, 1, 1};
	static const struct {
		struct size wanted;
		const char *message;
	} table[] = {
		{{SIZE_BYTES, 5 * GIB}, "partition.reserve.memory: 5 GB are more than the 4 GB"},
		{{SIZE_BYTES, 4 * GIB}, "partition.reserve.memory: 4 GB are all that the nodes"},
		{{SIZE_PERCENT, 100}, "partition.reserve.memory: 4 GB are all that the nodes"},
	};

	four_nodes(gib);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct reserve_memory r = {.total = 77};
		struct err e;

		ck_assert_int_lt(reserve_memory(&t, 15, &table[i].wanted, &r, &e), 0);
		ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
		ck_assert_msg(strstr(e.msg, table[i].message) != NULL, "%s", e.msg);
		ck_assert_uint_eq(r.total, 77);
	}
}

/*
 * Whatever is asked: no node gives more than it has, nobody gives what was not asked for, and
 * nearly all of it is found.
 */
START_TEST(test_memory_random)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 2000; round++) {
		unsigned gib[4];
		struct size wanted = {SIZE_BYTES, test_random(&state) % (64 * GIB)};
		struct reserve_memory r;
		struct err e;
		uint64_t all = 0;

		for (unsigned i = 0; i < 4; i++) {
			gib[i] = random_below(&state, 33);
			all += gib[i] * GIB;
		}
		four_nodes(gib);
		if (reserve_memory(&t, 15, &wanted, &r, &e) < 0) {
			ck_assert_msg(wanted.value >= all, "seed %lu round %u: %s", test_seed(),
				      round, e.msg);
			continue;
		}
		for (unsigned i = 0; i < 4; i++)
			ck_assert_msg(r.node[i] <= t.nodes[i].usable_bytes,
				      "seed %lu round %u: node %u", test_seed(), round, i);
		ck_assert_msg(r.total <= wanted.value && r.total + 4 >= wanted.value,
			      "seed %lu round %u: %llu of %llu bytes", test_seed(), round,
			      (unsigned long long)r.total, (unsigned long long)wanted.value);
	}
}

TEST_MAIN("reserve",
	  test_case("cores", test_count, test_count_refuses, test_cores_in_turn, test_cores_in_part,
		    test_cores_of_large_nodes),
	  test_case("memory", test_memory, test_memory_of_some_nodes, test_memory_refuses,
		    test_memory_random))
