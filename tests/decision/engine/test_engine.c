/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's choice: what is known of the paper's machine, promises that hold on every machine,
 * and inputs at their ends.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decision/engine/engine.h"
#include "decision/engine/plan_make.h"
#include "tests/decision/check/oracle.h"
#include "tests/decision/choices.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

#define GIB (UINT64_C(1) << 30)

static struct topology t;
static struct profile profile;
static struct facts facts;
static struct plan p;

static void setup(const char *machine)
{
	machine_named(machine, &t);
	profile_default(&profile);
	memset(&facts, 0, sizeof(facts));
}

/* The paper's machine and heap; its data are larger than eight heaps. */
static void setup_paper(enum workload_type type, bool distances)
{
	setup("paper-8x15");
	if (!distances)
		t.has_distances = false;
	profile.partition.reserve_cores = 0;
	profile.memory.heap = (struct size){SIZE_BYTES, 4 * GIB};
	profile.workload.type = type;
	profile.workload.data_size = (struct size){SIZE_BYTES, 100 * GIB};
}

static void make(void)
{
	struct err e = {0};

	ck_assert_msg(plan_make(&t, &profile, &facts, &p, &e) == 0, "%s", e.msg);
	ck_assert_msg(oracle_check(&p, &t, &e) == 0, "%s", e.msg);
}

static bool has_note(const char *begin)
{
	for (unsigned i = 0; i < p.note_count; i++) {
		if (strncmp(p.notes[i], begin, strlen(begin)) == 0)
			return true;
	}
	return false;
}

static const struct plan_candidate *candidate(unsigned slices, unsigned cores)
{
	for (unsigned i = 0; i < p.candidate_count; i++) {
		if (p.candidates[i].slices == slices && p.candidates[i].cores == cores)
			return &p.candidates[i];
	}
	ck_abort_msg("%u x %u is no candidate", slices, cores);
}

static double throughput(unsigned slices, unsigned cores)
{
	return candidate(slices, cores)->throughput;
}

/* ---- the paper's machine ---- */

static void check_paper(double gain)
{
	static const unsigned sweep[] = {2, 8, 15, 30, 45, 60, 90, 120};
	const struct plan_candidate *taken;
	unsigned best = 0;

	make();
	taken = &p.candidates[p.chosen];
	for (unsigned i = 0; i < 8; i++) {
		if (throughput(1, sweep[i]) > throughput(1, sweep[best]))
			best = i;
	}
	ck_assert_uint_ge(sweep[best], 45);
	ck_assert_uint_le(sweep[best], 90);
	for (unsigned i = 1; i < 6; i++) /* up to 60 cores */
		ck_assert(throughput(1, sweep[i]) > throughput(1, sweep[i - 1]));
	ck_assert(throughput(1, 120) < throughput(1, 90));
	ck_assert(throughput(1, 120) < throughput(1, 60));
	ck_assert_uint_eq(taken->slices, 8);
	ck_assert_uint_eq(taken->cores, 15);
	ck_assert_msg(taken->throughput > gain * 0.85 && taken->throughput < gain * 1.15,
		      "%.3f instead of %.1f", taken->throughput, gain);
	ck_assert_msg(strstr(taken->why, "one JVM on 120 cores, which loses "), "%s", taken->why);
	/* the tail: smaller slices are faster, core by core */
	ck_assert(candidate(2, 60)->terms.tail < candidate(1, 120)->terms.tail);
	ck_assert(candidate(4, 30)->terms.tail < candidate(2, 60)->terms.tail);
	ck_assert(candidate(8, 15)->terms.tail < candidate(4, 30)->terms.tail);
	ck_assert(candidate(24, 5)->terms.tail < candidate(8, 15)->terms.tail);
}

