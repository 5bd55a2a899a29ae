/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that come although nobody waits for them any more: they are read to their end, within
 * bounds.
 */

#include "launcher/watch/rest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/harness.h"
#include "tests/launcher/fake_parts.h"

static const struct json_limits thousand = {1000, 1000, 32, NULL};

struct count {
	struct rest *rest;
	int answers, status;
};

static void note_answer(void *context, int status, const char *body, size_t size)
{
	struct count *c = context;

	ck_assert_uint_eq(strlen(body), size);
	ck_assert_uint_le(size, 1000);
	c->status = status;
	c->answers++;
}

static size_t peak_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss << 10;
}

/* A server in the loop of the test itself: what it has accepted, and whether that was hung up. */
struct slow {
	int listener, fd;
	char url[64];
};

static struct slow slow_open(void)
{
	struct slow s = {.listener = fake_listen("127.0.0.1", 0), .fd = -1};

	snprintf(s.url, sizeof(s.url), "http://127.0.0.1:%d/json/", fake_port(s.listener));
	signal(SIGPIPE, SIG_IGN);
	return s;
}

/* Its question has been sent. */
static void slow_accept(struct slow *s, struct rest *rest)
{
	char request[1024];
	struct err e;

	for (int turns = 0; turns < 3; turns++)
		ck_assert_int_ge(rest_turn(rest, NULL, 0, 20, &e), 0);
	s->fd = accept(s->listener, NULL, NULL);
	ck_assert_int_ge(rest_turn(rest, NULL, 0, 20, &e), 0);
	ck_assert_int_gt(read(s->fd, request, sizeof(request)), 0);
}

