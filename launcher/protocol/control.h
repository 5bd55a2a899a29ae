/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_CONTROL_H
#define LAUNCHER_PROTOCOL_CONTROL_H

/*
 * The supervisor's side of the control socket (0600): served from its loop, without ever blocking
 * on a client; peers are root and the supervisor's own user, by SO_PEERCRED. Where all places are
 * taken, who has been idle for the longest time makes room; who is held does not.
 */

#include <stdbool.h>
#include <stdint.h>

#include "launcher/protocol/control_line.h"
#include "launcher/protocol/reply.h"

enum {
	CONTROL_ANSWER_MAX = 4 << 20, /* unread answers kept for a client; more closes it */
	CONTROL_CLIENTS = 16,
	/* Who takes longer is dropped, whatever he is or has been doing: */
	CONTROL_LINE_SECONDS = 10,   /* from the first byte of a line to its end */
	CONTROL_IDLE_SECONDS = 10,   /* until the first line, and the next one */
	CONTROL_UNREAD_SECONDS = 10, /* to read any byte of an answer that fills the socket */
	CONTROL_TOTAL_SECONDS = 120, /* from first to last, of one that is not held … */
	CONTROL_HELD_SECONDS = 4000, /* … and of one that is: more than spark.start_timeout */
	CONTROL_FDS = CONTROL_CLIENTS + 1,
};

struct control_client;
struct control;
struct pollfd;

/* A client requests; `request` is the callee's to release. */
typedef void control_requested(void *context, struct control_client *client,
			       struct control_request *request);
/*
 * A client that was held (control_hold) has shut down its side: it gave up, and may still read the
 * answer. Or its connection has ended: the pointer means nothing afterwards.
 */
enum control_end { CONTROL_HUNG_UP, CONTROL_CLOSED };
typedef void control_gone(void *context, struct control_client *client, enum control_end end);

/* Times are CLOCK_MONOTONIC. */
int control_open(const struct cluster *c, uint64_t now_ns, control_requested *requested,
		 control_gone *gone, void *context, struct control **out, struct err *e);
/* Removes the socket's file. Answers not yet sent get a second, all together. */
void control_close(struct control *c);

/*
 * Take over a connected descriptor (a socketpair's end) as a client that has sent its request
 * already. NULL if there is no room.
 */
struct control_client *control_adopt(struct control *c, int fd, pid_t peer);

/* Send one line; none to NULL or to one that has gone. One that does not read is dropped. */
void control_answer(struct control *c, struct control_client *client, const char *json);

/* The replies of reply.h as such a line. */
void control_progress(struct control *c, struct control_client *client, const char *what,
		      const char *object, unsigned count, unsigned total);
void control_log(struct control *c, struct control_client *client, const char *name,
		 const char *line);
void control_refuse(struct control *c, struct control_client *client, const struct err *why);
void control_reply(struct control *c, struct control_client *client, const struct reply *r);

/* It waits for an answer that takes its time: report its end by gone(). And no more. NULL is nobody. */
void control_hold(struct control_client *client);
void control_release(struct control_client *client);
pid_t control_peer(const struct control_client *client);

/* The descriptors to wait for (at most CONTROL_FDS), and what to do once poll() has filled them. */
unsigned control_fds(struct control *c, struct pollfd *fds);
void control_turn(struct control *c, const struct pollfd *fds, unsigned count, uint64_t now_ns);

#endif
