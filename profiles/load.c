/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

static int unreadable(struct err *e, const char *path)
{
	return err_wrong(e, "%s: cannot be read: %s", path, strerror(errno));
}

/*
 * Open a regular file; O_NONBLOCK so that a pipe without a writer does not hang before fstat()
 * tells that it is one.
 */
static int open_file(const char *path, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return unreadable(e, path);
	if (!S_ISREG(st.st_mode))
		return err_wrong(e, "%s: is %s, allowed is a regular file", path,
				 S_ISDIR(st.st_mode)	? "a directory"
				 : S_ISFIFO(st.st_mode) ? "a pipe"
				 : S_ISSOCK(st.st_mode) ? "a socket"
							: "a device");
	return take_fd(fd);
}

int profile_load(const char *path, struct profile *out, struct err *e)
{
	cleanup_free char *text = malloc(PROFILE_TEXT_MAX + 1);
	cleanup_close int fd = -1;
	size_t size = 0;
	ssize_t got;

	if (!text)
		return err_set(e, -ENOMEM, "%s: out of memory", path);
	fd = open_file(path, e);
	if (fd < 0)
		return e->code;
	do {
		got = read(fd, text + size, PROFILE_TEXT_MAX + 1 - size);
		if (got > 0)
			size += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		return unreadable(e, path);
	if (size > PROFILE_TEXT_MAX)
		return err_wrong(e, "%s: is larger than %d bytes: this is no profile", path,
				 PROFILE_TEXT_MAX);
	return profile_parse(text, size, path, out, e);
}
