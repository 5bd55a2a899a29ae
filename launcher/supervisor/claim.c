/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/claim.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "decision/base/cleanup.h"

int claim_take(const char *name, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;
	size_t room = sizeof(address.sun_path) - 1; /* behind the NUL that makes it abstract */
	int length = snprintf(address.sun_path + 1, room, "cleave/%s", name);

	if (length < 0 || (size_t)length >= room)
		return err_set(e, -ENAMETOOLONG, "claim of %s: more than %zu bytes", name, room);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) < 0)
		return err_errno(e, -errno, "claim of %s", name);
	return take_fd(fd);
}
