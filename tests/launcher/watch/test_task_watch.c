/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from answers, and from those that do not come.
 * link: -Wl,--wrap=rest_get -Wl,--wrap=rest_drop
 */

#include "launcher/watch/task_watch.h"

#include <errno.h>

#include "tests/harness.h"
#include "tests/launcher/scene.h"

/* ---- what is known */

START_TEST(nothing_runs)
{
	ck_assert(!scene_is_known(0));
	scene_why_has("the Master has not said yet");
	ck_assert_uint_eq(task_watch_deadline(scene.watch), UINT64_MAX);
	scene_list(NULL, NULL);
	scene_tick();
	ck_assert(scene_is_known(0) && scene_is_known(2) && !scene_is_known(3));
	ck_assert_uint_eq(scene_fill(0).tasks_at_ns, scene.now);
	ck_assert_uint_eq(scene_fill(0).tasks_running + scene_fill(0).tasks_pending, 0);
	ck_assert_uint_eq(scene_fill(0).task_cpus, 1);
	ck_assert_str_eq(task_watch_why(scene.watch), "");
	task_watch_trigger(scene.watch, scene.now);
	ck_assert_uint_eq(task_watch_deadline(scene.watch), UINT64_MAX);
	scene_tick_after(10000);
	ck_assert(scene_is_known(0));
	scene_tick_after(1);
	ck_assert(!scene_is_known(0));
	scene_why_has("the Master has not said for ten seconds");
	ck_assert_uint_eq(scene.sent_count, 0);
}
END_TEST

START_TEST(one_application)
{
	scene_list("app-1", NULL);
	ck_assert(!scene_is_known(0));
	scene_why_has("application app-1 has not answered yet");
	ck_assert(task_watch_is_requesting(scene.watch));
	scene_tick();
	ck_assert_uint_eq(scene.sent_count, 1); /* the rest when it is there at all */
	ck_assert_uint_eq(scene_find("app-1", "executors")->timeout_ms, 4000);
	scene_answer("app-1", "executors", "[" ON_0(2) "," ON_1(0) "]");
	ck_assert_uint_eq(scene.changes, 1);
	ck_assert(!scene_is_known(0) && scene_is_known(2));
	scene_why_has("application app-1 has not answered yet");
	scene.now += 3 * SCENE_MS;
	scene_tick();
	ck_assert_uint_eq(scene.request_count, 2);
	ck_assert_uint_eq(scene_find("app-1", "stages")->timeout_ms, 1000);
	scene_answer("app-1", "stages", "[" STAGE(4, 0, 9, 1, 2) "]");
	ck_assert_uint_eq(scene.changes, 2);
	ck_assert_uint_eq(scene_fill(0).task_cpus, 1); /* as long as nobody has said */
	ck_assert(task_watch_is_requesting(scene.watch));
	scene_answer("app-1", "environment", ENVIRONMENT(2));
	ck_assert(!task_watch_is_requesting(scene.watch));
	ck_assert_str_eq(task_watch_why(scene.watch), "");
	for (unsigned slice = 0; slice < 2; slice++) {
		struct sample s = scene_fill(slice);

		ck_assert(s.known & SAMPLE_TASKS);
		ck_assert_uint_eq(s.tasks_at_ns,
				  scene.now - 3 * SCENE_MS); /* of the older question */
		ck_assert_uint_eq(s.stages, 1);
		ck_assert_uint_eq(s.tasks_running, slice ? 0 : 2);
		ck_assert_uint_eq(s.tasks_pending, 6);
		ck_assert_uint_eq(s.task_cpus, 2);
		ck_assert_uint_eq(task_watch_executors(scene.watch, slice), 1);
	}
	ck_assert_uint_eq(scene_fill(2).stages, 0);
	ck_assert_uint_eq(scene_fill(2).tasks_pending, 0);
	ck_assert_uint_eq(task_watch_executors(scene.watch, 2), 0);
	ck_assert_uint_eq(task_watch_executors(scene.watch, 64), 0);
	scene_tick_after(5000);
	ck_assert_uint_eq(scene.request_count, 2); /* the environment once */
	ck_assert_uint_eq(scene_find("app-1", "executors")->timeout_ms, 1000);
}
END_TEST

