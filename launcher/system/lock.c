/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

/*
 * flock() belongs to the open file: a forked supervisor has it, too, and it ends with the last
 * copy.
 */
int lock_take(const struct cluster *c, int *fd, pid_t *holder, struct err *e)
{
	static const char name[] = "lock";
	char pid[32];
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	*holder = 0;
	for (;;) {
		cleanup_close int state = cluster_open_state(c, e), lock = -1;
		struct stat ours, there;

		if (state < 0)
			return state;
		lock = openat(state, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (lock < 0)
			return err_errno(e, -errno, "%s/%s", c->state, name);
		if (flock(lock, LOCK_EX | LOCK_NB)) {
			ssize_t n;

			if (errno != EWOULDBLOCK)
				return err_errno(e, -errno, "%s/%s", c->state, name);
			n = pread(lock, pid, sizeof(pid) - 1, 0);
			pid[n > 0 ? n : 0] = '\0';
			if (sscanf(pid, "%d", holder) != 1 || *holder < 0)
				*holder = 0;
			return err_set(e, -EBUSY, "cluster %s is held by process %d", c->name,
				       (int)*holder);
		}
		/*
		 * A `down` may have removed it meanwhile, with its directory: then the file that is
		 * there is another one.
		 */
		if (fstat(lock, &ours) || fstatat(state, name, &there, AT_SYMLINK_NOFOLLOW) ||
		    ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
			continue;
		/* The pid is for messages: a full disk must not keep `down` from freeing it. */
		if (ftruncate(lock, 0) || pwrite(lock, pid, (size_t)length, 0) != length)
			(void)!ftruncate(lock, 0);
		*fd = take_fd(lock);
		return 0;
	}
}
