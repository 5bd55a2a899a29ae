/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cost of one partition, term by term: values worked out by hand, what each term must be
 * monotone in, and that the sums are the terms.
 */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "decision/cost/cost.h"
#include "decision/plan/plan.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

static struct cost_features f, g;

static struct cost_features features(const struct cost_shape *s, const struct cost_job *job)
{
	struct cost_features out;
	struct err e = {0};

	ck_assert_msg(cost_features(s, job, &out, &e) == 0, "%s", e.msg);
	return out;
}

/* One JVM on `cores` cores, memory twice as far for all but a part of them. */
static struct cost_shape one_jvm(unsigned cores, double distance)
{
	return (struct cost_shape){
		.slices = 1,
		.cores = cores,
		.others = cores - 1,
		.pairs = distance * cores * (cores - 1),
		.access = distance,
		.cpus = cores,
		.slots = cores,
		.executors = 1,
		.heap_bytes = 4 * GIB,
	};
}

/* The same cores in `slices` equal parts with local memory. */
static struct cost_shape split(unsigned slices, unsigned each)
{
	struct cost_shape s = one_jvm(each, 1);

	s.slices = slices;
	s.cores = slices * each;
	return s;
}

#define near(a, b)                                                                                \
	ck_assert_msg(fabs((a) - (b)) <= 1e-9 * (1 + fabs(b)), "%s is %.12g, not %.12g", #a, (a), \
		      (b))

START_TEST(test_by_hand)
{
	const struct cost_job job = {WORKLOAD_GREP, 120 * GIB, GC_PARALLEL, false};
	struct cost_shape s = split(8, 15);

	f = features(&s, &job);
	near(f.x[COST_FIXED], 1.0);
	near(f.x[COST_SLICE], 8.0 / 120);
	near(f.x[COST_COLD], 1 + 4.0 / 15);
	near(f.x[COST_STAGE], 1 + 120 / 90.0);
	near(f.x[COST_SERIAL], 120.0);
	near(f.x[COST_WORK], 1.0);
	near(f.x[COST_CONTENTION], 14.0);
	near(f.x[COST_COHERENCY], 210.0);
	near(f.x[COST_REMOTE], 0.0);
	near(f.x[COST_SHUFFLE], 7.0 / 8);
	near(f.x[COST_SPILL], 0.0);
	/*
	 * live: 300 MB, 15 tasks of 2 MB; 12.375 threads are 12.375 / (1 + 11.375 / 16) times one
	 */
	near(f.x[COST_GC], 15 * 330.0 / (4096 - 330) / (12.375 / (1 + 11.375 / 16)));
	/* a split of 128 MB, at the speed of one of 15 cores */
	near(f.x[COST_TAIL], 0.125 * (1 + 0.002 * 14 + 1.1e-4 * 210));

	s = one_jvm(120, 1.5);
	f = features(&s, &job);
	near(f.x[COST_COHERENCY], 1.5 * 120 * 119);
	near(f.x[COST_REMOTE], 0.5);
	near(f.x[COST_SHUFFLE], 0.0);
}
END_TEST

/* Several JVMs on the cores of one slice: locks and collectors are theirs, cache lines are not. */
START_TEST(test_executors)
{
	const struct cost_job job = {WORKLOAD_GREP, 120 * GIB, GC_PARALLEL, false};
	struct cost_shape one = split(2, 60), three = one;

	three.executors = 3;
	f = features(&one, &job);
	g = features(&three, &job);
	near(g.x[COST_SLICE], 3 * f.x[COST_SLICE]);
	near(g.x[COST_COLD], 1 + 4.0 / 20);
	near(g.x[COST_WORK], f.x[COST_WORK]);
	near(g.x[COST_CONTENTION], 19 * f.x[COST_WORK]);
	near(g.x[COST_COHERENCY], f.x[COST_COHERENCY]);
	near(g.x[COST_SHUFFLE], 5.0 / 6);
	ck_assert(g.x[COST_GC] < f.x[COST_GC]);
}
END_TEST

