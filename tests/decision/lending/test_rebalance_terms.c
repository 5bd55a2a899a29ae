/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terms of loans: exclusive ones, what the profile says, CPUs that come and go, and loans by
 * hand.
 */

#include "decision/lending/loan_request.h"
#include "tests/decision/world.h"
#include "tests/harness.h"

/* ---- exclusive ---- */

static void begin_exclusive(unsigned keep)
{
	world_begin();
	world.policy.loans = LOANS_EXCLUSIVE;
	world.policy.keep = keep;
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(4);
	ck_loans(""); /* the kernel is not enough */
	world.samples[1].known = SAMPLE_TASKS;
	world.samples[1].tasks_at_ns = world.now_ns - 4 * TICK_NS; /* asked before it was idle */
	world_pass(1);
	ck_loans("");
}

START_TEST(test_exclusive)
{
	static const char *const lent[] = {"1>0:4-6!", "1>0:4-6!", "1>0:4-5!", "1>0:4!", "", ""};

	for (unsigned keep = 0; keep < 6; keep++) {
		begin_exclusive(keep);
		world.samples[1].tasks_at_ns = world.now_ns;
		ck_assert_int_eq(world_step(), keep < 4);
		ck_loans(lent[keep]);
	}
	begin_exclusive(1);
	world.samples[1].tasks_at_ns = world.now_ns;
	world.samples[1].tasks_running = 1;
	world_pass(1);
	ck_loans("");
	world.samples[1].tasks_running = 0;
	world.samples[1].tasks_pending = 1;
	world_pass(1);
	ck_loans("");
	world.samples[1].tasks_pending = 0;
	world.samples[1].tasks_at_ns = UINT64_MAX; /* not yet */
	world_pass(1);
	ck_loans("");
	world.samples[1].tasks_at_ns = world.now_ns;
	world_pass(1);
	ck_loans("1>0:4-6!");
	world.load[0] = 7;
	world.policy.keep = 3; /* as a profile that is applied says */
	world_pass(1);
	ck_loans("1>0:4!");
	ck_reason(REBALANCE_POLICY);
	world.samples[1].tasks_pending = 1;
	ck_assert_int_eq(world_step(), 1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_TASKS);
}
END_TEST

/* One CPU is left of 4: a tenth of it is more than 5 %, though not of 4. */
START_TEST(test_exclusive_back)
{
	begin_exclusive(1);
	world.samples[1].tasks_at_ns = world.now_ns;
	world_pass(1);
	ck_loans("1>0:4-6!");
	world.load[0] = 7;
	world.load[1] = 0.1;
	world_pass(2);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_BACK);
}
END_TEST

/* What is idle of 8 CPUs is not of the 4 that are left. */
START_TEST(test_exclusive_width)
{
	world_begin_at(&(struct machine_shape){3, 1, 1, 8, 1, UINT64_C(6) << 30}, BY_SOCKET, 3);
	world.policy.loans = LOANS_EXCLUSIVE;
	world.load[0] = world.load[2] = 8;
	world.load[1] = 0.3;
	world.samples[0].known = SAMPLE_RUNNABLE;
	world.samples[0].runnable = 12;
	world.samples[2].starting = true;
	world_pass(4);
	world.samples[1].known = SAMPLE_TASKS;
	world.samples[1].tasks_at_ns = world.now_ns;
	world_step();
	ck_loans("1>0:8-11!");
	world.samples[2].starting = false;
	world_step();
	ck_loans("1>0:8-11!");
}
END_TEST

/* ---- what the profile says ---- */

START_TEST(test_policy)
{
	world_begin_loan();
	world.policy.mode = REBALANCE_OFF;
	world_pass(1);
	ck_loans("");
	ck_reason(REBALANCE_POLICY);
	world_pass(SECOND);
	ck_loans("");
	world.policy.mode = REBALANCE_ACT;
	world_pass(1);
	ck_loans("1>0:4-7");
	world.policy.loans = LOANS_EXCLUSIVE;
	world_pass(1);
	ck_loans("");
	/* Observe: the loans are not in force, so that nobody can use them. */
	world_begin();
	world.policy.mode = REBALANCE_OBSERVE;
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(60 * SECOND);
	ck_loans("1>0:4-7");
	ck_assert_uint_eq(world.changes, 1);
	world.load[1] = 1;
	world_pass(1);
	ck_loans("");
}
END_TEST

/* ---- the machine changes ---- */

/* The CPU is not there any more, and slice 1 has one less; numbers of cores move. */
static void lose_cpu(unsigned os_index)
{
	static struct topology less;
	unsigned kept = 0;
	struct err e = {0};

	less = world.t;
	for (unsigned i = 0; i < world.t.cpu_count; i++) {
		if (world.t.cpus[i].os_index != os_index)
			less.cpus[kept++] = world.t.cpus[i];
	}
	less.cpu_count = kept;
	cpuset_add(&less.disallowed, os_index);
	ck_assert_msg(topology_derive(&less, &e) == 0, "%s", e.msg);
	world.t = less;
	cpuset_remove(&world.p.slices[1].cpus, os_index);
	world.p.slices[1].cores--;
	world.p.candidate_count = 0; /* nobody decided on uneven slices */
}

