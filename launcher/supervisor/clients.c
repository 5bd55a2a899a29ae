/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/clients.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

enum {
	DOWNS = CONTROL_CLIENTS / 2, /* room is left for those who want to know how it is */
	STATUS_PATIENCE_MS = 1000,   /* a `status` waits at most so long for Spark */
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

static bool is_in(struct control_client *const *list, const struct control_client *client)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (list[i] == client)
			return true;
	return false;
}

/* It has been answered: unless it waits for something else, it is no longer ours. */
static void release(struct clients *c, struct control_client *client)
{
	if (client && c->up != client && !is_in(c->downs, client) && !is_in(c->statuses, client))
		control_release(client);
}

/*
 * In the first free place of `list`, if it is not in it: who asks again before the answer gets one.
 * Return whether there was room.
 */
static bool hold(struct control_client **list, unsigned size, struct control_client *client)
{
	if (is_in(list, client))
		return true;
	for (unsigned i = 0; i < size; i++)
		if (!list[i]) {
			list[i] = client;
			control_hold(client);
			return true;
		}
	return false;
}

int clients_hold_down(struct clients *c, struct control_client *client, struct err *e)
{
	if (hold(c->downs, DOWNS, client))
		return 0;
	return err_set(e, -EBUSY, "%d other downs of the cluster are waiting already", DOWNS);
}

void clients_hold_status(struct clients *c, struct control_client *client, uint64_t now_ns)
{
	if (!clients_have_status(c))
		c->status_deadline_ns = now_ns + STATUS_PATIENCE_MS * CLOCK_MS;
	hold(c->statuses, CONTROL_CLIENTS, client);
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

void clients_report(struct clients *c, const char *what, const char *object, unsigned done,
		    unsigned total)
{
	control_progress(c->control, c->up, what, object, done, total);
}

static void report_to_all(struct clients *c, const char *what, const char *object)
{
	clients_report(c, what, object, 0, 0);
	for (unsigned i = 0; i < DOWNS; i++)
		control_progress(c->control, c->downs[i], what, object, 0, 0);
}

void clients_beat(struct clients *c, uint64_t now_ns)
{
	if (now_ns < c->beat_at_ns)
		return;
	c->beat_at_ns = now_ns + REPLY_BEAT_MS * CLOCK_MS;
	report_to_all(c, "beat", "");
}

void clients_report_turn(struct clients *c, pid_t holder)
{
	char who[32];

	snprintf(who, sizeof(who), "process %d", (int)holder);
	report_to_all(c, "turn", who);
}

void clients_report_log(struct clients *c, const struct daemon *d)
{
	struct first_error f;
	char text[PLAN_TEXT];

	if (!c->up || !daemon_first_error(d, &f))
		return;
	for (unsigned i = 0; i < f.count; i++)
		control_log(c->control, c->up, d->name, f.lines[i]);
	if (f.read <= f.count)
		return;
	snprintf(text, sizeof(text), "(%s%lu lines%s)", f.has_gap ? "of more than " : "of ", f.read,
		 f.has_error ? "" : ", of which none tells of an error");
	control_log(c->control, c->up, d->name, text);
}

void clients_answer_up(struct clients *c, enum reply_result result, bool is_adopted,
		       const char *why_lost)
{
	struct reply reply = {.kind = REPLY_DONE, .result = result, .is_adopted = is_adopted};
	struct control_client *up = c->up;

	string_copy(reply.rebuilt, why_lost);
	c->up = NULL;
	release(c, up);
	control_reply(c->control, up, &reply);
}

void clients_refuse_up(struct clients *c, const struct err *why)
{
	struct control_client *up = c->up;

	c->up = NULL;
	release(c, up);
	control_refuse(c->control, up, why);
}

void clients_report_expelled(struct clients *c, const char *group, const char *text)
{
	if (!c->control)
		return;
	control_log(c->control, c->up, group, text);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		control_log(c->control, c->downs[i], group, text);
}

void clients_answer_statuses(struct clients *c, const char *text, const struct err *why)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = c->statuses[i];

		c->statuses[i] = NULL;
		release(c, client);
		if (text)
			control_answer(c->control, client, text);
		else
			control_refuse(c->control, client, why);
	}
}

void clients_answer_downs(struct clients *c, const struct err *why)
{
	const struct reply done = {.kind = REPLY_DONE, .result = REPLY_DOWN};

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (why)
			control_refuse(c->control, c->downs[i], why);
		else
			control_reply(c->control, c->downs[i], &done);
}
