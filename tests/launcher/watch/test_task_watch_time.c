/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When Spark is asked; and anything, in any order.
 * link: -Wl,--wrap=rest_get -Wl,--wrap=rest_drop
 */

#include "launcher/watch/task_watch.h"

#include <errno.h>

#include "tests/harness.h"
#include "tests/launcher/scene.h"

/* ---- when it is asked */

START_TEST(seldom_by_itself)
{
	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[]");
	ck_assert_uint_eq(scene_deadline_ms(), 5000);
	scene_tick_after(4999);
	ck_assert_uint_eq(scene.request_count, 0);
	scene_tick_after(1);
	ck_assert_uint_eq(scene.request_count, 2);
	ck_assert_uint_eq(task_watch_deadline(scene.watch), UINT64_MAX); /* answers wake the loop */
	scene_answer("app-1", "executors", "[" ON_0(1) "]");
	scene_answer("app-1", "stages", "[]");
	scene_tick();
	scene.now += 999 * SCENE_MS;
	scene_tick_at(TASK_WATCH_LENDING);
	ck_assert_uint_eq(scene.request_count, 0);
	ck_assert_uint_eq(scene_deadline_ms(), 1);
	scene.now += SCENE_MS;
	scene_tick_at(TASK_WATCH_LENDING);
	ck_assert_uint_eq(scene.request_count, 2);
	scene_answer("app-1", "executors", "[]"); /* no executors: no stages of interest */
	scene_answer("app-1", "stages", "[]");
	scene_tick_after(5000);
	ck_assert_uint_eq(scene.request_count, 1);
}
END_TEST

/* An application that takes long to answer is asked less often, where nobody waits for it. */
START_TEST(the_slow_are_asked_less)
{
	static const struct {
		unsigned took_ms, period_ms;
	} cases[] = {{0, 1000}, {10, 1000}, {25, 2500}, {49, 4900}, {60, 5000}, {900, 5000}};

	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[]");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		scene.now += 5000 * SCENE_MS;
		scene_list("app-1", NULL);
		scene_tick_at(TASK_WATCH_LENDING);
		scene.now += cases[i].took_ms * SCENE_MS;
		scene_answer_both();
		scene_tick_at(TASK_WATCH_LENDING);
		ck_assert_uint_eq(scene_deadline_ms(), cases[i].period_ms - cases[i].took_ms);
		scene_tick_at(TASK_WATCH_WAITING);
		ck_assert_uint_eq(scene_deadline_ms(), 1000 - cases[i].took_ms);
		scene_tick();
		ck_assert_uint_eq(scene_deadline_ms(), 5000 - cases[i].took_ms);
		/* A hint is no reason to hurry, and one is enough. */
		scene.now += SCENE_MS;
		task_watch_hint(scene.watch, scene.now);
		ck_assert_uint_eq(scene_deadline_ms(), cases[i].period_ms - cases[i].took_ms - 1);
		scene_tick_after(cases[i].period_ms - cases[i].took_ms - 1);
		ck_assert_uint_eq(scene.request_count, 2);
		scene_answer_both();
		scene_tick();
		ck_assert_uint_eq(scene_deadline_ms(), 5000);
	}
}
END_TEST

START_TEST(a_trigger_and_its_repeats)
{
	static const uint64_t waits[] = {0, 50, 50, 100};

	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[]");
	scene.now += 7 * SCENE_MS;
	task_watch_trigger(scene.watch, scene.now);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(scene_deadline_ms(), waits[i]);
		if (waits[i]) {
			scene_tick_after(waits[i] - 1);
			ck_assert_uint_eq(scene.request_count, 0);
			scene.now += SCENE_MS;
		}
		ck_assert(!i || !task_watch_is_requesting(scene.watch));
		scene_tick();
		ck_assert_uint_eq(scene.request_count, 2);
		ck_assert(task_watch_is_requesting(scene.watch));
		scene_answer_both();
		ck_assert(!task_watch_is_requesting(scene.watch));
		ck_assert_uint_eq(scene_fill(0).tasks_at_ns, scene.now);
		task_watch_trigger(scene.watch,
				   scene.now); /* adds nothing, but after the last one */
		if (i == 3)
			break;
		scene_tick();
		ck_assert_uint_eq(scene.request_count, 0);
	}
	ck_assert_uint_eq(scene_deadline_ms(), 0);
}
END_TEST

