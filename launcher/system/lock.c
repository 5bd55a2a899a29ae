#include "launcher/system/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

/* flock() belongs to the open file: a forked supervisor has it, too, and it ends with the last copy of the descriptor. */
static int try_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

/* Whether the locked file is still the one at `path`: a `down` may have removed it meanwhile. */
static bool is_current(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
	       ours.st_dev == there.st_dev;
}

static pid_t read_holder(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%d", &pid) == 1 && pid > 0 ? pid : 0;
}

int lock_take(const struct cluster *c, int *fd, pid_t *holder, struct err *e)
{
	char path[PROFILE_PATH], pid[32];
	int r = cluster_file(c, "lock", path, e);
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	*holder = 0;
	while (!r) {
		cleanup_close int lock =
			open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (lock < 0)
			return err_errno(e, -errno, "%s", path);
		r = try_lock(lock);
		if (r == -EBUSY) {
			*holder = read_holder(lock);
			return err_set(e, -EBUSY, "cluster %s is held by process %d", c->name,
				       (int)*holder);
		}
		if (r)
			return err_errno(e, r, "%s", path);
		if (!is_current(lock, path))
			continue;
		if (ftruncate(lock, 0) || pwrite(lock, pid, (size_t)length, 0) != length)
			return err_errno(e, -(errno ? errno : ENOSPC), "cannot write %s", path);
		*fd = take_fd(lock);
		return 0;
	}
	return r;
}
