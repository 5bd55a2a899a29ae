/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When loans end, and when there are new ones: the donor's side, the borrower's, and samples that
 * tell nothing.
 */

#include <errno.h>

#include "tests/decision/world.h"
#include "tests/harness.h"

/* ---- loans end ---- */

START_TEST(test_donor_back)
{
	world_begin_loan();
	world.load[1] = 0.4; /* a blip: less than half a CPU, one tick */
	world_pass(1);
	world.load[1] = 0;
	world_pass(1);
	world.load[1] = 0.4;
	world_pass(1);
	ck_loans("1>0:4-7");
	world_pass(1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_BACK);
	world_begin_loan();
	world.load[1] = 0.6;
	world_pass(1);
	ck_loans("");
	/* Whenever in a tick it comes back, with a whole thread: two ticks are enough. */
	for (unsigned percent = 1; percent < 100; percent++) {
		world_begin_loan();
		world.load[1] = percent / 100.0;
		world_pass(1);
		world.load[1] = 1;
		world_pass(1);
		ck_loans("");
	}
}
END_TEST

START_TEST(test_cool_down)
{
	unsigned pause[4];

	world_begin_loan();
	world_pass(SECOND);
	world.load[1] = 1;
	world_pass(1);
	ck_loans("");
	world.load[1] = 0;
	world_pass(9);
	ck_loans("");
	world_pass(1); /* 500 ms */
	ck_loans("1>0:4-7");
	/* Back at once, again and again: it waits for twice as long each time. */
	for (unsigned i = 0; i < 4; i++) {
		world.load[1] = 1;
		world_pass(1);
		ck_loans("");
		world.load[1] = 0;
		for (pause[i] = 0; !world.p.loan_count; pause[i]++)
			world_pass(1);
	}
	ck_assert_uint_eq(pause[0], 10);
	ck_assert_uint_eq(pause[1], 20);
	ck_assert_uint_eq(pause[2], 40);
	ck_assert_uint_eq(pause[3], 80);
	world_pass(2 * SECOND); /* a loan that lasts for four cool-downs */
	world.load[1] = 1;
	world_pass(1);
	world.load[1] = 0;
	world_pass(10);
	ck_loans("1>0:4-7");
}
END_TEST

