/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/engine/hijack.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "containers/engine/answer.h"
#include "containers/engine/api.h"
#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

static int await(int fd, short events, uint64_t end_ns, struct err *e)
{
	for (;;) {
		const int left_ms = clock_left_ms(end_ns);
		const int ready = poll(&(struct pollfd){.fd = fd, .events = events}, 1,
				       left_ms > 0 ? left_ms : 0);

		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot poll");
		if (left_ms <= 0)
			return err_set(e, -ETIMEDOUT, "the container engine does not answer");
	}
}

static int send_all(int fd, const char *text, uint64_t end_ns, struct err *e)
{
	for (size_t left = strlen(text); left;) {
		ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return err_errno(e, -ECONNREFUSED, "the container engine has gone");
		if (sent < 0 && await(fd, POLLOUT, end_ns, e))
			return e->code;
		text += sent > 0 ? sent : 0;
		left -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

/* The next bytes; 0: the end. */
static ssize_t receive(int fd, char *to, size_t size, uint64_t end_ns, struct err *e)
{
	for (;;) {
		ssize_t got = recv(fd, to, size, 0);

		if (got >= 0)
			return got;
		if (errno != EAGAIN && errno != EINTR)
			return err_errno(e, -ECONNREFUSED, "the container engine has gone");
		if (await(fd, POLLIN, end_ns, e))
			return e->code;
	}
}

/* Read until the empty line; what is behind it stays in h->first. Return the status. */
static int head_read(struct hijack *h, uint64_t end_ns, struct err *e)
{
	char *end = NULL;
	unsigned status;

	while (!end) {
		ssize_t got;

		if (h->size == sizeof(h->first) - 1)
			return err_set(e, -EBADMSG, "the container engine's answer has no end");
		got = receive(h->fd, h->first + h->size, sizeof(h->first) - 1 - h->size, end_ns, e);
		if (got < 0)
			return (int)got;
		if (got == 0)
			return err_set(e, -ECONNREFUSED,
				       "the container engine closed the connection");
		h->size += (size_t)got;
		h->first[h->size] = '\0';
		end = memmem(h->first, h->size, "\r\n\r\n", 4);
	}
	if (sscanf(h->first, "HTTP/1.%*1u %3u", &status) != 1 || status < 100)
		return err_set(e, -EBADMSG, "what answers is no container engine");
	end += 4;
	h->size -= (size_t)(end - h->first);
	memmove(h->first, end, h->size);
	return (int)status;
}

int hijack_read_all(struct hijack *h, int timeout_ms, char *text, size_t size, size_t *length,
		    struct err *e)
{
	const uint64_t end_ns = clock_now_ns() + (uint64_t)timeout_ms * CLOCK_MS;
	size_t used = h->size;
	ssize_t got = 1;

	if (used >= size)
		return err_set(e, -EFBIG, "the container engine says too much");
	memcpy(text, h->first, used);
	while (got) {
		if (used + 1 == size)
			return err_set(e, -EFBIG, "the container engine says too much");
		got = receive(h->fd, text + used, size - 1 - used, end_ns, e);
		if (got < 0)
			return (int)got;
		used += (size_t)got;
	}
	text[used] = '\0';
	*length = used;
	return 0;
}

static int refusal(struct hijack *h, int status, struct err *e)
{
	char body[HIJACK_HEAD], words[ERR_TEXT / 2] = "";
	struct err ignored;
	const char *object;
	size_t length;

	/* Between the sizes of chunks, if it is cut into such. */
	if (!hijack_read_all(h, API_SOON_MS, body, sizeof(body), &length, &ignored)) {
		object = memchr(body, '{', length);
		if (object)
			answer_message(object, strcspn(object, "\r\n"), words, sizeof(words));
	}
	if (!words[0])
		snprintf(words, sizeof(words), "the container engine answers %d", status);
	return err_set(e, api_status_code(status), "%s", words);
}

int hijack_open(const char *socket_path, const char *path, const char *body, enum hijack_way way,
		struct hijack *out, struct err *e)
{
	const uint64_t end_ns = clock_now_ns() + API_SOON_MS * CLOCK_MS;
	struct hijack h = {.fd = api_connect(socket_path, e)};
	cleanup_close int fd = h.fd;
	char request[API_PATH + 256];
	int status;

	if (h.fd < 0)
		return h.fd;
	/* 1.0 knows no chunks: the body is what comes until the end. */
	snprintf(request, sizeof(request),
		 "POST %s HTTP/%s\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\n%s\r\n%s",
		 path, way == HIJACK_STREAM ? "1.1" : "1.0", body ? strlen(body) : 0,
		 way == HIJACK_STREAM ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "",
		 body ? body : "");
	if (send_all(h.fd, request, end_ns, e))
		return e->code;
	status = head_read(&h, end_ns, e);
	if (status < 0)
		return status;
	if (status != 101 && (status < 200 || status >= 300))
		return refusal(&h, status, e);
	*out = h;
	take_fd(fd);
	return 0;
}
