/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/master.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "tests/harness.h"
#include "tests/launcher/answers.h"

START_TEST(master_answer)
{
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	size_t size;
	cleanup_free char *text = recorded("master", &size);
	struct err e;

	if (master_state_parse(text, size, m, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_str_eq(m->url, "spark://127.0.9.1:17077");
	ck_assert_str_eq(m->status, "ALIVE");
	ck_assert_uint_eq(m->alive_workers, 2);
	ck_assert_uint_eq(m->worker_count, 2);
	ck_assert_str_eq(m->workers[0].host, "127.0.9.10");
	ck_assert_str_eq(m->workers[1].state, "ALIVE");
	ck_assert_uint_eq(m->app_count, 1);
	ck_assert_str_eq(m->apps[0], "app-20261121111529-0000");
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
	for (unsigned i = 0; i <= MASTER_WORKERS; i++)
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
	cleanup_free char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct err e;

	fprintf(f, "{" MASTER ",\"workers\":[],\"activeapps\":[{\"id\":\"a b\"}");
	for (unsigned i = 0; i < MASTER_APPS + 2; i++)
		fprintf(f, ",{\"id\":\"app-%u\"}", i);
	fprintf(f, "]}");
	fclose(f);
	ck_assert_int_eq(master_state_parse(text, size, &m, &e), 0);
	ck_assert_uint_eq(m.app_count, MASTER_APPS);
	ck_assert_uint_eq(m.apps_left_out, 3);
}
END_TEST

TEST_MAIN("master", test_case("recorded", master_answer),
	  test_case("bad", bad_masters, too_many_workers, left_out))
