/* SPDX-License-Identifier: Apache-2.0 */
/* The dialogue with an engine: what is asked for, and every way in which it can go wrong. */

#include "containers/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "containers/engine/api.h"
#include "decision/base/cleanup.h"
#include "tests/containers/engine/fake_engine.h"
#include "tests/harness.h"

#define NO_CONTENT  "HTTP/1.1 204 No Content\r\n\r\n"
#define RUNNING	    "{\"Id\":\"1a\",\"Name\":\"/x\",\"State\":{\"Status\":\"running\",\"Pid\":42}}"
#define OF_TERMINAL "{\"Id\":\"1a\",\"State\":{\"Status\":\"running\"},\"Config\":{\"Tty\":true}}"

/* Open one, which has to succeed; the caller's to close. */
static struct engine *open_fake(const struct fake_answer *answers)
{
	struct engine *g = NULL;
	struct err e = {0};

	ck_assert_msg(!engine_open(fake_engine_start(answers), &g, &e), "%s", e.msg);
	return g;
}

static void ck_says(const struct err *e, const char *words)
{
	ck_assert_msg(strstr(e->msg, words) != NULL, "'%s' is not in: %s", words, e->msg);
}

static void ck_asked(const char *words)
{
	ck_assert_msg(strstr(fake_engine_asked(), words) != NULL, "'%s' is not in: %s", words,
		      fake_engine_asked());
}

/* ---- the socket */

START_TEST(sockets_to_find)
{
	char found[PROFILE_PATH];
	struct err e;

	ck_assert_int_eq(engine_find_socket("/a/b", BACKEND_DOCKER, found, &e), 0);
	ck_assert_str_eq(found, "/a/b");
	ck_assert_int_eq(engine_find_socket("unix:///a/c", BACKEND_DOCKER, found, &e), 0);
	ck_assert_str_eq(found, "/a/c");
	setenv("DOCKER_HOST", "unix:///a/d", 1);
	ck_assert_int_eq(engine_find_socket("", BACKEND_DOCKER, found, &e), 0);
	ck_assert_str_eq(found, "/a/d");
	ck_assert_int_eq(engine_find_socket("/a/b", BACKEND_DOCKER, found, &e), 0);
	ck_assert_str_eq(found, "/a/b");
	if (!access("/run/docker.sock", F_OK) || !access("/run/podman/podman.sock", F_OK))
		test_skip("an engine's socket is in /run");
	/* Another machine's engine. */
	setenv("DOCKER_HOST", "tcp://1.2.3.4:2375", 1);
	setenv("XDG_RUNTIME_DIR", test_directory(), 1);
	ck_assert_int_eq(engine_find_socket("", BACKEND_DOCKER, found, &e), -ENOENT);
	ck_says(&e, "/run/docker.sock, ");
	ck_says(&e, "/docker.sock, /run/podman/podman.sock, ");
	ck_says(&e, "/podman/podman.sock; start Docker or Podman, or set docker.socket");
	/* Docker's are not looked at for Podman, nor is DOCKER_HOST. */
	setenv("DOCKER_HOST", "unix:///a/d", 1);
	ck_assert_int_eq(engine_find_socket("", BACKEND_PODMAN, found, &e), -ENOENT);
	ck_says(&e, "there is no socket /run/podman/podman.sock, ");
}
END_TEST

static int bind_socket(const char *path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, backlog))
		abort();
	return fd;
}

START_TEST(no_engine)
{
	char path[200], longest[300];
	struct engine *g = NULL;
	struct err e;
	int listener;

	snprintf(path, sizeof(path), "%s/none", test_directory());
	ck_assert_int_eq(engine_open(path, &g, &e), -ECONNREFUSED);
	ck_says(&e, "none: No such file or directory");
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ck_assert_int_eq(engine_open(path, &g, &e), -ECONNREFUSED);
	ck_says(&e, "Connection refused");
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[299] = '\0';
	ck_assert_int_eq(engine_open(longest, &g, &e), -EINVAL);
	ck_says(&e, "longer than 107 bytes");
	/* One that is stopped: its queue gets full. */
	unlink(path);
	listener = bind_socket(path, 0);
	while (api_connect(path, &e) >= 0)
		;
	ck_assert_int_eq(engine_open(path, &g, &e), -ETIMEDOUT);
	ck_says(&e, "takes no connection");
	ck_assert_ptr_null(g);
	close(listener);
}
END_TEST

