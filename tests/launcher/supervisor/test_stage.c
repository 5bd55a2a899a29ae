/* SPDX-License-Identifier: Apache-2.0 */
/* A walk through the table of what the supervisor does after what. */
#include "launcher/supervisor/stage.h"

#include <stdbool.h>

#include "tests/harness.h"

static enum supervisor_stage walk(enum supervisor_stage stage, const enum supervisor_event *events,
				  const enum supervisor_action *actions, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct supervisor_step step = supervisor_step(stage, events[i]);

		ck_assert_msg(step.action == actions[i], "step %u: action %d instead of %d", i,
			      step.action, actions[i]);
		stage = step.next;
	}
	return stage;
}

static bool is_end(enum supervisor_stage stage)
{
	return stage == STAGE_GONE || stage == STAGE_STUCK;
}

START_TEST(a_cluster_comes_up_and_goes_down)
{
	const enum supervisor_event events[] = {EVENT_APPLY, EVENT_DONE, EVENT_DONE, EVENT_DONE,
						EVENT_DONE,  EVENT_DOWN, EVENT_DONE, EVENT_DONE};
	const enum supervisor_action actions[] = {
		ACTION_BEGIN,  ACTION_TAKE_OVER, ACTION_START_MASTER, ACTION_START_WORKERS,
		ACTION_FINISH, ACTION_STOP_ALL,	 ACTION_NONE,	      ACTION_NONE};

	ck_assert_int_eq(walk(STAGE_IDLE, events, actions, 5), STAGE_IDLE);
	ck_assert_int_eq(walk(STAGE_IDLE, events, actions, 8), STAGE_GONE);
}
END_TEST

START_TEST(an_apply_that_fails_leaves_what_there_was)
{
	for (enum supervisor_stage s = STAGE_IDLE; s < STAGE_STOP; s++) {
		struct supervisor_step old = supervisor_step(s, EVENT_FAILED);
		struct supervisor_step new = supervisor_step(s, EVENT_FAILED_NEW);

		ck_assert_msg(old.action == ACTION_GIVE_UP && old.next == STAGE_IDLE, "%d", s);
		ck_assert_msg(new.action == ACTION_STOP_ALL &&new.next == STAGE_STOP, "%d", s);
	}
}
END_TEST

/* The master's place is still to be found while it starts, and at no other time. */
START_TEST(a_master_moves_while_it_starts)
{
	for (enum supervisor_stage s = STAGE_IDLE; s < SUPERVISOR_STAGES; s++) {
		struct supervisor_step step = supervisor_step(s, EVENT_MOVED);

		if (s == STAGE_MASTER)
			ck_assert(step.action == ACTION_MOVE_MASTER && step.next == STAGE_REPLACE);
		else
			ck_assert_msg(step.action == ACTION_NONE && step.next == s, "%d", s);
	}
}
END_TEST

START_TEST(one_apply_at_a_time_and_none_on_the_way_down)
{
	for (enum supervisor_stage s = STAGE_GROUPS; s < SUPERVISOR_STAGES; s++) {
		struct supervisor_step step = supervisor_step(s, EVENT_APPLY);

		ck_assert_msg(step.action == ACTION_REFUSE && step.next == s, "%d", s);
	}
}
END_TEST

/* Before the groups have been looked at nothing is in force, and nothing can be stopped. */
START_TEST(what_is_not_open_is_neither_changed_nor_stopped)
{
	ck_assert_int_eq(supervisor_step(STAGE_OPEN, EVENT_APPLY).action, ACTION_REFUSE);
	ck_assert_int_eq(supervisor_step(STAGE_OPEN, EVENT_DOWN).next, STAGE_OPEN);
	ck_assert_int_eq(supervisor_step(STAGE_OPEN, EVENT_DOWN).action, ACTION_NONE);
	ck_assert_int_eq(supervisor_step(STAGE_OPEN, EVENT_DONE).next, STAGE_IDLE);
	ck_assert_int_eq(supervisor_step(STAGE_OPEN, EVENT_FAILED).next, STAGE_STUCK);
}
END_TEST

START_TEST(down_is_reached_from_everywhere_once)
{
	for (enum supervisor_stage s = STAGE_IDLE; s < STAGE_STOP; s++) {
		struct supervisor_step step = supervisor_step(s, EVENT_DOWN);

		ck_assert_msg(step.action == ACTION_STOP_ALL && step.next == STAGE_STOP, "%d", s);
	}
	for (enum supervisor_stage s = STAGE_STOP; s < SUPERVISOR_STAGES; s++) {
		struct supervisor_step step = supervisor_step(s, EVENT_DOWN);

		ck_assert_msg(step.action == ACTION_NONE && step.next == s, "%d", s);
	}
}
END_TEST

START_TEST(what_cannot_be_removed_is_the_end)
{
	for (enum supervisor_stage s = STAGE_STOP; s <= STAGE_REMOVE; s++)
		ck_assert_int_eq(supervisor_step(s, EVENT_FAILED).next, STAGE_STUCK);
	for (enum supervisor_stage s = STAGE_GONE; s < SUPERVISOR_STAGES; s++)
		for (enum supervisor_event e = 0; e < SUPERVISOR_EVENTS; e++)
			ck_assert_int_eq(supervisor_step(s, e).next, s);
}
END_TEST

/*
 * Whatever happens: lending begins only where all workers were started, groups are removed only
 * after all have stopped.
 */
START_TEST(random_walks)
{
	unsigned long long random = test_seed();

	for (unsigned walks = 0; walks < 2000; walks++) {
		enum supervisor_stage stage = STAGE_IDLE;
		bool has_workers = false, is_stopping = false, is_removing = false;

		for (unsigned i = 0; i < 200 && !is_end(stage); i++) {
			enum supervisor_event event =
				(enum supervisor_event)(test_random(&random) % SUPERVISOR_EVENTS);
			struct supervisor_step step = supervisor_step(stage, event);

			ck_assert_msg(step.action != ACTION_FINISH || has_workers, "seed %lu",
				      test_seed());
			ck_assert_msg(step.next != STAGE_REMOVE || is_stopping, "seed %lu",
				      test_seed());
			ck_assert_msg(step.next != STAGE_GONE || is_removing, "seed %lu",
				      test_seed());
			ck_assert_msg(!is_stopping || step.next >= STAGE_STOP, "seed %lu",
				      test_seed());
			if (step.action == ACTION_BEGIN)
				has_workers = false;
			has_workers |= step.action == ACTION_START_WORKERS;
			is_stopping |= step.action == ACTION_STOP_ALL;
			is_removing |= step.next == STAGE_REMOVE;
			stage = step.next;
		}
		ck_assert_msg(is_end(stage), "seed %lu: 200 events and no end", test_seed());
	}
}
END_TEST

TEST_MAIN("stage",
	  test_case("table", a_cluster_comes_up_and_goes_down,
		    an_apply_that_fails_leaves_what_there_was, a_master_moves_while_it_starts,
		    one_apply_at_a_time_and_none_on_the_way_down,
		    down_is_reached_from_everywhere_once,
		    what_is_not_open_is_neither_changed_nor_stopped,
		    what_cannot_be_removed_is_the_end, random_walks))