START_TEST(test_offline)
{
	static struct topology whole;

	world_begin_loan();
	whole = world.t;
	lose_cpu(5);
	world.memory.slices[1].home = world.p.slices[1].cpus; /* as if it had always been so */
	world.load[0] = 7;
	world_pass(1);
	ck_loans("1>0:4,6-7");
	ck_reason(REBALANCE_OFFLINE);
	ck_assert_str_eq(CPUSET_STRING(&world.memory.decisions.items[0].cpus), "5");
	/* Another home set is another slice, of which nothing is known. */
	world.t = whole;
	cpuset_add(&world.p.slices[1].cpus, 5);
	world.p.slices[1].cores = 4;
	world_pass(1);
	ck_loans("");
	ck_reason(REBALANCE_BLIND);
}
END_TEST

/* ---- by hand ---- */

static struct err error;

static int request(unsigned from, unsigned to, unsigned cores, enum loan_mode mode)
{
	int code = loan_request(&world.p, &world.t,
				&(struct loan_request){from, to, cores, mode, world.policy.keep},
				&world.wanted, &error);

	if (code == 0)
		world.p = world.wanted;
	return code == 0 ? 0 : (int)error.exit;
}

#define refused(call, exit_, text)                 \
	do {                                       \
		ck_assert_int_eq(call, exit_);     \
		ck_assert_str_eq(error.msg, text); \
	} while (0)

START_TEST(test_request)
{
	world_begin();
	ck_assert_int_eq(request(1, 0, 2, LOANS_SHARED), 0);
	ck_loans("1>0:4-5 by hand");
	ck_assert_int_eq(request(1, 0, 1, LOANS_SHARED), 0);
	ck_loans("1>0:4-6 by hand");
	ck_assert_int_eq(request(3, 2, 3, LOANS_EXCLUSIVE), 0);
	ck_loans("1>0:4-6 by hand 3>2:12-14! by hand");
	refused(request(1, 0, 2, LOANS_SHARED), 3,
		"slice 1 cannot lend 2 cores: 1 of its 4 are not lent");
	refused(request(3, 2, 1, LOANS_EXCLUSIVE), 3,
		"slice 3 cannot lend 1 cores exclusively: at most 0, because it keeps 1 CPUs "
		"(rebalance.keep), in whole cores, and lends no core twice");
	refused(request(1, 0, 0, LOANS_SHARED), 2, "0 cores are no loan: lend at least 1");
	refused(request(1, 4, 1, LOANS_SHARED), 3,
		"there is no slice 4: the plan has 4, from 0 on");
	refused(request(9, 0, 1, LOANS_SHARED), 3,
		"there is no slice 9: the plan has 4, from 0 on");
	refused(request(1, 1, 1, LOANS_SHARED), 3, "slice 1 cannot lend to itself");
	refused(request(0, 2, 1, LOANS_SHARED), 3,
		"slice 0 borrows CPUs 4-6 of slice 1 and cannot lend meanwhile");
	refused(request(2, 0, 1, LOANS_SHARED), 3,
		"slice 2 borrows CPUs 12-14 of slice 3 and cannot lend meanwhile");
	refused(request(3, 1, 1, LOANS_SHARED), 3,
		"slice 1 lends CPUs 4-6 to slice 0 and cannot borrow meanwhile");
	loan_reset(&world.p, &world.wanted);
	ck_assert_uint_eq(world.wanted.loan_count, 0);
}
END_TEST

/* The monitor leaves them alone, works around them, and gives back its own. */
START_TEST(test_by_hand)
{
	world_begin();
	ck_assert_int_eq(request(1, 2, 2, LOANS_EXCLUSIVE), 0);
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("1>2:4-5! by hand 1>0:6-7");
	world.load[1] = 2;
	world_pass(1);
	ck_loans("1>2:4-5! by hand");
	world.samples[1].starting = world.samples[2].starting = true;
	world.policy.mode = REBALANCE_OFF;
	world_pass(10 * SECOND);
	ck_loans("1>2:4-5! by hand");
	lose_cpu(4);
	world_pass(1);
	ck_loans("1>2:5! by hand");
	ck_reason(REBALANCE_OFFLINE);
	lose_cpu(5);
	world_pass(1);
	ck_loans("");
}
END_TEST

TEST_MAIN("rebalance terms",
	  test_case("exclusive", test_exclusive, test_exclusive_back, test_exclusive_width),
	  test_case("policy", test_policy, test_offline),
	  test_case("by hand", test_request, test_by_hand))