/* As a user who is not of the socket's group; what is said goes to the test by a file. */
START_TEST(not_permitted)
{
	const struct group *of = getgrnam("daemon");
	char path[200], said[ERR_TEXT] = "";
	struct engine *g;
	struct err e;
	int listener, ends[2];

	if (geteuid() != 0 || !of)
		test_skip("only root can become another user, and group daemon is needed");
	snprintf(path, sizeof(path), "/tmp/cleave-test-engine-%d", getpid());
	listener = bind_socket(path, 5);
	ck_assert_int_eq(chown(path, 0, of->gr_gid), 0);
	ck_assert_int_eq(chmod(path, 0660), 0);
	ck_assert_int_eq(pipe(ends), 0);
	if (fork() == 0) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(1);
		e.code = engine_open(path, &g, &e);
		_exit(e.code == -EACCES && write(ends[1], e.msg, sizeof(e.msg)) > 0 ? 0 : 1);
	}
	close(ends[1]);
	ck_assert_int_gt(read(ends[0], said, sizeof(said)), 0);
	unlink(path);
	close(listener);
	memcpy(e.msg, said, sizeof(said));
	ck_says(&e, "it is of group daemon; add ");
	ck_says(&e, ", or set docker.socket to a rootless engine's socket");
}
END_TEST

/* ---- the version */