/* Somebody who triggers all the time is not worth all of the Master's time. */
START_TEST(triggers_without_end)
{
	unsigned rounds[10] = {0};

	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[]");
	for (unsigned turn = 0; turn < 10000; turn++) {
		unsigned sent = scene.sent_count;

		task_watch_trigger(scene.watch, scene.now);
		scene_list("app-1", NULL);
		scene_tick();
		rounds[turn / 1000] += (scene.sent_count - sent) / 2;
		if (scene.sent_count > sent)
			scene_answer_both();
		scene.now += SCENE_MS;
	}
	ck_assert_uint_ge(rounds[0], 12); /* those saved while nothing happened */
	for (unsigned i = 2; i < 10; i++)
		ck_assert_msg(rounds[i] >= 1 && rounds[i] <= 6, "second %u: %u rounds", i,
			      rounds[i]);
	/* And then, after some quiet, as at first. */
	scene_tick_after(5000);
	scene_answer_both();
	scene.now += SCENE_MS;
	task_watch_trigger(scene.watch, scene.now);
	scene_tick();
	scene_answer_both();
	ck_assert_uint_eq(scene_deadline_ms(), 50);
}
END_TEST

/* A question that was under way when something happened says nothing of it. */
START_TEST(asked_again_when_answered)
{
	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[]");
	scene_tick_after(5000);
	ck_assert_uint_eq(scene.request_count, 2);
	scene.now += 3 * SCENE_MS;
	task_watch_trigger(scene.watch, scene.now);
	scene_tick();
	ck_assert_uint_eq(scene.request_count, 2);
	scene_tick_after(500); /* all repeats go by */
	ck_assert_uint_eq(scene.sent_count, 5);
	scene_answer_both();
	ck_assert_uint_eq(scene_fill(0).tasks_at_ns, scene.now - 503 * SCENE_MS);
	scene_tick();
	ck_assert_uint_eq(scene.request_count, 2);
	scene_answer_both();
	ck_assert_uint_eq(scene_fill(0).tasks_at_ns, scene.now);
	ck_assert_uint_eq(scene_deadline_ms(), 5000);
	task_watch_request(scene.watch, scene.now + SCENE_MS);
	scene.now += SCENE_MS;
	ck_assert(task_watch_is_requesting(scene.watch));
	scene_tick();
	scene_answer_both();
	ck_assert_uint_eq(scene_deadline_ms(), 5000); /* once */
}
END_TEST

/* ---- anything, in any order */

static const char *const executors_texts[] = {
	"[]",
	"[" ON_0(1) "]",
	"[" ON_0(2) "," ON_1(1) "]",
	"[" ON_1(0) "," EXECUTOR(7, "10.0.0.1", 4) "]",
	"[" EXECUTOR(5, "127.0.0.12", 2147483647) "]",
	"[{]",
	STARTING,
};
static const char *const stages_texts[] = {
	"[]",
	"[" STAGE(0, 0, 6, 2, 1) "]",
	"[" STAGE(1, 0, 6, 0, 3) "," STAGE(0, 1, 1, 0, 0) "]",
	"[" STAGE(2, 0, 2147483647, 0, 0) "," STAGE(3, 0, 2147483647, 0, 0) "]",
	"nothing",
};
static const char *const environment_texts[] = {ENVIRONMENT(2), "{}", ENVIRONMENT(x)};

#define PICK(texts, random) texts[(random) % (sizeof(texts) / sizeof(*texts))]

