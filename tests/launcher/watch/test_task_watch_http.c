/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch over real connections: a Master's UI in the loop of the test itself, which answers when
 * it is told to.
 */

#include "launcher/watch/task_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "tests/harness.h"
#include "tests/launcher/answers.h"
#include "tests/launcher/fake_parts.h"

enum { CONNECTIONS = 16, PATIENCE = 2000 /* turns of at most 10 ms */ };

static struct connection {
	int fd; /* 0: none */
	char request[2048];
	size_t size;
} connections[CONNECTIONS];
static int listener;
static struct rest *rest;
static struct task_watch *watch;
static unsigned changes;
static struct err e;

/* ---- the server */

static void hang_up(struct connection *c)
{
	close(c->fd);
	*c = (struct connection){0};
}

static void server_accept(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (!connections[i].fd) {
			connections[i].fd = fd;
			return;
		}
	ck_abort_msg("more than %d connections", CONNECTIONS);
}

static void server_read(struct connection *c)
{
	ssize_t n = read(c->fd, c->request + c->size, sizeof(c->request) - 1 - c->size);

	if (n > 0)
		c->size += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		hang_up(c);
}

/* One turn of the loop that the watch, and here the server, too, lives in. */
static void turn(void)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};

	task_watch_tick(watch, TASK_WATCH_WAITING, clock_now_ns());
	ck_assert_int_ge(rest_turn(rest, &p, 1, 10, &e), 0);
	server_accept();
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd)
			server_read(&connections[i]);
}

#define turn_until(condition)                                              \
	do {                                                               \
		for (int turns = 0; !(condition); turns++) {               \
			ck_assert_msg(turns < PATIENCE, "%s", #condition); \
			turn();                                            \
		}                                                          \
	} while (0)

/* The connection on which this is asked, NULL: it is not. */
static struct connection *find(const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "GET /proxy/app-1/api/v1/applications/app-1/%s HTTP/1.1\r\n",
		 what);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (strncmp(connections[i].request, line, strlen(line)) == 0 &&
		    strstr(connections[i].request, "\r\n\r\n"))
			return &connections[i];
	return NULL;
}

static const char ok_head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

static void say(struct connection *c, const char *text, size_t size)
{
	ck_assert_int_eq(write(c->fd, text, size), (ssize_t)size);
}

static void reply(const char *what, const char *text, size_t size)
{
	turn_until(find(what));
	say(find(what), ok_head, sizeof(ok_head) - 1);
	say(find(what), text, size);
	hang_up(find(what));
}

static void reply_recorded(const char *what, const char *file)
{
	size_t size;
	cleanup_free char *text = recorded(file, &size);

	reply(what, text, size);
}

/* ---- the watch */

static void on_change(void *context)
{
	(void)context;
	changes++;
}

static void setup(void)
{
	static const struct master_state m = {.app_count = 1, .apps = {"app-1"}};
	static struct plan p = {.slice_count = 2};

	p.slices[0].address = 0x7f00000a;
	p.slices[1].address = 0x7f00000b;
	signal(SIGPIPE, SIG_IGN);
	listener = fake_listen("127.0.0.1", 0);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(rest_open(&rest, &e), 0);
	ck_assert_int_eq(task_watch_open(rest, on_change, NULL, &watch, &e), 0);
	task_watch_begin(watch, "127.0.0.1", fake_port(listener), &p);
	task_watch_apps(watch, &m, clock_now_ns());
	changes = 0;
}

static void teardown(void)
{
	task_watch_close(watch);
	rest_close(rest);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd)
			hang_up(&connections[i]);
	close(listener);
}

static struct sample fill(unsigned slice)
{
	struct sample s = {0};

	task_watch_fill(watch, slice, clock_now_ns(), &s);
	return s;
}

#define STAGES "stages?status=active&details=false"