START_TEST(test_paper)
{
	static const double gains[] = {
		[WORKLOAD_WORDCOUNT] = 1.6,
		[WORKLOAD_GREP] = 1.5,
		[WORKLOAD_NAIVE_BAYES] = 1.7,
		[WORKLOAD_KMEANS] = 1.1,
	};

	for (enum workload_type type = WORKLOAD_WORDCOUNT; type <= WORKLOAD_KMEANS; type++) {
		for (unsigned distances = 0; distances < 2; distances++) {
			for (int slots = 1; slots <= 2; slots++) {
				setup_paper(type, distances);
				profile.spark.slots_per_cpu = slots;
				check_paper(gains[type]);
			}
		}
	}
}

static double seconds_of(unsigned i)
{
	const struct plan_terms *x = &p.candidates[i].terms;

	return x->startup + x->work + x->gc + x->remote + x->shuffle + x->tail;
}

/* Parallel before G1 there, as the paper has it; so the automatic collector is that one. */
START_TEST(test_paper_collector)
{
	for (enum workload_type type = WORKLOAD_WORDCOUNT; type <= WORKLOAD_KMEANS; type++) {
		double parallel, one;

		setup_paper(type, true);
		profile.jvm.gc = GC_PARALLEL;
		make();
		parallel = seconds_of(p.chosen);
		one = candidate(1, 120)->terms.work + candidate(1, 120)->terms.gc;
		profile.jvm.gc = GC_G1;
		make();
		ck_assert(parallel < seconds_of(p.chosen));
		ck_assert(one < candidate(1, 120)->terms.work + candidate(1, 120)->terms.gc);
		profile.jvm.gc = GC_AUTO;
		make();
		ck_assert_str_eq(strings_get(&p.slices[0].jvm_options, 0), "-XX:+UseParallelGC");
		ck_assert(has_note("jvm.gc: auto is parallel, predicted "));
	}
}

/* ---- promises ---- */

static void promise(bool (*holds)(const struct topology *, const struct profile *,
				  const struct facts *, char *),
		    unsigned round)
{
	char why[CHOICE_TEXT] = "";

	ck_assert_msg(holds(&t, &profile, &facts, why), "SEED=%lu round %u, %u cores: %s",
		      test_seed(), round, t.core_count, why);
}

/* Any machine, any workload, everything automatic. */
static void draw(unsigned long long *state)
{
	machine_random(state, &t);
	profile_default(&profile);
	memset(&facts, 0, sizeof(facts));
	profile.workload.type = (enum workload_type)random_below(state, 7);
	if (random_once(state, 2))
		facts.data_bytes = UINT64_C(1) << (20 + random_below(state, 24));
	if (random_once(state, 3))
		profile.partition.reserve_cores = 0;
	if (random_once(state, 4))
		profile.memory.heap =
			(struct size){SIZE_BYTES, (1 + (uint64_t)random_below(state, 64)) * GIB};
}

START_TEST(test_random_choices)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 1500; round++) {
		draw(&state);
		promise(choice_is_sound, round);
		promise(choice_fears_distance, round);
		profile.memory.heap = (struct size){SIZE_AUTO, 0};
		promise(choice_likes_memory, round);
	}
}
END_TEST

/* What the profile fixes is taken; the list is as sound, and has the alternatives. */
START_TEST(test_random_profiles)
{
	unsigned long long state = test_seed();
	struct err e;

	for (unsigned round = 0; round < 1500; round++) {
		machine_random(&state, &t);
		profile_random(&state, &t, &profile);
		memset(&facts, 0, sizeof(facts));
		promise(choice_is_sound, round);
		if (plan_make(&t, &profile, &facts, &p, &e) == 0)
			ck_assert_uint_eq(p.candidates[p.chosen].slices, p.slice_count);
	}
}
END_TEST

/* Up to eight cores in one node: one slice, or a gain that is named. */
START_TEST(test_small_machines)
{
	for (unsigned cores = 1; cores <= 8; cores++) {
		for (unsigned k = 0; k < 7 * 2 * 4; k++) {
			struct machine_shape shape = {
				1, 1, 1, cores, 1 + k / 7 % 2, (8ul << k / 14) * GIB};

			machine_regular(&shape, &t);
			profile_default(&profile);
			profile.workload.type = (enum workload_type)(k % 7);
			facts.data_bytes = GIB << 2 * (k / 14);
			make();
			ck_assert_msg(p.slice_count == 1 ||
					      p.candidates[p.chosen].throughput > 1.05,
				      "%u cores, type %u: %u slices for %.3f", cores, k % 7,
				      p.slice_count, p.candidates[p.chosen].throughput);
		}
	}
}
END_TEST

