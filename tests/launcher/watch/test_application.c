/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/application.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/answers.h"

/*
 * Answers of Spark 4.1.0 to one application over two Workers at 127.0.0.10 and .11 with one slot
 * each: a stage of six tasks, the first of which takes long, then one of three.
 */
static const struct slice_addresses two = {2, {0x7f00000a, 0x7f00000b}};

static struct application a;
static struct err e;

static void read_executors(const char *file, uint64_t at_ns)
{
	size_t size;
	cleanup_free char *text = recorded(file, &size);

	if (application_read_executors(&a, &two, text, size, at_ns, &e))
		ck_abort_msg("%s: %s", file, e.msg);
}

static void read_stages(const char *file, uint64_t at_ns)
{
	size_t size;
	cleanup_free char *text = recorded(file, &size);

	if (application_read_stages(&a, text, size, at_ns, &e))
		ck_abort_msg("%s: %s", file, e.msg);
}

static uint64_t requested_ns = 100; /* one question after the other */

static int stages_text(const char *text)
{
	return application_read_stages(&a, text, strlen(text), ++requested_ns, &e);
}

static int executors_text(const char *text)
{
	return application_read_executors(&a, &two, text, strlen(text), ++requested_ns, &e);
}

START_TEST(a_run_as_recorded)
{
	uint64_t begun[SLICES_MAX] = {0};

	a = (struct application){0};
	read_executors("executors-registered", 10);
	ck_assert_uint_eq(a.executors_at_ns, 10);
	ck_assert_uint_eq(a.slices, 3);
	ck_assert_uint_eq(a.executors[0], 1);
	ck_assert_uint_eq(a.executors[1], 1);
	ck_assert_uint_eq(a.running_everywhere, 0);
	ck_assert(application_has_executor(&a, "0") && application_has_executor(&a, "1"));
	ck_assert(!application_has_executor(&a, "2") && !application_has_executor(&a, "driver"));
	ck_assert(!application_has_executor(&a, "") && !application_has_executor(&a, "1 "));

	read_executors("executors-begun", 20);
	read_stages("stages-begun", 20);
	ck_assert_uint_eq(a.stages_at_ns, 20);
	ck_assert_uint_eq(a.running[0], 1);
	ck_assert_uint_eq(a.running[1], 1);
	ck_assert_uint_eq(application_pending(&a), 4);
	application_count_stages(&a, begun);
	ck_assert_uint_eq(begun[0], 1);

	read_executors("executors-last", 30); /* all but one have ended; that one runs on slice 0 */
	read_stages("stages-last", 30);
	application_count_stages(&a, begun);
	ck_assert_uint_eq(a.running[0], 1);
	ck_assert_uint_eq(a.running[1], 0);
	ck_assert_uint_eq(application_pending(&a), 0);
	ck_assert_uint_eq(begun[1], 1);

	read_executors("executors-done", 40);
	read_stages("stages-next", 40); /* no task of it has begun */
	application_count_stages(&a, begun);
	ck_assert_uint_eq(application_pending(&a), 3);
	ck_assert_uint_eq(begun[0], 2);
	ck_assert_uint_eq(begun[1], 2);

	ck_assert_int_eq(stages_text("[ ]"), 0);
	ck_assert_uint_eq(application_pending(&a), 0);
	ck_assert_uint_eq(a.running_everywhere, 0);
}
END_TEST

START_TEST(another_run_as_recorded)
{
	a = (struct application){0};
	read_stages("stages", 10);
	ck_assert_uint_eq(a.stage_count, 1);
	ck_assert_int_eq(a.stages[0].id, 0);
	ck_assert_uint_eq(a.waiting, 4);
	ck_assert_uint_eq(a.active, 4);
}
END_TEST

/* The driver and those that are gone do not count; what has no address runs elsewhere. */
START_TEST(executors_anywhere)
{
	static const char text[] =
		"[{\"id\":\"driver\",\"hostPort\":\"127.0.0.1:4040\",\"activeTasks\":0,\"isActive\":true},"
		"{\"id\":\"0\",\"hostPort\":\"127.0.0.10:38201\",\"activeTasks\":3,\"isActive\":true},"
		"{\"id\":\"1\",\"hostPort\":\"127.0.0.11:38202\",\"activeTasks\":9,\"isActive\":false},"
		"{\"id\":\"2\",\"hostPort\":\"some-host:38202\",\"activeTasks\":1,\"isActive\":true}]";

	a = (struct application){0};
	ck_assert_msg(executors_text(text) == 0, "%s", e.msg);
	ck_assert_uint_eq(a.number_count, 2);
	ck_assert_uint_eq(a.slices, 1);
	ck_assert_uint_eq(a.running[0], 3);
	ck_assert_uint_eq(a.numbers[1], 2);
	ck_assert_uint_eq(a.running_everywhere, 4);
	ck_assert_int_lt(application_read_executors(&a, &two, text, sizeof(text) - 2, 1, &e), 0);
}
END_TEST

