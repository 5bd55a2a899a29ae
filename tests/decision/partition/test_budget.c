/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of slices: shares of nodes, then subtraction, to the byte. */

#include "decision/partition/budget.h"

#include <limits.h>

#include "tests/decision/machines.h"
#include "tests/harness.h"

#define MIB BUDGET_MIB
#define GIB (1024 * MIB)

static struct topology t;
static struct partition part;
static struct profile profile;
static struct budget budget;
static struct budget_slice slices[SLICES_MAX];
static struct budget_wish wish = {.executors = 1};

static struct profile_memory *defaults(void)
{
	profile_default(&profile);
	return &profile.memory;
}

static int make(const struct profile_memory *wanted, unsigned count, struct err *e)
{
	memset(e, 0, sizeof(*e));
	return budget_make(wanted, &wish, slices, count, true, &budget, e);
}

static uint64_t sum(const struct slice_memory *m)
{
	return m->heap_bytes + m->direct_bytes + m->off_heap_bytes + m->python_bytes +
	       m->native_bytes + m->daemon_bytes + m->scratch_bytes + m->page_cache_bytes;
}

START_TEST(test_automatic)
{
	static const struct {
		uint64_t share;
		unsigned slots;
		uint64_t heap, direct, native, page_cache;
		bool tight;
	} table[] = {
		/* large: the heap ends at 31 GB, native is a tenth of it */
		{65536 * MIB, 30, 31744 * MIB, 1440 * MIB, 3328599654,
		 (65536 - 512 - 1440 - 31744) * MIB - 3328599654, false},
		/* a quarter stays free: 16384 - 512 - 480 - 4096 = 11296 = heap + heap / 10 */
		{16384 * MIB, 10, 10269 * MIB, 480 * MIB, 1076782694,
		 (16384 - 512 - 480 - 10269) * MIB - 1076782694, false},
		/*
		 * small: native is 768 MB, direct 200 MB; a tenth stays free until a slot has 1 GB
		 */
		{3072 * MIB, 2, 1284 * MIB, 200 * MIB, 768 * MIB, 308 * MIB, false},
		/* direct is at most a tenth of the limit */
		{8192 * MIB, 100, 5273 * MIB, 819 * MIB, 768 * MIB, 820 * MIB, false},
		/* a slot has its 4 GB */
		{65536 * MIB, 4, 16384 * MIB, 200 * MIB, 1717986918, 0, false},
		/* too small for free room: the least heap, and what is left */
		{2048 * MIB, 2, 450 * MIB, 200 * MIB, 768 * MIB, 118 * MIB, true},
		{1930 * MIB, 64, 450 * MIB, 200 * MIB, 768 * MIB, 0, true},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct slice_memory *m = &budget.slices[0];
		struct err e;

		slices[0] = (struct budget_slice){1, table[i].share, table[i].slots};
		ck_assert_msg(make(defaults(), 1, &e) == 0, "row %u: %s", i, e.msg);
		ck_assert_uint_eq(m->max_bytes, table[i].share);
		ck_assert_msg(m->heap_bytes == table[i].heap, "row %u: heap %llu MB", i,
			      (unsigned long long)(m->heap_bytes / MIB));
		ck_assert_uint_eq(m->direct_bytes, table[i].direct);
		ck_assert_uint_eq(m->native_bytes, table[i].native);
		ck_assert_uint_eq(m->daemon_bytes, 512 * MIB);
		if (table[i].page_cache || table[i].tight)
			ck_assert_uint_eq(m->page_cache_bytes, table[i].page_cache);
		ck_assert_uint_eq(sum(m), m->max_bytes);
		ck_assert_int_eq(budget.tight, table[i].tight);
	}
}