/* ---- what an owner would accept ---- */

/*
 * Nine machines that people own: packages, nodes each, L3s each, cores each, CPUs a core, memory.
 */
static const struct machine_shape owned[] = {
	{2, 1, 8, 8, 2, 512 * GIB},    {8, 1, 1, 15, 1, 64 * GIB},  {2, 4, 3, 8, 2, 192 * GIB},
	{16, 1, 1, 15, 8, 3840 * GIB}, {1, 1, 2, 8, 1, 64 * GIB},   {1, 1, 1, 4, 1, 16 * GIB},
	{2, 1, 1, 32, 2, 128 * GIB},   {4, 1, 1, 28, 2, 768 * GIB}, {1, 1, 8, 8, 2, 512 * GIB},
};

static void setup_owned(unsigned i, enum workload_type type)
{
	machine_regular(&owned[i], &t);
	profile_default(&profile);
	memset(&facts, 0, sizeof(facts));
	profile.workload.type = type;
}

/*
 * A slot has 1 GB, heaps have 4-byte pointers, cores all work and have a few tasks each, and what
 * is neither heap nor off-heap is named: half of the memory is used unless slots have 2 GB.
 */
START_TEST(test_owners)
{
	static const enum workload_type types[] = {WORKLOAD_SQL, WORKLOAD_WORDCOUNT,
						   WORKLOAD_KMEANS};

	for (unsigned i = 0; i < sizeof(owned) / sizeof(owned[0]) * 3; i++) {
		unsigned machine = i / 3, cores = 0, slots = 0;
		uint64_t heap = 0, all = 0;

		setup_owned(machine, types[i % 3]);
		make();
		for (unsigned k = 0; k < p.slice_count; k++) {
			const struct slice *s = &p.slices[k];

			cores += s->cores;
			slots += s->slots;
			heap += s->memory.heap_bytes + s->memory.off_heap_bytes;
			all += s->memory.max_bytes;
			ck_assert_uint_eq(cpuset_count(&s->packages), 1);
			ck_assert_uint_le(s->memory.heap_bytes / s->executors, 31 * GIB);
			ck_assert_uint_ge(s->cores, t.core_count < 4 ? t.core_count : 4);
			ck_assert_uint_ge(s->slots, s->cores);
			ck_assert_uint_le(s->slots, 5 * s->cores);
		}
		ck_assert_msg(cores + 2 + t.core_count / 16 >= t.core_count,
			      "machine %u: %u of %u cores", machine, cores, t.core_count);
		ck_assert_msg(heap / slots >= GIB, "machine %u, type %u: %llu MB a slot", machine,
			      i % 3, (unsigned long long)(heap / slots >> 20));
		ck_assert_msg(heap > all / 2 || heap / slots >= 2 * GIB,
			      "machine %u, type %u: %llu of %llu GB", machine, i % 3,
			      (unsigned long long)(heap >> 30), (unsigned long long)(all >> 30));
		ck_assert(has_note("memory: of "));
		ck_assert(has_note("spark.executors: auto is "));
	}
}
END_TEST

/* A little more data, memory or cores: the choice stays, or is predicted to gain by the change. */
START_TEST(test_stable)
{
	for (unsigned i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		for (unsigned k = 0; k < 6; k++) {
			unsigned flips = 0, before = 0;

			for (unsigned step = 0; step < 40; step++) {
				setup_owned(i, WORKLOAD_WORDCOUNT + k);
				facts.data_bytes = (100 + step) * GIB;
				make();
				flips += step > 0 && p.slice_count != before;
				before = p.slice_count;
			}
			ck_assert_msg(flips <= 1,
				      "machine %u, type %u: %u flips over 40 %% more data", i,
				      WORKLOAD_WORDCOUNT + k, flips);
		}
	}
}
END_TEST

