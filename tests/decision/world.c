/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/world.h"

#include "tests/decision/check/oracle.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

struct world world;

void world_begin_at(const struct machine_shape *shape, enum partition_by by, unsigned slices)
{
	struct profile profile;

	machine_regular(shape, &world.t);
	plan_of_parents(&world.t, by, slices, &world.p);
	profile_default(&profile);
	world.policy = rebalance_policy_of(&profile.rebalance);
	memset(&world.memory, 0, sizeof(world.memory));
	memset(world.samples, 0, sizeof(world.samples));
	memset(world.load, 0, sizeof(world.load));
	world.now_ns = 1000 * TICK_NS;
	world.changes = 0;
	for (unsigned i = 0; i < slices; i++) {
		world.samples[i].cpu_usage_us = 1000000;
		world.samples[i].processes = 2;
		world.load[i] =
			0.5 * cpuset_count(&world.p.slices[i].cpus); /* neither idle nor busy */
	}
}

/* Four packages of four cores, a slice each. */
void world_begin(void)
{
	world_begin_at(&(struct machine_shape){4, 1, 1, 4, 1, UINT64_C(6) << 30}, BY_SOCKET, 4);
}

int world_step(void)
{
	int changed;
	struct err e = {0};

	changed = rebalance_step(&world.p, &world.t, &world.policy, world.samples,
				 world.p.slice_count, world.now_ns, &world.memory, &world.wanted);
	ck_assert_int_ge(changed, 0);
	if (changed) {
		world.changes++;
		ck_assert_msg(oracle_check(&world.wanted, &world.t, &e) == 0, "%s", e.msg);
		world.p = world.wanted;
	}
	return changed;
}

void world_pass(unsigned ticks)
{
	while (ticks--) {
		world.now_ns += TICK_NS;
		for (unsigned i = 0; i < world.p.slice_count; i++) {
			world.samples[i].at_ns = world.now_ns;
			world.samples[i].cpu_usage_us += (uint64_t)(world.load[i] * 50000);
		}
		world_step();
	}
}

const char *world_loans(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < world.p.loan_count; i++) {
		const struct loan *loan = &world.p.loans[i];

		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%u>%u:%s%s%s", i ? " " : "",
			loan->from, loan->to, CPUSET_STRING(&loan->cpus),
			loan->mode == LOANS_EXCLUSIVE ? "!" : "", loan->by_hand ? " by hand" : "");
	}
	return text;
}

enum rebalance_reason world_reason(void)
{
	return world.memory.decisions.count ? world.memory.decisions.items[0].reason
					    : REBALANCE_STAYS;
}

/* Slice 0 lags, slice 1 is idle, and lends. */
void world_begin_loan(void)
{
	world_begin();
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("1>0:4-7");
}