START_TEST(test_smallest_decides)
{
	struct err e;

	slices[0] = (struct budget_slice){1, 16384 * MIB, 10};
	slices[1] = (struct budget_slice){2, 3072 * MIB, 2};
	ck_assert_int_eq(make(defaults(), 2, &e), 0);
	ck_assert_uint_eq(budget.slices[0].heap_bytes, 1284 * MIB);
	ck_assert_uint_eq(budget.slices[1].heap_bytes, 1284 * MIB);
	ck_assert_uint_eq(budget.slices[0].max_bytes, 16384 * MIB);
	ck_assert_uint_eq(budget.slices[0].page_cache_bytes,
			  (16384 - 512 - 480 - 768 - 1284) * MIB);
}

START_TEST(test_written)
{
	struct profile_memory *m = defaults();
	const struct slice_memory *made = &budget.slices[0];
	struct err e;

	slices[0] = (struct budget_slice){1, 20 * GIB, 8};
	m->limit = (struct size){SIZE_PERCENT, 80};
	m->heap = (struct size){SIZE_PERCENT, 50};
	m->direct = (struct size){SIZE_BYTES, 1 * GIB};
	m->off_heap = (struct size){SIZE_BYTES, 512 * MIB};
	m->python = (struct size){SIZE_PERCENT, 5};
	m->page_cache = (struct size){SIZE_BYTES, 1 * GIB};
	m->scratch.type = SCRATCH_TMPFS;
	m->scratch.size = (struct size){SIZE_BYTES, 2 * GIB};
	m->high = (struct size){SIZE_PERCENT, 90};
	m->low = (struct size){SIZE_BYTES, 3 * GIB};
	m->swap = (struct size){SIZE_BYTES, 4 * GIB};
	ck_assert_msg(make(m, 1, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(made->max_bytes, 16 * GIB);
	ck_assert_uint_eq(made->heap_bytes, 8 * GIB);
	ck_assert_uint_eq(made->direct_bytes, 1 * GIB);
	ck_assert_uint_eq(made->native_bytes, 8 * GIB / 10);
	ck_assert_uint_eq(made->off_heap_bytes, 512 * MIB);
	ck_assert_uint_eq(made->python_bytes, 16 * GIB / 20);
	ck_assert_uint_eq(made->scratch_bytes, 2 * GIB);
	ck_assert_uint_eq(made->high_bytes, 16 * GIB / 10 * 9 + 16 * GIB % 10 * 9 / 10);
	ck_assert_uint_eq(made->low_bytes, 3 * GIB);
	ck_assert_uint_eq(made->swap_bytes, 4 * GIB);
	ck_assert_uint_eq(sum(made), 16 * GIB);

	m->scratch.type = SCRATCH_DISK; /* a disk's files are nobody's memory */
	ck_assert_int_eq(make(m, 1, &e), 0);
	ck_assert_uint_eq(made->scratch_bytes, 0);
}

START_TEST(test_unknown)
{
	struct profile_memory *m = defaults();
	const struct slice_memory *made = &budget.slices[0];
	struct err e;

	m->direct = (struct size){SIZE_PERCENT, 10};
	slices[0] = (struct budget_slice){1, 0, 8};
	ck_assert_int_eq(budget_make(m, &wish, slices, 1, false, &budget, &e), 0);
	ck_assert_uint_eq(made->max_bytes, 0);
	ck_assert_uint_eq(made->page_cache_bytes, 0);
	ck_assert_uint_eq(made->heap_bytes, 1 * GIB);
	ck_assert_uint_eq(made->direct_bytes, 384 * MIB);
	ck_assert_uint_eq(made->native_bytes, 768 * MIB);

	m->limit = (struct size){SIZE_PERCENT, 50}; /* of what nobody knows */
	ck_assert_int_eq(budget_make(m, &wish, slices, 1, false, &budget, &e), 0);
	ck_assert_uint_eq(made->max_bytes, 0);
	m->limit = (struct size){SIZE_BYTES, 4 * GIB};
	ck_assert_int_eq(budget_make(m, &wish, slices, 1, false, &budget, &e), 0);
	ck_assert_uint_eq(made->max_bytes, 4 * GIB);
	m->limit = (struct size){SIZE_BYTES, 500 << 10};
	ck_assert_int_lt(budget_make(m, &wish, slices, 1, false, &budget, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
}

START_TEST(test_refusals)
{
	static const struct {
		size_t offset; /* of a struct size in struct profile_memory */
		struct size size;
		uint64_t share;
		const char *message;
	} table[] = {
		{offsetof(struct profile_memory, heap),
		 {SIZE_AUTO, 0},
		 1929 * MIB,
		 "partition.slices: slice-0 has 1.8 GB and needs 1 MB more (1 executor: heap 450 "
		 "MB, native 768 MB, direct 200 MB; daemon 512 MB,"},
		{offsetof(struct profile_memory, limit),
		 {SIZE_BYTES, 1 * GIB},
		 4 * GIB,
		 "memory.limit: slice-0 has 1 GB and needs 906 MB more"},
		{offsetof(struct profile_memory, limit),
		 {SIZE_BYTES, 5 * GIB},
		 4 * GIB,
		 "memory.limit: 5 GB for slice-0 are 1 GB more than its share of its nodes, 4 GB:"},
		{offsetof(struct profile_memory, limit),
		 {SIZE_BYTES, 500 << 10},
		 4 * GIB,
		 "memory.limit: 500 KB for slice-0 is less than 1 MB: write more"},
		{offsetof(struct profile_memory, limit), /* nothing left is not "unknown" */
		 {SIZE_AUTO, 0},
		 0,
		 "partition.reserve.memory: it leaves slice-0 less than 1 MB of its nodes: write less"},
		{offsetof(struct profile_memory, heap),
		 {SIZE_BYTES, 8 * GIB},
		 4 * GIB,
		 "memory.heap: slice-0 has 4 GB and needs "},
		{offsetof(struct profile_memory, heap),
		 {SIZE_BYTES, 400 * MIB},
		 4 * GIB,
		 "memory.heap: 400 MB is less than a Spark executor needs to start: write at least 450M"},
		{offsetof(struct profile_memory, direct),
		 {SIZE_BYTES, 199 * MIB},
		 4 * GIB,
		 "memory.direct: 199 MB is less than a Spark executor needs to start: write at least 200M"},
		{offsetof(struct profile_memory, off_heap),
		 {SIZE_BYTES, UINT64_MAX},
		 4 * GIB,
		 "memory.off_heap: slice-0 has 4 GB and needs 15.9 EB more"},
		{offsetof(struct profile_memory, python),
		 {SIZE_PERCENT, 90},
		 4 * GIB,
		 "memory.python: slice-0 has 4 GB and needs "},
		{offsetof(struct profile_memory, page_cache),
		 {SIZE_BYTES, 3 * GIB},
		 4 * GIB,
		 "memory.page_cache: slice-0 has 4 GB and needs "},
		{offsetof(struct profile_memory, high),
		 {SIZE_BYTES, 5 * GIB},
		 4 * GIB,
		 "memory.high: 5 GB is above slice-0's limit of 4 GB"},
		{offsetof(struct profile_memory, low),
		 {SIZE_BYTES, 5 * GIB},
		 4 * GIB,
		 "memory.low: 5 GB is above"},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct profile_memory *m = defaults();
		struct err e;

		memcpy((char *)m + table[i].offset, &table[i].size, sizeof(struct size));
		slices[0] = (struct budget_slice){1, table[i].share, 2};
		slices[1] = slices[0];
		memset(&budget, 0x5a, sizeof(budget));
		ck_assert_msg(make(m, 2, &e) < 0, "row %u passed", i);
		ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
		ck_assert_msg(strncmp(e.msg, table[i].message, strlen(table[i].message)) == 0,
			      "row %u: %s", i, e.msg);
		ck_assert_uint_eq(budget.slices[0].max_bytes, 0x5a5a5a5a5a5a5a5a);
	}
}

/* ---- several executors ---- */

/* What a slice of `share` with so many slots has, for this kind of work on so much data. */
static const struct slice_memory *given(uint64_t share, unsigned slots, unsigned executors,
					enum workload_type type, uint64_t data)
{
	struct cost_job job = {type, data, GC_PARALLEL, false};
	struct err e;

	slices[0] = (struct budget_slice){1, share, slots};
	wish = (struct budget_wish){
		.executors = executors, .data_bytes = data, .needs = cost_needs(&job)};
	ck_assert_msg(make(defaults(), 1, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(sum(&budget.slices[0]), share);
	return &budget.slices[0];
}

START_TEST(test_executors)
{
	const struct slice_memory *m = given(512 * GIB, 64, 9, WORKLOAD_WORDCOUNT, 0);

	ck_assert_uint_eq(m->heap_bytes, 9 * (64 * 4 * GIB / 9 / MIB) * MIB); /* 4 GB a slot */
	ck_assert_uint_eq(m->native_bytes % 9, 0);
	ck_assert_uint_eq(m->direct_bytes % 9, 0);
	ck_assert_uint_ge(m->direct_bytes, 9 * DIRECT_LEAST_BYTES);
	ck_assert_uint_eq(budget_executors(defaults(), &wish, slices, 1, true), 9);
	ck_assert_uint_eq(budget_executors(defaults(), &wish, slices, 1, false), 1);
	/* 31 GB are the largest of each */
	m = given(512 * GIB, 64, 4, WORKLOAD_WORDCOUNT, 0);
	ck_assert_uint_eq(m->heap_bytes, 4 * 31 * GIB);
	ck_assert_uint_eq(m->off_heap_bytes, 0);
	/* data of 10 GB: 1 GB a slot do */
	m = given(512 * GIB, 64, 3, WORKLOAD_WORDCOUNT, 10 * GIB);
	ck_assert_uint_eq(m->heap_bytes, 3 * (64 * GIB / 3 / MIB) * MIB);
}
END_TEST

/* SPARK_DAEMON_MEMORY is the slice's, too; the sum stays the slice's share. */
START_TEST(test_daemon_heap)
{
	struct err e;

	ck_assert_uint_eq(given(64 * GIB, 8, 1, WORKLOAD_WORDCOUNT, 0)->daemon_bytes, 512 * MIB);
	wish.daemon_heap = 2 * GIB;
	ck_assert_msg(make(defaults(), 1, &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(budget.slices[0].daemon_bytes, 2 * GIB + 128 * MIB);
	ck_assert_uint_eq(sum(&budget.slices[0]), 64 * GIB);
}
END_TEST

/* SQL keeps outside the heap what one heap of 4-byte pointers does not hold. */
START_TEST(test_off_heap)
{
	const struct slice_memory *m = given(256 * GIB, 32, 1, WORKLOAD_SQL, 0);

	ck_assert_uint_eq(m->heap_bytes, 31 * GIB);
	ck_assert_uint_eq(m->heap_bytes + m->off_heap_bytes, 32 * 4 * GIB);
	m = given(256 * GIB, 32, 1, WORKLOAD_WORDCOUNT, 0);
	ck_assert_uint_eq(m->off_heap_bytes, 0);
}
END_TEST

/* Cached data ask for one larger heap where it holds more; files that are read again for less. */
START_TEST(test_data)
{
	const struct slice_memory *m = given(512 * GIB, 32, 1, WORKLOAD_KMEANS, 100 * GIB);

	ck_assert_uint_gt(m->heap_bytes, 190 * GIB);
	m = given(512 * GIB, 128, 16, WORKLOAD_SQL, 400 * GIB);
	ck_assert_uint_lt(m->heap_bytes,
			  257 * GIB); /* 2 GB a slot, and room for half of the files */
	ck_assert_uint_gt(m->heap_bytes, 255 * GIB);
	ck_assert_uint_gt(m->page_cache_bytes, 150 * GIB);
}
END_TEST

START_TEST(test_slots_by_memory)
{
	wish = (struct budget_wish){.executors = 1};
	slices[0] = (struct budget_slice){1, 8 * GIB, 64};
	/* 8192 - 512 - 819 direct - 819 free - 768 */
	ck_assert_uint_eq(budget_slots(defaults(), &wish, slices, 1, true, 512 * MIB), 10);
	ck_assert_uint_eq(budget_slots(defaults(), &wish, slices, 1, false, 512 * MIB), UINT_MAX);
	slices[0].share = GIB;
	ck_assert_uint_eq(budget_slots(defaults(), &wish, slices, 1, true, 512 * MIB), 1);
}
END_TEST

START_TEST(test_executors_that_do_not_fit)
{
	struct profile_memory *m;
	struct err e;

	wish = (struct budget_wish){.executors = 8};
	slices[0] = (struct budget_slice){1, 8 * GIB, 16};
	ck_assert_int_lt(make(defaults(), 1, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strncmp(e.msg, "spark.executors: slice-0 has 8 GB and needs ", 44) == 0, "%s",
		      e.msg);
	ck_assert_ptr_nonnull(strstr(e.msg, "(8 executors: heap 3.5 GB"));
	ck_assert_ptr_nonnull(strstr(e.msg, "): write at most 5"));
	wish.executors = 5;
	ck_assert_int_eq(make(defaults(), 1, &e), 0);
	/* not their fault */
	m = defaults();
	m->off_heap = (struct size){SIZE_BYTES, 8 * GIB};
	ck_assert_int_lt(make(m, 1, &e), 0);
	ck_assert_msg(strncmp(e.msg, "memory.off_heap: slice-0 has 8 GB and needs ", 44) == 0, "%s",
		      e.msg);
}
END_TEST

START_TEST(test_tmpfs_needs_a_size)
{
	struct profile_memory *m = defaults();
	struct err e;

	m->scratch.type = SCRATCH_TMPFS;
	m->scratch.size = (struct size){SIZE_BYTES, 0};
	slices[0] = (struct budget_slice){1, 8 * GIB, 2};
	ck_assert_int_lt(make(m, 1, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "memory.scratch.size"));
}

/* ---- shares ---- */

static void divide(const char *machine, enum partition_by by, bool memory_only,
		   const struct reserve_memory *reserve)
{
	struct err e = {0};

	profile_default(&profile);
	profile.partition.by = by;
	profile.partition.reserve_cores = 0;
	machine_named(machine, &t);
	ck_assert_int_eq(partition_make(&t, &profile.partition, &part, &e), 0);
	budget_shares(&t, &part, memory_only, reserve, slices);
}

START_TEST(test_shares)
{
	static const struct reserve_memory none = {0};
	struct reserve_memory reserve = {.total = 2 * GIB};

	divide("half-offline", BY_SOCKET, false, &none);
	ck_assert_uint_eq(slices[0].share, 64 * GIB); /* alone on its node, however many cores */
	ck_assert_uint_eq(slices[1].share, 64 * GIB);

	divide("memoryless", BY_SOCKET, false, &none); /* two packages share node 3 */
	ck_assert_uint_eq(slices[1].share, 32 * GIB);
	ck_assert_uint_eq(slices[2].share, 16 * GIB);
	ck_assert_uint_eq(slices[3].share, 16 * GIB);
	ck_assert_uint_eq(slices[2].nodes, UINT64_C(1) << 3);

	reserve.node[0] = 2 * GIB + 1; /* rounded down to whole MB */
	divide("paper-8x15", BY_SOCKET, false, &reserve);
	ck_assert_uint_eq(slices[0].share, 62 * GIB - MIB);
	ck_assert_uint_eq(slices[1].share, 64 * GIB);
}

/* Equally far from three nodes: a third of each core counts on each, so all slices are alike. */
START_TEST(test_shares_of_tied_nodes)
{
	static const struct reserve_memory none = {0};
	struct err e = {0};

	machine_named("memoryless", &t);
	for (unsigned i = 0; i < 4; i++)
		t.distance[2][i] = i == 2 ? 10 : 20;
	ck_assert_int_eq(topology_derive(&t, &e), 0);
	profile_default(&profile);
	profile.partition.by = BY_SOCKET;
	profile.partition.reserve_cores = 0;
	ck_assert_int_eq(partition_make(&t, &profile.partition, &part, &e), 0);
	budget_shares(&t, &part, false, &none, slices);
	ck_assert_uint_eq(slices[2].nodes, 1 | 2 | 8);
	for (unsigned i = 0; i < 4; i++) /* parts are whole numbers: to within a MB */
		ck_assert_msg(slices[i].share >= 24 * GIB - 2 * MIB &&
				      slices[i].share <= 24 * GIB + MIB,
			      "slice %u: %llu MB", i, (unsigned long long)(slices[i].share / MIB));
}

START_TEST(test_memory_only_nodes)
{
	static const struct reserve_memory none = {0};

	divide("cxl", BY_SOCKET, false, &none);
	ck_assert_uint_eq(slices[0].nodes, 1);
	ck_assert_uint_eq(slices[0].share, 128 * GIB);
	divide("cxl", BY_SOCKET, true, &none);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(slices[i].nodes & 3, 1u << i);
	/* both expanders are somebody's, and their memory is given away once */
	ck_assert_uint_eq(slices[0].nodes | slices[1].nodes, 15);
	ck_assert_uint_eq(slices[0].share + slices[1].share, 2 * (128 + 256) * GIB);
}

/*
 * Random shares and sizes: a budget adds up, keeps every written term, and gives all slices one
 * heap.
 */
START_TEST(test_random_sizes)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 5000; round++) {
		struct profile_memory *m = defaults();
		unsigned count = 1 + random_below(&state, 4);
		struct err e;

		for (unsigned i = 0; i < count; i++)
			slices[i] = (struct budget_slice){1, random_below(&state, 65536) * MIB,
							  1 + random_below(&state, 64)};
		if (random_once(&state, 2))
			m->direct =
				(struct size){SIZE_BYTES, (200 + random_below(&state, 999)) * MIB};
		if (random_once(&state, 2))
			m->python = (struct size){SIZE_PERCENT, random_below(&state, 50)};
		if (random_once(&state, 3))
			m->heap =
				(struct size){SIZE_BYTES, (450 + random_below(&state, 9999)) * MIB};
		if (make(m, count, &e) < 0) {
			ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
			continue;
		}
		for (unsigned i = 0; i < count; i++) {
			const struct slice_memory *s = &budget.slices[i];

			ck_assert_msg(sum(s) == s->max_bytes && s->max_bytes <= slices[i].share,
				      "seed %lu round %u: sum of slice %u", test_seed(), round, i);
			ck_assert_msg(s->heap_bytes == budget.slices[0].heap_bytes &&
					      s->heap_bytes >= HEAP_LEAST_BYTES &&
					      s->direct_bytes >= DIRECT_LEAST_BYTES,
				      "seed %lu round %u: heap of slice %u", test_seed(), round, i);
			ck_assert_msg(m->heap.unit == SIZE_AUTO || s->heap_bytes == m->heap.value,
				      "seed %lu round %u: written heap", test_seed(), round);
		}
	}
}

TEST_MAIN("budget",
	  test_case("terms", test_automatic, test_smallest_decides, test_written, test_unknown,
		    test_refusals, test_executors, test_daemon_heap, test_off_heap, test_data,
		    test_slots_by_memory, test_executors_that_do_not_fit, test_tmpfs_needs_a_size,
		    test_random_sizes),
	  test_case("shares", test_shares, test_shares_of_tied_nodes, test_memory_only_nodes))
