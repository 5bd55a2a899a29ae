#include "launcher/commands/follow.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/control_line.h"
#include "launcher/protocol/reply.h"

enum { LOOK_MS = 200 };

static volatile sig_atomic_t caught;

static void on_signal(int signal_number)
{
	caught = signal_number;
}

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
enum { WATCHED = sizeof(watched) / sizeof(watched[0]) };

/* Once: a second signal has its usual effect. Without SA_RESTART, so that poll() ends. What is ignored (nohup) stays so. */
static void watch_signals(struct sigaction old[WATCHED])
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigset_t set;

	caught = 0;
	sigemptyset(&set);
	for (int i = 0; i < WATCHED; i++) {
		sigaction(watched[i], NULL, &old[i]);
		if (old[i].sa_handler != SIG_IGN)
			sigaction(watched[i], &action, NULL);
		sigaddset(&set, watched[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* the caller may have held them until here */
}

static void restore_signals(const struct sigaction old[WATCHED])
{
	for (int i = 0; i < WATCHED; i++)
		sigaction(watched[i], &old[i], NULL);
}

/* ---- showing */

struct display {
	bool is_terminal;
	bool is_line_open; /* a progress line that will be overwritten */
};

static void end_line(struct display *d)
{
	if (d->is_line_open)
		fputs("\r\033[K", stderr);
	d->is_line_open = false;
}

static void show(struct display *d, const char *text)
{
	if (d->is_terminal)
		fprintf(stderr, "\r\033[K%s", text);
	else
		fprintf(stderr, "%s\n", text);
	d->is_line_open = d->is_terminal;
	fflush(stderr);
}

static void show_progress(struct display *d, const struct reply *r)
{
	char text[sizeof(r->object) + 96];

	if (strcmp(r->what, "workers") == 0)
		snprintf(text, sizeof(text), "workers: %u of %u registered", r->count, r->total);
	else if (strcmp(r->what, "master") == 0)
		snprintf(text, sizeof(text), "master: %s", r->count ? "answers" : "starting");
	else
		snprintf(text, sizeof(text), "%s: %u of %u (%s)", r->what, r->count, r->total,
			 r->object);
	show(d, text);
}

/* 1: done; 0: go on; negative: the error that the supervisor reports. */
static int take_reply(struct display *d, const char *line, struct outcome *out, struct err *e)
{
	static const enum up_result results[] = {
		[REPLY_STARTED] = UP_STARTED,
		[REPLY_CHANGED] = UP_CHANGED,
		[REPLY_UNCHANGED] = UP_UNCHANGED,
		[REPLY_DOWN] = UP_CHANGED,
	};
	struct reply reply;

	if (reply_parse(line, strlen(line), &reply, e))
		return err_wrap(e, "the supervisor's answer");
	if (reply.kind == REPLY_PROGRESS) {
		show_progress(d, &reply);
		return 0;
	}
	end_line(d);
	switch (reply.kind) {
	case REPLY_LOG:
		fprintf(stderr, "  %s | %s\n", reply.log, reply.line);
		break;
	case REPLY_ERROR:
		*e = reply.error;
		return e->code;
	case REPLY_DONE:
		*out = (struct outcome){results[reply.result], reply.is_adopted, ""};
		string_copy(out->rebuilt, reply.rebuilt);
		return 1;
	case REPLY_PROGRESS:
		break;
	}
	return 0;
}

static int follow(int fd, struct display *d, struct outcome *out, int *signal_number, struct err *e)
{
	struct line_buffer b = {0};
	char *line;
	int r = 0;

	while (r == 0) {
		if (caught && !*signal_number) {
			*signal_number = caught;
			end_line(d);
			fputs("interrupted: undoing what was begun\n", stderr);
			shutdown(fd, SHUT_WR);
		}
		r = control_receive(fd, &b, LOOK_MS, &line, e);
		if (r == -ETIMEDOUT || r == -EINTR) {
			r = 0;
			continue;
		}
		if (r == 0)
			r = err_set(e, -ECONNRESET,
				    "the supervisor ended without an answer: see "
				    "supervisor.log");
		else if (r > 0)
			r = take_reply(d, line, out, e);
	}
	line_buffer_release(&b);
	return r > 0 ? 0 : r;
}

int progress_follow(int fd, struct outcome *out, int *signal_number, struct err *e)
{
	struct display d = {.is_terminal = isatty(STDERR_FILENO) == 1};
	struct sigaction old[WATCHED];
	int r;

	*signal_number = 0;
	watch_signals(old);
	r = follow(fd, &d, out, signal_number, e);
	end_line(&d);
	restore_signals(old);
	return r;
}
