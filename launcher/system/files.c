/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

static int read_all(int fd, char *to, size_t size, size_t *got)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = read(fd, to + *got, size - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*got += (size_t)n;
	}
	return 0;
}

/* `fd` is the file's, or negative errno; `name` is for messages. */
static int read_whole(int fd, const char *name, size_t max, char **text, size_t *size,
		      struct err *e)
{
	cleanup_free char *data = NULL;
	struct stat st;
	size_t got;
	int r;

	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, fd < 0 ? fd : -errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "%s is not a regular file", name);
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return err_set(e, -EFBIG, "%s has %lld bytes, more than the %zu it may have", name,
			       (long long)st.st_size, max);
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return err_set(e, -ENOMEM, "no memory for %s", name);
	r = read_all(fd, data, (size_t)st.st_size, &got);
	if (r)
		return err_errno(e, r, "%s", name);
	data[got] = '\0';
	*text = take_pointer(data);
	*size = got;
	return 0;
}

/* O_NONBLOCK: opening a FIFO must not hang. */
static const int open_to_read = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

int file_read(const char *path, size_t max, char **text, size_t *size, struct err *e)
{
	cleanup_close int fd = open(path, open_to_read);

	return read_whole(fd < 0 ? -errno : fd, path, max, text, size, e);
}

int file_read_at(int at, const char *name, size_t max, char **text, size_t *size, struct err *e)
{
	cleanup_close int fd = openat(at, name, open_to_read | O_NOFOLLOW);

	return read_whole(fd < 0 ? -errno : fd, CONTROL_NAME(at, name), max, text, size, e);
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_synced(int at, const char *name, const void *data, size_t size,
			const struct file_owner *owner)
{
	cleanup_close int fd =
		openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	/* Not what the umask makes of it, and given away before there is anything in it. */
	r = (owner->uid != (uid_t)-1 && fchown(fd, owner->uid, owner->gid)) ||
			    fchmod(fd, owner->mode)
		    ? -errno
		    : write_all(fd, data, size);
	return r || !fsync(fd) ? r : -errno;
}

int file_replace_at(int at, const char *name, const void *data, size_t size,
		    const struct file_owner *owner, struct err *e)
{
	char fresh[NAME_MAX + 1];
	int n = snprintf(fresh, sizeof(fresh), "%s.new", name);
	int r;

	if (n < 0 || n >= (int)sizeof(fresh))
		return err_errno(e, -ENAMETOOLONG, "%s", name);
	unlinkat(at, fresh, 0); /* of a writer that was killed */
	r = write_synced(at, fresh, data, size, owner);
	if (!r && renameat(at, fresh, at, name))
		r = -errno;
	if (r) {
		unlinkat(at, fresh, 0);
		return err_errno(e, r, "cannot write %s", CONTROL_NAME(at, name));
	}
	/* EINVAL: a file system without this promise (some FUSE ones). */
	return fsync(at) && errno != EINVAL
		       ? err_errno(e, -errno, "cannot sync the directory of %s",
				   CONTROL_NAME(at, name))
		       : 0;
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	cleanup_close int at = -1;

	if (slash &&
	    snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - path), path) >= PATH_MAX)
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_errno(e, -errno, "cannot write %s", path);
	return file_replace_at(at, slash ? slash + 1 : path, data, size, FILE_OF_CALLER(mode), e);
}
