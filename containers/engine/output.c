/* SPDX-License-Identifier: Apache-2.0 */
/* What containers print: their logs, and all of one that runs for that. */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "containers/engine/answer.h"
#include "containers/engine/api.h"
#include "containers/engine/frames.h"
#include "decision/base/cleanup.h"

/* ---- logs */

struct logs {
	struct frames frames;
	bool is_raw; /* a terminal's: one stream, no frames */
	frames_put *put;
	void *context;
};

static int logs_feed(void *context, const char *bytes, size_t size)
{
	struct logs *l = context;

	return l->is_raw ? l->put(l->context, STDOUT_FILENO, bytes, size)
			 : frames_feed(&l->frames, bytes, size, l->put, l->context);
}

static int logs_read(struct engine *g, const char *id, enum container_logs how, unsigned lines,
		     frames_put *put, void *context, struct err *e)
{
	struct logs l = {.put = put, .context = context};
	struct api_request q = {.method = "GET",
				.timeout_ms = how == LOGS_FOLLOW ? 0 : API_WORK_MS,
				.feed = logs_feed,
				.context = &l};
	cleanup_answer struct api_answer answer = {0};
	struct container_state state;
	char path[API_PATH], tail[16];

	if (container_inspect(g, id, &state, e))
		return e->code;
	l.is_raw = state.has_terminal;
	snprintf(tail, sizeof(tail), lines ? "%u" : "all", lines);
	q.path = path;
	if (api_path(path, e, "/containers/%s/logs?stdout=1&stderr=1&follow=%u&tail=%s", id,
		     (unsigned)(how == LOGS_FOLLOW), tail))
		return e->code;
	return api_call(g, &q, &answer, e, "container %.*s", api_shown(id), id);
}

static int write_all(void *context, int stream, const char *bytes, size_t size)
{
	const int *fd = context;

	(void)stream;
	while (size) {
		ssize_t written = write(*fd, bytes, size);

		if (written < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = *fd, .events = POLLOUT}, 1, -1);
		else if (written < 0 && errno != EINTR)
			return -errno;
		bytes += written > 0 ? written : 0;
		size -= written > 0 ? (size_t)written : 0;
	}
	return 0;
}

int container_logs(struct engine *g, const char *id, enum container_logs how, unsigned lines,
		   int fd, struct err *e)
{
	return logs_read(g, id, how, lines, write_all, &fd, e);
}

/* ---- all that one prints */

struct captured {
	struct printed *to;
	size_t out, err;
};

static int keep(void *context, int stream, const char *bytes, size_t size)
{
	struct captured *c = context;
	struct printed *p = c->to;

	if (stream == STDERR_FILENO) {
		if (size > PRINTED_ERR - 1 - c->err)
			size = PRINTED_ERR - 1 - c->err;
		memcpy(p->err + c->err, bytes, size);
		c->err += size;
		return 0;
	}
	if (size >= p->size - c->out)
		return -EFBIG;
	memcpy(p->out + c->out, bytes, size);
	c->out += size;
	return 0;
}

/* A signal that would end us waits: nobody else would remove the container. */
static void hold_signals(sigset_t *before)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t held;

	sigemptyset(&held);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&held, numbers[i]);
	sigprocmask(SIG_BLOCK, &held, before);
}

/* Of a container that is made: as container_capture(). */
static int run_to_its_end(struct engine *g, const struct container_spec *spec, const char *id,
			  unsigned timeout_ms, struct captured *c, struct err *e)
{
	struct err ignored;
	int exit_code, r = container_start(g, spec->name, e);

	if (!r)
		r = container_wait(g, spec->name, timeout_ms, &exit_code, e);
	if (!r)
		r = logs_read(g, spec->name, LOGS_NOW, 0, keep, c, e);
	/* An error that is there already says more. */
	if (r)
		container_remove(g, id, &ignored);
	else
		r = container_remove(g, id, e);
	return r ? r : exit_code;
}

int container_capture(struct engine *g, const struct container_spec *spec, unsigned timeout_ms,
		      struct printed *p, struct err *e)
{
	struct captured c = {.to = p};
	char id[CONTAINER_ID];
	sigset_t before;
	int r;

	hold_signals(&before);
	r = container_create(g, spec, id, e);
	if (!r)
		r = run_to_its_end(g, spec, id, timeout_ms, &c, e);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r == -EFBIG)
		return err_set(e, r, "container %s printed more than %zu bytes", spec->name,
			       p->size - 1);
	if (r < 0)
		return r;
	p->out[c.out] = '\0';
	p->length = c.out;
	p->err[c.err] = '\0';
	return r;
}