START_TEST(versions)
{
	static const struct {
		const char *says, *spoken;
	} cases[] = {
		{"{\"Version\":\"20.10\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}",
		 "GET /v1.41/version"},
		{"{\"Version\":\"28\",\"ApiVersion\":\"1.51\",\"MinAPIVersion\":\"1.24\"}",
		 "GET /v1.41/version"},
		{"{\"Version\":\"29\",\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\"}",
		 "GET /v1.44/version"},
		{"{\"Version\":\"x\",\"ApiVersion\":\"2.0\"}", "GET /v1.41/version"},
		{"{\"Version\":\"19.03\",\"ApiVersion\":\"1.40\"}", NULL},
		{"{\"Version\":\"1\",\"ApiVersion\":\"0.99\"}", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[512];
		const struct fake_answer answers[] = {{.request = "GET /version", .text = text},
						      {0}};
		struct engine_about about;
		struct engine *g = NULL;
		struct err e = {0};
		int r;

		snprintf(text, sizeof(text), FAKE_SAYS("200 OK", "%s"), cases[i].says);
		r = engine_open(fake_engine_start(answers), &g, &e);
		if (cases[i].spoken) {
			ck_assert_msg(r == 0, "%s", e.msg);
			ck_assert_int_eq(engine_about(g, &about, &e), -ENOENT);
			ck_asked(cases[i].spoken);
			engine_close(g);
		} else {
			ck_assert_int_eq(r, -EPROTONOSUPPORT);
			ck_says(&e, i == 4 ? "docker 19.03, speaks version 1.40" : "0.99");
			ck_says(&e, "1.41 is the least");
			ck_assert_ptr_null(g);
		}
	}
}
END_TEST

/* Whatever it is that answers, it is no engine, and what it says is shown as one line. */
START_TEST(no_engines_version)
{
	static const struct {
		struct fake_answer answer;
		int code;
		const char *says;
	} cases[] = {
		{{.text = FAKE_SAYS("200 OK", "<html>")}, -EBADMSG, "no container engine"},
		{{.text = FAKE_SAYS("200 OK", "{\"ApiVersion\":\"1.4x\"}")},
		 -EPROTONOSUPPORT,
		 "1.4x"},
		{{.text = FAKE_SAYS("200 OK", "{\"ApiVersion\":41}")}, -EBADMSG, "ApiVersion"},
		{{.text = FAKE_SAYS("301 Moved", "")}, -EIO, "answers 301"},
		{{.text = FAKE_SAYS("200 OK",
				    "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"x/../\"}")},
		 -EPROTONOSUPPORT,
		 ""},
		{{.text = FAKE_SAYS("500 No", "{\"message\":\"a\\u001b[31m\\nb\"}")},
		 -EIO,
		 "a\\x1b[31m\\nb"},
		{{.text = "220 smtp.example ESMTP\r\n"}, -EBADMSG, "no HTTP"},
		{{.text = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"},
		 -ECONNREFUSED,
		 "closed"},
		{{.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
		 -EBADMSG,
		 ""},
		{{.text = ""}, -ECONNREFUSED, "closed the connection"},
		{{.text = FAKE_HEAD("200 OK"), .fill = 5 << 20}, -EFBIG, "says too much"},
		{{.text = "HTTP/1.1 200 OK\r\nX: ", .fill = 200000}, -EFBIG, ""},
		{{.text = FAKE_HEAD("500 No") "<h1>", .fill = 2000}, -EIO, "<h1>,,,"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct fake_answer answers[] = {cases[i].answer, {0}};
		struct engine *g = NULL;
		struct err e = {0};
		const int r = engine_open(fake_engine_start(answers), &g, &e);

		ck_assert_msg(r == cases[i].code || (r < 0 && !cases[i].says[0]), "%zu: %d %s", i,
			      r, e.msg);
		ck_says(&e, cases[i].says);
		ck_assert_ptr_null(g);
	}
}
END_TEST

/* Chunks, as engines send what they have no length of. */
START_TEST(chunked)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			 "f\r\n{\"Id\":\"1a\",\"Sta\r\n30\r\nte\":{\"Status\":\"paused\"},"
			 "\"Name\":\"/cleave-x-host\"}\r\n0\r\n\r\n"},
		{0}};
	struct engine *g = open_fake(answers);
	struct container_state s;
	struct err e = {0};

	ck_assert_msg(!container_inspect(g, "a", &s, &e), "%s", e.msg);
	ck_assert_str_eq(s.status, "paused");
	ck_assert_str_eq(s.name, "cleave-x-host");
	engine_close(g);
}
END_TEST

/* ---- containers */

START_TEST(lives)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "POST /v1.41/containers/x/start", .text = NO_CONTENT},
		{.request = "POST /v1.41/containers/y/start",
		 .text = "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{.request = "POST /v1.41/containers/x/stop?t=5 ",
		 .text = "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{.request = "POST /v1.41/containers/x/kill?signal=15 ",
		 .text = FAKE_SAYS("409 Conflict", "{\"message\":\"is not running\"}")},
		{.request = "POST /v1.41/containers/p/kill",
		 .text = FAKE_SAYS("500 No", "{\"message\":\"x: container state improper\"}")},
		{.request = "DELETE /v1.41/containers/x?force=1&v=1 ", .text = NO_CONTENT},
		{.request = "DELETE /v1.41/containers/going",
		 .text = FAKE_SAYS("409 Conflict", "{\"message\":\"already in progress\"}")},
		{.request = "POST /v1.41/containers/going/wait?condition=removed",
		 .text = FAKE_SAYS("200 OK", "{\"StatusCode\":0}")},
		{.request = "POST /v1.41/containers/x/wait",
		 .text = FAKE_SAYS("200 OK", "{\"Error\":null,\"StatusCode\":137}")},
		{.request = "POST /v1.41/containers/slow/wait",
		 .text = FAKE_HEAD("200 OK"),
		 .then = FAKE_STAY},
		{0}};
	struct engine *g = open_fake(answers);
	struct err e = {0};
	int code = 0;

	ck_assert_int_eq(container_start(g, "x", &e), 0);
	ck_assert_int_eq(container_start(g, "y", &e), 0);
	ck_assert_int_eq(container_start(g, "a b/../?c", &e), -ENOENT);
	ck_asked("/containers/a%20b/../%3Fc/start");
	ck_says(&e, "container a b/../?c: the fake has no answer");
	ck_assert_int_eq(container_stop(g, "x", 5, &e), 0);
	ck_assert_int_eq(container_kill(g, "x", SIGTERM, &e), -EBUSY);
	ck_says(&e, "container x: is not running");
	ck_assert_int_eq(container_kill(g, "p", SIGTERM, &e), -EBUSY);
	ck_assert_int_eq(container_remove(g, "x", &e), 0);
	ck_assert_int_eq(container_remove(g, "none", &e), 0);
	ck_assert_int_eq(container_remove(g, "going", &e), 0);
	ck_assert_int_eq(container_wait(g, "x", 1000, &code, &e), 0);
	ck_assert_int_eq(code, 137);
	ck_assert_int_eq(container_wait(g, "slow", 50, &code, &e), -ETIMEDOUT);
	ck_says(&e, "container slow did not end within 0.05 s");
	engine_close(g);
}
END_TEST

/* An id is shown as people know it. */
START_TEST(ids_are_short)
{
	static const struct fake_answer answers[] = {FAKE_VERSION, {0}};
	struct engine *g = open_fake(answers);
	struct err e = {0};

	ck_assert_int_eq(
		container_start(
			g, "5dde4a73af5db4fbe94bac35a9d73c220cc57634f488d1a0655fce0479176d58", &e),
		-ENOENT);
	ck_says(&e, "container 5dde4a73af5d: the fake");
	engine_close(g);
}
END_TEST

