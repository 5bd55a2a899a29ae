/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

enum { CLOSE_MS = 1000 };

struct control_client {
	int fd; /* -1: free */
	pid_t peer;
	bool held;
	bool hung_up;
	struct line_buffer in;
	uint64_t since_ns, active_ns; /* when it came, and last sent a line or was answered */
	uint64_t line_since_ns;	      /* when an unfinished line began; 0: none */
	uint64_t unread_since_ns;     /* when it last read, of what is not yet read */
	char *out;
	size_t out_used;
};

struct control {
	int listener;
	char path[PROFILE_PATH];
	control_requested *requested;
	control_gone *gone;
	void *context;
	uint64_t now_ns; /* of the last turn */
	struct control_client clients[CONTROL_CLIENTS];
};

static int listen_at(const struct sockaddr_un *address)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	unlink(address->sun_path); /* a dead supervisor's: the caller has the lock */
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    chmod(address->sun_path, 0600) || listen(fd, CONTROL_CLIENTS))
		return -errno;
	return take_fd(fd);
}

int control_open(const struct cluster *c, uint64_t now_ns, control_requested *requested,
		 control_gone *gone, void *context, struct control **out, struct err *e)
{
	struct sockaddr_un address;
	struct control *control;
	int r = control_address(c, &address, e);
	int fd;

	if (r)
		return r;
	fd = listen_at(&address);
	if (fd < 0)
		return err_errno(e, fd, "cannot listen at %s", address.sun_path);
	control = calloc(1, sizeof(*control));
	if (!control) {
		close(fd);
		return err_set(e, -ENOMEM, "no memory for the control socket");
	}
	control->listener = fd;
	string_copy(control->path, address.sun_path);
	control->requested = requested;
	control->gone = gone;
	control->context = context;
	control->now_ns = now_ns;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	*out = control;
	return 0;
}

static void drop(struct control *c, struct control_client *client)
{
	bool held = client->held;

	close(client->fd);
	line_buffer_release(&client->in);
	free(client->out);
	*client = (struct control_client){.fd = -1};
	if (held)
		c->gone(c->context, client, CONTROL_CLOSED);
}

/* Send what can be sent now; return false if the client is gone. */
static bool flush(struct control *c, struct control_client *client)
{
	while (client->out_used) {
		ssize_t n = send(client->fd, client->out, client->out_used, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0) {
			drop(c, client);
			return false;
		}
		client->unread_since_ns = c->now_ns;
		client->out_used -= (size_t)n;
		memmove(client->out, client->out + n, client->out_used);
	}
	free(client->out);
	client->out = NULL;
	return true;
}

void control_answer(struct control *c, struct control_client *client, const char *json)
{
	size_t length = strlen(json);
	char *out;

	if (!client || client->fd < 0)
		return;
	out = client->out_used + length + 1 > CONTROL_ANSWER_MAX
		      ? NULL
		      : realloc(client->out, client->out_used + length + 1);
	if (!out) {
		drop(c, client);
		return;
	}
	if (!client->out_used)
		client->unread_since_ns = c->now_ns;
	client->active_ns = c->now_ns;
	memcpy(out + client->out_used, json, length);
	out[client->out_used + length] = '\n';
	client->out = out;
	client->out_used += length + 1;
	flush(c, client);
}

/* ---- replies */

/*
 * Without memory for a reply the client is dropped, like one that does not read: it must not wait
 * for ever.
 */
void control_reply(struct control *c, struct control_client *client, const struct reply *r)
{
	cleanup_free char *text = NULL;
	struct err ignored;

	if (!client || client->fd < 0)
		return;
	if (reply_format(r, &text, &ignored))
		drop(c, client);
	else
		control_answer(c, client, text);
}

void control_progress(struct control *c, struct control_client *client, const char *what,
		      const char *object, unsigned count, unsigned total)
{
	struct reply r = {.kind = REPLY_PROGRESS, .count = count, .total = total};

	snprintf(r.what, sizeof(r.what), "%s", what);
	memcpy(r.object, object, string_cut(object, sizeof(r.object) - 1));
	control_reply(c, client, &r);
}

void control_log(struct control *c, struct control_client *client, const char *name,
		 const char *line)
{
	struct reply r = {.kind = REPLY_LOG};

	snprintf(r.log, sizeof(r.log), "%s", name);
	memcpy(r.line, line, string_cut(line, sizeof(r.line) - 1));
	control_reply(c, client, &r);
}

void control_refuse(struct control *c, struct control_client *client, const struct err *why)
{
	control_reply(c, client, &(struct reply){.kind = REPLY_ERROR, .error = *why});
}

void control_close(struct control *c)
{
	uint64_t end_ns = clock_now_ns() + CLOSE_MS * CLOCK_MS;

	unlink(c->path);
	close(c->listener);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->clients[i];
		struct pollfd fd = {.fd = client->fd, .events = POLLOUT};
		int left_ms;

		client->held = false;
		while (client->fd >= 0 && client->out_used &&
		       (left_ms = clock_left_ms(end_ns)) > 0 && poll(&fd, 1, left_ms) > 0)
			flush(c, client);
		if (client->fd >= 0)
			drop(c, client);
	}
	free(c);
}