/* Spark begins a stage on the donor: at once, before it uses anything. */
START_TEST(test_stage)
{
	world_begin();
	world.samples[0].known = world.samples[1].known = SAMPLE_TASKS | SAMPLE_RUNNABLE;
	world.samples[0].runnable = 8;
	world.samples[1].tasks_running = world.samples[1].tasks_pending =
		3; /* of no matter to shared loans */
	world.samples[1].stages = 7;
	world.load[0] = 4;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("1>0:4-7");
	world.samples[1].tasks_at_ns = world.now_ns;
	world_step();
	world.samples[1].stages++;
	ck_assert_int_eq(world_step(), 1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_STAGE);
	world_pass(9);
	ck_loans("");
	world_pass(1);
	ck_loans("1>0:4-7");
	world.samples[1].known = 0; /* no answer is no stage */
	world.samples[1].stages = 0;
	world.load[0] = 8;
	world_pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/*
 * Asked only once the slice was idle, Spark names the stage that made it so: that is no news. The
 * next one is.
 */
START_TEST(test_old_stage)
{
	world_begin();
	world.samples[1].known = SAMPLE_TASKS;
	world.samples[1].tasks_at_ns = world.now_ns;
	world.load[0] = 4;
	world_pass(5);
	world.load[1] = 0;
	world_pass(2);
	ck_loans("1>0:4-7");
	world.samples[1].stages++;
	world.samples[1].tasks_at_ns = world.now_ns;
	ck_assert_int_eq(world_step(), 0);
	world_pass(1);
	ck_loans("1>0:4-7");
	world.samples[1].stages++;
	world.samples[1].tasks_at_ns = world.now_ns;
	ck_assert_int_eq(world_step(), 1);
	ck_loans("");
	ck_reason(REBALANCE_DONOR_STAGE);
}
END_TEST

START_TEST(test_unused)
{
	unsigned pause[8], lasted = 0;

	world_begin_loan(); /* one thread a CPU: nobody knows, and the loan is of no use */
	for (unsigned i = 0; i < 8; i++) {
		for (lasted = 0; world.p.loan_count; lasted++)
			world_pass(1);
		ck_reason(REBALANCE_UNUSED);
		ck_assert_uint_eq(lasted, SECOND + 1); /* the first tick begins the second */
		for (pause[i] = 0; !world.p.loan_count; pause[i]++)
			world_pass(1);
	}
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(pause[i], SECOND << i);
	ck_assert_uint_eq(pause[6], 60 * SECOND);
	ck_assert_uint_eq(pause[7], 60 * SECOND);
	world.load[0] = 5; /* once it is used, all is forgiven */
	world_pass(60 * SECOND);
	ck_loans("1>0:4-7");
	world.load[0] = 4;
	while (world.p.loan_count)
		world_pass(1);
	world_pass(SECOND - 1);
	ck_loans("");
	world_pass(1);
	ck_loans("1>0:4-7");
	/* And once a stage begins on the borrower. */
	world.samples[0].known = SAMPLE_TASKS;
	world.samples[0].tasks_running = 8;
	for (unsigned i = 0; i < 3 * SECOND; i++)
		world_pass(1);
	ck_loans("");
	world.samples[0].stages++;
	world_pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/*
 * A large slice that uses its loan to the full, and one that uses its own to the full, as kernels
 * blur it.
 */
START_TEST(test_use_of_large_slices)
{
	world_begin_at(&(struct machine_shape){2, 1, 1, 60, 1, UINT64_C(6) << 30}, BY_SOCKET, 2);
	world.samples[0].known = SAMPLE_RUNNABLE;
	world.samples[0].runnable = 61;
	world.load[0] = 60;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("1>0:60");
	world.load[0] = 61;
	world_pass(10 * SECOND);
	ck_loans("1>0:60");
	world.load[0] = 60.4;
	world_pass(2 * SECOND);
	ck_loans("");
}
END_TEST

START_TEST(test_starting)
{
	world_begin_loan();
	world.samples[0].starting = true;
	ck_assert_int_eq(world_step(), 1); /* before the JVM counts its CPUs */
	ck_loans("");
	ck_reason(REBALANCE_STARTING);
	world_pass(SECOND);
	ck_loans("");
	world.samples[0].starting = false;
	world_pass(1);
	ck_loans("1>0:4-7");
	world.samples[1].starting = true;
	world_pass(1);
	ck_loans("");
	world_pass(SECOND);
	ck_loans("");
}
END_TEST

START_TEST(test_gone)
{
	world_begin_loan();
	world.samples[0].processes = 0;
	world.load[0] = 0;
	world_pass(1);
	ck_loans("");
	ck_reason(REBALANCE_BORROWER_GONE);
	world_begin_loan(); /* an empty donor lends on */
	world.samples[1].processes = 0;
	world.load[0] = 8;
	world_pass(SECOND);
	ck_loans("1>0:4-7");
}
END_TEST

/* ---- samples that tell nothing ---- */

static void break_sample(unsigned kind, struct sample *s)
{
	if (kind == 0)
		*s = (struct sample){.processes = 2}; /* the driver failed */
	else if (kind == 1)
		s->at_ns = world.now_ns - 20 * TICK_NS; /* the same again and again */
	else if (kind == 2)
		s->at_ns = UINT64_MAX;
	else if (kind == 3)
		s->cpu_usage_us = 0; /* no such counter */
	else if (kind == 4)
		s->cpu_usage_us +=
			1000000 * (world.now_ns / TICK_NS % 1000); /* 20 000 CPUs and more */
	else
		s->cpu_usage_us = 1000000 - world.now_ns / 1000000; /* downwards */
}

START_TEST(test_blind)
{
	for (unsigned party = 0; party < 2; party++) {
		for (unsigned kind = 0; kind < 6; kind++) {
			world_begin_loan();
			world.load[0] = 8;
			for (unsigned i = 0; i < 10; i++) {
				world.now_ns += TICK_NS;
				for (unsigned k = 0; k < 4; k++) {
					world.samples[k].at_ns = world.now_ns;
					world.samples[k].cpu_usage_us +=
						(uint64_t)(world.load[k] * 50000);
				}
				break_sample(kind, &world.samples[party]);
				world_step();
				ck_assert_msg(i > 2 || world.p.loan_count,
					      "party %u kind %u: %u ticks", party, kind, i);
				if (i == 3)
					ck_reason(REBALANCE_BLIND);
			}
			ck_loans("");
		}
	}
}
END_TEST

/* Three seconds without a step, and a clock that goes back: no loan is lost for that by itself. */
START_TEST(test_clock)
{
	world_begin_loan();
	world.load[0] = 8;
	world.now_ns += 60 * TICK_NS;
	world.samples[0].cpu_usage_us += 8 * 3000000;
	world_pass(1);
	ck_loans("1>0:4-7");
	world.now_ns -= TICK_NS;
	ck_assert_int_eq(world_step(), 0);
	world.now_ns += TICK_NS;
	ck_assert_int_eq(world_step(), 0);
	world_pass(10);
	ck_loans("1>0:4-7");
	ck_assert_int_eq(rebalance_step(&world.p, &world.t, &world.policy, world.samples, 3,
					world.now_ns, &world.memory, &world.wanted),
			 -EINVAL);
}
END_TEST

/* A memory that knows nothing of the loans that are there: it ends them, and learns. */
START_TEST(test_new_memory)
{
	world_begin_loan();
	memset(&world.memory, 0, sizeof(world.memory));
	world_pass(1);
	ck_loans("");
	ck_reason(REBALANCE_BLIND);
	world_pass(2);
	ck_loans("1>0:4-7");
	world.p.slices[1].slots++; /* the same home set: the same slice */
	world_pass(1);
	ck_loans("1>0:4-7");
}
END_TEST

/* ---- words ---- */

START_TEST(test_words)
{
	static const char *const names[] = {
		"stays",       "lends",	      "shares",	       "online",	"donor-back",
		"donor-stage", "donor-tasks", "borrower-idle", "borrower-gone", "unused",
		"yields",      "starting",    "blind",	       "offline",	"policy"};
	struct rebalance_decision d;
	char text[256];

	for (unsigned i = 0; i < REBALANCE_REASONS; i++)
		ck_assert_str_eq(rebalance_reason_name((enum rebalance_reason)i), names[i]);
	world_begin_loan();
	d = world.memory.decisions.items[0];
	ck_assert_str_eq(rebalance_format(&d, text, sizeof(text)),
			 "slice-1 lends 4-7 to slice-0: it uses 0.00 of 4 CPUs, slice-0 4.00 of 4");
	world.load[1] = 1.5;
	world_pass(1);
	d = world.memory.decisions.items[0];
	ck_assert_str_eq(rebalance_format(&d, text, sizeof(text)),
			 "slice-0 returns 4-7 to slice-1: slice-1 is back and uses 1.50 of 4 CPUs");
}
END_TEST

static const char *nothing(void)
{
	static char text[256];

	return rebalance_format_nothing(&world.p, world.memory.verdicts, text, sizeof(text));
}

/*
 * Why a pass may lead to nothing, as what is missing: somebody who lags, idle CPUs, or room for a
 * loan.
 */
START_TEST(test_words_of_nothing)
{
	world_begin();
	world.load[2] = 3;
	world_pass(3);
	ck_assert_str_eq(nothing(), "no slice lags: the busiest, slice-2, uses 3.00 of 4 CPUs");
	world.load[0] = 4;
	world_pass(3);
	ck_loans("");
	ck_assert_str_eq(nothing(), "slice-0 lags, but no slice is idle");
	world.samples[0].known = SAMPLE_RUNNABLE;
	world.samples[0].runnable = 4;
	world_pass(1);
	ck_assert_str_eq(
		nothing(),
		"slice-0 uses 4.00 of 4 CPUs, but has no threads for more, has just begun, "
		"or did not use what it was lent");
	world.samples[0].runnable = 16;
	world.policy.scope = SCOPE_PACKAGE;
	world.load[1] = 0;
	world_pass(3);
	ck_loans("");
	ck_assert_str_eq(
		nothing(),
		"slice-0 lags, but may not have more of what is idle: it is lent, kept, or "
		"out of rebalance.scope");
}
END_TEST

TEST_MAIN("rebalance",
	  test_case("return", test_donor_back, test_cool_down, test_stage, test_old_stage,
		    test_unused, test_use_of_large_slices, test_starting, test_gone),
	  test_case("samples", test_blind, test_clock, test_new_memory),
	  test_case("words", test_words, test_words_of_nothing))