/* A task that only the later answer, the stages', counts as running may be on any slice. */
START_TEST(between_two_answers)
{
	a = (struct application){0};
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 1) "]"), 0);
	ck_assert_int_eq(stages_text("[" STAGE(1, 0, 3, 0, 3) "]"), 0);
	ck_assert_uint_eq(application_pending(&a), 2);
	/* The other way round: they have ended since. */
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 1) "]"), 0);
	ck_assert_uint_eq(application_pending(&a), 0);
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 0) "]"), 0);
	ck_assert_uint_eq(application_pending(&a), 0);
	/* Or belong to a stage that was given up. */
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 5) "]"), 0);
	ck_assert_uint_eq(application_pending(&a), 0);
	/* Executors on other machines count as well. */
	ck_assert_int_eq(
		executors_text("[" EXECUTOR(0, "10.0.0.1", 2) "," EXECUTOR(1, "host", 1) "]"), 0);
	ck_assert_uint_eq(application_pending(&a), 0);
	ck_assert_uint_eq(a.slices, 0);
	ck_assert(application_has_executor(&a, "1"));
}
END_TEST

START_TEST(counters_that_cannot_be)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	a = (struct application){0};
	ck_assert_int_eq(stages_text("[" STAGE(1, 0, 3, 3, 3) "," STAGE(2, 0, 5, 1, 1) "]"), 0);
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 4) "]"), 0);
	ck_assert_uint_eq(application_pending(&a),
			  3); /* what is too much in one hides nothing in the other */
	ck_assert_int_eq(stages_text("[" STAGE(1, 0, 2147483647, 0, 0) "," STAGE(
				 2, 0, 2147483647, 0, 0) "," STAGE(3, 0, 2147483647, 0, 0) "]"),
			 0);
	ck_assert_uint_eq(application_pending(&a), UINT64_C(3) * 2147483647);
	for (unsigned i = 0; i < EXECUTORS_MAX; i++)
		fprintf(f,
			"%s{\"id\":\"%u\",\"hostPort\":\"127.0.0.11:1\",\"activeTasks\":2147483647}",
			i ? "," : "[", i);
	fprintf(f, "]");
	fclose(f);
	ck_assert_int_eq(application_read_executors(&a, &two, text, size, 1, &e), 0);
	ck_assert_uint_eq(a.executors[1], EXECUTORS_MAX);
	ck_assert_uint_eq(a.running[1], UINT64_C(2147483647) * EXECUTORS_MAX);
	ck_assert(application_has_executor(&a, "1023"));
}
END_TEST

/* Executors of one slice are added up; of more than there is room for the answer is none. */
START_TEST(several_executors_of_a_slice)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *f;

	a = (struct application){0};
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 2) "," EXECUTOR(
				 1, "127.0.0.11", 1) "," EXECUTOR(2, "127.0.0.10", 1) "]"),
			 0);
	ck_assert_uint_eq(a.executors[0], 2);
	ck_assert_uint_eq(a.running[0], 3);
	ck_assert_uint_eq(a.executors[1], 1);
	for (unsigned more = 0; more < 2; more++) {
		free(text);
		f = open_memstream(&text, &size);
		fprintf(f, "["
			   "{\"id\":\"driver\",\"hostPort\":\"127.0.0.1:1\",\"activeTasks\":0}");
		for (unsigned i = 0; i < EXECUTORS_MAX + more; i++)
			fprintf(f,
				",{\"id\":\"%u\",\"hostPort\":\"127.0.0.10:1\",\"activeTasks\":1}",
				i);
		fprintf(f, "]");
		fclose(f);
		ck_assert_int_eq(application_read_executors(&a, &two, text, size, 1, &e),
				 more ? -EBADMSG : 0);
		ck_assert_uint_eq(a.executors[0], EXECUTORS_MAX);
	}
}
END_TEST

START_TEST(more_stages_than_room)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	a = (struct application){0};
	for (unsigned i = 0; i <= STAGES_MAX; i++)
		fprintf(f,
			"%s{\"stageId\":%u,\"attemptId\":0,\"numTasks\":1,\"numCompletedIndices\":1,"
			"\"numActiveTasks\":0,\"numFailedTasks\":0}",
			i ? "," : "[", i);
	fprintf(f, "]");
	fclose(f);
	ck_assert_int_eq(application_read_stages(&a, text, size, 1, &e), 0);
	ck_assert_uint_eq(a.stage_count, STAGES_MAX);
	ck_assert_uint_eq(application_pending(&a), 1);
}
END_TEST