struct control_client *control_adopt(struct control *c, int fd, pid_t peer)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd >= 0)
			continue;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		c->clients[i].fd = fd;
		c->clients[i].peer = peer;
		c->clients[i].since_ns = c->clients[i].active_ns = c->now_ns;
		return &c->clients[i];
	}
	return NULL;
}

void control_hold(struct control_client *client)
{
	client->held = true;
}

void control_release(struct control_client *client)
{
	if (client)
		client->held = false;
}

pid_t control_peer(const struct control_client *client)
{
	return client->peer;
}

/* Whoever has nothing under way and was active last before all others leaves. */
static void make_room(struct control *c)
{
	struct control_client *idle = NULL;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->clients[i];

		if (client->fd < 0)
			return;
		if (!client->held && (!idle || client->active_ns < idle->active_ns))
			idle = client;
	}
	if (idle)
		drop(c, idle);
}

static void accept_client(struct control *c)
{
	cleanup_close int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct reply full = {.kind = REPLY_ERROR};
	cleanup_free char *text = NULL;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ||
	    (peer.uid != 0 && peer.uid != geteuid()))
		return;
	make_room(c);
	if (control_adopt(c, fd, peer.pid)) {
		take_fd(fd);
		return;
	}
	err_set(&full.error, -EBUSY, "%d other commands are waiting for the supervisor: try again",
		CONTROL_CLIENTS);
	if (reply_format(&full, &text, &(struct err){0}) == 0)
		control_send(fd, text, &(struct err){0});
}

/* What is no request ends the connection. */
static void end_refused(struct control *c, struct control_client *client, const struct err *e)
{
	control_refuse(c, client, e);
	if (client->fd >= 0)
		drop(c, client);
}

/* Hand over the whole lines that have come. The callee may drop the client by answering. */
static void serve_lines(struct control *c, struct control_client *client)
{
	size_t length;
	char *line;

	while (client->fd >= 0 && (line = line_buffer_next(&client->in, &length))) {
		struct control_request request;
		struct err e;

		client->active_ns = c->now_ns;
		if (control_request_parse(line, length, &request, &e)) {
			end_refused(c, client, &e);
			return;
		}
		c->requested(c->context, client, &request);
	}
}

static void receive(struct control *c, struct control_client *client, uint64_t now_ns)
{
	char bytes[16384];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);
	struct err e;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 0 && client->held && !client->hung_up) {
		client->hung_up = true;
		c->gone(c->context, client, CONTROL_HUNG_UP);
		return;
	}
	if (n <= 0) {
		drop(c, client);
		return;
	}
	if (line_buffer_add(&client->in, bytes, (size_t)n)) {
		err_wrong(&e, "a request may have %d bytes", CONTROL_LINE_MAX);
		end_refused(c, client, &e);
		return;
	}
	serve_lines(c, client);
	if (client->fd < 0)
		return;
	if (client->in.used == client->in.taken)
		client->line_since_ns = 0;
	else if (!client->line_since_ns)
		client->line_since_ns = now_ns;
}

unsigned control_fds(struct control *c, struct pollfd *fds)
{
	unsigned count = 0;

	fds[count++] = (struct pollfd){.fd = c->listener, .events = POLLIN};
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		const struct control_client *client = &c->clients[i];
		int events = (client->hung_up ? 0 : POLLIN) | (client->out_used ? POLLOUT : 0);

		if (client->fd >= 0)
			fds[count++] = (struct pollfd){.fd = client->fd, .events = (short)events};
	}
	return count;
}

static struct control_client *client_of(struct control *c, int fd)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd == fd)
			return &c->clients[i];
	return NULL;
}

/* Whether it has had all the time that there is for what it does. */
static bool is_overdue(const struct control_client *client, uint64_t now_ns)
{
	const uint64_t second = 1000000000;
	unsigned total = client->held ? CONTROL_HELD_SECONDS : CONTROL_TOTAL_SECONDS;

	if (client->line_since_ns && now_ns - client->line_since_ns > CONTROL_LINE_SECONDS * second)
		return true;
	if (client->out_used && now_ns - client->unread_since_ns > CONTROL_UNREAD_SECONDS * second)
		return true;
	if (!client->held && now_ns - client->active_ns > CONTROL_IDLE_SECONDS * second)
		return true;
	return now_ns - client->since_ns > total * second;
}

void control_turn(struct control *c, const struct pollfd *fds, unsigned count, uint64_t now_ns)
{
	c->now_ns = now_ns;
	for (unsigned i = 1; i < count; i++) {
		struct control_client *client = fds[i].revents ? client_of(c, fds[i].fd) : NULL;

		if (!client)
			continue;
		if (fds[i].revents & POLLOUT && !flush(c, client))
			continue;
		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
			receive(c, client, now_ns);
	}
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0 && is_overdue(&c->clients[i], now_ns))
			drop(c, &c->clients[i]);
	/* Last, so that a new client is not mistaken for the one whose descriptor it got. */
	if (count && fds[0].revents)
		accept_client(c);
}
