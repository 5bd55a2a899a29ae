/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_CLIENTS_H
#define LAUNCHER_SUPERVISOR_CLIENTS_H

/*
 * Who waits for an answer of the supervisor: at most one `up`, and `down`s and `status`es. A client
 * that goes away is told by clients_forget(), so no pointer here outlives its connection.
 */

#include "launcher/protocol/control.h"
#include "launcher/supervisor/daemon.h"

struct clients {
	struct control *control;   /* NULL in `down`: nobody can ask */
	struct control_client *up; /* NULL: none, or gone */
	pid_t up_pid;		   /* of the last one */
	struct control_client *downs[CONTROL_CLIENTS];
	struct control_client *statuses[CONTROL_CLIENTS];
	uint64_t beat_at_ns;
	uint64_t status_deadline_ns; /* when they are answered with what is known */
	bool has_master; /* the master has answered since the last of them was requested */
};

/*
 * What a supervisor begins with: the `up` that forked it and waits at `fd`, -1: none. Takes the
 * descriptor over.
 */
void clients_adopt_up(struct clients *c, int fd, pid_t pid);

void clients_hold_up(struct clients *c, struct control_client *client);
/* -EBUSY: so many wait already that others would have no room. */
int clients_hold_down(struct clients *c, struct control_client *client, struct err *e);
void clients_hold_status(struct clients *c, struct control_client *client, uint64_t now_ns);
bool clients_have_status(const struct clients *c);

/* Its connection has ended. */
void clients_forget(struct clients *c, const struct control_client *client);

/* ---- to the `up`; nothing where none waits */

void clients_report(struct clients *c, const char *what, const char *object, unsigned done,
		    unsigned total);
/* Also to each `down`: now and then, that we are there. */
void clients_beat(struct clients *c, uint64_t now_ns);
/* Likewise: another cluster (its process, 0: unknown) is changing its groups. */
void clients_report_turn(struct clients *c, pid_t holder);
/* What its log says of a daemon's error. */
void clients_report_log(struct clients *c, const struct daemon *d);
/* The last words. `why_lost`: why what was known before was lost, "": it was not. */
void clients_answer_up(struct clients *c, enum reply_result result, bool is_adopted,
		       const char *why_lost);
void clients_refuse_up(struct clients *c, const struct err *why);

/* ---- to the others */

/* Who waits for an `up` or a `down` hears of a process that was moved out of a group. */
void clients_report_expelled(struct clients *c, const char *group, const char *text);

/* All `status`es get the text, or where there is none the reason. */
void clients_answer_statuses(struct clients *c, const char *text, const struct err *why);

/* All `down`s hear that it is done, or (`why` not NULL) that it is not. */
void clients_answer_downs(struct clients *c, const struct err *why);

#endif
