#include "launcher/spark/progress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"

static const char *format(const struct stages *s, unsigned columns)
{
	static char text[512];

	return progress_format(s, columns, text, sizeof(text));
}

START_TEST(lines)
{
	struct stages s = {.count = 1,
			   .stages = {{.id = 3,
				       .tasks = 40,
				       .completed = 12,
				       .active = 4,
				       .name = "sum at app.py:6"}}};

	ck_assert_str_eq(format(&s, 100), "stage 3: 12 of 40 tasks, 4 running "
					  "[======              ] sum at app.py:6");
	ck_assert_str_eq(format(&s, 34), "stage 3: 12 of 40 tasks, 4 running");
	ck_assert_str_eq(format(&s, 10), "stage 3: 1");
	ck_assert_str_eq(format(&s, 0), "");
	s.stages[0].failed = 2;
	s.stages[0].completed = 40;
	ck_assert_str_eq(format(&s, 68), "stage 3: 40 of 40 tasks, 4 running, 2 failed "
					 "[====================]");
	s.count = 0;
	ck_assert_str_eq(format(&s, 100), "");
}
END_TEST

START_TEST(busiest_stage_is_shown)
{
	struct stages s = {
		.count = 3,
		.stages = {{.id = 5, .tasks = 4, .active = 1, .name = "\xc3\xa4\xc3\xb6"},
			   {.id = 9, .tasks = 2, .active = 3, .name = "\xc3\xa4\xc3\xb6"},
			   {.id = 7, .tasks = 2, .active = 3, .name = "\xc3\xa4\xc3\xb6"}}};
	const char *all = "stage 7: 0 of 2 tasks, 3 running, 2 more stages [                    ] "
			  "\xc3\xa4\xc3\xb6";

	ck_assert_str_eq(format(&s, 100), all);
	/* Characters are counted, not bytes: 73 of them, and no half one at the end. */
	ck_assert_str_eq(format(&s, 73), all);
	ck_assert_int_eq((int)strlen(format(&s, 72)), 70); /* a name of one letter is none */
	s.count = 2;
	ck_assert_ptr_nonnull(strstr(format(&s, 100), "stage 9: 0 of 2 tasks, 3 running, 1 more "
						      "stage ["));
}
END_TEST

/* Random stages at every width: never longer than asked for. */
START_TEST(never_too_long)
{
	unsigned long long seed = test_seed();

	for (int i = 0; i < 2000; i++) {
		struct stages s = {.count = 1 + (unsigned)(test_random(&seed) % REST_STAGES)};
		unsigned columns = (unsigned)(test_random(&seed) % 200);

		for (unsigned k = 0; k < s.count; k++) {
			s.stages[k].id = (int)(test_random(&seed) >> 33);
			s.stages[k].tasks = (unsigned)(test_random(&seed) >> 33) >> i % 32;
			s.stages[k].completed = (unsigned)(test_random(&seed) >> 33) >> i % 32;
			s.stages[k].active = (unsigned)(test_random(&seed) >> 33);
			s.stages[k].failed = (unsigned)(test_random(&seed) % 2);
			memset(s.stages[k].name, 'n', sizeof(s.stages[k].name) - 1);
		}
		ck_assert_msg(strlen(format(&s, columns)) <= columns, "seed %lu, case %d: %s",
			      test_seed(), i, format(&s, columns));
	}
}
END_TEST

/*
 * A Master and a driver's REST: the recorded answers, by path. The first environment is what a driver says while it
 * starts; `mark` 7 is in the recorded one.
 */