/* In a repetition nothing starts and nothing is cold; the rest is as it was. */
START_TEST(test_warm)
{
	struct cost_job job = {WORKLOAD_SQL, 12 * GIB, GC_PARALLEL, false};
	const struct cost_shape s = split(2, 8);

	f = features(&s, &job);
	job.is_warm = true;
	g = features(&s, &job);
	for (enum cost_term i = 0; i < COST_TERMS; i++) {
		bool starts = i == COST_FIXED || i == COST_SLICE || i == COST_COLD;

		near(g.x[i], starts ? 0.0 : f.x[i]);
		ck_assert(!starts || f.x[i] > 0);
	}
}
END_TEST

START_TEST(test_capacity)
{
	near(cost_capacity(8, 8, 8), 8.0);
	near(cost_capacity(8, 8, 16), 8.0); /* more tasks than CPUs do no more work */
	near(cost_capacity(8, 8, 3), 3.0);
	near(cost_capacity(8, 16, 16), 8 * 1.2);
	near(cost_capacity(8, 64, 64), 8 * 1.6);
	near(cost_capacity(8, 64, 8), 8.0);
	for (unsigned slots = 1; slots < 100; slots++)
		ck_assert(cost_capacity(8, 64, slots + 1) >= cost_capacity(8, 64, slots));
}
END_TEST

/* What memory does not hold costs by the GB; outside the heap it is nobody's to collect. */
START_TEST(test_spill)
{
	struct cost_job job = {WORKLOAD_KMEANS, 100 * GIB, GC_PARALLEL, false};
	struct cost_shape s = split(2, 8);

	s.heap_bytes = 31 * GIB;
	/* 60 % of 31 GB less 300 MB hold the tasks' 8 × 4 MB and cached data; 50 GB are cached */
	f = features(&s, &job);
	near(f.x[COST_SPILL], 2 * (50 - (0.6 * (31 * 1024 - 300) - 32) / 1024));
	job.data_bytes = 10 * GIB;
	f = features(&s, &job);
	near(f.x[COST_SPILL], 0.0);
	job = (struct cost_job){WORKLOAD_SQL, 100 * GIB, GC_PARALLEL, false};
	s.heap_bytes = 2 * GIB; /* 1048.8 MB for tasks that want 8 × 410 */
	f = features(&s, &job);
	near(f.x[COST_SPILL], 100 * 0.3 * (8 * 410 - 1048.8) / (8 * 410));
	s.off_heap_bytes = 4 * GIB;
	g = features(&s, &job);
	near(g.x[COST_SPILL], 0.0);
	ck_assert(g.x[COST_GC] < f.x[COST_GC]);
}
END_TEST

START_TEST(test_needs)
{
	struct cost_job job = {WORKLOAD_SQL, 10 * GIB, GC_PARALLEL, false};
	struct cost_needs needs = cost_needs(&job);

	ck_assert(needs.off_heap);
	ck_assert_uint_eq(needs.slot_bytes, UINT64_C(410) << 20);
	ck_assert_uint_eq(needs.read_bytes, 10 * GIB);
	ck_assert_uint_eq(needs.cached_bytes, 0);
	job.type = WORKLOAD_KMEANS;
	ck_assert_uint_eq(cost_needs(&job).cached_bytes, 10 * GIB);
	job.data_bytes = UINT64_MAX;
	ck_assert_uint_eq(cost_needs(&job).cached_bytes, UINT64_MAX);
	/* 30 core-s/GB: a task of 50 ms reads 1.7 MB */
	job = (struct cost_job){WORKLOAD_WORDCOUNT, GIB, GC_PARALLEL, false};
	ck_assert_uint_eq(cost_tasks_most(cost_builtin(job.type), &job), 600);
	job.data_bytes = 1;
	ck_assert_uint_eq(cost_tasks_most(cost_builtin(job.type), &job), 1);
}
END_TEST

