/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/control_line.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/protocol/reply.h"

/* ---- lines */

/* Forget the line that was handed out. */
static void discard_taken(struct line_buffer *b)
{
	if (!b->taken)
		return;
	b->used -= b->taken;
	memmove(b->data, b->data + b->taken, b->used);
	b->taken = 0;
	if (!b->used)
		line_buffer_release(b);
}

int line_buffer_add(struct line_buffer *b, const char *bytes, size_t count)
{
	discard_taken(b);
	if (b->used + count > CONTROL_LINE_MAX + 1)
		return -EMSGSIZE;
	if (b->used + count > b->size) {
		size_t size = 2 * (b->used + count);
		char *data = realloc(b->data, size);

		if (!data)
			return -ENOMEM;
		b->data = data;
		b->size = size;
	}
	memcpy(b->data + b->used, bytes, count);
	b->used += count;
	return 0;
}

char *line_buffer_next(struct line_buffer *b, size_t *length)
{
	char *end;

	discard_taken(b);
	end = b->used ? memchr(b->data, '\n', b->used) : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	*length = (size_t)(end - b->data);
	b->taken = *length + 1;
	return b->data;
}

void line_buffer_release(struct line_buffer *b)
{
	free(b->data);
	*b = (struct line_buffer){0};
}

/* ---- requests */

static const char *command_name(unsigned command)
{
	static const char *const names[] = {
		[CONTROL_STATUS] = "status",
		[CONTROL_APPLY] = "apply",
		[CONTROL_DOWN] = "down",
		[CONTROL_REBALANCE] = "rebalance",
	};

	return names[command];
}

#define T struct control_request
static const struct json_field request_fields[] = {
	{"cmd", JSON_WORD(T, command, command_name, CONTROL_REBALANCE + 1)},
	{"state", JSON_AT(T, state), JSON_ONLY(T, command, CONTROL_APPLY)},
	{JSON_SAME(T, rebalance, rebalance_request_fields),
	 JSON_ONLY(T, command, CONTROL_REBALANCE)},
	JSON_END,
};
static const struct json_table request_table = {
	.fields = request_fields,
	.size = sizeof(T),
	.style = JSON_COMPACT,
};
#undef T

int control_request_format(const struct control_request *r, char **text, struct err *e)
{
	return json_table_format(&request_table, r, text, e);
}

/* As many keys as the same request of ours would have: none is unknown. */
static int check_keys(const struct control_request *r, json_t *root, struct err *e)
{
	json_auto_t *ours = json_table_build(&request_table, r, e);

	if (!ours)
		return e->code;
	if (json_object_size(root) == json_object_size(ours))
		return 0;
	if (r->command == CONTROL_REBALANCE)
		return err_wrong(e, "rebalance, %s: %zu keys are expected, found %zu",
				 rebalance_what_name(r->rebalance.what), json_object_size(ours),
				 json_object_size(root));
	return err_wrong(e, "a request has the key cmd, apply's also state, and no other");
}

int control_request_parse(const char *line, size_t length, struct control_request *out,
			  struct err *e)
{
	struct control_request request = {0};
	json_auto_t *root = json_read(line, length, e);
	int r;

	if (!root)
		return err_wrap(e, "the request");
	r = json_table_read(&request_table, root, &request, e);
	if (!r)
		r = check_keys(&request, root, e);
	if (r)
		return r;
	*out = request;
	json_incref(out->state);
	return 0;
}

void control_request_release(struct control_request *r)
{
	json_decref(r->state);
	*r = (struct control_request){0};
}

/* ---- the commands' side */

int control_address(const struct cluster *c, struct sockaddr_un *out, struct err *e)
{
	/* Once looked at, the way there is one that nobody else can change. */
	cleanup_close int state = cluster_open_state(c, e);
	char path[PROFILE_PATH];
	int r = state < 0 ? state : cluster_file(c, "control", path, e);

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!r && string_copy(out->sun_path, path))
		r = err_set(e, -ENAMETOOLONG,
			    "the socket path %s is too long: use a shorter --state-dir", path);
	return r;
}

