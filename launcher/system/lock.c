/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

static pid_t read_holder(int lock)
{
	char text[32];
	ssize_t n = pread(lock, text, sizeof(text) - 1, 0);
	int pid;

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%d", &pid) == 1 && pid > 0 ? pid : 0;
}

/* The pid is for messages: a full disk must not keep `down` from freeing it. */
void lock_sign(int fd)
{
	char pid[32];
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)length, 0) != length)
		(void)!ftruncate(fd, 0);
}

/*
 * flock() belongs to the open file: a forked supervisor has it, too, and it ends with the last
 * copy.
 */
int lock_file(int dir, const char *name, int *fd, pid_t *holder, struct err *e)
{
	*holder = 0;
	for (;;) {
		cleanup_close int lock = openat(
			dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		struct stat ours, there;

		if (lock < 0 || fstat(lock, &ours))
			return err_errno(e, -errno, "%s", name);
		if (!S_ISREG(ours.st_mode) || ours.st_nlink > 1)
			return err_set(e, -EPERM, "the lock %s is not a plain file", name);
		if (flock(lock, LOCK_EX | LOCK_NB)) {
			if (errno != EWOULDBLOCK)
				return err_errno(e, -errno, "%s", name);
			*holder = read_holder(lock);
			return err_set(e, -EBUSY, "%s is held by process %d", name, (int)*holder);
		}
		/*
		 * Its holder may have removed it meanwhile: then the file of that name is another
		 * one.
		 */
		if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) ||
		    ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
			continue;
		lock_sign(lock);
		*fd = take_fd(lock);
		return 0;
	}
}

int lock_take(const struct cluster *c, int *fd, pid_t *holder, struct err *e)
{
	cleanup_close int state = cluster_open_state(c, e);
	int r;

	*holder = 0;
	if (state < 0)
		return state;
	r = lock_file(state, "lock", fd, holder, e);
	if (r == -EBUSY)
		return err_set(e, r, "cluster %s is held by process %d", c->name, (int)*holder);
	return r ? err_wrap(e, "%s", c->state) : 0;
}

bool lock_is_held(const struct cluster *c, pid_t *holder)
{
	struct err ignored; /* nobody holds what cannot be had */
	cleanup_close int state = cluster_open_state(c, &ignored), lock = -1;

	*holder = 0;
	if (state < 0)
		return false;
	lock = openat(state, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (lock < 0 || flock(lock, LOCK_SH | LOCK_NB) == 0)
		return false;
	*holder = read_holder(lock);
	return true;
}