START_TEST(lists)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/containers/json?all=1&filters=%7B%22label%22:%5B%22cleave."
			    "cluster%3Ddemo%22%5D%7D ",
		 .text = FAKE_SAYS("200 OK",
				   "[{\"Id\":\"1a\"},{\"Id\":\"gone\"},{\"Id\":\"2b\"}]")},
		{.request = "GET /v1.41/containers/1a/json", .text = FAKE_SAYS("200 OK", RUNNING)},
		{.request = "GET /v1.41/containers/2b/json", .text = FAKE_SAYS("200 OK", RUNNING)},
		{.request = "GET /v1.41/containers/json", .text = FAKE_SAYS("200 OK", "[]")},
		{0}};
	struct engine *g = open_fake(answers);
	struct container_state states[3] = {0};
	struct err e = {0};

	ck_assert_int_eq(container_list(g, "demo", states, 3, &e), 2);
	ck_assert_str_eq(states[1].id, "1a");
	ck_assert_int_eq(states[1].pid, 42);
	ck_assert_int_eq(container_list(g, "demo", NULL, 0, &e), 3);
	ck_assert_int_eq(container_list(g, "other", states, 3, &e), 0);
	engine_close(g);
}
END_TEST

START_TEST(paths_inside)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "HEAD /v1.41/containers/x/archive?path=/bin/a%20b ",
		 .text = "HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: eyJtb2RlIjo4Mzg5MTAxfQ==\r\n\r\n"},
		{.request = "HEAD /v1.41/containers/x/archive?path=/mute",
		 .text = "HTTP/1.1 200 OK\r\n\r\n"},
		{.request = "HEAD ",
		 .text = "HTTP/1.1 404 Not Found\r\nContent-Length: 30\r\n\r\n"},
		{0}};
	struct engine *g = open_fake(answers);
	struct container_path p = {0};
	struct err e = {0};

	ck_assert_int_eq(container_stat(g, "x", "/bin/a b", &p, &e), 0);
	ck_assert_int_eq(p.mode, S_IFREG | S_ISUID | 0755);
	ck_assert_int_eq(container_stat(g, "x", "/mute", &p, &e), -EBADMSG);
	ck_assert_int_eq(container_stat(g, "x", "/none", &p, &e), -ENOENT);
	ck_says(&e, "container x has no /none");
	engine_close(g);
}
END_TEST

/* ---- images */

struct lines {
	unsigned count;
	char last[256];
};

static void progress(void *context, const char *line)
{
	struct lines *l = context;

	l->count++;
	snprintf(l->last, sizeof(l->last), "%s", line);
}

START_TEST(images)
{
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/images/a/b:c/json",
		 .text = FAKE_SAYS("200 OK", "{\"Id\":\"sha256:1\"}")},
		{.request = "POST /v1.41/images/create?fromImage=r:5000/a&tag=latest ",
		 .text = FAKE_SAYS(
			 "200 OK",
			 "{\"status\":\"one\"}\r\n{\"status\":\"two\",\"id\":\"x\"}\r\n")},
		{.request = "POST /v1.41/images/create?fromImage=a:1&tag= ",
		 .text = FAKE_SAYS("200 OK",
				   "{\"status\":\"one\"}\r\n{\"error\":\"no space\\nleft\"}")},
		{.request = "POST /v1.41/images/create?fromImage=b:1",
		 .text = FAKE_HEAD("200 OK"),
		 .fill = 100000},
		{.request = "POST /v1.41/images/create?fromImage=d:1",
		 .text = FAKE_SAYS("200 OK", "nonsense\n")},
		{.request = "POST /v1.41/images/create?fromImage=c:1",
		 .text = FAKE_SAYS("404 No", "{\"message\":\"pull access denied\"}")},
		{0}};
	struct engine *g = open_fake(answers);
	struct lines l = {0};
	struct image image;
	struct err e = {0};

	ck_assert_int_eq(image_inspect(g, "a/b:c", &image, &e), 0);
	ck_assert_int_eq(image_inspect(g, "none", &image, &e), -ENOENT);
	ck_says(&e, "image none: ");
	ck_assert_int_eq(image_pull(g, "r:5000/a", progress, &l, &e), 0);
	ck_assert_uint_eq(l.count, 2);
	ck_assert_str_eq(l.last, "x: two");
	ck_assert_int_eq(image_pull(g, "a:1", NULL, NULL, &e), -EIO);
	ck_says(&e, "image a:1: no space\\nleft");
	ck_assert_int_eq(image_pull(g, "b:1", progress, &l, &e), -EBADMSG);
	ck_assert_int_eq(image_pull(g, "d:1", progress, &l, &e), -EBADMSG);
	ck_assert_int_eq(image_pull(g, "c:1", progress, &l, &e), -ENOENT);
	ck_says(&e, "image c:1: pull access denied");
	engine_close(g);
}
END_TEST

