/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/rest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/watch/master.h"
#include "tests/harness.h"
#include "tests/launcher/fake_parts.h"

enum { EIGHT_MIB = 8 << 20 };

static const struct json_limits eight_mib = {EIGHT_MIB, 1 << 20, 32, NULL},
				thousand = {1000, 1000, 32, NULL};

/*
 * A server on loopback, in a child: answers every connection with `head` and `size` bytes of `unit`
 * again and again; what promises a length stays open then.
 */
struct server {
	pid_t pid;
	int port;
};

static void serve(int listener, const char *head, const char *unit, size_t size)
{
	static char block[60000]; /* whole units of 1 to 6 bytes */

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = unit[i % strlen(unit)];
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char request[1024];

		if (fd < 0)
			_exit(1);
		if (!head) { /* says nothing, until the client goes */
			while (read(fd, request, sizeof(request)) > 0)
				;
			close(fd);
			continue;
		}
		if (read(fd, request, sizeof(request)) > 0 &&
		    write(fd, head, strlen(head)) == (ssize_t)strlen(head))
			for (size_t left = size; left;) {
				ssize_t n = write(fd, block,
						  left < sizeof(block) ? left : sizeof(block));

				if (n <= 0)
					break;
				left -= (size_t)n;
			}
		while (strstr(head, "Length") && read(fd, request, sizeof(request)) > 0)
			;
		close(fd);
	}
}

static struct server server_start_with(const char *head, const char *unit, size_t size)
{
	int listener = fake_listen("127.0.0.1", 0);
	struct server s = {.port = fake_port(listener)};

	s.pid = fork();
	if (s.pid == 0)
		serve(listener, head, unit, size);
	close(listener);
	return s;
}

static struct server server_start(const char *head, size_t size)
{
	return server_start_with(head, "x", size);
}

static void server_stop(const struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static char *url_of(const struct server *s, char url[64])
{
	snprintf(url, 64, "http://127.0.0.1:%d/json/", s->port);
	return url;
}

struct fetched {
	bool is_done;
	int status;
	char *body;
	size_t size;
};

static void keep_answer(void *context, int status, const char *body, size_t size)
{
	struct fetched *f = context;

	ck_assert(!f->is_done);
	*f = (struct fetched){true, status, malloc(size + 1), size};
	memcpy(f->body, body, size + 1);
}

/* One GET, waited for: its status, and the body, which is the caller's. */
static int fetch_once(const char *url, unsigned timeout_ms, char **body, size_t *size)
{
	struct fetched f = {0};
	struct rest *rest;
	struct err e;

	ck_assert_int_eq(rest_open(&rest, &e), 0);
	ck_assert_int_eq(rest_get(rest, url, timeout_ms, &eight_mib, keep_answer, &f, &e), 0);
	while (!f.is_done)
		ck_assert_int_ge(rest_turn(rest, NULL, 0, (int)timeout_ms, &e), 0);
	rest_close(rest);
	free(*body);
	*body = f.body;
	*size = f.size;
	return f.status;
}

START_TEST(fetch)
{
	struct server s = server_start("HTTP/1.0 200 OK\r\n\r\nhello ", 3);
	cleanup_free char *body = NULL;
	char url[64];
	size_t size;

	/* A proxy of the environment must not be asked about loopback. */
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	ck_assert_int_eq(fetch_once(url_of(&s, url), 5000, &body, &size), 200);
	ck_assert_str_eq(body, "hello xxx");
	ck_assert_uint_eq(size, 9);
	server_stop(&s);
}
END_TEST

START_TEST(other_statuses)
{
	struct server s =
		server_start("HTTP/1.0 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", 0);
	cleanup_free char *body = NULL;
	char url[64];
	size_t size;

	ck_assert_int_eq(fetch_once(url_of(&s, url), 5000, &body, &size), 302);
	ck_assert_uint_eq(size, 0);
	server_stop(&s);
	/* Now nobody listens there. */
	ck_assert_int_eq(fetch_once(url, 5000, &body, &size), -ECONNREFUSED);
	ck_assert_int_lt(fetch_once("file:///etc/passwd", 5000, &body, &size), 0);
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(bounds)
{
	struct server big = server_start("HTTP/1.0 200 OK\r\n\r\n", EIGHT_MIB + 1);
	struct server full = server_start("HTTP/1.0 200 OK\r\n\r\n", EIGHT_MIB);
	struct server silent = server_start(NULL, 0);
	cleanup_free char *body = NULL;
	char url[64];
	size_t size;

	ck_assert_int_eq(fetch_once(url_of(&big, url), 20000, &body, &size), -EFBIG);
	ck_assert_uint_le(size, EIGHT_MIB);
	ck_assert_int_eq(fetch_once(url_of(&full, url), 20000, &body, &size), 200);
	ck_assert_uint_eq(size, EIGHT_MIB);
	ck_assert_int_eq(fetch_once(url_of(&silent, url), 200, &body, &size), -ETIMEDOUT);
	server_stop(&big);
	server_stop(&full);
	server_stop(&silent);
}
END_TEST

struct count {
	struct rest *rest;
	const char *url;
	int answers, status;
};

static void ask_again(void *context, int status, const char *body, size_t size)
{
	struct count *c = context;
	struct err e;

	(void)body;
	(void)size;
	c->status = status;
	if (++c->answers == 2)
		ck_assert_int_eq(rest_get(c->rest, c->url, 5000, &eight_mib, ask_again, c, &e), 0);
}

/*
 * Several at once, an answer that asks again, a descriptor of the caller's, and closing with one
 * under way.
 */
START_TEST(one_loop)
{
	struct server s = server_start("HTTP/1.0 200 OK\r\n\r\n", 10);
	struct server silent = server_start(NULL, 0);
	char url[64], silent_url[64];
	struct count c = {.url = url_of(&s, url)};
	struct pollfd p = {.events = POLLIN};
	int ends[2];
	struct err e;

	ck_assert(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	p.fd = ends[0];
	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	ck_assert_int_eq(rest_turn(c.rest, &p, 1, 1000, &e), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(rest_get(c.rest, url, 5000, &eight_mib, ask_again, &c, &e), 0);
	for (int turns = 0; c.answers < 4 && turns < 1000; turns++)
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 100, &e), 0);
	ck_assert_int_eq(c.answers, 4);
	ck_assert_int_eq(c.status, 200);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], ends, 1), 1);
	ck_assert_int_eq(rest_turn(c.rest, &p, 1, 1000, &e), 1);
	ck_assert_int_eq(p.revents, POLLHUP);
	ck_assert_int_eq(
		rest_get(c.rest, url_of(&silent, silent_url), 5000, &eight_mib, ask_again, &c, &e),
		0);
	rest_turn(c.rest, NULL, 0, 10, &e);
	rest_close(c.rest);
	rest_close(NULL);
	ck_assert_int_eq(c.answers, 4);
	server_stop(&s);
	server_stop(&silent);
}
END_TEST