/* With less data than a split a slot, each slot has one small task. */
START_TEST(test_little_data)
{
	const struct cost_job job = {WORKLOAD_GREP, 16 * (UINT64_C(1) << 20), GC_PARALLEL, false};
	struct cost_shape s = split(1, 1);

	f = features(&s, &job);
	near(f.x[COST_TAIL], 16.0 / 1024);
}
END_TEST

START_TEST(test_sums)
{
	const struct cost_job job = {WORKLOAD_WORDCOUNT, 64 * GIB, GC_PARALLEL, false};
	struct cost_coefficients c;
	struct cost_shape s = one_jvm(60, 1.75);
	struct plan_terms t;

	f = features(&s, &job);
	for (enum cost_term i = 0; i < COST_TERMS; i++) {
		c = (struct cost_coefficients){0};
		c.c[i] = 3;
		near(cost_seconds(&c, &f), 3 * f.x[i]);
		cost_terms(&c, &f, &t);
		near(t.startup + t.cold + t.work + t.gc + t.remote + t.shuffle + t.spill + t.tail,
		     3 * f.x[i]);
		ck_assert_uint_gt(strlen(cost_term_name(i)), 1);
	}
	cost_terms(cost_builtin(WORKLOAD_WORDCOUNT), &f, &t);
	ck_assert(t.startup > 0 && t.work > 0 && t.gc > 0 && t.remote > 0 && t.tail > 0);
	ck_assert(t.shuffle == 0);
}
END_TEST

/* A heap that is smaller than what tasks hold is refused with both numbers. */
START_TEST(test_too_small_heap)
{
	const struct cost_job job = {WORKLOAD_SQL, 64 * GIB, GC_PARALLEL, false};
	struct cost_shape s = split(1, 200);
	struct err e = {0};

	s.heap_bytes = UINT64_C(800) << 20;
	ck_assert_int_eq(cost_features(&s, &job, &f, &e), -ERANGE);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_str_eq(e.msg,
			 "memory.heap: 800 MB are not more than the 800 MB that 200 tasks at "
			 "once fill: write more, or fewer spark.slots_per_cpu");
	s.heap_bytes += 1 << 20;
	ck_assert_int_eq(cost_features(&s, &job, &f, &e), 0);
	ck_assert(isfinite(f.x[COST_GC]) && f.x[COST_GC] > 0);
	s.heap_bytes = 0; /* unknown */
	f = features(&s, &job);
	near(f.x[COST_GC], 0.0);
}
END_TEST

/* Above 32 GB the same heap holds less, below it more always holds more. */
START_TEST(test_compressed_pointers)
{
	const struct cost_job job = {WORKLOAD_KMEANS, 200 * GIB, GC_PARALLEL, false};
	struct cost_shape s = split(2, 32);
	double before = INFINITY;

	for (uint64_t gib = 1; gib < 32; gib++) {
		s.heap_bytes = gib * GIB;
		f = features(&s, &job);
		ck_assert(f.x[COST_GC] < before);
		before = f.x[COST_GC];
	}
	for (uint64_t gib = 32; gib < 46; gib++) {
		s.heap_bytes = gib * GIB;
		f = features(&s, &job);
		ck_assert(f.x[COST_GC] > before);
	}
	s.heap_bytes = 47 * GIB;
	f = features(&s, &job);
	ck_assert(f.x[COST_GC] < before);
}
END_TEST

static double gc_seconds(const struct cost_shape *s, enum workload_type type, enum gc gc)
{
	struct cost_job job = {type, 120 * GIB, gc, false};
	struct cost_features x = features(s, &job);

	return cost_seconds(cost_builtin(type), &x);
}