static void slow_say(const struct slow *s, const char *text)
{
	ck_assert_int_eq(send(s->fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* The other side has closed, or reset, the connection. */
static bool slow_is_hung_up(const struct slow *s)
{
	char byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

static void turn_until_answered(struct count *c, int answers)
{
	struct err e;

	for (int turns = 0; c->answers < answers && turns < 1000; turns++)
		ck_assert_int_ge(rest_turn(c->rest, NULL, 0, 50, &e), 0);
	ck_assert_int_eq(c->answers, answers);
}

static void turn_some(struct rest *rest)
{
	struct err e;

	for (int turns = 0; turns < 5; turns++)
		ck_assert_int_ge(rest_turn(rest, NULL, 0, 10, &e), 0);
}

static const char begun[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[1,2";

/* What is late is told at once and read to its end; it is nobody's answer, and others are. */
START_TEST(late_answer)
{
	struct slow s = slow_open(), other = slow_open();
	struct count c = {0}, second = {0};
	struct err e;

	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	second.rest = c.rest;
	ck_assert_int_eq(rest_get(c.rest, s.url, 300, &thousand, note_answer, &c, &e), 0);
	slow_accept(&s, c.rest);
	slow_say(&s, begun);
	turn_until_answered(&c, 1);
	ck_assert_int_eq(c.status, -ETIMEDOUT);
	ck_assert_int_eq(rest_get(c.rest, s.url, 300, &thousand, note_answer, &c, &e), -EALREADY);
	ck_assert_str_eq(e.msg, "the answer before is late and still to come");
	/* Another's question to the same server goes its own way meanwhile. */
	ck_assert_int_eq(rest_get(c.rest, other.url, 5000, &thousand, note_answer, &second, &e), 0);
	slow_accept(&other, c.rest);
	slow_say(&other, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
	turn_until_answered(&second, 1);
	ck_assert_int_eq(second.status, 200);
	ck_assert(!slow_is_hung_up(&s));
	slow_say(&s, ",3,4,5,6,7,8,9]\n");
	turn_some(c.rest);
	ck_assert_int_eq(c.answers, 1);
	/* It has come: the next one is asked, on the connection that was kept, and is answered. */
	ck_assert(!slow_is_hung_up(&s));
	ck_assert_int_eq(rest_get(c.rest, s.url, 5000, &thousand, note_answer, &c, &e), 0);
	turn_some(c.rest);
	slow_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
	turn_until_answered(&c, 2);
	ck_assert_int_eq(c.status, 200);
	rest_close(c.rest);
}
END_TEST

/* Nobody wants it any more, and it is read all the same. */
START_TEST(dropped_answer)
{
	struct slow s = slow_open();
	struct count c = {0};
	struct err e;

	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	ck_assert_int_eq(rest_get(c.rest, s.url, 300, &thousand, note_answer, &c, &e), 0);
	slow_accept(&s, c.rest);
	slow_say(&s, begun);
	rest_drop(c.rest, &c);
	turn_some(c.rest);
	slow_say(&s, ",3,4,5,6,7");
	turn_some(c.rest);
	ck_assert(!slow_is_hung_up(&s));
	/* Who has dropped one may ask anew at once. */
	ck_assert_int_eq(rest_get(c.rest, s.url, 5000, &thousand, note_answer, &c, &e), 0);
	close(s.fd);
	slow_accept(&s, c.rest);
	slow_say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
	turn_until_answered(&c, 1);
	ck_assert_int_eq(c.status, 200);
	rest_close(c.rest);
	ck_assert(slow_is_hung_up(&s));
}
END_TEST

/* What is too much is told at once, too; what goes on far beyond that is hung up on. */
START_TEST(too_much_to_read)
{
	enum { BLOCK = 64 << 10, SOCKETS_HOLD = 16 << 20 };
	static char block[BLOCK];
	struct slow s = slow_open();
	struct count c = {0};
	const size_t before = peak_bytes();
	size_t sent = 0;
	struct err e;

	memset(block, ' ', sizeof(block));
	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	ck_assert_int_eq(rest_get(c.rest, s.url, 60000, &thousand, note_answer, &c, &e), 0);
	slow_accept(&s, c.rest);
	slow_say(&s, "HTTP/1.1 200 OK\r\n\r\n");
	while (sent < 4 * REST_DRAINED_MAX) {
		ssize_t n = send(s.fd, block, sizeof(block), MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 10, &e), 0);
		if (sent > SOCKETS_HOLD / 2)
			ck_assert_int_eq(c.answers, 1);
	}
	ck_assert_int_eq(c.answers, 1);
	ck_assert_int_eq(c.status, -EFBIG);
	ck_assert_uint_ge(sent, REST_DRAINED_MAX);
	ck_assert_uint_le(sent, REST_DRAINED_MAX + SOCKETS_HOLD);
	ck_assert_uint_lt(peak_bytes() - before, 8 << 20);
	rest_close(c.rest);
}
END_TEST

/* A word now and then, for ever: the connection is given up in the end. */
START_TEST(endless_trickle)
{
	struct slow s = slow_open();
	struct count c = {0};
	unsigned said = 0;
	struct err e;

	ck_assert_int_eq(rest_open(&c.rest, &e), 0);
	ck_assert_int_eq(rest_get(c.rest, s.url, 100, &thousand, note_answer, &c, &e), 0);
	slow_accept(&s, c.rest);
	slow_say(&s, "HTTP/1.1 200 OK\r\n\r\n");
	while (!slow_is_hung_up(&s) && said++ < 2 * REST_DRAIN_MS / 100) {
		send(s.fd, " ", 1, 0);
		ck_assert_int_ge(rest_turn(c.rest, NULL, 0, 100, &e), 0);
		poll(NULL, 0, 100);
	}
	ck_assert_int_eq(c.answers, 1);
	ck_assert_int_eq(c.status, -ETIMEDOUT);
	ck_assert_uint_lt(said, 2 * REST_DRAIN_MS / 100);
	/* Nothing is owed any more. */
	ck_assert_int_eq(rest_get(c.rest, s.url, 100, &thousand, note_answer, &c, &e), 0);
	rest_close(c.rest);
}
END_TEST

TEST_MAIN("rest_late",
	  test_case("late", late_answer, dropped_answer, too_much_to_read, endless_trickle))
