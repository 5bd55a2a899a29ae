/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in: files, signals, window, end; against an engine that does what the test wants. */

#include "containers/engine/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "decision/base/cleanup.h"
#include "tests/containers/engine/fake_engine.h"
#include "tests/harness.h"

#define UPGRADED   "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

#define ATTACH "POST /v1.41/containers/x/attach"
#define WAIT   "POST /v1.41/containers/x/wait?condition=next-exit"
#define START  "POST /v1.41/containers/x/start"
#define KILL   "POST /v1.41/containers/x/kill"

struct run {
	struct attach a;
	pid_t pid;
	int pidfd;
	int in, out, err; /* our ends */
	struct err e;
};

/*
 * Attach with pipes to what an engine has at `socket`, which was started before there were any;
 * return what attach_spawn() does.
 */
static int run_start(struct run *run, const char *socket, const char *exec)
{
	int in[2], out[2], err[2], r;

	ck_assert(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC));
	*run = (struct run){.a = {.socket = socket,
				  .container = "x",
				  .exec = exec,
				  .in = in[0],
				  .out = out[1],
				  .err = err[1]},
			    .in = in[1],
			    .out = out[0],
			    .err = err[0]};
	r = attach_spawn(&run->a, &run->pid, &run->pidfd, &run->e);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	return r;
}

/* All until its end. */
static const char *read_all(int fd)
{
	static char text[2][4096];
	static unsigned turn;
	char *to = text[turn++ % 2];
	size_t used = 0;
	ssize_t got;

	while ((got = read(fd, to + used, sizeof(text[0]) - 1 - used)) > 0)
		used += (size_t)got;
	to[used] = '\0';
	return to;
}

static int run_end(struct run *run)
{
	int status;

	ck_assert_int_eq(waitpid(run->pid, &status, 0), run->pid);
	close(run->pidfd);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Wait until the engine has been asked; the test's time limit is the only one. */
static void await_asked(const char *words)
{
	while (!strstr(fake_engine_asked(), words))
		poll(NULL, 0, 10);
}

static const struct fake_answer echoes[] = {
	FAKE_VERSION,
	{.request = ATTACH, .text = UPGRADED, .then = FAKE_ECHO},
	{.request = WAIT, .text = FAKE_SAYS("200 OK", "{\"StatusCode\":3}")},
	{.request = START, .text = NO_CONTENT},
	{0}};

START_TEST(container)
{
	struct run run;
	const char *asked;

	ck_assert_msg(!run_start(&run, fake_engine_start(echoes), NULL), "%s", run.e.msg);
	ck_assert_int_eq(write(run.in, "hello", 5), 5);
	close(run.in);
	ck_assert_str_eq(read_all(run.out), "hello");
	ck_assert_str_eq(read_all(run.err), "end");
	ck_assert_int_eq(run_end(&run), 3);
	asked = fake_engine_asked();
	ck_assert(strstr(asked, ATTACH "?stream=1&stdin=1&stdout=1&stderr=1 "));
	/* Whoever ends at once must not be missed. */
	ck_assert(strstr(asked, ATTACH) < strstr(asked, WAIT) &&
		  strstr(asked, WAIT) < strstr(asked, START));
}
END_TEST

/* Both ways at once, more than all buffers on the way hold, and nobody reads before all is written
 * but a child. */
START_TEST(much)
{
	enum { MUCH = 3000000 };
	char bytes[10000];
	size_t total = 0;
	struct run run;
	ssize_t got;

	ck_assert_msg(!run_start(&run, fake_engine_start(echoes), NULL), "%s", run.e.msg);
	if (fork() == 0) {
		memset(bytes, 'b', sizeof(bytes));
		for (size_t left = MUCH; left; left -= (size_t)got)
			if ((got = write(run.in, bytes, sizeof(bytes))) <= 0)
				_exit(1);
		_exit(0);
	}
	close(run.in);
	poll(NULL, 0, 100); /* so that what is on the way has to stop */
	while ((got = read(run.out, bytes, sizeof(bytes))) > 0)
		total += (size_t)got;
	ck_assert_uint_eq(total, MUCH);
	ck_assert_int_eq(run_end(&run), 3);
}
END_TEST

START_TEST(exec)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "POST /v1.41/exec/e/start {\"Detach\":false,\"Tty\":false}",
		 .text = UPGRADED,
		 .then = FAKE_ECHO},
		{.request = "GET /v1.41/exec/e/json",
		 .text = FAKE_SAYS("200 OK", "{\"Running\":false,\"ExitCode\":4}")},
		{0}};
	struct run run;

	ck_assert_msg(!run_start(&run, fake_engine_start(answers), "e"), "%s", run.e.msg);
	ck_assert_int_eq(write(run.in, "hello", 5), 5);
	close(run.in);
	ck_assert_str_eq(read_all(run.out), "hello");
	ck_assert_int_eq(run_end(&run), 4);
}
END_TEST

