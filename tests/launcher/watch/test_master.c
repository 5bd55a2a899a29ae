/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/master.h"

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
	ck_assert_int_eq(m->workers[0].ui_port, 34167);
	ck_assert_int_eq(m->workers[1].ui_port, 45391);
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

/* A worker's user interface counts only where the worker is. */
START_TEST(ports_of_workers)
{
	static const struct row {
		const char *address;
		int port;
	} rows[] = {
		{"http://127.0.0.10:8081", 8081},
		{"http://127.0.0.10:65535", 65535},
		{"http://127.0.0.10:65536", 0},
		{"http://127.0.0.10:0", 0},
		{"http://127.0.0.10:", 0},
		{"http://127.0.0.10", 0},
		{"http://127.0.0.1", 0},
		{"http://", 0},
		{"", 0},
		{"http://127.0.0.11:8081", 0},
		{"http://127.0.0.10.evil:8081", 0},
		{"https://127.0.0.10:8081", 0},
		{"http://127.0.0.10:80/x", 0},
		{"http://127.0.0.10:000080", 0},
		{"http://127.0.0.10:-1", 0},
	};
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	char text[512];
	struct err e;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			 "{" MASTER ",\"workers\":[{\"host\":\"127.0.0.10\",\"state\":\"ALIVE\","
			 "\"webuiaddress\":\"%s\"}]}",
			 rows[i].address);
		ck_assert_int_eq(master_state_parse(text, strlen(text), m, &e), 0);
		ck_assert_msg(m->workers[0].ui_port == rows[i].port, "%s: %d", rows[i].address,
			      m->workers[0].ui_port);
	}
}
END_TEST

/* Only our own Master's answer is one. */
START_TEST(whose_answer)
{
	static const char text[] = "{" MASTER ",\"workers\":[]}";
	static const struct row {
		const char *address;
		int port, status, code;
	} rows[] = {
		{"h", 1, 200, 0},
		{"h", 2, 200, -EADDRINUSE},
		{"other", 1, 200, -EADDRINUSE},
		{"h", 1, 404, -EBADMSG},
		{"h", 1, -ETIMEDOUT, -ETIMEDOUT},
		{"h", 1, -EFBIG, -EFBIG},
		{"h", 1, -EADDRINUSE, -EIO},
	};
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	struct endpoints ours = {.ui_port = 8080};
	char url[MASTER_QUESTION];
	struct err e;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		string_copy(ours.address, rows[i].address);
		ours.port = rows[i].port;
		string_copy(m->url, "before");
		ck_assert_int_eq(
			master_answer_read(&ours, rows[i].status, text, strlen(text), m, &e),
			rows[i].code);
		ck_assert_str_eq(m->url, rows[i].code ? "before" : "spark://h:1");
	}
	ck_assert_int_eq(master_answer_read(&ours, 200, "[", 1, m, &e), -EBADMSG);
	string_copy(ours.address, "h");
	master_question(&ours, url);
	ck_assert_str_eq(url, "http://h:8080/json/");
	worker_question(0x7f00000a, 8081, url);
	ck_assert_str_eq(url, "http://127.0.0.10:8081/json/");
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

/* Resources as Spark lists them: `busy` of the addresses are used. */
static void put_resources(FILE *f, const char *key, unsigned slice, unsigned slices, unsigned count)
{
	const char *comma = "";

	fprintf(f, "%s%s%s{ ", key[0] ? "\"" : "", key, key[0] ? "\" : " : "");
	for (unsigned i = 0; i < slices; i++) {
		if (i == slice)
			continue;
		fprintf(f,
			"%s\"not-%u\" : {\n        \"name\" : \"not-%u\",\n        "
			"\"addresses\" : [ ",
			comma, i, i);
		for (unsigned k = 0; k < count; k++)
			fprintf(f, "%s\"%u\"", k ? ", " : "", k);
		fputs(" ]\n      }", f);
		comma = ", ";
	}
	fputs(" }", f);
}

/* The largest answer of a Master there can be: 64 slices, and half of their Workers began anew. */
static char *largest_answer(unsigned slices, unsigned dead, size_t *size)
{
	const unsigned addresses = 32;
	char *text = NULL;
	FILE *f = open_memstream(&text, size);

	fprintf(f, "{ " MASTER ",\n  \"workers\" : [ ");
	for (unsigned i = 0; i < slices + dead; i++) {
		fprintf(f,
			"%s{\n    \"id\" : \"worker-20261121111504-127.0.9.%u-42593\",\n    \"host\" : "
			"\"127.0.9.%u\",\n    \"port\" : 42593,\n    \"webuiaddress\" : "
			"\"http://127.0.9.10:34167\",\n    \"cores\" : 64,\n    \"coresused\" : 64,\n  "
			"  \"coresfree\" : 0,\n    \"memory\" : 31744,\n    \"memoryused\" : 31744,\n    "
			"\"memoryfree\" : 0,\n    ",
			i ? ", " : "", i, i);
		put_resources(f, "resources", i % slices, slices, addresses);
		fputs(",\n    ", f);
		put_resources(f, "resourcesused", i % slices, slices, addresses / 2);
		fputs(",\n    ", f);
		put_resources(f, "resourcesfree", i % slices, slices, addresses / 2);
		fprintf(f, ",\n    \"state\" : \"%s\",\n    \"lastheartbeat\" : 1795259735319\n  }",
			i < slices ? "ALIVE" : "DEAD");
	}
	for (unsigned used = 0; used < 2; used++) {
		fprintf(f, " ],\n  \"resources%s\" : [ ", used ? "used" : "");
		for (unsigned i = 0; i < slices; i++) {
			fputs(i ? ", " : "", f);
			put_resources(f, "", i, slices, used ? addresses / 2 : addresses);
		}
	}
	fputs(" ]\n}", f);
	fclose(f);
	return text;
}

/* Whatever the plan, what its Master says is within what is expected of it. */
START_TEST(large_answers)
{
	static const unsigned slices[] = {1, 2, 4, 8, 16, 32, 64};
	static struct master_state m;

	for (size_t i = 0; i < sizeof(slices) / sizeof(*slices); i++) {
		size_t size;
		unsigned dead = slices[i] < 64 ? slices[i] : 32;
		cleanup_free char *text = largest_answer(slices[i], dead, &size);
		struct json_bound bound = {.most = master_limits};
		struct err e;

		ck_assert_msg(json_bound_feed(&bound, text, size) == 0,
			      "%u slices: %zu bytes, %zu values", slices[i], bound.bytes,
			      bound.values);
		ck_assert_msg(master_state_parse(text, size, &m, &e) == 0, "%s", e.msg);
		ck_assert_uint_eq(m.worker_count, slices[i] + dead);
	}
}
END_TEST

TEST_MAIN("master", test_case("recorded", master_answer, ports_of_workers, whose_answer),
	  test_case("bad", bad_masters, too_many_workers, left_out, large_answers))