START_TEST(two_applications)
{
	scene_list("app-1", "app-2");
	scene_heard("app-1", "[" ON_0(1) "," ON_1(3) "]", "[" STAGE(0, 0, 6, 0, 4) "]");
	ck_assert(!scene_is_known(0) && !scene_is_known(2)); /* the other may run anywhere */
	scene_why_has("app-2");
	scene_answer("app-2", "executors", "[" EXECUTOR(0, "127.0.0.11", 1) "]");
	ck_assert(scene_is_known(0) && !scene_is_known(1) && scene_is_known(2));
	scene_tick();
	scene_answer("app-2", "environment", ENVIRONMENT(4));
	scene_answer("app-2", "stages", "[" STAGE(0, 0, 2, 0, 1) "," STAGE(1, 0, 1, 0, 0) "]");
	ck_assert(scene_is_known(1));
	ck_assert_uint_eq(scene_fill(0).tasks_pending, 2);
	ck_assert_uint_eq(scene_fill(1).tasks_pending, 2 + 2);
	ck_assert_uint_eq(scene_fill(1).tasks_running, 4);
	ck_assert_uint_eq(scene_fill(0).stages, 1);
	ck_assert_uint_eq(scene_fill(1).stages, 3);
	ck_assert_uint_eq(scene_fill(0).task_cpus, 1);
	ck_assert_uint_eq(scene_fill(1).task_cpus, 4);
	ck_assert_uint_eq(task_watch_executors(scene.watch, 1), 2);
	ck_assert(task_watch_has_executor(scene.watch, "app-1", "1"));
	ck_assert(!task_watch_has_executor(scene.watch, "app-2", "1"));
	ck_assert(!task_watch_has_executor(scene.watch, "app-3", "0"));
	/* Where both run, it is as old as the older one. */
	scene.now += SCENE_MS;
	task_watch_request(scene.watch, scene.now);
	scene_tick();
	scene_answer("app-2", "executors", "[" EXECUTOR(0, "127.0.0.11", 1) "]");
	scene_answer("app-2", "stages", "[]");
	ck_assert_uint_eq(scene_fill(1).tasks_at_ns, scene.now - SCENE_MS);
	scene_answer("app-1", "executors", "[" ON_0(1) "," ON_1(3) "]");
	scene_answer("app-1", "stages", "[]");
	ck_assert_uint_eq(scene_fill(1).tasks_at_ns, scene.now);
	/* One that is gone takes its tasks along, but what began has begun. */
	scene_list("app-1", NULL);
	ck_assert_uint_eq(scene_fill(1).tasks_running, 3);
	ck_assert_uint_eq(scene_fill(1).stages, 3);
	ck_assert(!task_watch_has_executor(scene.watch, "app-2", "0"));
}
END_TEST

/* It has said where it runs, and then says nothing more. */
START_TEST(one_of_two_falls_silent)
{
	scene_list("app-1", "app-2");
	scene_heard("app-1", "[" ON_0(1) "]", "[]");
	scene_answer("app-2", "executors", "[" ON_1(0) "]");
	scene_tick();
	scene_answer("app-2", "stages", "[]");
	scene_answer("app-2", "environment", ENVIRONMENT(1));
	for (unsigned seconds = 0; seconds <= 10; seconds++) {
		ck_assert(scene_is_known(0) && scene_is_known(1) && scene_is_known(2));
		scene.now += 1000 * SCENE_MS;
		scene_list("app-1", "app-2");
		scene_tick();
		if (scene_find("app-1", "executors")) {
			scene_answer("app-1", "executors", "[" ON_0(1) "]");
			scene_answer("app-1", "stages", "[]");
		}
		if (scene_find("app-2", "executors"))
			scene_answer_status("app-2", "executors", -ETIMEDOUT, "");
	}
	ck_assert(scene_is_known(0) && !scene_is_known(1) && scene_is_known(2));
	scene_why_has(
		"application app-2 does not answer within 1000 ms when asked for its executors");
	ck_assert_uint_eq(task_watch_executors(scene.watch, 1), 1);
}
END_TEST

