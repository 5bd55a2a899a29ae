/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/life.h"

#include "tests/harness.h"

static const uint64_t second = 1000000000;

/* One row: an event at a time (s) and what must come of it. */
struct row {
	double at;
	enum worker_event event;
	enum worker_action action;
	enum worker_state state;
};

static void run_rows(struct worker *w, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t now = (uint64_t)(rows[i].at * 1e9) + second;
		enum worker_action action = worker_step(w, rows[i].event, now);

		ck_assert_msg(action == rows[i].action, "row %zu: action %d, not %d", i, action,
			      rows[i].action);
		ck_assert_msg(w->state == rows[i].state, "row %zu: %s, not %s", i,
			      worker_state_name(w->state), worker_state_name(rows[i].state));
	}
}
#define run(w, ...)                                      \
	run_rows((w), (const struct row[]){__VA_ARGS__}, \
		 sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

START_TEST(a_quiet_life)
{
	struct worker w = {0};

	run(&w, {0, WORKER_TICK, WORKER_DO_NOTHING, WORKER_STOPPED},
	    {1, WORKER_WANTED, WORKER_DO_SPAWN, WORKER_STARTING},
	    {2, WORKER_WANTED, WORKER_DO_NOTHING, WORKER_STARTING},
	    {3, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_RUNNING},
	    {4, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_RUNNING},
	    {5, WORKER_LOST, WORKER_DO_NOTHING, WORKER_STARTING},
	    {6, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_RUNNING},
	    {7, WORKER_UNWANTED, WORKER_DO_TERMINATE, WORKER_STOPPING},
	    {8, WORKER_UNWANTED, WORKER_DO_NOTHING, WORKER_STOPPING},
	    {9, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_STOPPED},
	    {10, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_STOPPED},
	    {11, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_STOPPED});
	ck_assert_uint_eq(w.restarts, 0);
}
END_TEST

START_TEST(back_off_doubles_and_ends)
{
	struct worker w = {0};

	run(&w, {0, WORKER_WANTED, WORKER_DO_SPAWN, WORKER_STARTING},
	    {1, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {1.999, WORKER_TICK, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {2, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING},
	    {3, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {4.999, WORKER_TICK, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {5, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING},
	    {6, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {9.999, WORKER_TICK, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {10, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING},
	    {11, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_RUNNING},
	    {12, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {19.999, WORKER_TICK, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {20, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING});
	ck_assert_uint_eq(w.restarts, 4);
	run(&w, {21, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_DEGRADED},
	    {5000, WORKER_TICK, WORKER_DO_NOTHING, WORKER_DEGRADED},
	    {5001, WORKER_WANTED, WORKER_DO_SPAWN, WORKER_STARTING},
	    {5002, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {5003, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING});
	ck_assert_uint_eq(w.restarts, 1);
}
END_TEST

/* Deaths far apart never add up: the window is ten minutes. */
START_TEST(old_exits_are_forgotten)
{
	struct worker w = {0};

	run(&w, {0, WORKER_WANTED, WORKER_DO_SPAWN, WORKER_STARTING});
	for (unsigned i = 1; i <= 40; i++) {
		double at = i * 200.0; /* at most three within 600 s */

		run(&w, {at, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
		    {at + 4, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING});
		ck_assert_uint_le(w.exit_count, 3);
	}
	ck_assert_uint_eq(w.restarts, 40);
}
END_TEST

START_TEST(stopping_ends_in_sigkill)
{
	struct worker w = {0};

	run(&w, {0, WORKER_ADOPTED, WORKER_DO_NOTHING, WORKER_STARTING},
	    {1, WORKER_UNWANTED, WORKER_DO_TERMINATE, WORKER_STOPPING},
	    {10.9, WORKER_TICK, WORKER_DO_NOTHING, WORKER_STOPPING},
	    {11, WORKER_TICK, WORKER_DO_KILL, WORKER_STOPPING},
	    {12, WORKER_TICK, WORKER_DO_NOTHING, WORKER_STOPPING},
	    {13, WORKER_WANTED, WORKER_DO_NOTHING, WORKER_STOPPING},
	    {14, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_STOPPED},
	    {15, WORKER_UNWANTED, WORKER_DO_NOTHING, WORKER_STOPPED});
}
END_TEST

/* One that does not answer is killed once, and then as one that ended of itself. */
START_TEST(mute_is_killed_and_begins_anew)
{
	struct worker w = {0};

	run(&w, {0, WORKER_MUTE, WORKER_DO_NOTHING, WORKER_STOPPED},
	    {0, WORKER_WANTED, WORKER_DO_SPAWN, WORKER_STARTING},
	    {1, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_RUNNING},
	    {50, WORKER_MUTE, WORKER_DO_KILL, WORKER_HUNG},
	    {50, WORKER_MUTE, WORKER_DO_NOTHING, WORKER_HUNG},
	    {51, WORKER_REGISTERED, WORKER_DO_NOTHING, WORKER_HUNG},
	    {51, WORKER_LOST, WORKER_DO_NOTHING, WORKER_HUNG},
	    {51, WORKER_WANTED, WORKER_DO_NOTHING, WORKER_HUNG},
	    {90, WORKER_TICK, WORKER_DO_NOTHING, WORKER_HUNG},
	    {90, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {90, WORKER_MUTE, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {91, WORKER_TICK, WORKER_DO_SPAWN, WORKER_STARTING},
	    {99, WORKER_MUTE, WORKER_DO_KILL, WORKER_HUNG},
	    {99, WORKER_UNWANTED, WORKER_DO_TERMINATE, WORKER_STOPPING},
	    {99, WORKER_MUTE, WORKER_DO_NOTHING, WORKER_STOPPING},
	    {99, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_STOPPED});
	ck_assert_str_eq(worker_state_name(WORKER_HUNG), "hung");
}
END_TEST

START_TEST(unwanted_while_backing_off)
{
	struct worker w = {0};

	run(&w, {0, WORKER_WANTED, WORKER_DO_SPAWN, WORKER_STARTING},
	    {1, WORKER_EXITED, WORKER_DO_NOTHING, WORKER_BACKING_OFF},
	    {1.5, WORKER_UNWANTED, WORKER_DO_NOTHING, WORKER_STOPPED},
	    {100, WORKER_TICK, WORKER_DO_NOTHING, WORKER_STOPPED});
}
END_TEST

/*
 * Whatever comes: a process is spawned only when there is none, and signalled only when there is
 * one.
 */
START_TEST(any_order_of_events)
{
	unsigned long long random = test_seed();

	for (unsigned round = 0; round < 500; round++) {
		struct worker w = {0};
		bool has_process = false;
		uint64_t now = second;

		for (unsigned i = 0; i < 60; i++) {
			enum worker_event event = test_random(&random) % WORKER_EVENTS;
			enum worker_action action;

			if (event == WORKER_ADOPTED && (has_process || w.state != WORKER_STOPPED))
				continue; /* done once, before anything else */
			now += test_random(&random) % (20 * second);
			action = worker_step(&w, event, now);
			ck_assert_msg(action != WORKER_DO_SPAWN || !has_process,
				      "seed %lu round %u", test_seed(), round);
			ck_assert_msg((action != WORKER_DO_KILL && action != WORKER_DO_TERMINATE) ||
					      has_process,
				      "seed %lu round %u", test_seed(), round);
			if (event == WORKER_EXITED)
				has_process = false;
			if (action == WORKER_DO_SPAWN || event == WORKER_ADOPTED)
				has_process = true;
			ck_assert_msg(w.has_process == has_process, "seed %lu round %u",
				      test_seed(), round);
			ck_assert(w.exit_count <= WORKER_EXITS);
		}
	}
}
END_TEST

TEST_MAIN("worker",
	  test_case("life", a_quiet_life, back_off_doubles_and_ends, old_exits_are_forgotten,
		    stopping_ends_in_sigkill, mute_is_killed_and_begins_anew,
		    unwanted_while_backing_off, any_order_of_events))
