/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/logs.h"

#include <fcntl.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "launcher/system/rotate.h"

enum { LOOK_MS = 1000, TELL_MS = 60000 };

static void look_at(struct logs *l, struct site *s, const char *path, uid_t owner)
{
	struct err e;
	int r = log_rotate(AT_FDCWD, path, owner, &e);

	if (r > 0)
		events_note(&s->events, "log-begun", path, "it was full; its end is in FILE.1",
			    {"max_bytes", ROTATE_MAX_BYTES});
	if (r >= 0 || s->now_ns < l->tell_at_ns)
		return;
	l->tell_at_ns = s->now_ns + TELL_MS * CLOCK_MS;
	events_note(&s->events, "log-failed", path, e.msg, {"errno", -e.code});
}

void logs_look(struct logs *l, struct site *s, const struct crew *c)
{
	static const char *const own[] = {"supervisor.log", "train.log"};
	const struct cluster *cluster = &s->state->cluster;
	uid_t user = cluster->user[0] ? cluster->uid : geteuid();
	char path[PROFILE_PATH + 32];

	if (s->now_ns < l->look_at_ns)
		return;
	l->look_at_ns = s->now_ns + LOOK_MS * CLOCK_MS;
	for (unsigned i = 0; i < DAEMONS; i++)
		if (c->daemons[i].log[0])
			look_at(l, s, c->daemons[i].log, user);
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", cluster->data, own[i]);
		look_at(l, s, path, geteuid());
	}
}