START_TEST(too_many_applications)
{
	static struct master_state m = {.apps_left_out = 1};

	task_watch_apps(scene.watch, &m, scene.now);
	ck_assert(!scene_is_known(0));
	scene_why_has("more than 64 applications");
	m.apps_left_out = 0;
	for (m.app_count = 0; m.app_count < MASTER_APPS; m.app_count++)
		snprintf(m.apps[m.app_count], sizeof(m.apps[0]), "app-%u", m.app_count);
	task_watch_apps(scene.watch, &m, scene.now);
	scene_tick();
	ck_assert_uint_eq(scene.request_count, MASTER_APPS);
	for (unsigned i = 0; i < MASTER_APPS; i++) {
		ck_assert(!scene_is_known(0));
		scene_answer(m.apps[i], "executors", "[]");
	}
	ck_assert(scene_is_known(0));
}
END_TEST

START_TEST(a_new_plan_forgets)
{
	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[" STAGE(0, 0, 6, 0, 1) "]");
	task_watch_request(scene.watch, ++scene.now);
	scene_tick();
	ck_assert_uint_eq(scene.request_count, 2);
	scene_begin();
	ck_assert_uint_eq(scene.request_count, 0);
	ck_assert(!scene_is_known(0));
	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[" STAGE(0, 0, 6, 0, 1) "]");
	ck_assert_uint_ge(scene_fill(0).stages, 1); /* never less */
}
END_TEST

/* ---- those that do not answer */

static void fails(int status, const char *body, const char *why)
{
	scene_answer_status("app-1", "executors", status, body);
	scene_why_has(why);
	ck_assert(!scene_is_known(0));
	ck_assert_uint_eq(scene.changes, 0);
}

START_TEST(what_is_no_answer)
{
	static const struct {
		int status;
		const char *body, *why;
	} cases[] = {
		{404, "<html>",
		 "application app-1 answers no REST (status 404): spark.ui.enabled "
		 "or spark.ui.reverseProxy is off"},
		{500, "", "answers no REST (status 500)"},
		{502, "", "does not reach the driver of application app-1 (status 502)"},
		{302, "[]", "answers no REST (status 302)"},
		{403, "", "application app-1 does not take our token (status 403)"},
		{-ETIMEDOUT, "", "application app-1 does not answer within 4000 ms"},
		{-EFBIG, "",
		 "application app-1 answers with more than a cluster of 3 slices can have when "
		 "asked for its executors"},
		{-EBADMSG, "", "application app-1 answers with something else"},
		{-ECONNREFUSED, "", "passes nothing on to application app-1: Connection refused"},
		{200, "",
		 "application app-1 answers with something else when asked for its "
		 "executors"},
		{200, "[{\"\x1b[2J", "something else"},
		{200, "{}", "something else"},
		{200, STARTING, "application app-1 is starting"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		scene_list(NULL, NULL);
		scene_list("app-1", NULL);
		scene_tick();
		fails(cases[i].status, cases[i].body, cases[i].why);
	}
}
END_TEST

START_TEST(left_alone_for_longer)
{
	static const unsigned pauses_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};

	scene_list("app-1", NULL);
	scene_tick();
	for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(*pauses_ms); i++) {
		fails(404, "", "status 404");
		scene.now += 17 * SCENE_MS; /* the pause begins when it is noticed */
		scene_tick();
		task_watch_trigger(scene.watch, scene.now); /* triggers do not shorten it */
		task_watch_request(scene.watch, scene.now);
		scene_tick_after(pauses_ms[i] - 1);
		ck_assert_uint_eq(scene.request_count, 0);
		ck_assert(!task_watch_is_requesting(scene.watch));
		ck_assert_uint_eq(scene_deadline_ms(), 1);
		scene_tick_after(1);
		ck_assert_uint_eq(scene.request_count, 1);
		scene_list("app-1", NULL);
	}
	/* Once heard, it is as if nothing had been; and then it begins with a second again. */
	scene_answer("app-1", "executors", "[]");
	ck_assert(scene_is_known(0));
	scene_tick_after(5000);
	scene.changes = 0;
	scene_answer_status("app-1", "executors", 404, "");
	scene_tick();
	ck_assert_uint_eq(scene_deadline_ms(), 1000);
}
END_TEST

