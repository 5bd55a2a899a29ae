/* SPDX-License-Identifier: Apache-2.0 */
/* Who the workers run as, and what that user can reach; declared in cluster.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/system/cluster.h"

enum { USER_GROUPS = 256, PASSWD_BUFFER = 16384 };

static int look_up(const char *name, struct cluster *c, struct err *e)
{
	cleanup_free char *buffer = malloc(PASSWD_BUFFER);
	struct passwd entry, *found = NULL;
	int r;

	if (!buffer)
		return err_set(e, -ENOMEM, "no memory to look up user %s", name);
	r = getpwnam_r(name, &entry, buffer, PASSWD_BUFFER, &found);
	if (r)
		return err_errno(e, -r, "looking up user %s", name);
	if (!found)
		return err_set(e, -ENOENT, "security.user: there is no user %s on this machine",
			       name);
	if (found->pw_uid == geteuid()) {
		c->user[0] = '\0';
		return 0;
	}
	if (geteuid() != 0)
		return err_set(
			e, -EPERM,
			"security.user: only root can start workers as %s, the caller is user %u",
			name, (unsigned)geteuid());
	c->uid = found->pw_uid;
	c->gid = found->pw_gid;
	return string_copy(c->user, name)
		       ? err_set(e, -ENAMETOOLONG, "security.user: a name of more than %d bytes",
				 PROFILE_WORD - 1)
		       : 0;
}

int cluster_user(const struct profile *p, struct cluster *c, struct err *e)
{
	const char *sudo = getenv("SUDO_USER");

	if (p->security.user[0])
		return look_up(p->security.user, c, e);
	if (geteuid() == 0 && sudo && sudo[0])
		return look_up(sudo, c, e);
	return 0;
}

static bool user_may(const struct cluster *c, const gid_t *groups, int count, const struct stat *st,
		     int mode)
{
	unsigned wanted = (unsigned)mode & 7; /* R_OK, W_OK, X_OK are the bits of a mode */

	if (c->uid == 0)
		return true;
	if (st->st_uid == c->uid)
		return ((st->st_mode >> 6) & wanted) == wanted;
	for (int i = 0; i < count; i++)
		if (groups[i] == st->st_gid)
			return ((st->st_mode >> 3) & wanted) == wanted;
	return (st->st_mode & wanted) == wanted;
}

static int check_one(const struct cluster *c, const gid_t *groups, int count, const char *path,
		     int mode, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_errno(e, -errno, "%s", path);
	if (user_may(c, groups, count, &st, mode))
		return 0;
	return err_set(
		e, -EACCES,
		"security.user: user %s may not %s %s (mode %04o): open it to that user, choose "
		"another place, or another user",
		c->user,
		mode & W_OK   ? "write"
		: mode & R_OK ? "read"
			      : "enter",
		path, (unsigned)(st.st_mode & 07777));
}

int cluster_user_access(const struct cluster *c, const char *path, int mode, struct err *e)
{
	gid_t groups[USER_GROUPS];
	int count = USER_GROUPS;
	cleanup_free char *real = NULL;
	int r;

	if (!c->user[0])
		return 0;
	if (getgrouplist(c->user, c->gid, groups, &count) < 0)
		return err_set(e, -E2BIG, "user %s is in more than %d groups", c->user,
			       USER_GROUPS);
	real = realpath(path, NULL);
	if (!real)
		return err_errno(e, -errno, "%s", path);
	for (char *slash = strchr(real, '/'); slash; slash = strchr(slash + 1, '/')) {
		char next = slash[1];

		slash[1] = '\0';
		r = check_one(c, groups, count, real, X_OK, e);
		slash[1] = next;
		if (r)
			return r;
	}
	return check_one(c, groups, count, real, mode, e);
}
