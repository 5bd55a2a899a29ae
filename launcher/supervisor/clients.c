#include "launcher/supervisor/clients.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/system/files.h"

enum {
	LOG_LINES = 15,
	STATUS_PATIENCE_MS = 1000, /* a `status` waits at most so long for Spark */
};

/* ---- who waits */

void clients_adopt_up(struct clients *c, int fd, pid_t pid)
{
	if (fd < 0)
		return;
	c->up_pid = pid;
	c->up = c->control ? control_adopt(c->control, fd, pid) : NULL;
	if (c->up)
		control_hold(c->up);
	else
		close(fd);
}

void clients_hold_up(struct clients *c, struct control_client *client)
{
	c->up = client;
	c->up_pid = control_peer(client);
	control_hold(client);
}

static void hold(struct control_client **list, struct control_client *client)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (!list[i]) {
			list[i] = client;
			control_hold(client);
			return;
		}
}

void clients_hold_down(struct clients *c, struct control_client *client)
{
	hold(c->downs, client);
}

void clients_hold_status(struct clients *c, struct control_client *client, uint64_t now_ns)
{
	if (!clients_have_status(c))
		c->status_deadline_ns = now_ns + STATUS_PATIENCE_MS * (uint64_t)CLOCK_MS;
	hold(c->statuses, client);
	c->has_master = false;
}

bool clients_have_status(const struct clients *c)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (c->statuses[i])
			return true;
	return false;
}

void clients_forget(struct clients *c, const struct control_client *client)
{
	if (c->up == client)
		c->up = NULL;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->downs[i] == client)
			c->downs[i] = NULL;
		if (c->statuses[i] == client)
			c->statuses[i] = NULL;
	}
}

/* ---- answers */

void clients_answer(struct clients *c, struct control_client *client, const char *json)
{
	if (client)
		control_answer(c->control, client, json);
}

static void answer_json(struct clients *c, struct control_client *client, json_t *answer)
{
	cleanup_free char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (text)
		clients_answer(c, client, text);
}

void clients_refuse(struct clients *c, struct control_client *client, const struct err *why)
{
	answer_json(c, client, json_pack("{s:s, s:i}", "error", why->msg, "exit", (int)why->exit));
}

void clients_report(struct clients *c, const char *what, const char *object, unsigned done,
		    unsigned total)
{
	answer_json(c, c->up,
		    json_pack("{s:s, s:s, s:i, s:i}", "progress", what, "object", object, "count",
			      (int)done, "total", (int)total));
}

void clients_report_log(struct clients *c, const char *daemon, const char *log)
{
	cleanup_free char *tail = NULL;
	char *line, *rest;

	if (!c->up || !log[0] || file_tail(log, LOG_LINES, &tail))
		return;
	rest = tail;
	while ((line = strsep(&rest, "\n")))
		if (line[0])
			answer_json(c, c->up,
				    json_pack("{s:s, s:s+}", "log", daemon, "line", line, ""));
}

void clients_answer_up(struct clients *c, const char *result, bool is_adopted, const char *why_lost)
{
	answer_json(c, c->up,
		    json_pack("{s:s, s:b, s:s}", "done", result, "adopted", (int)is_adopted,
			      "rebuilt", why_lost));
	c->up = NULL;
}

void clients_refuse_up(struct clients *c, const struct err *why)
{
	clients_refuse(c, c->up, why);
	c->up = NULL;
}

void clients_answer_statuses(struct clients *c, const char *text, const struct err *why)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = c->statuses[i];

		c->statuses[i] = NULL;
		if (client && text)
			clients_answer(c, client, text);
		else if (client)
			clients_refuse(c, client, why);
	}
}

void clients_answer_downs(struct clients *c, const struct err *why)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS && c->control; i++)
		if (c->downs[i] && why)
			clients_refuse(c, c->downs[i], why);
		else if (c->downs[i])
			clients_answer(c, c->downs[i], "{\"done\":\"down\"}");
}