/* What cannot be started is an error of the call, with execve()'s codes, and no process is left. */
START_TEST(not_started)
{
	static const struct {
		const char *says;
		int code;
	} cases[] = {
		{FAKE_SAYS("400 No", "{\"message\":\"exec: \\\"/x\\\": stat /x: no such file or "
				     "directory: unknown\"}"),
		 -ENOENT},
		{FAKE_SAYS("404 No", "{\"message\":\"crun: executable file `x` not found\"}"),
		 -ENOENT},
		{FAKE_SAYS("400 No", "{\"message\":\"exec: \\\"/etc\\\": permission denied\"}"),
		 -EACCES},
		{FAKE_SAYS("500 No", "{\"message\":\"mounting /a: no such file or directory\"}"),
		 -EIO},
		{"", -ECONNREFUSED},
	};
	struct run run;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct fake_answer answers[] = {
			FAKE_VERSION,
			{.request = ATTACH, .text = UPGRADED, .then = FAKE_STAY},
			{.request = WAIT, .text = FAKE_HEAD("200 OK"), .then = FAKE_STAY},
			{.request = START, .text = cases[i].says},
			{0}};

		ck_assert_int_eq(run_start(&run, fake_engine_start(answers), NULL), cases[i].code);
		ck_assert_msg(strstr(run.e.msg, "container x: ") != NULL, "%s", run.e.msg);
	}
}
END_TEST

START_TEST(refused)
{
	static const struct fake_answer
		none[] = {FAKE_VERSION, {0}},
		nonsense[] = {FAKE_VERSION, {.text = "huh?\r\n\r\n"}, {0}},
		endless[] = {FAKE_VERSION, {.text = "HTTP/1.1 200 OK\r\nX: ", .fill = 20000}, {0}},
		gone[] = {FAKE_VERSION, {.text = "HTTP/1.1 2"}, {0}},
		chunked[] = {FAKE_VERSION,
			     {.text = "HTTP/1.1 409 No\r\nTransfer-Encoding: "
				      "chunked\r\n\r\n14\r\n{\"message\":"
				      "\"paused\"}\r\n0\r\n\r\n"},
			     {0}};
	struct run run;

	ck_assert_int_eq(run_start(&run, fake_engine_start(none), NULL), -ENOENT);
	ck_assert_str_eq(run.e.msg, "container x: the fake has no answer");
	ck_assert_int_eq(run_start(&run, fake_engine_start(nonsense), NULL), -EBADMSG);
	ck_assert_int_eq(run_start(&run, fake_engine_start(endless), NULL), -EBADMSG);
	ck_assert_int_eq(run_start(&run, fake_engine_start(gone), NULL), -ECONNREFUSED);
	ck_assert_int_eq(run_start(&run, fake_engine_start(chunked), "e"), -EBUSY);
	ck_assert_str_eq(run.e.msg, "container x: paused");
	run.a.socket = "/nowhere";
	ck_assert_int_eq(attach_spawn(&run.a, &run.pid, &run.pidfd, &run.e), -ECONNREFUSED);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0); /* the fakes live, nothing has ended */
}
END_TEST

/* The engine is stopped: what became of the command nobody knows. */
START_TEST(engine_goes)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = ATTACH, .text = UPGRADED "\1\0\0\0\0\0\0\5wo"}, /* a NUL ends it here */
		{.request = WAIT, .text = FAKE_HEAD("200 OK")},
		{.request = START, .text = NO_CONTENT},
		{0}};
	struct run run;

	ck_assert_msg(!run_start(&run, fake_engine_start(answers), NULL), "%s", run.e.msg);
	ck_assert_str_eq(read_all(run.out), "");
	ck_assert_str_eq(read_all(run.err),
			 "cleave: the container engine has gone; what became of the command is not "
			 "known\n");
	ck_assert_int_eq(run_end(&run), 125);
}
END_TEST

START_TEST(no_frames)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = ATTACH, .text = UPGRADED "not frames", .then = FAKE_STAY},
		{.request = WAIT, .text = FAKE_HEAD("200 OK"), .then = FAKE_STAY},
		{.request = START, .text = NO_CONTENT},
		{0}};
	struct run run;

	ck_assert_msg(!run_start(&run, fake_engine_start(answers), NULL), "%s", run.e.msg);
	ck_assert(strstr(read_all(run.err), "stream cannot be read"));
	ck_assert_int_eq(run_end(&run), 125);
}
END_TEST

