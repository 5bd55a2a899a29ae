/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_CONTROL_LINE_H
#define LAUNCHER_PROTOCOL_CONTROL_LINE_H

/*
 * The control socket STATE/NAME/control, as commands see it: one JSON object a line, both ways
 * (README.md). Requests: {"cmd":"status"}, {"cmd":"apply","state":{…}}, {"cmd":"down"},
 * {"cmd":"rebalance",…}.
 */

#include <sys/un.h>

#include "launcher/protocol/rebalance_answer.h"
#include "launcher/system/cluster.h"

enum {
	CONTROL_LINE_MAX = JSON_MAX_BYTES, /* a plan of 64 slices has less than 1 MiB */
	CONTROL_SEND_SECONDS =
		5, /* until the supervisor takes a connection, or more of a request */
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
	struct json_t *state; /* of apply: an object of state_table, a reference of its own */
	struct rebalance_request rebalance;
};
/* *text is the caller's to free(). */
int control_request_format(const struct control_request *r, char **text, struct err *e);
/* ERR_WRONG with what is wrong. Strings with NUL bytes, unknown commands and keys are refused. */
int control_request_parse(const char *line, size_t length, struct control_request *out,
			  struct err *e);
void control_request_release(struct control_request *r);

/* Where the socket is; -ENAMETOOLONG. */
int control_address(const struct cluster *c, struct sockaddr_un *out, struct err *e);

/* -ENOENT, -ECONNREFUSED: nobody listens; -ETIMEDOUT: he takes no connection. *peer (may be NULL) is the supervisor's pid. */
int control_connect(const struct cluster *c, int *fd, pid_t *peer, struct err *e);
/* -ETIMEDOUT: he does not take it. */
int control_send(int fd, const char *json, struct err *e);
/*
 * Wait for the next line; 1 and the line, 0 at the end, negative on error or after timeout_ms (-1:
 * none).
 */
int control_receive(int fd, struct line_buffer *b, int timeout_ms, char **line, struct err *e);

/*
 * One request, one answer: its text as it came, the caller's to free(), and if `t` is not NULL its
 * value. -ENOENT, -ECONNREFUSED, -ECONNRESET, -EPIPE: nobody listens, or not to the end. What the
 * supervisor refuses is its error.
 */
int control_query(const struct cluster *c, const struct control_request *request, int timeout_ms,
		  char **text, const struct json_table *t, void *value, struct err *e);

#endif
