#include "launcher/commands/follow.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/control.h"
#include "launcher/system/json.h"

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

static void show_progress(struct display *d, json_t *line)
{
	char what[32], object[PROFILE_WORD], text[PROFILE_WORD + 96];
	unsigned count, total;
	struct err e;

	if (json_read_text(line, "progress", what, sizeof(what), &e) ||
	    json_read_text(line, "object", object, sizeof(object), &e) ||
	    json_read_unsigned(line, "count", UINT16_MAX, &count, &e) ||
	    json_read_unsigned(line, "total", UINT16_MAX, &total, &e))
		return;
	if (strcmp(what, "workers") == 0)
		snprintf(text, sizeof(text), "workers: %u of %u registered", count, total);
	else if (strcmp(what, "master") == 0)
		snprintf(text, sizeof(text), "master: %s", count ? "answers" : "starting");
	else
		snprintf(text, sizeof(text), "%s: %u of %u (%s)", what, count, total, object);
	show(d, text);
}

static void show_log(struct display *d, json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "log"));
	const char *text = json_string_value(json_object_get(line, "line"));

	if (!name || !text)
		return;
	end_line(d);
	fprintf(stderr, "  %s | %s\n", name, text);
}

/* ---- reading */

static int read_done(json_t *line, struct outcome *out)
{
	const char *done = json_string_value(json_object_get(line, "done"));
	struct err ignored;

	out->result = strcmp(done, "started") == 0   ? UP_STARTED
		      : strcmp(done, "changed") == 0 ? UP_CHANGED
						     : UP_UNCHANGED;
	out->adopted = json_is_true(json_object_get(line, "adopted"));
	if (json_read_text(line, "rebuilt", out->rebuilt, sizeof(out->rebuilt), &ignored))
		out->rebuilt[0] = '\0';
	return 1;
}

/* 1: done; 0: go on; negative: the error that the supervisor reports. */
static int read_line(struct display *d, const char *text, struct outcome *out, struct err *e)
{
	json_auto_t *line = json_read(text, strlen(text), e);

	if (!line)
		return err_wrap(e, "the supervisor's answer");
	if (json_object_get(line, "error")) {
		end_line(d);
		return control_error(line, e);
	}
	if (json_is_string(json_object_get(line, "done"))) {
		end_line(d);
		return read_done(line, out);
	}
	if (json_object_get(line, "log"))
		show_log(d, line);
	else
		show_progress(d, line);
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
			r = read_line(d, line, out, e);
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
