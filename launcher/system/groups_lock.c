/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/groups_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/plan/profile.h"
#include "launcher/system/directory.h"
#include "launcher/system/lock.h"

/* A directory in which only we can make names. */
static int open_directory(struct err *e)
{
	const char *runtime = cluster_runtime_dir();
	char own[PROFILE_PATH];

	if (geteuid() == 0)
		return directory_make("/run", 0755, e);
	if (runtime)
		return directory_open(runtime, DIRECTORY_OWN, e);
	cluster_own_top(own);
	return directory_make(own, 0700, e);
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
	cluster_own_top(own);
	if (geteuid() != 0)
		rmdir(own); /* unless somebody's state is in it */
}