static void note_answer(void *context, int status, const char *body, size_t size)
{
	struct count *c = context;

	ck_assert_uint_eq(strlen(body), size);
	ck_assert_uint_le(size, 1000);
	c->status = status;
	c->answers++;
}

/* A bound of one's own; an endless body is cut there. */
START_TEST(own_bound)
{
	struct server full = server_start("HTTP/1.0 200 OK\r\n\r\n", 1000);
	struct server endless = server_start("HTTP/1.0 200 OK\r\n\r\n", SIZE_MAX);
	struct count c = {0};
	char url[64];
	struct err e;

	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	ck_assert_int_eq(rest_get(c.rest, url_of(&full, url), 5000, &thousand, note_answer, &c, &e),
			 0);
	for (int turns = 0; c.answers < 1 && turns < 1000; turns++)
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 100, &e), 0);
	ck_assert_int_eq(c.status, 200);
	ck_assert_int_eq(
		rest_get(c.rest, url_of(&endless, url), 5000, &thousand, note_answer, &c, &e), 0);
	for (int turns = 0; c.answers < 2 && turns < 1000; turns++)
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 100, &e), 0);
	ck_assert_int_eq(c.status, -EFBIG);
	rest_close(c.rest);
	server_stop(&full);
	server_stop(&endless);
}
END_TEST

/*
 * What is dropped is never answered, what was asked for another context is; also from within an
 * answer.
 */
static void drop_other(void *context, int status, const char *body, size_t size)
{
	struct count *c = context;

	note_answer(c, status, body, size);
	rest_drop(c->rest, c + 1);
}

