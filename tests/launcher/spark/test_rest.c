/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/rest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/fake_parts.h"

enum { EIGHT_MIB = 8 << 20 };

static const struct json_limits eight_mib = {EIGHT_MIB, 1 << 20, 32}, thousand = {1000, 1000, 32};

/* A server on loopback, in a child: answers every connection with `head` and `size` times 'x'. */
struct server {
	pid_t pid;
	int port;
};

static void serve(int listener, const char *head, size_t size)
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
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
		close(fd);
	}
}

static struct server server_start(const char *head, size_t size)
{
	int listener = fake_listen("127.0.0.1", 0);
	struct server s = {.port = fake_port(listener)};

	s.pid = fork();
	if (s.pid == 0)
		serve(listener, head, size);
	close(listener);
	return s;
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

TEST_MAIN("rest", test_case("rest", fetch, other_statuses, bounds, one_loop),
	  test_case("bounded", own_bound, drop))