/* ---- what they print */

static char *sleeps[] = {(char[]){"/bin/true"}, NULL};

static const struct container_spec spec = {
	.name = "cleave-demo-probe", .image = "i", .argv = sleeps, .cluster = "demo"};

START_TEST(logs)
{
	static const char frames[] =
		FAKE_HEAD("200 OK") "\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n";
	static const struct fake_answer answers[] = {
		FAKE_VERSION,
		{.request = "GET /v1.41/containers/x/json", .text = FAKE_SAYS("200 OK", RUNNING)},
		{.request = "GET /v1.41/containers/t/json",
		 .text = FAKE_SAYS("200 OK", OF_TERMINAL)},
		{.request = "GET /v1.41/containers/b/json", .text = FAKE_SAYS("200 OK", RUNNING)},
		{.request = "GET /v1.41/containers/x/logs?stdout=1&stderr=1&follow=1&tail=all ",
		 .text = frames,
		 .size = sizeof(frames) - 1},
		{.request = "GET /v1.41/containers/t/logs?stdout=1&stderr=1&follow=0&tail=7 ",
		 .text = FAKE_SAYS("200 OK", "raw\r\n")},
		{.request = "GET /v1.41/containers/b/logs",
		 .text = FAKE_SAYS("200 OK", "not frames")},
		{0}};
	struct engine *g = open_fake(answers);
	char text[64] = "";
	struct err e = {0};
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(container_logs(g, "x", LOGS_FOLLOW, 0, ends[1], &e), 0);
	ck_assert_int_eq(read(ends[0], text, sizeof(text)), 8);
	ck_assert_str_eq(text, "out\nerr\n");
	ck_assert_int_eq(container_logs(g, "t", LOGS_NOW, 7, ends[1], &e), 0);
	ck_assert_int_eq(read(ends[0], text, sizeof(text)), 5);
	ck_assert_int_eq(container_logs(g, "b", LOGS_NOW, 0, ends[1], &e), -EBADMSG);
	ck_assert_int_eq(container_logs(g, "none", LOGS_NOW, 0, ends[1], &e), -ENOENT);
	/* Whom it is for has gone. */
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	ck_assert_int_eq(container_logs(g, "x", LOGS_FOLLOW, 0, ends[1], &e), -EPIPE);
	engine_close(g);
}
END_TEST

#define CAPTURED(logs_, start_)                                                                  \
	FAKE_VERSION,                                                                            \
		{.request = "POST /v1.41/containers/create?name=cleave-demo-probe ",             \
		 .text = FAKE_SAYS("201 Created", "{\"Id\":\"1a\"}")},                           \
		{.request = "POST /v1.41/containers/cleave-demo-probe/start", .text = (start_)}, \
		{.request = "POST /v1.41/containers/cleave-demo-probe/wait",                     \
		 .text = FAKE_SAYS("200 OK", "{\"StatusCode\":3}")},                             \
		{.request = "GET /v1.41/containers/cleave-demo-probe/json",                      \
		 .text = FAKE_SAYS("200 OK", OF_TERMINAL)},                                      \
		{.request = "GET /v1.41/containers/cleave-demo-probe/logs",                      \
		 .text = FAKE_SAYS("200 OK", logs_)},                                            \
		{.request = "DELETE /v1.41/containers/1a", .text = NO_CONTENT},                  \
	{                                                                                        \
		0                                                                                \
	}

