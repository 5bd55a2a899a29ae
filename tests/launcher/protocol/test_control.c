/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/control.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

static struct cluster cluster;
static struct control *control;
static struct err e;
static struct control_client *last;
static unsigned requested, hung_up, closed;
static enum control_command command;
static uint64_t now_ns = 1000000000;

static const uint64_t second = 1000000000;

static void on_requested(void *context, struct control_client *client,
			 struct control_request *request)
{
	ck_assert_ptr_eq(context, &cluster);
	last = client;
	command = request->command;
	requested++;
	if (command == CONTROL_APPLY)
		control_hold(client);
	control_request_release(request);
}

static void on_gone(void *context, struct control_client *client, enum control_end end)
{
	ck_assert_ptr_eq(context, &cluster);
	ck_assert_ptr_eq(client, last);
	if (end == CONTROL_HUNG_UP)
		hung_up++;
	else
		closed++;
}

static void begin(void)
{
	requested = hung_up = closed = 0;
	ck_assert_int_eq(cluster_paths(test_directory(), "c", &cluster, &e), 0);
	ck_assert_int_eq(cluster_make(&cluster, &e), 0);
	ck_assert_msg(
		control_open(&cluster, now_ns, on_requested, on_gone, &cluster, &control, &e) == 0,
		"%s", e.msg);
}

/* Some turns of the loop, as the supervisor does them. */
static void turn(void)
{
	for (int i = 0; i < 6; i++) {
		struct pollfd fds[CONTROL_FDS];
		unsigned count = control_fds(control, fds);

		poll(fds, count, 5);
		control_turn(control, fds, count, now_ns);
	}
}

static int client(void)
{
	int fd;

	ck_assert_msg(control_connect(&cluster, &fd, NULL, &e) == 0, "%s", e.msg);
	return fd;
}

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

START_TEST(asked_and_answered)
{
	struct line_buffer b = {0};
	cleanup_close int fd = -1;
	struct stat st;
	char path[PROFILE_PATH], *line;

	begin();
	ck_assert_int_eq(cluster_file(&cluster, "control", path, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	fd = client();
	ck_assert_int_eq(control_send(fd, "{\"cmd\":\"status\"}", &e), 0);
	turn();
	ck_assert_uint_eq(requested, 1);
	ck_assert_int_eq(command, CONTROL_STATUS);
	ck_assert_int_eq(control_peer(last), getpid());
	control_answer(control, last, "{\"one\":1}");
	control_answer(control, last, "{\"two\":2}");
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"one\":1}");
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"two\":2}");
	ck_assert_int_eq(control_receive(fd, &b, 10, &line, &e), -ETIMEDOUT);
	control_close(control);
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	line_buffer_release(&b);
}
END_TEST

START_TEST(nobody_listens)
{
	int fd;

	ck_assert_int_eq(cluster_paths(test_directory(), "none", &cluster, &e), 0);
	ck_assert_int_eq(control_connect(&cluster, &fd, NULL, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, "no supervisor answers at"));
}
END_TEST

/* Each is refused with a sentence, and the next client is served as if nothing had been. */
START_TEST(garbage_is_refused)
{
	static const char *const bad[] = {
		"{",
		"hello",
		"[]",
		"{}",
		"{\"cmd\":1}",
		"{\"cmd\":\"dance\"}",
		"{\"cmd\":\"status\",\"more\":1}",
		"{\"cmd\":\"apply\"}",
		"{\"cmd\":\"apply\",\"state\":[]}",
		"{\"cmd\":\"status\",\"cmd\":\"down\"}",
		"{\"cmd\":\"st\\u0000atus\"}",
		"\xff\xfe",
	};

	begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct line_buffer b = {0};
		cleanup_close int fd = client();
		char *line;

		ck_assert_int_eq(control_send(fd, bad[i], &e), 0);
		turn();
		ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
		ck_assert_msg(strstr(line, "{\"error\":"), "%s: %s", bad[i], line);
		ck_assert_ptr_nonnull(strstr(line, "\"exit\":2"));
		ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 0);
		line_buffer_release(&b);
	}
	ck_assert_uint_eq(requested, 0);
	control_close(control);
}
END_TEST

