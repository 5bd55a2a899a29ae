/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_NOTIFY_H
#define LAUNCHER_SYSTEM_NOTIFY_H

/*
 * Tell the service manager, in the words of sd_notify(3): "READY=1". Nobody waits for it: what it
 * does not take at once is said again.
 */

#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: there is no manager */
	struct sockaddr_un to;
	socklen_t size;
	const char *unsaid; /* NULL: it has heard all */
};

/*
 * Take $NOTIFY_SOCKET out of the environment, so that no child speaks for us. Whoever is not the
 * process that the manager has started closes it again.
 */
void notify_open(struct notify *out);
void notify_close(struct notify *n);

/* `text` is a constant. What was said before and not heard is forgotten for it. */
void notify_manager(struct notify *n, const char *text);

/* What could not be said before, once more. */
void notify_again(struct notify *n);

#endif