/*
 * Each stage counts once for each slice, whatever comes first: the stage, an executor, another
 * attempt.
 */
START_TEST(stages_are_counted_once)
{
	uint64_t begun[SLICES_MAX] = {0};

	a = (struct application){0};
	ck_assert_int_eq(stages_text("[" STAGE(1, 0, 9, 0, 0) "]"), 0);
	application_count_stages(&a, begun);
	ck_assert_uint_eq(begun[0] + begun[1], 0); /* nowhere to run */
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10", 0) "]"), 0);
	for (int i = 0; i < 3; i++)
		application_count_stages(&a, begun);
	ck_assert_uint_eq(begun[0], 1);
	ck_assert_uint_eq(begun[1], 0);
	ck_assert_int_eq(executors_text("[" EXECUTOR(0, "127.0.0.10",
						     0) "," EXECUTOR(7, "127.0.0.11", 0) "]"),
			 0);
	application_count_stages(&a, begun);
	ck_assert_uint_eq(begun[0], 1);
	ck_assert_uint_eq(begun[1], 1);
	/* Others before it in the list, and a second attempt of the first. */
	ck_assert_int_eq(stages_text("[" STAGE(3, 0, 9, 0, 0) "," STAGE(1, 1, 2, 0, 0) "," STAGE(
				 1, 0, 9, 7, 2) "]"),
			 0);
	application_count_stages(&a, begun);
	application_count_stages(&a, begun);
	ck_assert_uint_eq(begun[0], 3);
	ck_assert_uint_eq(begun[1], 3);
	ck_assert_int_eq(stages_text("[]"), 0);
	application_count_stages(&a, begun);
	ck_assert_uint_eq(begun[0], 3);
}
END_TEST

START_TEST(garbage_changes_nothing)
{
	static const char *const bad[] = {
		"",
		"null",
		"{}",
		"[",
		"[1]",
		"[{}]",
		"[[]]",
		"[{\"id\":\"1\"}]",
		"[{\"id\":1,\"hostPort\":\"h:1\",\"activeTasks\":0}]",
		"[{\"id\":\"x\",\"hostPort\":\"h:1\",\"activeTasks\":0}]",
		"[{\"id\":\"1\",\"hostPort\":\"h:1\",\"activeTasks\":-1}]",
		"[{\"id\":\"99999999999\",\"hostPort\":\"h:1\",\"activeTasks\":0}]",
		"[" STAGE(-1, 0, 1, 0, 0) "]",
		"[" STAGE(1, 0, 1, 0, 0.5) "]",
		"Spark is starting up. Please wait a while until it's ready.",
		"<html>404</html>",
	};
	struct application before;

	a = (struct application){0};
	read_executors("executors-begun", 20);
	read_stages("stages-begun", 20);
	before = a;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(executors_text(bad[i]) < 0 && e.msg[0], "case %zu", i);
		ck_assert_msg(stages_text(bad[i]) < 0 && e.msg[0], "case %zu", i);
		ck_assert_msg(application_read_environment(&a, bad[i], strlen(bad[i]), &e) < 0,
			      "case %zu", i);
		ck_assert_mem_eq(&a, &before, sizeof(a));
	}
}
END_TEST

static unsigned task_cpus_of(const char *value)
{
	char text[128];

	a = (struct application){0};
	snprintf(text, sizeof(text),
		 "{\"sparkProperties\":[[\"spark.app.name\",\"x\"],[\"spark.task.cpus\",\"%s\"]]}",
		 value);
	ck_assert_int_eq(application_read_environment(&a, text, strlen(text), &e), 0);
	return a.task_cpus;
}

START_TEST(task_cpus)
{
	size_t size;
	cleanup_free char *text = recorded("environment", &size);

	a = (struct application){0};
	ck_assert_int_eq(application_read_environment(&a, text, size, &e), 0);
	ck_assert_uint_eq(a.task_cpus, 1); /* Spark's default, as nobody set it */
	ck_assert_uint_eq(task_cpus_of("3"), 3);
	ck_assert_uint_eq(task_cpus_of("0"), 1);
	ck_assert_uint_eq(task_cpus_of("-2"), 1);
	ck_assert_uint_eq(task_cpus_of("many"), 1);
}
END_TEST

TEST_MAIN("application",
	  test_case("tasks", a_run_as_recorded, another_run_as_recorded, executors_anywhere,
		    between_two_answers, counters_that_cannot_be, several_executors_of_a_slice,
		    more_stages_than_room),
	  test_case("stages", stages_are_counted_once),
	  test_case("answers", garbage_changes_nothing, task_cpus))
