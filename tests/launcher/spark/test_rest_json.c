#include "launcher/spark/rest.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"

/* Answers of Spark 4.1.0 with two Workers and one application, as they came. */
static char *answer(const char *file, size_t *size)
{
	char path[128];
	struct err e;
	char *text;

	snprintf(path, sizeof(path), "tests/launcher/answers/%s", file);
	if (file_read(path, 1 << 20, &text, size, &e))
		ck_abort_msg("%s", e.msg);
	return text;
}

START_TEST(master_answer)
{
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	size_t size;
	cleanup_free char *text = answer("master.json", &size);
	struct err e;

	if (master_state_parse(text, size, m, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_str_eq(m->url, "spark://127.0.9.1:17077");
	ck_assert_str_eq(m->status, "ALIVE");
	ck_assert_uint_eq(m->alive_workers, 2);
	ck_assert_uint_eq(m->worker_count, 2);
	ck_assert_str_eq(m->workers[0].id, "worker-20261121111504-127.0.9.10-42593");
	ck_assert_str_eq(m->workers[0].host, "127.0.9.10");
	ck_assert_str_eq(m->workers[1].state, "ALIVE");
	ck_assert_int_eq(m->workers[1].port, 38995);
	ck_assert_uint_eq(m->workers[1].cores, 2);
	ck_assert_uint_eq(m->workers[1].cores_used, 2);
	ck_assert_uint_eq(m->workers[1].memory_mb, 700);
	ck_assert_uint_eq(m->app_count, 1);
	ck_assert_str_eq(m->apps[0], "app-20261121111529-0000");
}
END_TEST

START_TEST(stages_answer)
{
	struct stages s;
	size_t size;
	cleanup_free char *text = answer("stages.json", &size);
	struct err e;

	if (stages_parse(text, size, &s, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_uint_eq(s.count, 1);
	ck_assert_str_eq(s.stages[0].name, "sum at /home/user/app.py:6");
	ck_assert_uint_eq(s.stages[0].tasks, 8);
	ck_assert_uint_eq(s.stages[0].active, 4);
	ck_assert_uint_eq(s.stages[0].completed, 0);
	ck_assert_int_eq(stages_parse("[]", 2, &s, &e), 0);
	ck_assert_uint_eq(s.count, 0);
}
END_TEST

START_TEST(environment_answer)
{
	size_t size;
	cleanup_free char *text = answer("environment.json", &size);
	char value[64];
	struct err e;

	ck_assert_int_eq(application_property_parse(text, size, "spark.cleave.run", value,
						    sizeof(value), &e),
			 0);
	ck_assert_str_eq(value, "7");
	ck_assert_int_eq(
		application_property_parse(text, size, "spark.cleave", value, sizeof(value), &e),
		-ENOENT);
}
END_TEST

#define MASTER "\"url\":\"spark://h:1\",\"status\":\"ALIVE\",\"aliveworkers\":1"
#define WORKER \
	"\"id\":\"w\",\"host\":\"h\",\"port\":1,\"cores\":1,\"coresused\":0,\"memory\":1,\"state\":\"ALIVE\""

START_TEST(bad_masters)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{" MASTER "}",
		"{" MASTER ",\"workers\":{}}",
		"{" MASTER ",\"workers\":[{}]}",
		"{" MASTER ",\"workers\":[1]}",
		"{" MASTER ",\"workers\":[{" WORKER ",\"id\":\"twice\"}]}",
		"{\"url\":\"spark://h:1\\n\",\"status\":\"ALIVE\",\"aliveworkers\":1,\"workers\":[]}",
		"{\"url\":\"spark://h:1\",\"status\":\"ALIVE\",\"aliveworkers\":-1,\"workers\":[]}",
		"{\"url\":\"spark://h:1\",\"status\":\"ALIVE\",\"aliveworkers\":1e9,\"workers\":[]}",
		"{\"url\":\"u\",\"status\":\"s\",\"aliveworkers\":99999999999999999999,\"workers\":[]}",
		"<html>404</html>",
	};
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	struct err e;

	string_copy(m->status, "before");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(master_state_parse(bad[i], strlen(bad[i]), m, &e) < 0, "case %zu", i);
		ck_assert_msg(e.msg[0] && e.exit == ERR_FAILED, "case %zu", i);
		ck_assert_str_eq(m->status, "before"); /* outputs only on success */
	}
	ck_assert_int_eq(master_state_parse("{" MASTER ",\"workers\":[{" WORKER "}]}",
					    sizeof("{" MASTER ",\"workers\":[{" WORKER "}]}") - 1,
					    m, &e),
			 0);
	ck_assert_uint_eq(m->worker_count, 1);
	ck_assert_uint_eq(m->app_count, 0);
}
END_TEST

START_TEST(too_many_workers)
{
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	cleanup_free char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct err e;

	fprintf(f, "{" MASTER ",\"workers\":[");
	for (unsigned i = 0; i <= REST_WORKERS; i++)
		fprintf(f, "%s{" WORKER "}", i ? "," : "");
	fprintf(f, "]}");
	fclose(f);
	ck_assert_int_eq(master_state_parse(text, size, m, &e), -E2BIG);
	ck_assert_ptr_nonnull(strstr(e.msg, "257 workers (limit 256)"));
}
END_TEST

/* Where there is more than room for, it says how much more. */
START_TEST(left_out)
{
	static struct master_state m;
	static struct stages s;
	cleanup_free char *text = NULL, *list = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct err e;

	fprintf(f, "{" MASTER ",\"workers\":[],\"activeapps\":[{\"id\":\"a b\"}");
	for (unsigned i = 0; i < REST_APPS + 2; i++)
		fprintf(f, ",{\"id\":\"app-%u\"}", i);
	fprintf(f, "]}");
	fclose(f);
	ck_assert_int_eq(master_state_parse(text, size, &m, &e), 0);
	ck_assert_uint_eq(m.app_count, REST_APPS);
	ck_assert_uint_eq(m.apps_left_out, 3);
	f = open_memstream(&list, &size);
	for (unsigned i = 0; i < REST_STAGES + 5; i++)
		fprintf(f,
			"%s{\"stageId\":%u,\"attemptId\":0,\"numTasks\":1,\"numCompletedIndices\":0,"
			"\"numActiveTasks\":0,\"numFailedTasks\":0}",
			i ? "," : "[", i);
	fprintf(f, "]");
	fclose(f);
	ck_assert_int_eq(stages_parse(list, size, &s, &e), 0);
	ck_assert_uint_eq(s.count, REST_STAGES);
	ck_assert_uint_eq(s.left_out, 5);
}
END_TEST

START_TEST(names_are_user_text)
{
	static const char text[] =
		"[{\"stageId\":0,\"attemptId\":0,\"numTasks\":1,\"numCompletedIndices\":0,"
		"\"numActiveTasks\":0,\"numFailedTasks\":0,\"name\":\"a\\u001b[2J\\nb %s \\u00e4\"}]";
	struct stages s;
	struct err e;
	char *longer = NULL;

	ck_assert_int_eq(stages_parse(text, sizeof(text) - 1, &s, &e), 0);
	ck_assert_str_eq(s.stages[0].name, "a?[2J?b %s \xc3\xa4"); /* no escape sequence gets out */
	/* 126 bytes and then a two-byte character: cut before it. */
	ck_assert_int_gt(asprintf(&longer,
				  "[{\"stageId\":0,\"attemptId\":0,\"numTasks\":1,"
				  "\"numCompletedIndices\":0,\"numActiveTasks\":0,"
				  "\"numFailedTasks\":0,\"name\":\"%0126d\xc3\xa4\"}]",
				  7),
			 0);
	ck_assert_int_eq(stages_parse(longer, strlen(longer), &s, &e), 0);
	ck_assert_uint_eq(strlen(s.stages[0].name), 126);
	free(longer);
	ck_assert_int_eq(stages_parse("[[]]", 4, &s, &e), -EBADMSG);
}
END_TEST

TEST_MAIN("rest_json", test_case("recorded", master_answer, stages_answer, environment_answer),
	  test_case("bad", bad_masters, too_many_workers, left_out, names_are_user_text))