/* ---- a model of one's own ---- */

START_TEST(test_model_decides)
{
	setup("l3-24"); /* two packages of 48 cores */
	profile.workload.type = WORKLOAD_SQL;
	profile.spark.executors = 1;
	facts.has_model = true;
	facts.model = *cost_builtin(WORKLOAD_SQL);
	facts.model.c[COST_CONTENTION] = 0;
	facts.model.c[COST_COHERENCY] = 0;
	facts.model.c[COST_GC] = 0;
	make();
	ck_assert_uint_eq(p.slice_count, 2);
	facts.model.c[COST_CONTENTION] = 10;
	make();
	ck_assert_uint_gt(p.slice_count, 8);
	ck_assert(strstr(p.candidates[p.chosen].why, "locks inside a JVM"));
	facts.model = (struct cost_coefficients){{[COST_FIXED] = 1, [COST_REMOTE] = 50}};
	make();
	ck_assert_uint_eq(p.slice_count, 2);
	ck_assert(strstr(p.candidates[p.chosen].why, "remote memory"));
	/* nothing costs anything but slices: one is within no package */
	facts.model = (struct cost_coefficients){{[COST_FIXED] = 1, [COST_SLICE] = 50}};
	make();
	ck_assert_uint_eq(p.slice_count, 1);
}
END_TEST

/* ---- inputs at their ends ---- */

START_TEST(test_data)
{
	setup_paper(WORKLOAD_GREP, true);
	make();
	ck_assert(!has_note("workload.data.size"));
	profile.workload.data_size.value = 0;
	make();
	ck_assert(has_note("workload.data.size: 0 is no size; predictions assume 960 GB"));
	profile.workload.data_size.unit = SIZE_AUTO;
	make();
	ck_assert(has_note("workload.data.size: not known; predictions assume 960 GB"));
	facts.data_bytes = 1;
	make();
	ck_assert(!has_note("workload.data.size"));
	/* a byte is not worth eight JVMs; that they stay in their packages may be */
	ck_assert(p.candidates[p.chosen].throughput < 1.1);
	facts.data_bytes = UINT64_MAX;
	make();
	ck_assert(isfinite(seconds_of(p.chosen)));
}
END_TEST

START_TEST(test_formats)
{
	setup("paper-8x15");
	make();
	ck_assert(has_note("workload.type: auto is predicted as wordcount"));
	profile.workload.data_format = FORMAT_COLUMNAR;
	make();
	ck_assert(has_note("workload.type: auto is predicted as sql"));
	profile.workload.data_format = FORMAT_VECTORS;
	make();
	ck_assert(has_note("workload.type: auto is predicted as kmeans"));
}
END_TEST

/*
 * A heap that no node holds: fewer slices, and those that cannot be are named with their numbers.
 */
