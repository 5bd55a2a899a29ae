/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/engine/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include "containers/engine/answer.h"
#include "containers/engine/api.h"
#include "containers/engine/frames.h"
#include "containers/engine/hijack.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

enum {
	UNKNOWN = 125, /* what became of the command */
	FLOW = HIJACK_HEAD,
	AT_ONCE = 4096,	    /* PIPE_BUF: a pipe that is ready takes it without waiting */
	LINGER_MS = 10000,  /* the command has ended, its stream has not */
	LOOK_MS = 50,	    /* at an exec whose files are closed and that goes on; doubled … */
	LOOK_MOST_MS = 1000 /* … up to this */
};

/* Bytes on their way. */
struct flow {
	size_t at, end;
	char bytes[FLOW];
};

struct relay {
	const struct attach *a;
	struct engine *engine;
	struct hijack stream;	     /* with the command */
	struct hijack wait;	     /* says the exit code; of an exec nothing does */
	struct flow typed, shown[2]; /* to the command; to stdout and stderr */
	struct flow waited;
	struct frames frames;
	bool has_typed_all, is_shut, has_shown_all, has_ended, is_unread;
	int signals;
	int look_ms;
	bool is_raw; /* and `before` is how the terminal was */
	struct termios before;
};

/* ---- the end */

static _Noreturn void leave(struct relay *r, int code)
{
	if (r->is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &r->before);
	_exit(code);
}

static _Noreturn void give_up(struct relay *r, int code, const struct err *e)
{
	dprintf(STDERR_FILENO, "cleave: %s; what became of the command is not known%s", e->msg,
		r->is_raw ? "\r\n" : "\n");
	leave(r, code);
}

/* ---- signals */

static void resize(struct relay *r)
{
	struct api_request q = {.method = "POST", .timeout_ms = API_SOON_MS};
	cleanup_answer struct api_answer answer = {0};
	char path[API_PATH];
	struct winsize size;
	struct err ignored; /* it has ended, or its lines are of the wrong length */

	if (!r->a->has_terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		return;
	q.path = path;
	if (!api_path(path, &ignored, "/%s/%s/resize?h=%u&w=%u", r->a->exec ? "exec" : "containers",
		      r->a->exec ? r->a->exec : r->a->container, (unsigned)size.ws_row,
		      (unsigned)size.ws_col))
		api_ask(r->engine, &q, &answer, &ignored);
}

/* For the other side of the terminal to turn into a signal. */
static bool type_key(struct relay *r, int number)
{
	const char key = number == SIGINT ? '\x03' : '\x1c';

	if (!r->a->has_terminal || (number != SIGINT && number != SIGQUIT) || r->typed.end == FLOW)
		return false;
	r->typed.bytes[r->typed.end++] = key;
	return true;
}

static void pass_on(struct relay *r, int number)
{
	struct err e;

	if (r->a->exec && !exec_signal(r->engine, r->a->exec, number) && !type_key(r, number)) {
		err_set(&e, -ESRCH, "the command in container %.*s cannot be sent signal %d",
			api_shown(r->a->container), r->a->container, number);
		give_up(r, 128 + number, &e);
	}
	/* Not running is what its end looks like just before we hear of it. */
	if (!r->a->exec && container_kill(r->engine, r->a->container, number, &e) &&
	    e.code != -EBUSY && e.code != -ENOENT)
		give_up(r, UNKNOWN, &e);
}

static void take_signals(struct relay *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			resize(r);
		else
			pass_on(r, (int)info.ssi_signo);
	}
}

/* ---- bytes */

static bool is_empty(const struct flow *f)
{
	return f->at == f->end;
}

static int show(void *context, int stream, const char *bytes, size_t size)
{
	struct relay *r = context;
	struct flow *f = &r->shown[stream - 1];

	/* Both were empty, and no more is read at a time than either has room for. */
	memcpy(f->bytes + f->end, bytes, size);
	f->end += size;
	return 0;
}

/* Decode what has come. */
static void take_shown(struct relay *r, const char *bytes, size_t size)
{
	struct err e;

	r->shown[0].at = r->shown[0].end = r->shown[1].at = r->shown[1].end = 0;
	if (r->a->has_terminal)
		show(r, STDOUT_FILENO, bytes, size);
	else if (frames_feed(&r->frames, bytes, size, show, r)) {
		err_set(&e, -EBADMSG, "the container engine's stream cannot be read");
		give_up(r, UNKNOWN, &e);
	}
}

