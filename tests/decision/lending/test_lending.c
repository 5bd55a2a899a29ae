/* SPDX-License-Identifier: Apache-2.0 */
/* Who lends to whom: thresholds, two ticks, what is wanted, what is near, and who gets how much. */

#include "decision/lending/loan_request.h"
#include "tests/decision/plans.h"
#include "tests/decision/world.h"
#include "tests/harness.h"

/* ---- who lends to whom ---- */

START_TEST(test_thresholds)
{
	static const struct {
		double load[4];
		const char *loans;
	} rows[] = {
		{{4, 0, 2, 2}, "1>0:4-7"},
		{{4, 4, 4, 4}, ""},
		{{0, 0, 0, 0}, ""},
		{{2, 0, 2, 2}, ""},
		{{4, 0.19, 2, 2}, "1>0:4-7"}, /* 5 % of 4 are 0.2 */
		{{4, 0.21, 2, 2}, ""},
		{{3.61, 0, 2, 2}, "1>0:4-7"}, /* 90 % are 3.6 */
		{{3.59, 0, 2, 2}, ""},
		{{4, 0, 0, 2}, "1>0:4-7 2>0:8-11"},    /* several donors, */
		{{2, 4, 4, 0}, "3>1:12-13 3>2:14-15"}, /* several borrowers, */
		{{4, 0, 4, 0}, "1>0:4-7 3>2:12-15"},   /* of both */
		{{0, 4, 4, 4}, "0>1:0-1 0>2:2 0>3:3"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_begin();
		memcpy(world.load, rows[i].load, sizeof(rows[i].load));
		world_pass(3);
		ck_assert_msg(!strcmp(world_loans(), rows[i].loans), "row %zu: %s", i,
			      world_loans());
	}
}
END_TEST

/* The first sample is a beginning, the next two are two ticks. */
START_TEST(test_two_ticks)
{
	world_begin();
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(2);
	ck_loans("");
	world_pass(1);
	ck_loans("1>0:4-7");
	ck_reason(REBALANCE_LENDS);
	ck_assert_uint_eq(world.memory.decisions.count, 1);
	ck_assert_double_eq(world.memory.decisions.items[0].borrower.used, 4);
	/* Interrupted by a tick of work, and of rest. */
	world_begin();
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(2);
	world.load[1] = 0.3;
	world_pass(1);
	world.load[1] = 0;
	world_pass(1);
	ck_loans("");
	world_pass(1);
	ck_loans("1>0:4-7");
	world_begin();
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(2);
	world.load[0] = 3;
	world_pass(1);
	world.load[0] = 4;
	world_pass(1);
	ck_loans("");
	world_pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/* Steps between ticks, and while time stands still, count for nothing. */
START_TEST(test_steps_between)
{
	world_begin();
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(1);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_int_eq(world_step(), 0);
		world.now_ns += 100000;
		ck_assert_int_eq(world_step(), 0);
		world.samples[0].at_ns = world.samples[1].at_ns = world.now_ns;
		world.samples[0].cpu_usage_us += 400;
		ck_assert_int_eq(world_step(), 0);
	}
	world_pass(1);
	ck_loans("");
	world_pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

static void wants(unsigned known, unsigned runnable, unsigned tasks, unsigned task_cpus)
{
	world_begin();
	world.load[0] = 4;
	world.load[1] = world.load[2] = world.load[3] = 0;
	world.samples[0].known = known;
	world.samples[0].runnable = runnable;
	world.samples[0].tasks_running = tasks;
	world.samples[0].task_cpus = task_cpus;
	for (unsigned i = 0; i < 3; i++) {
		world_pass(1);
		world.samples[0].pressure_us += 20000;
	}
}

/* More runnable threads than CPUs, by whoever says so; as many CPUs as there are threads. */
START_TEST(test_wants)
{
	wants(SAMPLE_RUNNABLE, 4, 99, 1);
	ck_loans("");
	wants(SAMPLE_RUNNABLE, 6, 0, 1);
	ck_loans("1>0:4-5");
	wants(SAMPLE_RUNNABLE, 10, 0, 1);
	ck_loans("1>0:4-7 2>0:8-9");
	wants(SAMPLE_TASKS, 99, 4, 1);
	ck_loans("");
	wants(SAMPLE_TASKS, 99, 5, 0);
	ck_loans("1>0:4");
	wants(SAMPLE_TASKS, 99, 4, 2);
	ck_loans("1>0:4-7");
	wants(SAMPLE_TASKS | SAMPLE_RUNNABLE, 7, 4, 1); /* threads of tasks */
	ck_loans("1>0:4-6");
	wants(SAMPLE_TASKS | SAMPLE_RUNNABLE, 4, UINT32_MAX, UINT32_MAX); /* phantoms */
	ck_loans("1>0:4-7 2>0:8-11 3>0:12-15");
	wants(SAMPLE_PRESSURE, 0, 0, 0); /* 40 % of the time */
	ck_loans("1>0:4-7 2>0:8-11 3>0:12-15");
	wants(SAMPLE_PRESSURE | SAMPLE_RUNNABLE, 5, 0, 0);
	ck_loans("1>0:4");
	world_begin();
	world.load[0] = 4;
	world.load[1] = 0;
	world.samples[0].known = SAMPLE_PRESSURE;
	world_pass(3);
	ck_loans("");
}
END_TEST

/* Two packages of two nodes of two cores with two threads: slices of one core. */
START_TEST(test_nearest)
{
	static const char *const expected[] = {"", "1>0:1,9", "1>0:1,9 2>0:2,10",
					       "1>0:1,9 2>0:2,10 3>0:3,11",
					       "1>0:1,9 2>0:2,10 3>0:3,11 4>0:4,12"};

	for (unsigned cores = 0; cores < 5; cores++) {
		world_begin_at(&(struct machine_shape){2, 2, 1, 2, 2, UINT64_C(6) << 30}, BY_NUMA,
			       8);
		memset(world.load, 0, sizeof(world.load));
		world.load[0] = 2;
		world.samples[0].known = SAMPLE_RUNNABLE;
		world.samples[0].runnable = 2 + 2 * cores;
		world_pass(3);
		ck_loans(expected[cores]);
	}
	/* A thread more takes a whole core; and the other package is out of scope. */
	world.samples[0].runnable = 11;
	world.load[0] = 10;
	world_pass(2);
	ck_loans("1>0:1,9 2>0:2,10 3>0:3,11 4>0:4,12 5>0:5,13");
	world.policy.scope = SCOPE_PACKAGE;
	world_pass(1);
	ck_reason(REBALANCE_POLICY);
	ck_loans("1>0:1,9 2>0:2,10 3>0:3,11");
	world.load[0] = 8;
	world_pass(SECOND);
	ck_loans("1>0:1,9 2>0:2,10 3>0:3,11");
}
END_TEST

/* Farther in the tree's order, but nearer by the firmware's table. */
START_TEST(test_distance)
{
	world_begin();
	world.t.distance[3][0] = 15;
	world.load[0] = 4;
	world.load[1] = world.load[2] = world.load[3] = 0;
	world.samples[0].known = SAMPLE_RUNNABLE;
	world.samples[0].runnable = 5;
	world_pass(3);
	ck_loans("3>0:12");
	/* But a package is a package, whatever the table says. */
	world_begin_at(&(struct machine_shape){2, 2, 1, 2, 1, UINT64_C(6) << 30}, BY_NUMA, 4);
	world.t.distance[1][0] = world.t.distance[0][1] = 40;
	memset(world.load, 0, sizeof(world.load));
	world.load[0] = 2;
	world.samples[0].known = SAMPLE_RUNNABLE;
	world.samples[0].runnable = 3;
	world_pass(3);
	ck_loans("1>0:2");
}
END_TEST

/* One node over two packages, and a donor in both: half of it is in scope. */
START_TEST(test_scope_within_node)
{
	struct err e = {0};

	for (unsigned borrower = 0; borrower < 3; borrower += 2) {
		world_begin_at(&(struct machine_shape){2, 1, 1, 3, 1, UINT64_C(6) << 30},
			       BY_MACHINE, 3);
		world.t.nodes[0].cpus = world.t.allowed;
		ck_assert_msg(topology_derive(&world.t, &e) == 0, "%s", e.msg);
		plan_of_parents(&world.t, BY_MACHINE, 3, &world.p);
		world.p.candidate_count = 0;
		world.policy.scope = SCOPE_PACKAGE;
		world.load[borrower] = 2;
		world.load[1] = 0;
		world_pass(3);
		ck_loans(borrower ? "1>2:3" : "1>0:2");
	}
}
END_TEST

/* smt: one. The second thread of a core is nobody's, and is not lent. */
START_TEST(test_smt_one)
{
	world_begin_at(&(struct machine_shape){2, 1, 1, 2, 2, UINT64_C(6) << 30}, BY_SOCKET, 2);
	world.p.slices[0].cpus = (struct cpuset){{0x3}};
	world.p.slices[1].cpus = (struct cpuset){{0xc}};
	world.p.usable = (struct cpuset){{0xf}};
	world.load[0] = 2;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("1>0:2-3");
	world.load[0] = 4;
	world_pass(SECOND);
	ck_loans("1>0:2-3");
	loan_reset(&world.p, &world.wanted);
	world.p = world.wanted;
	ck_assert_int_eq(loan_request(&world.p, &world.t,
				      &(struct loan_request){1, 0, 1, LOANS_SHARED, 1},
				      &world.wanted, &(struct err){0}),
			 0);
	world.p = world.wanted;
	ck_loans("1>0:2 by hand");
	world.load[1] = 1;
	world_pass(3);
	ck_loans("1>0:2 by hand");
}
END_TEST

/* ---- two borrowers ---- */

START_TEST(test_late_borrower)
{
	world_begin();
	world.load[0] = 8;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("1>0:4-7");
	world.load[2] = 4; /* lags too: its half, once slice 0 had the cool-down's time */
	world_pass(10);
	ck_loans("1>0:4-7");
	world_pass(1);
	ck_loans("1>0:6-7 1>2:4-5");
	ck_reason(REBALANCE_YIELDS);
	ck_assert_uint_eq(world.memory.decisions.count, 2);
	ck_assert_int_eq(world.memory.decisions.items[1].reason, REBALANCE_SHARES);
	world.load[0] = 6;
	world.load[2] = 6;
	world_pass(60 * SECOND);
	ck_loans("1>0:6-7 1>2:4-5");
	ck_assert_uint_eq(world.changes, 2);
}
END_TEST

/* Idle CPUs before others', however far they are. */
START_TEST(test_idle_first)
{
	world_begin_at(&(struct machine_shape){2, 1, 1, 12, 1, UINT64_C(6) << 30}, BY_SOCKET, 6);
	world.load[0] = 4;
	world.load[1] = world.load[3] = 0;
	world.samples[0].known = SAMPLE_RUNNABLE;
	world.samples[0].runnable = 8;
	world_pass(3);
	ck_loans("1>0:4-7");
	world.load[0] = 8;
	world_pass(SECOND);
	world.load[2] = 4;
	world_pass(2);
	ck_loans("1>0:4-7 3>2:12-15");
}
END_TEST

START_TEST(test_moves_on)
{
	world_begin_loan();
	world.load[0] = 0; /* done: it does not keep the CPUs, and has some itself */
	world.load[2] = 4;
	world_pass(2);
	ck_loans("0>2:0-3 1>2:4-7");
	ck_reason(REBALANCE_BORROWER_IDLE);
}
END_TEST

TEST_MAIN("lending",
	  test_case("who", test_thresholds, test_two_ticks, test_steps_between, test_wants),
	  test_case("where", test_nearest, test_distance, test_scope_within_node, test_smt_one),
	  test_case("how much", test_late_borrower, test_idle_first, test_moves_on))