int control_connect(const struct cluster *c, int *fd, pid_t *peer, struct err *e)
{
	cleanup_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Who is stopped takes no connection once his queue is full, and no request. */
	const struct timeval patience = {.tv_sec = CONTROL_SEND_SECONDS};
	struct sockaddr_un address;
	struct ucred owner;
	socklen_t size = sizeof(owner);
	int r = control_address(c, &address, e);

	if (r)
		return r == -ENOENT
			       ? err_errno(e, r, "no supervisor answers at %s/control", c->state)
			       : r;
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		return err_errno(e, -errno, "socket");
	if (connect(s, (struct sockaddr *)&address, sizeof(address)))
		return err_errno(e, errno == EAGAIN ? -ETIMEDOUT : -errno,
				 "no supervisor answers at %s", address.sun_path);
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &owner, &size))
		return err_errno(e, -errno, "%s", address.sun_path);
	if (peer)
		*peer = owner.pid;
	*fd = take_fd(s);
	return 0;
}

int control_send(int fd, const char *json, struct err *e)
{
	cleanup_free char *line = NULL;
	int left = asprintf(&line, "%s\n", json);

	if (left < 0) {
		line = NULL;
		return err_set(e, -ENOMEM, "no memory for a request");
	}
	for (const char *at = line; left > 0;) {
		ssize_t n = send(fd, at, (size_t)left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno == EAGAIN ? -ETIMEDOUT : -errno,
					 "the supervisor does not take the request");
		at += n;
		left -= (int)n;
	}
	return 0;
}

int control_receive(int fd, struct line_buffer *b, int timeout_ms, char **line, struct err *e)
{
	uint64_t end_ns = clock_now_ns() + (timeout_ms < 0 ? 0 : (unsigned)timeout_ms) * CLOCK_MS;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		char bytes[16384];
		size_t length;
		ssize_t n;
		int r;

		*line = line_buffer_next(b, &length);
		if (*line)
			return 1;
		r = clock_left_ms(end_ns);
		r = poll(&ready, 1, timeout_ms < 0 ? -1 : r > 0 ? r : 0);
		if (r == 0)
			return err_set(e, -ETIMEDOUT, "the supervisor did not answer within %d ms",
				       timeout_ms);
		if (r < 0)
			return err_errno(e, -errno, "waiting for the supervisor");
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n < 0)
			return err_errno(e, -errno, "reading from the supervisor");
		r = line_buffer_add(b, bytes, (size_t)n);
		if (r)
			return err_errno(e, r, "the supervisor's answer");
	}
}

static int read_answer(const char *line, const struct json_table *t, void *value, struct err *e)
{
	json_auto_t *json = json_read(line, strlen(line), e);
	int r;

	if (!json)
		return err_wrap(e, "the supervisor's answer");
	r = reply_error(json, e);
	return r || !t ? r : json_table_read(t, json, value, e);
}

int control_query(const struct cluster *c, const struct control_request *request, int timeout_ms,
		  char **text, const struct json_table *t, void *value, struct err *e)
{
	cleanup_free char *sent = NULL;
	struct line_buffer b = {0};
	cleanup_close int fd = -1;
	char *line;
	int r;

	if ((r = control_request_format(request, &sent, e)) ||
	    (r = control_connect(c, &fd, NULL, e)) || (r = control_send(fd, sent, e)))
		return r;
	r = control_receive(fd, &b, timeout_ms, &line, e);
	if (r == 0)
		r = err_set(e, -ECONNRESET, "the supervisor ended without an answer");
	else if (r > 0)
		r = read_answer(line, t, value, e);
	if (!r && text && !(*text = strdup(line)))
		r = err_set(e, -ENOMEM, "no memory for the supervisor's answer");
	line_buffer_release(&b);
	return r;
}