START_TEST(captures)
{
	static const struct fake_answer fine[] = {CAPTURED("printed", NO_CONTENT)},
					fails[] = {CAPTURED(
						"",
						FAKE_SAYS("400 No", "{\"message\":\"no exec\"}"))};
	struct engine *g = open_fake(fine);
	static struct printed p;
	struct err e = {0};
	char text[16];

	p = (struct printed){.out = text, .size = sizeof(text)};
	ck_assert_int_eq(container_capture(g, &spec, 1000, &p, &e), 3);
	ck_assert_str_eq(text, "printed");
	ck_assert_uint_eq(p.length, 7);
	ck_assert_str_eq(p.err, "");
	ck_asked("DELETE /v1.41/containers/1a");
	p.size = 7;
	ck_assert_int_eq(container_capture(g, &spec, 1000, &p, &e), -EFBIG);
	ck_says(&e, "more than 6 bytes");
	engine_close(g);
	g = open_fake(fails);
	ck_assert_int_eq(container_capture(g, &spec, 1000, &p, &e), -EINVAL);
	ck_says(&e, "container cleave-demo-probe: no exec");
	ck_asked("DELETE /v1.41/containers/1a");
	engine_close(g);
}
END_TEST

START_TEST(names_taken)
{
	static const struct fake_answer
		docker[] = {FAKE_VERSION,
			    {.text = FAKE_SAYS("409 Conflict", "{\"message\":\"in use\"}")},
			    {0}},
		podman[] = {FAKE_VERSION,
			    {.text = FAKE_SAYS(
				     "500 No",
				     "{\"message\":\"the container name is already in use\"}")},
			    {0}};
	char id[CONTAINER_ID] = "";
	struct err e;
	struct engine *g = open_fake(docker);

	ck_assert_int_eq(container_create(g, &spec, id, &e), -EEXIST);
	ck_says(&e, "container cleave-demo-probe: in use");
	engine_close(g);
	g = open_fake(podman);
	ck_assert_int_eq(container_create(g, &spec, id, &e), -EEXIST);
	ck_assert_int_eq(e.code, -EEXIST);
	engine_close(g);
}
END_TEST

/* Every call survives an engine that goes, and leaves what it was to fill as it was. */
START_TEST(goes_half_way)
{
	static const char *const texts[] = {
		"", "HTTP/1.1 200 OK\r\nContent-Len",
		"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"Id\":",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"Id\":"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const struct fake_answer answers[] = {FAKE_VERSION, {.text = texts[i]}, {0}};
		struct engine *g = open_fake(answers);
		struct engine_about about = {.version = "v"};
		struct container_state state = {.pid = 77};
		struct container_path path = {.mode = 77};
		struct image image = {.user = "u"};
		char id[CONTAINER_ID] = "id", text[8] = "t";
		struct printed p = {.out = text, .size = sizeof(text), .length = 77, .err = "u"};
		struct err e = {0};
		int code = 77;

		ck_assert_int_lt(engine_about(g, &about, &e), 0);
		ck_assert_int_lt(image_inspect(g, "i", &image, &e), 0);
		ck_assert_int_lt(image_pull(g, "i", NULL, NULL, &e), 0);
		ck_assert_int_lt(container_create(g, &spec, id, &e), 0);
		ck_assert_int_lt(exec_create(g, "x", &spec, id, &e), 0);
		ck_assert_int_lt(container_start(g, "x", &e), 0);
		ck_assert_int_lt(container_inspect(g, "x", &state, &e), 0);
		ck_assert_int_lt(container_stop(g, "x", 1, &e), 0);
		ck_assert_int_lt(container_kill(g, "x", 9, &e), 0);
		ck_assert_int_lt(container_unpause(g, "x", &e), 0);
		ck_assert_int_lt(container_remove(g, "x", &e), 0);
		ck_assert_int_lt(container_wait(g, "x", 1000, &code, &e), 0);
		ck_assert_int_lt(container_list(g, "c", &state, 1, &e), 0);
		ck_assert_int_lt(container_logs(g, "x", LOGS_NOW, 0, 1, &e), 0);
		ck_assert_int_lt(container_stat(g, "x", "/p", &path, &e), 0);
		ck_assert_int_lt(container_capture(g, &spec, 1000, &p, &e), 0);
		ck_assert(state.pid == 77 && path.mode == 77 && code == 77 && p.length == 77);
		ck_assert(!strcmp(about.version, "v") && !strcmp(image.user, "u"));
		ck_assert_str_eq(id, "id");
		ck_assert_str_eq(text, "t");
		ck_says(&e, "container cleave-demo-probe: the container engine at ");
		engine_close(g);
	}
}
END_TEST

TEST_MAIN("engine", test_case("socket", sockets_to_find, no_engine, not_permitted),
	  test_case("answers", versions, no_engines_version, chunked, goes_half_way),
	  test_case("calls", lives, ids_are_short, lists, paths_inside, images, logs, captures,
		    names_taken))
