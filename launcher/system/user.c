/* SPDX-License-Identifier: Apache-2.0 */
/* Who the workers run as, and what that user can reach; declared in cluster.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/system/cluster.h"
#include "launcher/system/directory.h"

enum { USER_GROUPS = 256, PASSWD_BUFFER = 16384, AS_USER_MS = 10000 };

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

/* ---- with his rights */

bool cluster_become(const struct cluster *c, const gid_t *groups, int count)
{
	return setgroups((size_t)count, groups) == 0 && setresgid(c->gid, c->gid, c->gid) == 0 &&
	       setresuid(c->uid, c->uid, c->uid) == 0;
}

static _Noreturn void become(const struct cluster *c, const gid_t *groups, int count, int to,
			     int (*work)(void *context, struct err *e), void *context)
{
	struct err e = {0};

	if (!cluster_become(c, groups, count))
		err_errno(&e, -errno, "cannot become user %s", c->user);
	else if (work(context, &e) == 0)
		e.code = 0;
	_exit(write(to, &e, sizeof(e)) == sizeof(e) ? 0 : 1);
}

int cluster_as_user(const struct cluster *c, int (*work)(void *context, struct err *e),
		    void *context, struct err *e)
{
	cleanup_close int reader = -1, writer = -1;
	gid_t groups[USER_GROUPS];
	int count = USER_GROUPS, ends[2];
	struct pollfd answer = {.events = POLLIN};
	struct err said;
	ssize_t n = -1;
	pid_t pid;

	if (!c->user[0])
		return work(context, e);
	if (getgrouplist(c->user, c->gid, groups, &count) < 0)
		return err_set(e, -E2BIG, "user %s is in more than %d groups", c->user,
			       USER_GROUPS);
	if (pipe2(ends, O_CLOEXEC))
		return err_errno(e, -errno, "pipe");
	answer.fd = reader = ends[0];
	writer = ends[1];
	pid = fork();
	if (pid < 0)
		return err_errno(e, -errno, "fork");
	if (pid == 0)
		become(c, groups, count, writer, work, context);
	close(take_fd(writer));
	if (poll(&answer, 1, AS_USER_MS) > 0)
		n = read(reader, &said, sizeof(said)); /* at once: it is less than PIPE_BUF */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(said))
		return err_set(e, -ETIMEDOUT,
			       "what was to be done as user %s did not end within %d s", c->user,
			       AS_USER_MS / 1000);
	if (said.code)
		*e = said;
	return said.code;
}

/* ---- his directories */

struct task {
	const struct cluster *cluster;
	char parent[PROFILE_PATH], name[NAME_MAX + 1];
	mode_t mode; /* 0: it is removed */
	int at;	     /* the parent */
};

static int perform(const struct task *t, struct err *e)
{
	cleanup_close int fd = -1;

	if (!t->mode)
		return directory_remove_at(t->at, t->name, e);
	fd = directory_make_at(t->at, t->name, t->mode, t->cluster->uid, t->cluster->gid, e);
	return fd < 0 ? fd : 0;
}

/* As the user, whom his own path leads nowhere that he may not go himself. */
static int open_and_perform(void *context, struct err *e)
{
	struct task *t = context;
	cleanup_close int at = open(t->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	t->at = at;
	return at < 0 ? err_errno(e, -errno, "%s", t->parent) : perform(t, e);
}

static int perform_safely(const struct cluster *c, const char *path, mode_t mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct task t = {.cluster = c, .mode = mode};
	cleanup_close int at = -1;
	struct stat st;

	if (!slash || string_copy(t.name, slash + 1) ||
	    snprintf(t.parent, sizeof(t.parent), "%.*s", slash == path ? 1 : (int)(slash - path),
		     path) >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "%.300s", path);
	t.at = at = directory_open(t.parent, DIRECTORY_SHARED, e);
	if (at >= 0)
		return perform(&t, e);
	if (at == -ENOENT && !mode)
		return 0;
	if (at == -EPERM && c->user[0] && stat(t.parent, &st) == 0 && st.st_uid == c->uid)
		return cluster_as_user(c, open_and_perform, &t, e);
	return at;
}

int cluster_make_for_user(const struct cluster *c, const char *path, mode_t mode, struct err *e)
{
	return perform_safely(c, path, mode, e);
}

int cluster_remove_for_user(const struct cluster *c, const char *path, struct err *e)
{
	return perform_safely(c, path, 0, e);
}
