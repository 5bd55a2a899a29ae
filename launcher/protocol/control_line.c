/* Lines, requests and the commands' side of the control socket. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/control.h"
#include "launcher/system/json.h"

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

static int read_command(json_t *root, struct control_request *out, struct err *e)
{
	static const char *const names[] = {"status", "apply", "down", "rebalance"};
	const char *name = json_string_value(json_object_get(root, "cmd"));

	if (!name)
		return err_wrong(e, "a request is a JSON object with the key cmd");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			out->command = (enum control_command)i;
			return 0;
		}
	return err_wrong(e, "cmd: %.40s is not one of status, apply, down, rebalance", name);
}

static int read_request(json_t *root, struct control_request *out, struct err *e)
{
	json_t *state = json_object_get(root, "state");
	int r = read_command(root, out, e);

	if (r)
		return r;
	if (out->command == CONTROL_REBALANCE)
		return rebalance_request_read(root, &out->rebalance, e);
	if (json_object_size(root) != (out->command == CONTROL_APPLY ? 2u : 1u))
		return err_wrong(e, "a request has the key cmd, apply's also state, and no other");
	if (out->command != CONTROL_APPLY)
		return 0;
	if (!json_is_object(state))
		return err_wrong(e, "state: an object is expected");
	out->state = json_dumps(state, JSON_COMPACT);
	if (!out->state)
		return err_set(e, -ENOMEM, "no memory for a request");
	out->state_size = strlen(out->state);
	return 0;
}

int control_request_parse(const char *line, size_t length, struct control_request *out,
			  struct err *e)
{
	struct control_request request = {0};
	json_auto_t *root = json_read(line, length, e);
	int r;

	if (!root)
		return err_wrap(e, "the request");
	r = read_request(root, &request, e);
	if (!r)
		*out = request;
	return r;
}

void control_request_release(struct control_request *r)
{
	free(r->state);
	*r = (struct control_request){0};
}

int control_connect(const struct cluster *c, int *fd, pid_t *peer, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[PROFILE_PATH];
	struct ucred owner;
	socklen_t size = sizeof(owner);
	int r = cluster_file(c, "control", path, e);

	if (r)
		return r;
	if (s < 0)
		return err_errno(e, -errno, "socket");
	if (string_copy(address.sun_path, path))
		return err_set(e, -ENAMETOOLONG, "the socket path %s is too long", path);
	if (connect(s, (struct sockaddr *)&address, sizeof(address)))
		return err_errno(e, -errno, "no supervisor answers at %s", path);
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &owner, &size))
		return err_errno(e, -errno, "%s", path);
	if (peer)
		*peer = owner.pid;
	*fd = take_fd(s);
	return 0;
}

int control_send(int fd, const char *json, struct err *e)
{
	char newline[] = "\n";
	struct iovec parts[2] = {{(void *)json, strlen(json)}, {newline, 1}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	while (parts[0].iov_len || parts[1].iov_len) {
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, -errno, "the supervisor does not take the request");
		for (unsigned i = 0; i < 2; i++) {
			size_t part = (size_t)n < parts[i].iov_len ? (size_t)n : parts[i].iov_len;

			parts[i].iov_base = (char *)parts[i].iov_base + part;
			parts[i].iov_len -= part;
			n -= (ssize_t)part;
		}
	}
	return 0;
}

int control_receive(int fd, struct line_buffer *b, int timeout_ms, char **line, struct err *e)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		char bytes[16384];
		size_t length;
		ssize_t n;
		int r;

		*line = line_buffer_next(b, &length);
		if (*line)
			return 1;
		r = poll(&ready, 1, timeout_ms);
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

int control_error(json_t *answer, struct err *e)
{
	char text[ERR_TEXT];
	int exit_class = ERR_FAILED;
	struct err ignored;

	if (!json_object_get(answer, "error"))
		return 0;
	if (json_read_text(answer, "error", text, sizeof(text), &ignored))
		return err_set(e, -EBADMSG, "the supervisor's answer cannot be understood");
	json_read_int(answer, "exit", ERR_FAILED, ERR_DRIFT, &exit_class, &ignored);
	err_set(e, -ECANCELED, "%s", text);
	e->exit = (enum err_exit)exit_class;
	return e->code;
}

static int take_answer(const char *line, char **answer, struct err *e)
{
	json_auto_t *root = json_read(line, strlen(line), e);
	int r;

	if (!root)
		return err_wrap(e, "the supervisor's answer");
	r = control_error(root, e);
	if (r)
		return r;
	*answer = strdup(line);
	return *answer ? 0 : err_set(e, -ENOMEM, "no memory for the supervisor's answer");
}

int control_ask(const struct cluster *c, const char *request, int timeout_ms, char **answer,
		struct err *e)
{
	struct line_buffer b = {0};
	cleanup_close int fd = -1;
	char *line;
	int r = control_connect(c, &fd, NULL, e);

	if (r)
		return r;
	r = control_send(fd, request, e);
	if (!r) {
		r = control_receive(fd, &b, timeout_ms, &line, e);
		if (r > 0)
			r = take_answer(line, answer, e);
		else if (r == 0)
			r = err_set(e, -ECONNRESET, "the supervisor ended without an answer");
	}
	line_buffer_release(&b);
	return r;
}