START_TEST(drop)
{
	struct server s = server_start("HTTP/1.0 200 OK\r\n\r\n", 10);
	struct server silent = server_start(NULL, 0);
	struct count c[2] = {0};
	char url[64], silent_url[64];
	struct err e;

	url_of(&s, url);
	url_of(&silent, silent_url);
	ck_assert_int_eq(rest_open(&c[0].rest, &e), 0);
	ck_assert_int_eq(rest_get(c[0].rest, silent_url, 300, &eight_mib, note_answer, &c[1], &e),
			 0);
	ck_assert_int_eq(rest_get(c[0].rest, url, 5000, &eight_mib, drop_other, &c[0], &e), 0);
	ck_assert_int_eq(rest_get(c[0].rest, silent_url, 300, &eight_mib, note_answer, &c[1], &e),
			 0);
	for (int turns = 0; !c[0].answers && turns < 1000; turns++)
		ck_assert_int_ge(rest_turn(c[0].rest, NULL, 0, 100, &e), 0);
	/*
	 * Longer than the two that were dropped would have taken: this one is answered after them.
	 */
	ck_assert_int_eq(rest_get(c[0].rest, silent_url, 500, &eight_mib, note_answer, &c[0], &e),
			 0);
	for (int turns = 0; c[0].answers < 2 && turns < 1000; turns++)
		ck_assert_int_ge(rest_turn(c[0].rest, NULL, 0, 100, &e), 0);
	ck_assert_int_eq(c[0].answers, 2);
	ck_assert_int_eq(c[0].status, -ETIMEDOUT);
	ck_assert_int_eq(c[1].answers, 0);
	rest_drop(c[0].rest, &c[0]); /* nothing is under way */
	rest_close(c[0].rest);
	server_stop(&s);
	server_stop(&silent);
}
END_TEST

/* ---- tokens */

static const char token_key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/* One question, as it is asked. */
static void ask(struct rest *rest, int listener, char *request, size_t size)
{
	struct count c = {0};
	char url[64];
	struct err e;
	ssize_t n;
	int fd;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/json/", fake_port(listener));
	ck_assert_int_eq(rest_get(rest, url, 5000, &eight_mib, note_answer, &c, &e), 0);
	ck_assert_int_ge(rest_turn(rest, NULL, 0, 100, &e), 0);
	fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(rest_turn(rest, NULL, 0, 100, &e), 0);
	n = read(fd, request, size - 1);
	ck_assert_int_ge(n, 0);
	request[n] = '\0';
	close(fd);
	rest_drop(rest, &c);
}

/* With a key each question carries a token of its own; without one none does. */
START_TEST(questions_with_a_token)
{
	int listener = fake_listen("127.0.0.1", 0);
	char request[2048];
	struct rest *rest;
	struct err e;

	ck_assert_int_eq(rest_open(&rest, &e), 0);
	ask(rest, listener, request, sizeof(request));
	ck_assert_ptr_null(strstr(request, "Authorization"));
	rest_set_key(rest, token_key, geteuid());
	ask(rest, listener, request, sizeof(request));
	/* {"sub":"cleave","exp": */
	ck_assert_ptr_nonnull(strstr(request, "\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9."
					      "eyJzdWIiOiJjbGVhdmUiLCJleHAiOj"));
	rest_set_key(rest, "", 0);
	ask(rest, listener, request, sizeof(request));
	ck_assert_ptr_null(strstr(request, "Authorization"));
	rest_close(rest);
	close(listener);
}
END_TEST

/* Whoever listens in the Master's place, and answers as it does, hears no token, or nothing at all. */
START_TEST(questions_to_a_stranger)
{
	struct count c = {0};
	char url[64], request[2048];
	struct err e;
	int listener;

	if (geteuid() != 0)
		test_skip("needs root for two users");
	ck_assert_int_eq(seteuid(65533), 0);
	listener = fake_listen("127.0.0.1", 0);
	ck_assert_int_eq(seteuid(0), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/json/", fake_port(listener));
	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	rest_set_key(c.rest, token_key, 65534);
	ck_assert_int_eq(rest_get(c.rest, url, 5000, &eight_mib, note_answer, &c, &e), 0);
	while (!c.answers)
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 1000, &e), 0);
	ck_assert_int_eq(c.status, -EPERM);
	rest_set_key(c.rest, token_key, 65533);
	ask(c.rest, listener, request, sizeof(request)); /* the first connection, which is closed */
	ck_assert_uint_eq(strlen(request), 0);
	ask(c.rest, listener, request, sizeof(request));
	ck_assert_ptr_nonnull(strstr(request, "Authorization: Bearer "));
	rest_close(c.rest);
	close(listener);
}
END_TEST

/* ---- answers that cost more than their bytes */

static const char ok[] = "HTTP/1.0 200 OK\r\n\r\n";

/* Its answer for a Master of two slices; the parser, if it is reached, is the supervisor's. */
static void parse_answer(void *context, int status, const char *body, size_t size)
{
	static struct master_state m;
	struct count *c = context;
	struct err e;

	c->answers++;
	c->status = status;
	if (status == 200)
		c->status = master_state_parse(body, size, &m, &e);
}