static void read_shown(struct relay *r)
{
	char bytes[FLOW];
	ssize_t got = recv(r->stream.fd, bytes, sizeof(bytes), 0);

	if (got > 0)
		take_shown(r, bytes, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		r->has_shown_all = true;
}

static void write_shown(struct relay *r, struct flow *f, int fd)
{
	const size_t left = f->end - f->at;
	ssize_t written = write(fd, f->bytes + f->at, left < AT_ONCE ? left : AT_ONCE);

	if (written > 0)
		f->at += (size_t)written;
	else if (errno != EINTR && errno != EAGAIN) {
		f->at = f->end;
		/* Nobody reads it any more: as if the command itself had written there. */
		if (!r->is_unread)
			pass_on(r, SIGPIPE);
		r->is_unread = true;
	}
}

static void read_typed(struct relay *r)
{
	ssize_t got = read(STDIN_FILENO, r->typed.bytes, sizeof(r->typed.bytes));

	r->typed.at = 0;
	r->typed.end = got > 0 ? (size_t)got : 0;
	if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
		r->has_typed_all = true;
}

static void write_typed(struct relay *r)
{
	struct flow *f = &r->typed;
	ssize_t sent = send(r->stream.fd, f->bytes + f->at, f->end - f->at, MSG_NOSIGNAL);

	if (sent > 0)
		f->at += (size_t)sent;
	else if (errno != EINTR && errno != EAGAIN) { /* it has closed its stdin */
		f->at = f->end;
		r->has_typed_all = r->is_shut = true;
	}
	if (is_empty(f))
		f->at = f->end = 0;
}

/* ---- the command's end */

static void read_waited(struct relay *r)
{
	struct flow *f = &r->waited;
	ssize_t got = recv(r->wait.fd, f->bytes + f->end, sizeof(f->bytes) - 1 - f->end, 0);

	if (got > 0)
		f->end += (size_t)got;
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		r->has_ended = true;
}

static int exit_code(struct relay *r, struct err *e)
{
	int code;

	r->waited.bytes[r->waited.end] = '\0';
	if (!r->waited.end) /* stopped with its containers, or started anew with them alive */
		return err_set(e, -ECONNREFUSED, "the container engine has gone");
	return waited_parse(r->waited.bytes, r->waited.end, &code, e) ? e->code : code;
}

/* An exec whose files are closed: leave with it, or return when to look again. */
static int look_at_exec(struct relay *r)
{
	const int look_ms = r->look_ms;
	struct exec_state state;
	struct err e;

	if (exec_inspect(r->engine, r->a->exec, &state, &e))
		give_up(r, UNKNOWN, &e);
	if (!state.is_running)
		leave(r, state.exit_code);
	r->look_ms = 2 * look_ms < LOOK_MOST_MS ? 2 * look_ms : LOOK_MOST_MS;
	return look_ms;
}

static _Noreturn void relay(struct relay *r)
{
	struct err e;
	int code;

	for (;;) {
		const bool can_show = is_empty(&r->shown[0]) && is_empty(&r->shown[1]);
		const bool can_type = is_empty(&r->typed) && !r->has_typed_all;
		struct pollfd fds[] = {
			{r->signals, POLLIN, 0},
			{can_type ? STDIN_FILENO : -1, POLLIN, 0},
			{r->has_shown_all ? -1 : r->stream.fd,
			 (short)((can_show ? POLLIN : 0) | (is_empty(&r->typed) ? 0 : POLLOUT)), 0},
			{is_empty(&r->shown[0]) ? -1 : STDOUT_FILENO, POLLOUT, 0},
			{is_empty(&r->shown[1]) ? -1 : STDERR_FILENO, POLLOUT, 0},
			{r->has_ended ? -1 : r->wait.fd, POLLIN, 0},
		};
		const bool is_over = r->has_shown_all && can_show;
		int wait_ms = -1;

		if (r->has_typed_all && is_empty(&r->typed) && !r->is_shut) {
			shutdown(r->stream.fd, SHUT_WR);
			r->is_shut = true;
		}
		if (is_over && r->a->exec)
			wait_ms = look_at_exec(r);
		else if (is_over && r->has_ended)
			break;
		else if (r->has_ended && can_show)
			wait_ms = LINGER_MS;
		if (!poll(fds, sizeof(fds) / sizeof(*fds), wait_ms) && !r->a->exec)
			break;
		if (fds[0].revents)
			take_signals(r);
		if (fds[1].revents)
			read_typed(r);
		if (fds[2].revents & POLLOUT)
			write_typed(r);
		if (fds[2].revents & ~POLLOUT && can_show)
			read_shown(r);
		if (fds[3].revents)
			write_shown(r, &r->shown[0], STDOUT_FILENO);
		if (fds[4].revents)
			write_shown(r, &r->shown[1], STDERR_FILENO);
		if (fds[5].revents)
			read_waited(r);
	}
	code = exit_code(r, &e);
	if (code < 0)
		give_up(r, UNKNOWN, &e);
	leave(r, code);
}

/* ---- the beginning */

/* What an engine says when it is the command's file that is at fault, runc's and crun's words. */
static void tell_apart(struct err *e)
{
	if (!strcasestr(e->msg, "exec: ") && !strcasestr(e->msg, "executable"))
		return;
	if (strcasestr(e->msg, "not found") || strcasestr(e->msg, "no such file"))
		e->code = -ENOENT;
	else if (strcasestr(e->msg, "permission denied") || strcasestr(e->msg, "is a directory"))
		e->code = -EACCES;
}

/* A path for a request past libcurl: with the version. */
static int versioned(const struct relay *r, char path[API_PATH], const char *rest, struct err *e)
{
	const int length = snprintf(path, API_PATH, "/v%s%s", api_version(r->engine), rest);

	return length < API_PATH ? 0 : err_set(e, -ENAMETOOLONG, "%.80s… is too long", rest);
}

static int begin_container(struct relay *r, struct err *e)
{
	const struct attach *a = r->a;
	char rest[API_PATH], path[API_PATH];

	if (api_path(rest, e, "/containers/%s/attach?stream=1&stdin=%u&stdout=1&stderr=1",
		     a->container, (unsigned)(a->in >= 0)) ||
	    versioned(r, path, rest, e) ||
	    hijack_open(a->socket, path, NULL, HIJACK_STREAM, &r->stream, e) ||
	    /* Before it starts: one that the engine removes at its end cannot be asked then. */
	    api_path(rest, e, "/containers/%s/wait?condition=next-exit", a->container) ||
	    versioned(r, path, rest, e) ||
	    hijack_open(a->socket, path, NULL, HIJACK_LATER, &r->wait, e)) {
		tell_apart(e); /* Podman makes the first process when one attaches */
		return err_wrap(e, "container %.*s", api_shown(a->container), a->container);
	}
	memcpy(r->waited.bytes, r->wait.first, r->wait.size);
	r->waited.end = r->wait.size;
	if (!container_start(r->engine, a->container, e))
		return 0;
	tell_apart(e);
	return e->code;
}

static int begin_exec(struct relay *r, struct err *e)
{
	const struct attach *a = r->a;
	char rest[API_PATH], path[API_PATH], body[64];

	snprintf(body, sizeof(body), "{\"Detach\":false,\"Tty\":%s}",
		 a->has_terminal ? "true" : "false");
	r->wait.fd = -1;
	if (!api_path(rest, e, "/exec/%s/start", a->exec) && !versioned(r, path, rest, e) &&
	    !hijack_open(a->socket, path, body, HIJACK_STREAM, &r->stream, e))
		return 0;
	tell_apart(e);
	return err_wrap(e, "container %.*s", api_shown(a->container), a->container);
}

static int begin(struct relay *r, struct err *e)
{
	if (engine_open(r->a->socket, &r->engine, e))
		return e->code;
	return r->a->exec ? begin_exec(r, e) : begin_container(r, e);
}

/* The files of the stand-in: stdin, stdout, stderr, and where it reports. */
static bool place_files(const struct attach *a, int *report)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int given[] = {a->in >= 0 ? a->in : null, a->out, a->err, *report};
	int high[4];

	/* Out of each other's way first. */
	for (int i = 0; i < 4; i++) {
		high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 10);
		if (high[i] < 0)
			return false;
	}
	for (int i = 0; i < 4; i++)
		if (dup2(high[i], i) < 0)
			return false;
	*report = 3;
	/* Nothing of our parent's stays open: who waits for an end of file would wait for us. */
	if (syscall(SYS_close_range, 4u, ~0u, 0))
		for (int fd = 4; fd < 65536; fd++)
			close(fd);
	return true;
}