START_TEST(recorded_answers)
{
	struct sample s[2];

	reply_recorded("executors", "executors-last");
	reply_recorded("environment", "environment");
	reply_recorded(STAGES, "stages-last");
	turn_until(changes == 3);
	for (unsigned i = 0; i < 2; i++) {
		s[i] = fill(i);
		ck_assert_uint_eq(s[i].known, SAMPLE_TASKS);
		ck_assert_uint_eq(s[i].stages, 1);
		ck_assert_uint_eq(s[i].tasks_pending, 0);
		ck_assert_uint_eq(s[i].task_cpus, 1);
		ck_assert_uint_le(s[i].tasks_at_ns, clock_now_ns());
	}
	ck_assert_uint_eq(s[0].tasks_running, 1);
	ck_assert_uint_eq(s[1].tasks_running, 0);
	/* A trigger, and the next stage. */
	task_watch_trigger(watch, clock_now_ns());
	reply_recorded("executors", "executors-done");
	reply_recorded(STAGES, "stages-next");
	turn_until(changes >= 5);
	ck_assert_uint_eq(fill(1).stages, 2);
	ck_assert_uint_eq(fill(1).tasks_pending, 3);
	ck_assert_uint_gt(fill(1).tasks_at_ns, s[1].tasks_at_ns);
}
END_TEST

/* Never an end: what is sent after the bound is not taken. */
START_TEST(endless_answer)
{
	static char block[65536];
	struct connection *c;
	size_t sent = 0;

	memset(block, ' ', sizeof(block));
	turn_until((c = find("executors")));
	say(c, ok_head, sizeof(ok_head) - 1);
	for (int turns = 0; c->fd && turns < 100 * PATIENCE; turns++) {
		ssize_t n = write(c->fd, block, sizeof(block));

		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	ck_assert_uint_ge(sent, 256 << 10);
	ck_assert_uint_lt(sent, 32 << 20); /* what two slices may have, and what sockets hold */
	turn_until(strstr(task_watch_why(watch), "app-1 answers with more than a cluster of 2"));
	ck_assert_uint_eq(changes, 0);
}
END_TEST

static unsigned count_questions(const char *what)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		count += strstr(connections[i].request, what) != NULL;
	return count;
}

/*
 * Byte by byte is no better than silence: that is said after a second. But whoever is hung up on in
 * the middle fills a user's terminal, so it is read to its end, is no answer to anything then, and
 * nothing is asked twice before.
 */
START_TEST(slow_answer)
{
	struct connection *slow;

	reply("executors", "[]", 2);
	turn_until(changes == 1);
	turn_until((slow = find("executors")));
	say(slow, ok_head, sizeof(ok_head) - 1);
	for (int turns = 0; turns < 4000 / 10; turns++) {
		say(slow, " ", 1);
		turn();
		ck_assert_uint_eq(count_questions("/executors "), 1);
	}
	ck_assert_int_ne(slow->fd, 0);
	ck_assert_uint_eq(changes, 1);
	say(slow, "[]", 2);
	hang_up(slow);
	for (int turns = 0; turns < 10; turns++)
		turn();
	ck_assert_uint_eq(changes, 1);
	/* It may come to its senses. */
	reply("executors", "[]", 2);
	turn_until(changes == 2);
	ck_assert_uint_eq(fill(0).known, SAMPLE_TASKS);
	ck_assert_str_eq(task_watch_why(watch), "");
}
END_TEST

START_TEST(garbage)
{
	static const char not_found[] =
		"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<html>\x1b[2J</html>";

	turn_until(find("executors"));
	say(find("executors"), not_found, sizeof(not_found) - 1);
	hang_up(find("executors"));
	turn_until(strstr(task_watch_why(watch), "app-1 answers no REST (status 404)"));
	turn_until(find("executors")); /* after a second, not what HTTP is */
	say(find("executors"), "\0\x1b\xff", 3);
	hang_up(find("executors"));
	turn_until(strstr(task_watch_why(watch), "passes nothing on to application app-1: "));
	ck_assert_uint_eq(changes, 0);
}
END_TEST

/* With a question under way: no answer comes to what is gone. */
START_TEST(closed_while_asking)
{
	struct connection *c;

	turn_until((c = find("executors")));
	task_watch_close(watch);
	say(c, ok_head, sizeof(ok_head) - 1);
	for (int i = 0; i < 5; i++)
		ck_assert_int_ge(rest_turn(rest, NULL, 0, 10, &e), 0);
	ck_assert_uint_eq(changes, 0);
	watch = NULL;
}
END_TEST

static TCase *with_watch(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	return c;
}

TEST_MAIN("task_watch_http", with_watch(test_case("http", recorded_answers, endless_answer,
						  slow_answer, garbage, closed_while_asking)))