static int ask_master(const struct server *s)
{
	struct count c = {0};
	char url[64];
	struct err e;

	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	ck_assert_int_eq(
		rest_get(c.rest, url_of(s, url), 20000, &master_limits, parse_answer, &c, &e), 0);
	while (!c.answers)
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 1000, &e), 0);
	rest_close(c.rest);
	return c.status;
}

/* The most that was resident so far. Sanitizers keep what was freed, a parser would make 400 MB. */
static size_t peak_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss << 10;
}

/* More than 8 MiB of what a parser would make hundreds of: they are not kept, let alone parsed. */
START_TEST(dense_answers)
{
	static const struct {
		const char *head, *unit;
		int status;
	} cases[] = {
		{"[", "[],", -EFBIG},	{"[", "{},", -EFBIG},	  {"[", "\"\",", -EFBIG},
		{"[", "1,", -EFBIG},	{"", "[", -EBADMSG},	  {"", "{\"a\":", -EBADMSG},
		{"\"", "x", -EFBIG},	{"", " ", -EFBIG},	  {"[]", "]", -EBADMSG},
		{"\"", "\\\"", -EFBIG}, {"", "\xff\x00", -EFBIG},
	};
	const size_t before = peak_bytes();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char head[64];
		struct server s;

		snprintf(head, sizeof(head), "%s%s", ok, cases[i].head);
		s = server_start_with(head, cases[i].unit, EIGHT_MIB + 1);
		ck_assert_msg(ask_master(&s) == cases[i].status, "case %zu", i);
		server_stop(&s);
	}
	ck_assert_uint_lt(peak_bytes() - before, 128 << 20);
}
END_TEST

/* What does not end is cut off, whatever it is a part of; it is nobody's to read then. */
START_TEST(endless)
{
	static const struct {
		const char *head, *unit;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nA: ", "x"},
		{"HTTP/1.1 200 OK\r\n", "A: b\r\n"},
		{"HTTP/1.1 100 Continue\r\n", "A: b\r\n"},
		{"HTTP/1.1 500 Oops\r\n\r\n", "[],"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"},
	};
	const size_t before = peak_bytes();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct server s = server_start_with(cases[i].head, cases[i].unit, SIZE_MAX);

		ck_assert_msg(ask_master(&s) < 0, "case %zu", i);
		server_stop(&s);
	}
	ck_assert_uint_lt(peak_bytes() - before, 128 << 20);
}
END_TEST

static void count_answer(void *context, int status, const char *body, size_t size)
{
	struct count *c = context;

	(void)body;
	(void)size;
	c->answers++;
	c->status += status == -EFBIG;
}

/* Each within its own bound, but all together are too much, or too many. */
START_TEST(all_together)
{
	enum { SERVERS = 3, SEVEN_MIB = 7 << 20 };
	struct server servers[SERVERS];
	struct count c = {0}, others = {0};
	char url[64];
	struct err e;

	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	for (unsigned i = 0; i < SERVERS; i++) {
		servers[i] = server_start_with("HTTP/1.0 200 OK\r\nContent-Length: 8000000\r\n\r\n",
					       " ", SEVEN_MIB);
		ck_assert_int_eq(rest_get(c.rest, url_of(&servers[i], url), 60000, &eight_mib,
					  count_answer, &c, &e),
				 0);
	}
	while (!c.answers)
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 1000, &e), 0);
	ck_assert_int_eq(c.answers, 1);
	ck_assert_int_eq(c.status, 1);
	/* The one that was given up makes room. */
	for (unsigned i = 0; i < REST_REQUESTS + 1 - SERVERS; i++)
		ck_assert_int_eq(
			rest_get(c.rest, url, 60000, &eight_mib, count_answer, &others, &e), 0);
	ck_assert_int_eq(rest_get(c.rest, url, 60000, &eight_mib, count_answer, &others, &e),
			 -EBUSY);
	ck_assert_str_eq(e.msg, "256 questions wait for an answer (limit 256)");
	rest_close(c.rest);
	for (unsigned i = 0; i < SERVERS; i++)
		server_stop(&servers[i]);
}
END_TEST

TEST_MAIN("rest",
	  test_case("rest", fetch, other_statuses, bounds, one_loop, questions_with_a_token,
		    questions_to_a_stranger),
	  test_case("bounded", own_bound, drop, dense_answers, endless, all_together))