static void take_terminal(struct relay *r)
{
	struct termios raw;

	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd) && !ioctl(fd, TIOCSCTTY, 0))
			break;
	if (!r->a->has_terminal || r->a->in < 0 || tcgetattr(STDIN_FILENO, &r->before))
		return;
	raw = r->before;
	cfmakeraw(&raw);
	r->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static int take_over_signals(void)
{
	static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
	sigset_t set;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	/* Of a terminal that is not in our foreground; of readers who go. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
		sigaddset(&set, passed[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static _Noreturn void stand_in(const struct attach *a, int report)
{
	struct relay *r = calloc(1, sizeof(*r));
	struct err e = {0};

	if (!r || !place_files(a, &report))
		_exit(UNKNOWN);
	setsid();
	*r = (struct relay){.a = a, .signals = take_over_signals(), .look_ms = LOOK_MS};
	r->has_typed_all = a->in < 0;
	if (begin(r, &e))
		e.code = e.code ? e.code : -EIO;
	else
		take_terminal(r);
	if (write(report, &e, sizeof(e)) != sizeof(e) || e.code)
		leave(r, UNKNOWN);
	close(report);
	take_shown(r, r->stream.first, r->stream.size);
	resize(r);
	relay(r);
}

int attach_spawn(const struct attach *a, pid_t *pid, int *pidfd, struct err *e)
{
	cleanup_close int reader = -1, writer = -1, ended = -1;
	struct err report;
	ssize_t got;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, -errno, "cannot make a pipe");
	reader = ends[0];
	writer = ends[1];
	child = fork();
	if (child < 0)
		return err_errno(e, -errno, "cannot fork");
	if (child == 0)
		stand_in(a, writer);
	close(take_fd(writer));
	ended = pidfd_open(child, 0);
	do
		got = read(reader, &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	if (got == sizeof(report) && !report.code && ended >= 0) {
		*pid = child;
		*pidfd = take_fd(ended);
		return 0;
	}
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (got == sizeof(report) && report.code) {
		*e = report;
		return report.code;
	}
	return err_set(e, -EIO, "cannot attach to container %.*s: its stand-in died",
		       api_shown(a->container), a->container);
}