static void answer_one(unsigned long long *random)
{
	static const int statuses[] = {200, 200, 200, 200, 404, -ETIMEDOUT, -EFBIG};
	unsigned i = (unsigned)(test_random(random) % scene.request_count);
	struct sent taken = scene.requests[i];
	const char *body = strstr(taken.url, "/stages") ? PICK(stages_texts, test_random(random))
			   : strstr(taken.url, "/executors")
				   ? PICK(executors_texts, test_random(random))
				   : PICK(environment_texts, test_random(random));

	scene.requests[i] = scene.requests[--scene.request_count];
	taken.answer(taken.context, PICK(statuses, test_random(random)), body, strlen(body));
}

static void do_something(unsigned long long *random)
{
	static struct master_state m;

	switch (test_random(random) % 16) {
	case 0:
		m.app_count = 0;
		m.apps_left_out = test_random(random) % 16 == 0;
		for (unsigned i = 0; i < 4; i++)
			if (test_random(random) % 3)
				snprintf(m.apps[m.app_count++], sizeof(m.apps[0]), "app-%u", i);
		task_watch_apps(scene.watch, &m, scene.now);
		break;
	case 1:
		task_watch_trigger(scene.watch, scene.now);
		break;
	case 2:
		task_watch_request(scene.watch, scene.now);
		break;
	case 3:
		task_watch_hint(scene.watch, scene.now);
		break;
	case 4:
		if (test_random(random) % 64 == 0)
			scene_begin();
		break;
	default:
		if (scene.request_count)
			answer_one(random);
	}
}

static void check_slice(unsigned slice, uint64_t *stages, unsigned long seed, unsigned step)
{
	struct sample s = scene_fill(slice);

	if (!(s.known & SAMPLE_TASKS)) {
		ck_assert_msg(!s.tasks_at_ns && !s.stages && !s.tasks_running && !s.tasks_pending &&
				      !s.task_cpus,
			      "seed %lu, step %u: told, but not known", seed, step);
		return;
	}
	ck_assert_msg(s.tasks_at_ns && s.tasks_at_ns <= scene.now &&
			      scene.now - s.tasks_at_ns <= 10000 * SCENE_MS,
		      "seed %lu, step %u: asked %lu ns ago", seed, step,
		      (unsigned long)(scene.now - s.tasks_at_ns));
	ck_assert_msg(s.stages >= *stages, "seed %lu, step %u: stages", seed, step);
	ck_assert_msg(s.task_cpus == 1 || s.task_cpus == 2, "seed %lu, step %u", seed, step);
	*stages = s.stages;
}

START_TEST(random_walk)
{
	unsigned long long random = test_seed();
	uint64_t stages[3] = {0};
	unsigned known = 0, unknown = 0;

	for (unsigned step = 0; step < 30000; step++) {
		do_something(&random);
		task_watch_tick(scene.watch, test_random(&random) % 3, scene.now);
		for (unsigned slice = 0; slice < 3; slice++)
			check_slice(slice, &stages[slice], test_seed(), step);
		/* All slices known: nothing to explain. None with applications: one sentence. */
		if (scene_is_known(0) && scene_is_known(1) && scene_is_known(2)) {
			known++;
			ck_assert_msg(!*task_watch_why(scene.watch), "seed %lu, step %u: %s",
				      test_seed(), step, task_watch_why(scene.watch));
		} else {
			unknown++;
			ck_assert_msg(*task_watch_why(scene.watch), "seed %lu, step %u",
				      test_seed(), step);
		}
		scene.now += test_random(&random) % (300 * SCENE_MS);
	}
	ck_assert_msg(known > 100 && unknown > 100, "seed %lu: %u known, %u not", test_seed(),
		      known, unknown);
}
END_TEST

TEST_MAIN("task_watch_time",
	  scene_case(test_case("when", seldom_by_itself, the_slow_are_asked_less,
			       a_trigger_and_its_repeats, triggers_without_end,
			       asked_again_when_answered)),
	  scene_case(test_case("random", random_walk)))