START_TEST(starting_takes_no_longer)
{
	scene_list("app-1", NULL);
	scene_tick();
	for (int i = 0; i < 10; i++) {
		fails(200, STARTING, "application app-1 is starting");
		scene_tick();
		ck_assert_uint_eq(scene_deadline_ms(), 500);
		scene_tick_after(500);
		scene_list("app-1", NULL);
	}
	fails(404, "", "status 404");
	scene_tick();
	ck_assert_uint_eq(scene_deadline_ms(), 1000);
}
END_TEST

/* One kind fails: the others go on, and what is known is as old as the older. */
START_TEST(stages_fail)
{
	scene_list("app-1", NULL);
	scene_heard("app-1", "[" ON_0(1) "]", "[" STAGE(0, 0, 5, 0, 1) "]");
	for (unsigned seconds = 0; seconds < 10; seconds++) {
		scene.now += 1000 * SCENE_MS;
		scene_list("app-1", NULL);
		scene_tick_at(TASK_WATCH_LENDING);
		if (scene_find("app-1", "executors"))
			scene_answer("app-1", "executors", "[" ON_0(3) "]");
		if (scene_find("app-1", "stages"))
			scene_answer("app-1", "stages", "[[]]");
		ck_assert(scene_is_known(0));
		ck_assert_uint_eq(scene_fill(0).tasks_at_ns, 100000 * SCENE_MS);
		ck_assert_uint_eq(scene_fill(0).tasks_running, 3);
	}
	scene.now += SCENE_MS;
	scene_tick_at(TASK_WATCH_LENDING);
	ck_assert(!scene_is_known(0) && scene_is_known(1));
	scene_why_has("something else when asked for its stages");
}
END_TEST

START_TEST(the_environment_fails)
{
	scene_list("app-1", NULL);
	scene_tick();
	scene_answer("app-1", "executors", "[" ON_0(1) "]");
	scene_tick();
	scene_answer("app-1", "stages", "[]");
	scene_answer("app-1", "environment", STARTING);
	ck_assert(scene_is_known(0));
	ck_assert_str_eq(task_watch_why(scene.watch), "");
	scene_tick();
	ck_assert_uint_eq(scene_deadline_ms(), 500);
	scene_tick_after(500);
	scene_answer("app-1", "environment", ENVIRONMENT(3));
	ck_assert_uint_eq(scene_fill(0).task_cpus, 3);
}
END_TEST

START_TEST(nothing_can_be_sent)
{
	scene_list("app-1", NULL);
	scene.refusal = -ENOMEM;
	task_watch_tick(scene.watch, TASK_WATCH_SELDOM, scene.now);
	scene.refusal = 0;
	scene_why_has("passes nothing on to application app-1: Cannot allocate memory");
	scene_tick();
	ck_assert_uint_eq(scene_deadline_ms(), 1000);
	scene_tick_after(1000);
	ck_assert_uint_eq(scene.request_count, 1);
}
END_TEST

TEST_MAIN("task_watch",
	  scene_case(test_case("known", nothing_runs, one_application, two_applications,
			       one_of_two_falls_silent, too_many_applications, a_new_plan_forgets)),
	  scene_case(test_case("silent", what_is_no_answer, left_alone_for_longer,
			       starting_takes_no_longer, stages_fail, the_environment_fails,
			       nothing_can_be_sent)))
