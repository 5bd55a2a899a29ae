/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/groups_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/plan/profile.h"
#include "launcher/system/lock.h"

/* "/tmp/cleave-UID": where a user has no runtime directory. */
static void own_top(char path[PROFILE_PATH])
{
	snprintf(path, PROFILE_PATH, "/tmp/cleave-%u", (unsigned)geteuid());
}

/* A directory in which only we can make names. */
static int open_directory(struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char own[PROFILE_PATH];
	const char *path = own;
	cleanup_close int fd = -1;
	struct stat st;

	own_top(own);
	if (geteuid() == 0)
		path = "/run";
	else if (runtime && runtime[0] == '/')
		path = runtime;
	if (path != runtime && mkdir(path, path == own ? 0700 : 0755) && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, -errno, "cannot open the directory %s", path);
	if (st.st_uid != geteuid() || st.st_mode & 022)
		return err_set(e, -EPERM,
			       "%s must belong to user %u and be closed to writes of others (it is "
			       "user %u's, mode %04o), since the lock of the cgroup tree is in it",
			       path, (unsigned)geteuid(), (unsigned)st.st_uid, st.st_mode & 07777);
	return take_fd(fd);
}

int groups_lock_take(const char *tree, struct groups_lock *out, pid_t *holder, struct err *e)
{
	cleanup_close int dir = open_directory(e);
	struct groups_lock l = {.fd = -1};
	struct stat st;
	int r;

	*holder = 0;
	if (dir < 0)
		return dir;
	snprintf(l.name, sizeof(l.name), "cleave-groups-%.48s.lock", tree);
	r = lock_file(dir, l.name, &l.fd, holder, e);
	if (r)
		return r;
	if (fstat(l.fd, &st) || st.st_uid != geteuid()) {
		close(l.fd);
		return err_set(e, -EPERM, "the lock %s is another user's file", l.name);
	}
	l.dir = take_fd(dir);
	*out = l;
	return 0;
}

void groups_lock_release(struct groups_lock *l)
{
	char own[PROFILE_PATH];

	if (l->fd < 0)
		return;
	unlinkat(l->dir, l->name, 0); /* who waits for it finds that it is another one now */
	close(l->fd);
	close(l->dir);
	l->fd = -1;
	own_top(own);
	if (geteuid() != 0)
		rmdir(own); /* unless somebody's state is in it */
}