START_TEST(a_slow_client_is_waited_for_and_dropped)
{
	cleanup_close int slow = -1, quick = -1;

	begin();
	slow = client();
	ck_assert_int_eq(write(slow, "{\"cmd\":", 7), 7);
	turn();
	now_ns += (CONTROL_LINE_SECONDS - 1) * second;
	turn();
	ck_assert(!is_closed(slow));
	quick = client(); /* nobody waits for the slow one */
	ck_assert_int_eq(control_send(quick, "{\"cmd\":\"down\"}", &e), 0);
	turn();
	ck_assert_uint_eq(requested, 1);
	now_ns += 2 * second;
	turn();
	ck_assert(is_closed(slow));
	ck_assert(!is_closed(quick));
	control_close(control);
}
END_TEST

START_TEST(a_line_without_end)
{
	cleanup_free char *text = malloc(1 << 16);
	cleanup_close int fd = -1;
	size_t sent = 0;

	begin();
	fd = client();
	memset(text, 'x', 1 << 16);
	while (sent < CONTROL_LINE_MAX + (1 << 20)) {
		ssize_t n = send(fd, text, 1 << 16, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break; /* dropped */
		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	ck_assert_uint_lt(sent, CONTROL_LINE_MAX + (1 << 20));
	ck_assert_uint_eq(requested, 0);
	control_close(control);
}
END_TEST

/* A client that never reads costs CONTROL_ANSWER_MAX bytes, not the supervisor. */
START_TEST(answers_that_nobody_reads)
{
	cleanup_free char *text = calloc(1, (1 << 20) + 1);
	cleanup_close int fd = -1;

	begin();
	fd = client();
	ck_assert_int_eq(control_send(fd, "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	turn();
	memset(text, 'y', 1 << 20);
	for (int i = 0; i < 8 && !closed; i++)
		control_answer(control, last, text);
	ck_assert_uint_eq(closed, 1);
	control_answer(control, last, text); /* to nobody: nothing */
	control_close(control);
}
END_TEST

/* Connections that do nothing are in nobody's way: the oldest makes room, one that waits does not. */
START_TEST(more_clients_than_there_is_room_for)
{
	int fds[CONTROL_CLIENTS + 4];

	begin();
	for (int i = 0; i < CONTROL_CLIENTS + 4; i++, now_ns += second / 10) {
		fds[i] = client();
		turn();
		if (i == 0)
			ck_assert_int_eq(
				control_send(fds[0], "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	}
	ck_assert(!is_closed(fds[0]));
	for (int i = 1; i < 5; i++)
		ck_assert(is_closed(fds[i]));
	for (int i = 5; i < CONTROL_CLIENTS + 4; i++)
		ck_assert(!is_closed(fds[i]));
	ck_assert_uint_eq(closed, 0);
	ck_assert_int_eq(control_send(fds[CONTROL_CLIENTS + 3], "{\"cmd\":\"status\"}", &e), 0);
	turn();
	ck_assert_uint_eq(requested, 2);
	for (int i = 0; i < CONTROL_CLIENTS + 4; i++)
		close(fds[i]);
	control_close(control);
}
END_TEST

/* Where all wait for something, the next one is told so. */
START_TEST(all_places_are_held)
{
	int fds[CONTROL_CLIENTS];
	struct line_buffer b = {0};
	cleanup_close int late = -1;
	char *line;

	begin();
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = client();
		ck_assert_int_eq(control_send(fds[i], "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
		turn();
	}
	late = client();
	turn();
	ck_assert_int_eq(control_receive(late, &b, 1000, &line, &e), 1);
	ck_assert_ptr_nonnull(strstr(line, "16 other commands are waiting"));
	ck_assert_int_eq(control_receive(late, &b, 1000, &line, &e), 0);
	line_buffer_release(&b);
	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		ck_assert(!is_closed(fds[i]));
		close(fds[i]);
	}
	control_close(control);
}
END_TEST

START_TEST(a_client_that_requests_nothing)
{
	cleanup_close int silent = -1, waiting = -1;

	begin();
	silent = client();
	waiting = client();
	ck_assert_int_eq(control_send(waiting, "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	turn();
	now_ns += (CONTROL_IDLE_SECONDS - 1) * second;
	turn();
	ck_assert(!is_closed(silent));
	now_ns += 2 * second;
	turn();
	ck_assert(is_closed(silent));
	ck_assert(!is_closed(waiting));
	now_ns += 3600 * second; /* spark.start_timeout may be that long */
	turn();
	ck_assert(!is_closed(waiting));
	now_ns += 3600 * second;
	turn();
	ck_assert(is_closed(waiting));
	ck_assert_uint_eq(closed, 1);
	control_close(control);
}
END_TEST

/* Even one that is never idle. */
START_TEST(a_client_that_never_ends)
{
	cleanup_close int fd = -1;
	unsigned seconds = 0;

	begin();
	fd = client();
	for (; !is_closed(fd) && seconds < 1000; seconds++, now_ns += second) {
		control_send(fd, "{\"cmd\":\"status\"}", &e);
		turn();
	}
	ck_assert_uint_ge(seconds, CONTROL_TOTAL_SECONDS);
	ck_assert_uint_le(seconds, CONTROL_TOTAL_SECONDS + 2);
	control_close(control);
}
END_TEST

/* It waits for its answer and does not read it. */
START_TEST(a_held_client_that_does_not_read)
{
	cleanup_free char *text = calloc(1, (1 << 20) + 1);
	cleanup_close int fd = -1;

	begin();
	fd = client();
	ck_assert_int_eq(control_send(fd, "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	turn();
	memset(text, 'y', 1 << 20);
	control_answer(control, last, text);
	now_ns += (CONTROL_UNREAD_SECONDS - 1) * second;
	turn();
	ck_assert_uint_eq(closed, 0);
	ck_assert_int_gt(recv(fd, text, 1 << 20, MSG_DONTWAIT), 0); /* slow, but it reads */
	turn();
	now_ns += 2 * second;
	turn();
	ck_assert_uint_eq(closed, 0);
	now_ns += CONTROL_UNREAD_SECONDS * second;
	turn();
	ck_assert_uint_eq(closed, 1);
	control_close(control);
}
END_TEST

/* Who has been answered is held no more: it may go without a word, and idles like others. */
START_TEST(a_released_client_is_like_others)
{
	cleanup_close int fd = -1;

	begin();
	fd = client();
	ck_assert_int_eq(control_send(fd, "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	turn();
	control_release(last);
	control_release(NULL);
	now_ns += (CONTROL_IDLE_SECONDS + 1) * second;
	turn();
	ck_assert(is_closed(fd));
	ck_assert_uint_eq(closed, 0);
	control_close(control);
}
END_TEST

/* Hanging up is giving up; the answer can still be heard. */
START_TEST(hung_up_and_gone)
{
	struct line_buffer b = {0};
	int fd;
	char *line;

	begin();
	fd = client();
	ck_assert_int_eq(control_send(fd, "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	turn();
	ck_assert_uint_eq(hung_up, 0);
	shutdown(fd, SHUT_WR);
	turn();
	ck_assert_uint_eq(hung_up, 1);
	ck_assert_uint_eq(closed, 0);
	control_answer(control, last, "{\"error\":\"undone\",\"exit\":1}");
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"error\":\"undone\",\"exit\":1}");
	close(fd);
	turn();
	ck_assert_uint_eq(closed, 1);
	ck_assert_uint_eq(hung_up, 1);
	line_buffer_release(&b);
	control_close(control);
}
END_TEST

START_TEST(lines_in_pieces)
{
	static const char text[] = "one\n\ntwo\nthree";
	struct line_buffer b = {0};
	size_t length, lines = 0;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char *line;

		ck_assert_int_eq(line_buffer_add(&b, &text[i], 1), 0);
		while ((line = line_buffer_next(&b, &length))) {
			static const char *const wanted[] = {"one", "", "two"};

			ck_assert_str_eq(line, wanted[lines++]);
			ck_assert_uint_eq(strlen(line), length);
		}
	}
	ck_assert_uint_eq(lines, 3);
	ck_assert_uint_eq(b.used, 5);
	line_buffer_release(&b);
}
END_TEST

/* What the supervisor says while an `up` waits, and what the command reads of it. */
START_TEST(replies_are_heard_as_they_were_said)
{
	static struct reply r;
	struct err why = {0};
	struct line_buffer b = {0};
	cleanup_close int fd = -1;
	char *line, many[REPLY_LINE + 100];

	begin();
	fd = client();
	ck_assert_int_eq(control_send(fd, "{\"cmd\":\"apply\",\"state\":{}}", &e), 0);
	turn();
	control_progress(control, last, "workers", "registered", 1, 2);
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"progress\":\"workers\",\"object\":\"registered\",\"count\":1,"
			       "\"total\":2}");
	ck_assert_int_eq(reply_parse(line, strlen(line), &r, &e), 0);
	ck_assert(r.kind == REPLY_PROGRESS && r.count == 1 && r.total == 2);
	ck_assert_str_eq(r.what, "workers");
	ck_assert_str_eq(r.object, "registered");
	memset(many, 'm', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	memcpy(many, "said \xff", 6);
	control_log(control, last, "slice-0", many); /* no line of a log is lost: it is cut */
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_msg(reply_parse(line, strlen(line), &r, &e) == 0, "%s", e.msg);
	ck_assert(r.kind == REPLY_LOG && strncmp(r.line, many, REPLY_LINE - 1) == 0);
	ck_assert_str_eq(r.log, "slice-0");
	control_reply(control, last,
		      &(struct reply){.kind = REPLY_DONE, .is_adopted = true, .rebuilt = "lost"});
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"done\":\"started\",\"adopted\":true,\"rebuilt\":\"lost\"}");
	ck_assert_int_eq(reply_parse(line, strlen(line), &r, &e), 0);
	ck_assert(r.kind == REPLY_DONE && r.result == REPLY_STARTED && r.is_adopted);
	ck_assert_str_eq(r.rebuilt, "lost");
	control_reply(control, last, &(struct reply){.kind = REPLY_DONE, .result = REPLY_DOWN});
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"done\":\"down\"}");
	ck_assert_int_eq(reply_parse(line, strlen(line), &r, &e), 0);
	err_impossible(&why, "CPUs 0-3 are taken");
	control_refuse(control, last, &why);
	ck_assert_int_eq(control_receive(fd, &b, 1000, &line, &e), 1);
	ck_assert_str_eq(line, "{\"error\":\"CPUs 0-3 are taken\",\"exit\":3}");
	ck_assert_int_eq(reply_parse(line, strlen(line), &r, &e), 0);
	ck_assert_int_eq(r.error.code, -ECANCELED);
	ck_assert_int_eq(r.error.exit, ERR_IMPOSSIBLE);
	control_progress(control, NULL, "to", "nobody", 0, 0);
	line_buffer_release(&b);
	control_close(control);
}
END_TEST

START_TEST(what_is_no_reply)
{
	static const char *const bad[] = {
		"{",
		"[]",
		"{}",
		"{\"progress\":\"x\"}",
		"{\"progress\":\"x\",\"object\":\"y\",\"count\":-1,\"total\":1}",
		"{\"log\":\"x\"}",
		"{\"done\":\"finished\"}",
		"{\"done\":\"started\"}",
		"{\"error\":1,\"exit\":1}",
		"{\"error\":\"x\",\"exit\":5}",
	};
	static struct reply r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r.count = 12345;
		ck_assert_msg(reply_parse(bad[i], strlen(bad[i]), &r, &e) == -EINVAL, "%s", bad[i]);
		ck_assert_uint_eq(r.count, 12345);
	}
}
END_TEST

TEST_MAIN("control",
	  test_case("socket", asked_and_answered, nobody_listens, garbage_is_refused,
		    a_slow_client_is_waited_for_and_dropped, a_line_without_end,
		    answers_that_nobody_reads, more_clients_than_there_is_room_for,
		    all_places_are_held, a_client_that_requests_nothing, a_client_that_never_ends,
		    a_held_client_that_does_not_read, a_released_client_is_like_others,
		    hung_up_and_gone),
	  test_case("replies", replies_are_heard_as_they_were_said, what_is_no_reply),
	  test_case("lines", lines_in_pieces))
