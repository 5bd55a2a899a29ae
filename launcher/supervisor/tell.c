#include <jansson.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "decision/base/cleanup.h"
#include "launcher/supervisor/parts.h"
#include "launcher/system/files.h"

enum { LOG_LINES = 15 };

/* ---- others */

void supervisor_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;
	socklen_t size;

	if (!path || (path[0] != '/' && path[0] != '@') || string_copy(to.sun_path, path))
		return;
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
}

static void answer_json(struct supervisor *s, struct control_client *client, json_t *answer)
{
	cleanup_free char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (text && client)
		control_answer(s->control, client, text);
}

void supervisor_report(struct supervisor *s, const char *what, const char *object, unsigned done,
		       unsigned total)
{
	if (s->job && s->changed)
		answer_json(s, s->job,
			    json_pack("{s:s, s:s, s:i, s:i}", "progress", what, "object", object,
				      "count", (int)done, "total", (int)total));
}

void supervisor_report_log(struct supervisor *s, const struct daemon *d)
{
	cleanup_free char *tail = NULL;
	char *line, *rest;

	if (!s->job || !d->log[0] || file_tail(d->log, LOG_LINES, &tail))
		return;
	rest = tail;
	while ((line = strsep(&rest, "\n")) && s->job)
		if (line[0])
			answer_json(s, s->job,
				    json_pack("{s:s, s:s+}", "log", d->name, "line", line, ""));
}

void supervisor_answer_done(struct supervisor *s, const char *result)
{
	answer_json(s, s->job,
		    json_pack("{s:s, s:b, s:s}", "done", result, "adopted", (int)s->adopted,
			      "rebuilt", s->why_rebuilt));
}

void supervisor_answer_error(struct supervisor *s, struct control_client *client,
			     const struct err *e)
{
	answer_json(s, client, json_pack("{s:s, s:i}", "error", e->msg, "exit", (int)e->exit));
}

/* ---- the state file */

int supervisor_save(struct supervisor *s, struct err *e)
{
	struct state *state = s->state;
	unsigned loans = state->plan.loan_count;
	int r;

	if (!s->dirty)
		return 0;
	process_identify(getpid(), &state->supervisor, &(struct err){0});
	state->master_process = s->master->process;
	for (unsigned i = 0; i < state->plan.slice_count; i++)
		state->workers[i] =
			(struct worker_record){s->daemons[i].process, s->daemons[i].life.restarts};
	state->plan.loan_count =
		0; /* the kernel knows them, and whoever comes back after a crash ends them */
	r = state_write(state, e);
	state->plan.loan_count = loans;
	if (!r)
		s->dirty = false;
	return r;
}
