/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must come of loads that do not change: peace, and fairness. And of 64 slices that all change
 * sides at once: a plan (world_step() checks each).
 */

#include "tests/decision/world.h"
#include "tests/harness.h"

static unsigned long long state;

/* Slices of `cores` CPUs in a package each, of which nobody knows how many threads they have. */
static void begin_equal(unsigned slices, unsigned cores)
{
	world_begin_at(&(struct machine_shape){slices, 1, 1, cores, 1, UINT64_C(8) << 30},
		       BY_SOCKET, slices);
}

/*
 * Ticks in which each uses what it would, to 2 %, or what it has; return how many of them changed
 * loans.
 */
static unsigned pass_noisy(unsigned ticks)
{
	unsigned before = world.changes;

	while (ticks--) {
		world.now_ns += TICK_NS;
		for (unsigned i = 0; i < world.p.slice_count; i++) {
			struct cpuset has = plan_effective_cpus(&world.p, i);
			double cpus = cpuset_count(&has);
			double used = world.load[i] < cpus ? world.load[i] : cpus;

			used *= 1 + 0.04 * (random_below(&state, 1000) / 1000.0 - 0.5);
			world.samples[i].at_ns = world.now_ns;
			world.samples[i].cpu_usage_us += (uint64_t)(used * 50000);
		}
		world_step();
	}
	return world.changes - before;
}

/*
 * Whatever the loads, loans that help stay, and those that do not are tried more and more seldom:
 * after two minutes at most once a minute for each slice (there and back), and at the edge of the 5
 * % a donor's pauses grow likewise.
 */
START_TEST(test_peace)
{
	unsigned most = 0;

	state = test_seed();
	for (unsigned round = 0; round < 100; round++) {
		unsigned slices = 2 + random_below(&state, 7), changed;

		begin_equal(slices, 1 + random_below(&state, 8));
		for (unsigned i = 0; i < slices; i++) {
			double home = world.p.slices[i].cores;

			world.load[i] = random_once(&state, 3)	 ? 0
					: random_once(&state, 3) ? 0.05 * home
					: random_once(&state, 3) ? 0.9 * home
								 : random_below(&state, 3) * home;
			world.samples[i].known = random_below(&state, 2) ? SAMPLE_RUNNABLE : 0;
			world.samples[i].runnable = (unsigned)(world.load[i] + 0.99);
		}
		pass_noisy(120 * 20);
		changed = pass_noisy(60 * 20);
		ck_assert_msg(changed <= 4 * slices, "SEED=%lu round %u: %u changes in a minute",
			      test_seed(), round, changed);
		most = changed > most ? changed : most;
	}
	printf("rebalance: constant loads, at most %u changes in the third minute\n", most);
}
END_TEST

/*
 * Several lag, some from the start and some later: in the end nobody has more than a core more than
 * another.
 */
START_TEST(test_fairness)
{
	state = test_seed();
	for (unsigned round = 0; round < 200; round++) {
		unsigned slices = 2 + random_below(&state, 15), least = UINT32_MAX, most = 0;
		unsigned lag = 1 + random_below(&state, slices - 1), free = 0;

		begin_equal(slices, 1 + random_below(&state, 8));
		for (unsigned i = 0; i < slices; i++)
			world.load[i] = i < lag && !random_once(&state, 3) ? 1000 : 0;
		pass_noisy(random_below(&state, 40));
		for (unsigned i = 0; i < slices; i++)
			world.load[i] = i < lag ? 1000 : 0;
		pass_noisy(8 * 20);
		for (unsigned i = 0; i < slices; i++) {
			struct cpuset has = plan_effective_cpus(&world.p, i);
			unsigned count = cpuset_count(&has);

			if (i >= lag)
				continue;
			least = count < least ? count : least;
			most = count > most ? count : most;
			free += count;
		}
		ck_assert_msg(most - least <= 1, "SEED=%lu round %u: %u and %u CPUs", test_seed(),
			      round, least, most);
		ck_assert_msg(free == slices * world.p.slices[0].cores ||
				      world.p.loan_count == SLICES_MAX,
			      "SEED=%lu round %u: %u CPUs of %u", test_seed(), round, free,
			      slices * world.p.slices[0].cores);
		ck_assert_uint_eq(pass_noisy(100), 0);
	}
}
END_TEST

/* 64 slices, the most loans there can be, and everybody changes sides at once. */
START_TEST(test_many)
{
	unsigned fullest = 0;

	state = test_seed();
	for (unsigned round = 0; round < 20; round++) {
		begin_equal(SLICES_MAX, 1 + random_below(&state, 12));
		for (unsigned turn = 0; turn < 10; turn++) {
			unsigned lag = 1 + random_below(&state, SLICES_MAX - 1);

			for (unsigned i = 0; i < SLICES_MAX; i++)
				world.load[i] = random_below(&state, SLICES_MAX) < lag ? 1000 : 0;
			pass_noisy(4 + random_below(&state, 30));
			fullest = world.p.loan_count > fullest ? world.p.loan_count : fullest;
		}
	}
	ck_assert_uint_eq(fullest, SLICES_MAX);
}
END_TEST

TEST_MAIN("rebalance steady", test_case("loads", test_peace, test_fairness, test_many))
