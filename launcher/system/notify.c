/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decision/base/strings.h"

void notify_open(struct notify *out)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*out = (struct notify){.fd = -1, .to.sun_family = AF_UNIX};
	if (path && (path[0] == '/' || path[0] == '@') && !string_copy(out->to.sun_path, path)) {
		out->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
		if (path[0] == '@')
			out->to.sun_path[0] = '\0';
		out->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	unsetenv("NOTIFY_SOCKET");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void notify_manager(struct notify *n, const char *text)
{
	n->unsaid = text;
	notify_again(n);
}

void notify_again(struct notify *n)
{
	ssize_t sent;

	if (n->fd < 0 || !n->unsaid)
		return;
	sent = sendto(n->fd, n->unsaid, strlen(n->unsaid), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&n->to, n->size);
	/* Its queue is full: so it is there, and will read. All else is an end of it. */
	if (sent >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS))
		n->unsaid = NULL;
}
