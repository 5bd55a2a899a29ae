#ifndef LAUNCHER_PROTOCOL_CONTROL_H
#define LAUNCHER_PROTOCOL_CONTROL_H

/*
 * The control socket STATE/NAME/control (0600): one JSON object a line, both ways. The supervisor serves it from its
 * loop, without ever blocking on a client; peers are root and the supervisor's own user, by SO_PEERCRED.
 * Requests: {"cmd":"status"}, {"cmd":"apply","state":{…}}, {"cmd":"down"}, {"cmd":"rebalance",…}. Answers: progress lines, then one with "done" or "error".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/protocol/rebalance_answer.h"
#include "launcher/system/cluster.h"

enum {
	CONTROL_LINE_MAX = 4 << 20,   /* a plan of 64 slices has less than 1 MiB */
	CONTROL_ANSWER_MAX = 4 << 20, /* unread answers kept for a client; more closes it */
	CONTROL_CLIENTS = 16,
	CONTROL_LINE_SECONDS = 10, /* from the first byte of a line to its end */
	CONTROL_FDS = CONTROL_CLIENTS + 1,
};

/* Bytes in, lines out. {0} is empty. */
struct line_buffer {
	char *data;
	size_t used, size;
	size_t taken; /* bytes of the line that was handed out last */
};
/* -EMSGSIZE for a line of more than CONTROL_LINE_MAX bytes, -ENOMEM. */
int line_buffer_add(struct line_buffer *b, const char *bytes, size_t count);
/* The next whole line without its newline, NUL-terminated, until the next call; NULL: none yet. */
char *line_buffer_next(struct line_buffer *b, size_t *length);
void line_buffer_release(struct line_buffer *b);

enum control_command { CONTROL_STATUS, CONTROL_APPLY, CONTROL_DOWN, CONTROL_REBALANCE };

struct control_request {
	enum control_command command;
	char *state; /* of apply: its JSON text, on the heap */
	size_t state_size;
	struct rebalance_request rebalance;
};
/* ERR_WRONG with what is wrong. Strings with NUL bytes, unknown commands and keys are refused. */
int control_request_parse(const char *line, size_t length, struct control_request *out,
			  struct err *e);
void control_request_release(struct control_request *r);

/* ---- the supervisor's side */

struct control_client;
struct control;
struct pollfd;

/* A client asked; `request` is the callee's to release. */
typedef void control_asked(void *context, struct control_client *client,
			   struct control_request *request);
/*
 * A client that was held (control_hold) has shut down its side: it gave up, and may still read the answer. Or its connection has
 * ended: the pointer means nothing afterwards.
 */
enum control_end { CONTROL_HUNG_UP, CONTROL_CLOSED };
typedef void control_gone(void *context, struct control_client *client, enum control_end end);

int control_open(const struct cluster *c, control_asked *asked, control_gone *gone, void *context,
		 struct control **out, struct err *e);
/* Removes the socket's file. Answers not yet sent get up to a second. */
void control_close(struct control *c);

/* Take over a connected descriptor (a socketpair's end) as a client that has asked already. NULL if there is no room. */
struct control_client *control_adopt(struct control *c, int fd, pid_t peer);

/* Send one line. A client that does not read is dropped. */
void control_answer(struct control *c, struct control_client *client, const char *json);

/* Tell of this client's end by gone(). */
void control_hold(struct control_client *client);
pid_t control_peer(const struct control_client *client);

/* The descriptors to wait for (at most CONTROL_FDS), and what to do when poll() has filled them in. */
unsigned control_fds(struct control *c, struct pollfd *fds);
void control_turn(struct control *c, const struct pollfd *fds, unsigned count, uint64_t now_ns);

/* ---- the commands' side */

/* -ENOENT, -ECONNREFUSED: nobody listens. *peer (may be NULL) is the supervisor's pid. */
int control_connect(const struct cluster *c, int *fd, pid_t *peer, struct err *e);
int control_send(int fd, const char *json, struct err *e);
/* Wait for the next line; 1 and the line, 0 at the end, negative on error or after timeout_ms (-1: none). */
int control_receive(int fd, struct line_buffer *b, int timeout_ms, char **line, struct err *e);

/* An answer {"error":…,"exit":…} as the error that it is, with its exit class and the code -ECANCELED; 0: it is none. */
struct json_t;
int control_error(struct json_t *answer, struct err *e);

/*
 * One request, one answer, which is the caller's to free(). -ENOENT, -ECONNREFUSED, -ECONNRESET, -EPIPE: nobody listens, or
 * not to the end. What the supervisor refuses is its error.
 */
int control_ask(const struct cluster *c, const char *request, int timeout_ms, char **answer,
		struct err *e);

#endif
