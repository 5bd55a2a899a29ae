/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

enum { TAIL_BYTES = 8192 };

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

int file_read(const char *path, size_t max, char **text, size_t *size, struct err *e)
{
	/* O_NONBLOCK: opening a FIFO must not hang. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *data = NULL;
	struct stat st;
	size_t got;
	int r;

	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "%s is not a regular file", path);
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return err_set(e, -EFBIG, "%s has %lld bytes, more than the %zu it may have", path,
			       (long long)st.st_size, max);
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return err_set(e, -ENOMEM, "no memory for %s", path);
	r = read_all(fd, data, (size_t)st.st_size, &got);
	if (r)
		return err_errno(e, r, "%s", path);
	data[got] = '\0';
	*text = take_pointer(data);
	*size = got;
	return 0;
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

static int sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	char *slash;
	cleanup_close int fd = -1;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: a file system without this promise (some FUSE ones). */
	return fd < 0 || (fsync(fd) && errno != EINVAL) ? -errno : 0;
}

static int write_synced(const char *path, const void *data, size_t size, mode_t mode)
{
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, mode) ? -errno : write_all(fd, data, size);
	if (!r && fsync(fd))
		r = -errno;
	if (close(take_fd(fd)) && !r)
		r = -errno;
	return r;
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode, struct err *e)
{
	char fresh[PATH_MAX];
	int n = snprintf(fresh, sizeof(fresh), "%s.new", path);
	int r;

	if (n < 0 || n >= (int)sizeof(fresh))
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	r = write_synced(fresh, data, size, mode);
	if (!r && rename(fresh, path))
		r = -errno;
	if (r) {
		unlink(fresh);
		return err_errno(e, r, "cannot write %s", path);
	}
	r = sync_directory_of(path);
	return r ? err_errno(e, r, "cannot sync the directory of %s", path) : 0;
}

int file_tail(const char *path, unsigned lines, char **text)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free char *data = calloc(1, TAIL_BYTES + 1);
	size_t got = 0, start;
	off_t end;

	if (!data)
		return -ENOMEM;
	end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (end > 0) {
		lseek(fd, end > TAIL_BYTES ? end - TAIL_BYTES : 0, SEEK_SET);
		if (read_all(fd, data, TAIL_BYTES, &got))
			got = 0;
	}
	while (got && data[got - 1] == '\n')
		got--;
	data[got] = '\0';
	for (start = got; start; start--)
		if (data[start - 1] == '\n' && --lines == 0)
			break;
	memmove(data, data + start, got - start + 1);
	*text = take_pointer(data);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

int directory_remove(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : err_errno(e, -errno, "%s", path);
	/* FTW_MOUNT: a file system that somebody mounted inside is not ours to empty. */
	if (nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		return err_errno(e, -errno, "cannot remove everything below %s", path);
	return 0;
}
