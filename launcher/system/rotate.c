/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

/* Its last bytes into a new file of the same owner; what cannot be copied as a whole is not there. */
static int copy_end(int log, const struct stat *st, int dir, const char *old)
{
	off_t at = st->st_size - ROTATE_KEPT_BYTES, from = at;
	cleanup_close int fd = -1;
	ssize_t n;

	if (unlinkat(dir, old, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, old, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchown(fd, st->st_uid, st->st_gid))
		return -errno;
	do
		n = sendfile(fd, log, &from, ROTATE_KEPT_BYTES);
	while ((n > 0 && from - at < 2 * ROTATE_KEPT_BYTES) || (n < 0 && errno == EINTR));
	if (n >= 0)
		return 0;
	n = -errno;
	unlinkat(dir, old, 0);
	return (int)n;
}

int log_rotate(int dir, const char *name, uid_t owner, struct err *e)
{
	cleanup_close int log = -1;
	char old[PATH_MAX];
	struct stat st;
	int r;

	/* Mostly that is all: nothing is opened. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : err_errno(e, -errno, "%s", name);
	if (!S_ISREG(st.st_mode) || st.st_size < ROTATE_MAX_BYTES)
		return 0;
	if (snprintf(old, sizeof(old), "%s.1", name) >= (int)sizeof(old))
		return err_errno(e, -ENAMETOOLONG, "%s", name);
	log = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (log < 0 || fstat(log, &st))
		return err_errno(e, -errno, "%s", name);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != owner)
		return err_set(e, -EPERM,
			       "%s is not emptied: it is not a plain file of user %u with one name",
			       name, (unsigned)owner);
	r = copy_end(log, &st, dir, old);
	if (r && st.st_size < 2 * (off_t)ROTATE_MAX_BYTES)
		return err_errno(e, r, "cannot keep the end of %s", name);
	if (ftruncate(log, 0))
		return err_errno(e, -errno, "cannot empty %s", name);
	return 1;
}