START_TEST(test_heap_larger_than_a_node)
{
	struct err e = {0};

	setup_paper(WORKLOAD_WORDCOUNT, true);
	profile.memory.heap.value = 100 * GIB;
	make();
	ck_assert_uint_eq(p.slice_count, 4);
	ck_assert(!candidate(8, 15)->feasible);
	ck_assert_msg(strstr(candidate(8, 15)->why, "memory.heap: slice-0 has 62.7 GB"), "%s",
		      candidate(8, 15)->why);
	profile.memory.heap.value = 4000 * GIB;
	ck_assert_int_lt(plan_make(&t, &profile, &facts, &p, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_msg(strncmp(e.msg, "memory.heap: ", 13) == 0, "%s", e.msg);
}
END_TEST

START_TEST(test_ceilings)
{
	unsigned cores = 0;

	setup("paper-8x15");
	profile.partition.max_cores = 1;
	make();
	ck_assert_uint_eq(p.slice_count, 1);
	ck_assert_uint_eq(p.slices[0].cores, 1);
	profile.partition.max_cores = 2;
	make();
	ck_assert_uint_eq(p.slice_count, 1);
	/* 60 cores of 120: those of the packages, some from each */
	profile.partition.max_cores = 60;
	make();
	for (unsigned i = 0; i < p.slice_count; i++) {
		ck_assert_uint_eq(cpuset_count(&p.slices[i].packages), 1);
		cores += p.slices[i].cores;
	}
	ck_assert_uint_eq(cores, 60);
}
END_TEST

/* Slots follow cores, loans, memory and data; each reason is said. */
START_TEST(test_slots)
{
	setup_paper(WORKLOAD_WORDCOUNT, true);
	profile.memory.heap = (struct size){SIZE_AUTO, 0};
	make();
	ck_assert_uint_eq(p.slices[0].slots, 30);
	ck_assert(has_note("spark.slots_per_cpu: auto is 30 slots on 15 cores, more than CPUs"));
	profile.rebalance.mode = REBALANCE_OFF;
	make();
	ck_assert_uint_eq(p.slices[0].slots, 15);
	ck_assert(has_note("spark.slots_per_cpu: auto is 15 slots on 15 cores: one a core"));
	profile.rebalance.mode = REBALANCE_ACT;
	/* 4 GB are 8 slots of 512 MB; a heap that is written leaves a slot to each core */
	profile.memory.heap = (struct size){SIZE_BYTES, 4 * GIB};
	make();
	ck_assert_uint_eq(p.slices[0].slots, 15);
	/* one heap of 2 GB on each node of 4 GB */
	profile.memory.heap = (struct size){SIZE_AUTO, 0};
	profile.partition.by = BY_SOCKET;
	for (unsigned i = 0; i < t.node_count; i++)
		t.nodes[i].usable_bytes = 4 * GIB;
	make();
	ck_assert_uint_le(p.slices[0].slots, 4);
	ck_assert(has_note("spark.slots_per_cpu: auto is "));
	ck_assert_uint_ge(p.slices[0].memory.heap_bytes / p.slices[0].slots, UINT64_C(500) << 20);
	/* 1 MB of text is less than a tenth of a second of work */
	setup_paper(WORKLOAD_WORDCOUNT, true);
	profile.workload.data_size.value = 4 << 20;
	make();
	ck_assert_uint_le(p.slices[0].slots, 2);
}
END_TEST

/* More than 64 nodes or packages: whole neighbours together, never more than 64 slices. */
START_TEST(test_many_parents)
{
	static const struct machine_shape shape = {16, 4, 1, 2, 1, 16 * GIB};

	machine_regular(&shape, &t);
	profile_default(&profile);
	memset(&facts, 0, sizeof(facts));
	make();
	ck_assert_uint_le(p.slice_count, 64);
	machine_regular(&(struct machine_shape){1, 1, 1, 1, 1, 4096 * GIB}, &t);
	t.cpu_count = 800;
	for (unsigned i = 0; i < 800; i++) {
		t.cpus[i] = (struct topology_cpu){(uint16_t)i, (uint16_t)i, TOPOLOGY_NONE,
						  (uint16_t)(i / 8), 0};
		cpuset_add(&t.nodes[0].cpus, i);
	}
	ck_assert_int_eq(topology_derive(&t, &(struct err){0}), 0);
	profile.partition.reserve_cores = 0;
	make();
	ck_assert_uint_gt(p.slice_count, 1);
	for (unsigned i = 0; i < p.candidate_count; i++) {
		if (p.candidates[i].slices == 100)
			ck_assert(strstr(p.candidates[i].why, "100 slices, more than 64"));
	}
	ck_assert(!candidate(100, 8)->feasible);
}
END_TEST

TEST_MAIN("engine", test_case("paper", test_paper, test_paper_collector),
	  test_case("promises", test_random_choices, test_random_profiles, test_small_machines),
	  test_case("owners", test_owners, test_stable), test_case("model", test_model_decides),
	  test_case("ends", test_data, test_formats, test_heap_larger_than_a_node, test_ceilings,
		    test_slots, test_many_parents))