static const struct fake_answer stays[] = {
	FAKE_VERSION,
	{.request = ATTACH, .text = UPGRADED, .then = FAKE_STAY},
	{.request = WAIT, .text = FAKE_HEAD("200 OK"), .then = FAKE_STAY},
	{.request = START, .text = NO_CONTENT},
	{.request = KILL "?signal=15", .text = FAKE_SAYS("500 No", "{\"message\":\"no\"}")},
	{.request = KILL, .text = NO_CONTENT},
	{.request = "POST /v1.41/exec/e/start", .text = UPGRADED, .then = FAKE_STAY},
	/* A process that there is, and that is in no such container. */
	{.request = "GET /v1.41/exec/e/json",
	 .text = FAKE_SAYS(
		 "200 OK",
		 "{\"Running\":true,\"ExitCode\":null,\"Pid\":1,\"ContainerID\":"
		 "\"5dde4a73af5db4fbe94bac35a9d73c220cc57634f488d1a0655fce0479176d58\"}")},
	{.request = "POST /v1.41/containers/x/resize", .text = NO_CONTENT},
	{0}};

START_TEST(signals)
{
	struct run run;

	ck_assert_msg(!run_start(&run, fake_engine_start(stays), NULL), "%s", run.e.msg);
	ck_assert_int_eq(getpgid(run.pid), run.pid);
	ck_assert_int_eq(kill(-run.pid, SIGINT), 0);
	await_asked(KILL "?signal=2 ");
	ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
	await_asked(KILL "?signal=1 ");
	ck_assert_int_eq(kill(run.pid, SIGTERM), 0);
	ck_assert(strstr(read_all(run.err), "cleave: container x: no; what became"));
	ck_assert_int_eq(run_end(&run), 125);
}
END_TEST

/* As a program that writes to a pipe without a reader. */
START_TEST(unread)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = ATTACH, .text = UPGRADED, .then = FAKE_ECHO},
		{.request = WAIT, .text = FAKE_SAYS("200 OK", "{\"StatusCode\":3}")},
		{.request = START, .text = NO_CONTENT},
		{.request = KILL "?signal=13 ", .text = NO_CONTENT},
		{0}};
	struct run run;

	ck_assert_msg(!run_start(&run, fake_engine_start(answers), NULL), "%s", run.e.msg);
	close(run.out);
	ck_assert_int_eq(write(run.in, "hello", 5), 5);
	await_asked(KILL "?signal=13 ");
	close(run.in);
	ck_assert_str_eq(read_all(run.err), "end");
	ck_assert_int_eq(run_end(&run), 3);
}
END_TEST

/* Never to a process by a number that may be anybody's. */
START_TEST(exec_signals)
{
	struct run run;

	ck_assert_msg(!run_start(&run, fake_engine_start(stays), "e"), "%s", run.e.msg);
	ck_assert_int_eq(kill(run.pid, SIGTERM), 0);
	ck_assert(strstr(read_all(run.err), "in container x cannot be sent signal 15"));
	ck_assert_int_eq(run_end(&run), 128 + SIGTERM);
}
END_TEST

/* It keeps nothing of its parent's open: whoever reads the other end would wait for it. */
START_TEST(closes_the_rest)
{
	const char *socket = fake_engine_start(stays);
	struct run run;
	int ends[2];
	char byte;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_msg(!run_start(&run, socket, NULL), "%s", run.e.msg);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	kill(run.pid, SIGKILL);
	ck_assert_int_eq(run_end(&run), -SIGKILL);
}
END_TEST

START_TEST(terminal)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct winsize size = {.ws_row = 33, .ws_col = 77};
	struct attach a = {.container = "x", .has_terminal = true};
	struct termios before, now;
	int slave, pidfd;
	pid_t pid;
	struct err e;

	ck_assert(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &size), 0);
	ck_assert_int_eq(tcgetattr(slave, &before), 0);
	a.socket = fake_engine_start(stays);
	a.in = a.out = a.err = slave;
	ck_assert_msg(!attach_spawn(&a, &pid, &pidfd, &e), "%s", e.msg);
	await_asked("POST /v1.41/containers/x/resize?h=33&w=77 ");
	ck_assert_int_eq(tcgetattr(slave, &now), 0);
	ck_assert(!(now.c_lflag & (ICANON | ECHO | ISIG)));
	size.ws_row = 44;
	ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &size), 0);
	await_asked("resize?h=44&w=77 ");
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(tcgetattr(slave, &now), 0);
	ck_assert(now.c_lflag == before.c_lflag && now.c_iflag == before.c_iflag);
	close(slave);
	close(master);
}
END_TEST

TEST_MAIN("attach", test_case("commands", container, much, exec),
	  test_case("failures", not_started, refused, engine_goes, no_frames),
	  test_case("signals", signals, unread, exec_signals, closes_the_rest, terminal))