/* The paper's machine: parallel before G1 for all of its workloads, as one JVM and as eight. */
START_TEST(test_collectors)
{
	const struct cost_shape one = one_jvm(120, 1.875), eight = split(8, 15);

	for (enum workload_type type = WORKLOAD_WORDCOUNT; type <= WORKLOAD_KMEANS; type++) {
		ck_assert(gc_seconds(&one, type, GC_PARALLEL) < gc_seconds(&one, type, GC_G1));
		ck_assert(gc_seconds(&eight, type, GC_PARALLEL) < gc_seconds(&eight, type, GC_G1));
		ck_assert(gc_seconds(&eight, type, GC_PARALLEL) <
			  gc_seconds(&eight, type, GC_SERIAL));
		ck_assert(gc_seconds(&eight, type, GC_AUTO) ==
			  gc_seconds(&eight, type, GC_PARALLEL));
	}
}
END_TEST

static struct cost_shape random_shape(unsigned long long *state)
{
	unsigned slices = 1 + random_below(state, 64), each = 1 + random_below(state, 128);
	struct cost_shape s = split(slices, each);

	s.access = 1 + random_below(state, 300) / 100.0;
	s.pairs *= 1 + random_below(state, 300) / 100.0;
	s.heap_bytes = (2 + (uint64_t)random_below(state, 29)) * GIB;
	return s;
}

/*
 * More of anything that costs never takes less time: data, distance, live data; less heap neither.
 */
START_TEST(test_monotone)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 20000; round++) {
		struct cost_shape s = random_shape(&state), worse = s;
		struct cost_job job = {(enum workload_type)random_below(&state, 7),
				       (1 + (uint64_t)random_below(&state, 1000)) * GIB,
				       (enum gc)random_below(&state, 6), random_once(&state, 2)};
		struct cost_job more = job;
		unsigned what = random_below(&state, 5);

		switch (what) {
		case 0:
			more.data_bytes += GIB;
			break;
		case 1:
			worse.access *= 1.1;
			break;
		case 2:
			worse.pairs *= 1.1;
			break;
		case 3:
			worse.heap_bytes -= GIB / 2;
			break;
		default:
			worse.slots += 4;
			break;
		}
		f = features(&s, &job);
		g = features(&worse, &more);
		for (enum cost_term i = 0; i < COST_TERMS; i++) {
			ck_assert_msg(isfinite(f.x[i]) && f.x[i] >= 0, "SEED=%lu round %u: %s",
				      test_seed(), round, cost_term_name(i));
			/* more slots than splits make smaller tasks, and that is better */
			if (what == 4 && i == COST_TAIL)
				continue;
			ck_assert_msg(g.x[i] >= f.x[i], "SEED=%lu round %u: change %u: %s falls",
				      test_seed(), round, what, cost_term_name(i));
		}
	}
}
END_TEST

/*
 * Every built-in coefficient is finite, not negative, and of each row the work is what it is
 * measured by.
 */
START_TEST(test_table)
{
	for (enum workload_type type = WORKLOAD_AUTO; type <= WORKLOAD_STREAMING; type++) {
		const struct cost_coefficients *c = cost_builtin(type);

		for (enum cost_term i = 0; i < COST_TERMS; i++)
			ck_assert(isfinite(c->c[i]) && c->c[i] > 0);
		ck_assert(c->c[COST_CONTENTION] < c->c[COST_WORK] / 100);
		ck_assert(type != WORKLOAD_SQL || c->c[COST_SHUFFLE] <= c->c[COST_WORK] / 100);
		ck_assert(c->c[COST_COHERENCY] < c->c[COST_CONTENTION]);
	}
	ck_assert_ptr_eq(cost_builtin(WORKLOAD_AUTO), cost_builtin(WORKLOAD_WORDCOUNT));
	ck_assert_uint_eq(cost_assumed_bytes(3), 24 * GIB);
}
END_TEST

TEST_MAIN("cost",
	  test_case("cost", test_by_hand, test_executors, test_warm, test_capacity, test_spill,
		    test_needs, test_little_data, test_sums, test_too_small_heap,
		    test_compressed_pointers, test_collectors, test_monotone, test_table))
