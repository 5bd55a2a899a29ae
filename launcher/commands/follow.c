/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/follow.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "launcher/protocol/control_line.h"
#include "launcher/show/foreign.h"

enum {
	LOOK_MS = 200,
	QUIET_MS = 6 * REPLY_BEAT_MS,	    /* without a word of the supervisor … */
	INTERRUPTED_MS = 2 * REPLY_BEAT_MS, /* … after a signal */
};

static volatile sig_atomic_t caught;

static void on_signal(int signal_number)
{
	caught = signal_number;
}

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
enum { WATCHED = sizeof(watched) / sizeof(watched[0]) };

/*
 * Once: a second signal has its usual effect. Without SA_RESTART, so that poll() ends. What is
 * ignored (nohup) stays so.
 */
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

static void show_progress(struct display *d, const struct reply *r)
{
	const char *begin = d->is_terminal ? "\r\033[K" : "", *end = d->is_terminal ? "" : "\n";

	if (strcmp(r->what, "beat") == 0)
		return;
	if (strcmp(r->what, "workers") == 0)
		fprintf(stderr, "%sworkers: %u of %u registered%s", begin, r->count, r->total, end);
	else if (strcmp(r->what, "master") == 0)
		fprintf(stderr, "%smaster: %s%s", begin, r->count ? "answers" : "starting", end);
	else if (strcmp(r->what, "turn") == 0)
		fprintf(stderr, "%swaiting for another cluster's up or down (%s)%s", begin,
			FOREIGN(r->object), end);
	else
		fprintf(stderr, "%s%s: %u of %u (%s)%s", begin, FOREIGN(r->what), r->count,
			r->total, FOREIGN(r->object), end);
	d->is_line_open = d->is_terminal;
}

/* 1: done; 0: go on; negative: the error that the supervisor reports. */
static int take_reply(struct display *d, const char *line, struct reply *out, struct err *e)
{
	if (reply_parse(line, strlen(line), out, e))
		return err_wrap(e, "the supervisor's answer");
	if (out->kind != REPLY_PROGRESS)
		end_line(d);
	switch (out->kind) {
	case REPLY_PROGRESS:
		show_progress(d, out);
		return 0;
	case REPLY_LOG:
		fprintf(stderr, "  %s | ", FOREIGN(out->log));
		foreign_put_text(out->line, stderr);
		return 0;
	case REPLY_ERROR:
		*e = out->error;
		return e->code;
	case REPLY_DONE:
		break;
	}
	return 1;
}

int progress_follow(int fd, struct reply *out, int *signal_number, struct err *e)
{
	struct display d = {.is_terminal = isatty(STDERR_FILENO) == 1};
	struct sigaction old[WATCHED];
	struct line_buffer b = {0};
	uint64_t heard_ns = clock_now_ns();
	unsigned patience_ms = QUIET_MS;
	char *line;
	int r = 0;

	caught = 0;
	if (signal_number) {
		*signal_number = 0;
		watch_signals(old);
	}
	while (r == 0) {
		if (signal_number && caught && !*signal_number) {
			*signal_number = caught;
			end_line(&d);
			fputs("interrupted: undoing what was begun\n", stderr);
			shutdown(fd, SHUT_WR);
			heard_ns = clock_now_ns();
			patience_ms = INTERRUPTED_MS;
		}
		r = control_receive(fd, &b, LOOK_MS, &line, e);
		if (r > 0)
			heard_ns = clock_now_ns();
		if ((r == -ETIMEDOUT || r == -EINTR) &&
		    clock_left_ms(heard_ns + patience_ms * CLOCK_MS) > 0)
			r = 0;
		else if (r == -ETIMEDOUT || r == -EINTR)
			r = err_set(e, -ETIMEDOUT, "the supervisor does not answer");
		else if (r == 0)
			r = err_set(e, -ECONNRESET,
				    "the supervisor ended without an answer: see "
				    "supervisor.log");
		else if (r > 0)
			r = take_reply(&d, line, out, e);
	}
	line_buffer_release(&b);
	end_line(&d);
	for (int i = 0; signal_number && i < WATCHED; i++)
		sigaction(watched[i], &old[i], NULL);
	return r > 0 ? 0 : r;
}