static pid_t serve_answers(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), asked = 0;
	pid_t pid;

	ck_assert(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		  listen(listener, 8) == 0 &&
		  getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	*port = ntohs(address.sin_port);
	pid = fork();
	while (pid == 0) {
		int fd = accept(listener, NULL, NULL);
		char request[2048] = "", *text = NULL;
		const char *file = "master.json";
		char path[128];
		struct err e;
		size_t size;

		if (fd < 0 || read(fd, request, sizeof(request) - 1) <= 0)
			_exit(1);
		if (strstr(request, "/environment "))
			file = asked++ ? "environment.json" : "starting";
		if (strstr(request, "/stages?"))
			file = "stages.json";
		snprintf(path, sizeof(path), "tests/launcher/answers/%s", file);
		if (file_read(path, 1 << 20, &text, &size, &e))
			_exit(1);
		dprintf(fd, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s", size, text);
		free(text);
		close(fd);
	}
	close(listener);
	return pid;
}

static int open_terminal(int *master, unsigned short rows)
{
	const struct winsize w = {.ws_row = rows, .ws_col = 80};
	int terminal;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	ck_assert(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0);
	terminal = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert(terminal >= 0 && ioctl(terminal, TIOCSWINSZ, &w) == 0);
	return terminal;
}

enum { SHOWN = 8192, TURNS = 12, PATIENCE = 2000 };

static char shown[SHOWN];

static void read_shown(int reader, size_t *used)
{
	ssize_t size;

	while ((size = read(reader, shown + *used, SHOWN - 1 - *used)) > 0)
		*used += (size_t)size;
	shown[*used] = '\0';
}

/*
 * What the terminal was sent, after some turns, until it has shown what it should (NULL: nothing),
 * and the end.
 */
static const char *shown_on(int terminal, int reader, int port, const char *mark,
			    const char *wanted)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct progress *p;
	size_t used = 0;
	char url[64];
	struct err e;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	ck_assert_int_eq(progress_open(url, mark, terminal, &p, &e), 0);
	/* Three questions, half a second apart; a dumb terminal's turn waits for the descriptor alone. */
	read_shown(reader, &used);
	for (int turn = 0; turn < TURNS || (wanted && turn < PATIENCE && !strstr(shown, wanted));
	     turn++) {
		struct pollfd fd = {.fd = strcmp(getenv("TERM"), "dumb") ? -1 : null,
				    .events = POLLIN};

		ck_assert_int_ge(progress_turn(p, &fd, 1, &e), 0);
		read_shown(reader, &used);
	}
	progress_close(p);
	close(null);
	read_shown(reader, &used);
	return shown;
}

START_TEST(on_a_terminal)
{
	int port, reader, terminal = open_terminal(&reader, 24);
	pid_t server = serve_answers(&port);
	const char *text;

	setenv("TERM", "xterm", 1);
	text = shown_on(terminal, reader, port, "7", "4 running");
	ck_assert_ptr_nonnull(strstr(text, "\033[1;23r")); /* the last row is taken … */
	ck_assert_ptr_nonnull(strstr(text, "\033[24;1H\033[Kstage 0: 0 of 8 tasks, 4 running"));
	ck_assert_ptr_nonnull(strstr(text, "\0337\033[r\033[24;1H\033[K\0338")); /* … given back */
	/* Nothing where the application is another one's. */
	ck_assert_str_eq(shown_on(terminal, reader, port, "8", NULL), "");
	setenv("TERM", "dumb", 1);
	ck_assert_str_eq(shown_on(terminal, reader, port, "7", NULL), "");
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(terminal);
	close(reader);
}
END_TEST

START_TEST(without_a_terminal)
{
	struct pollfd ready = {.events = POLLIN};
	struct progress *p;
	int ends[2];
	struct err e;

	ck_assert(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
	ready.fd = ends[0];
	/* No server there: nothing is asked, and the turn ends as soon as the descriptor is ready. */
	ck_assert_int_eq(progress_open("http://127.0.0.1:1", "7", ends[1], &p, &e), 0);
	ck_assert_int_eq(progress_turn(p, &ready, 1, &e), 1);
	progress_close(p);
	progress_close(NULL);
	ck_assert_int_eq(read(ends[0], ends, sizeof(ends)), 1);
}
END_TEST

TEST_MAIN("progress", test_case("format", lines, busiest_stage_is_shown, never_too_long),
	  test_case("terminal", on_a_terminal, without_a_terminal))
