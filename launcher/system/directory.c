/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

enum {
	LINKS_MAX = 40,	 /* on one way, as the kernel has it (path_resolution(7)) */
	DEPTH_MAX = 64,	 /* descriptors that are open at once while a tree is removed */
	PASSES_MAX = 16, /* over one directory */
	NAMES_TRIED = 64,
};

static const int open_directory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/* ---- the way from / */

bool directory_is_closed(const struct stat *st)
{
	uid_t uid = geteuid();

	return (st->st_uid == 0 || st->st_uid == uid) && !(st->st_mode & S_IWOTH) &&
	       (uid != 0 || st->st_gid == 0 || !(st->st_mode & S_IWGRP));
}

/* In a sticky directory nobody can replace what belongs to others. */
static bool is_shared(const struct stat *st)
{
	return st->st_uid == 0 && st->st_mode & S_ISVTX;
}

/* A walk: `at` is open, `rest` is still to go. */
struct way {
	const char *path; /* as it was given, for messages */
	int at;
	struct stat st; /* of `at` */
	unsigned links;
	bool makes; /* what is missing, and the last one with `mode` */
	mode_t mode;
	char rest[PATH_MAX];
};

static int begin(struct way *w, const char *rest, struct err *e)
{
	if (w->at >= 0)
		close(w->at);
	w->at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->at < 0 || fstat(w->at, &w->st))
		return err_errno(e, -errno, "/");
	return string_copy_n(w->rest, sizeof(w->rest), rest)
		       ? err_errno(e, -ENAMETOOLONG, "%.300s", w->path)
		       : 0;
}

static int refuse(const struct way *w, const char *name, const struct stat *st, struct err *e)
{
	char there[CONTROL_PATH];

	return err_set(e, -EPERM,
		       "%.300s: %.200s in %.200s belongs to user %u and has mode %04o, so others "
		       "could write there: give it to the caller and close it, or "
		       "choose another place",
		       w->path, name, control_path(w->at, "", there), (unsigned)st->st_uid,
		       (unsigned)(st->st_mode & 07777));
}

/* A link in a place where only its owner could have made it. */
static int follow(struct way *w, const char *name, const char *behind, const struct stat *st,
		  struct err *e)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(w, name, st, e);
	n = ++w->links > LINKS_MAX ? -1 : readlinkat(w->at, name, target, sizeof(target) - 1);
	if (n < 0)
		return err_errno(e, w->links > LINKS_MAX ? -ELOOP : -errno, "%.300s", w->path);
	target[n] = '\0';
	if (snprintf(rest, sizeof(rest), "%s/%s", target, behind) >= (int)sizeof(rest))
		return err_errno(e, -ENAMETOOLONG, "%.300s", w->path);
	if (target[0] == '/')
		return begin(w, rest, e);
	memcpy(w->rest, rest, strlen(rest) + 1);
	return 0;
}

/* One name further. */
static int step(struct way *w, const char *name, const char *behind, struct err *e)
{
	bool is_last = !behind[strspn(behind, "/")], is_new;
	cleanup_close int next = -1;
	struct stat st;

	is_new = w->makes && mkdirat(w->at, name, is_last ? w->mode : 0755) == 0;
	if (w->makes && !is_new && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %.300s", w->path);
	if (fstatat(w->at, name, &st, AT_SYMLINK_NOFOLLOW))
		return err_errno(e, -errno, "%.300s", w->path);
	if (S_ISLNK(st.st_mode))
		return follow(w, name, behind, &st, e);
	next = openat(w->at, name, open_directory);
	if (next < 0 || fstat(next, &st))
		return err_errno(e, -errno, "%.300s", w->path);
	if (!directory_is_closed(&st) && !is_shared(&st))
		return refuse(w, name, &st, e);
	/* Whatever the umask: workers of another user have to pass. */
	if (is_new && fchmod(next, is_last ? w->mode : 0755))
		return err_errno(e, -errno, "%.300s", w->path);
	close(w->at);
	w->at = take_fd(next);
	w->st = st;
	memmove(w->rest, behind, strlen(behind) + 1);
	return 0;
}

static int go(struct way *w, enum directory_use use, struct err *e)
{
	char name[NAME_MAX + 1];
	int r = w->path[0] == '/' ? begin(w, w->path, e)
				  : err_wrong(e, "%.300s is no absolute path", w->path);

	while (!r) {
		const char *at = w->rest + strspn(w->rest, "/");
		size_t length = strcspn(at, "/");

		if (!length)
			break;
		if (length > NAME_MAX)
			r = err_errno(e, -ENAMETOOLONG, "%.300s", w->path);
		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		if (!r)
			r = step(w, name, at + length, e);
	}
	if (!r && use == DIRECTORY_OWN && !directory_is_closed(&w->st))
		r = refuse(w, ".", &w->st, e);
	if (!r)
		return take_fd(w->at);
	if (w->at >= 0)
		close(w->at);
	return r;
}

int directory_open(const char *path, enum directory_use use, struct err *e)
{
	struct way w = {.path = path, .at = -1};

	return go(&w, use, e);
}

int directory_make(const char *path, mode_t mode, struct err *e)
{
	struct way w = {.path = path, .at = -1, .makes = true, .mode = mode};

	return go(&w, DIRECTORY_OWN, e);
}

/* ---- below a directory */

int directory_open_below(int at, const char *path, int flags, struct err *e)
{
	cleanup_close int above = -1;
	char name[NAME_MAX + 1];

	for (const char *next = path;; next++) {
		size_t length = strcspn(next, "/");
		bool is_last = !next[length];
		int fd;

		if (!length || length > NAME_MAX)
			return err_set(e, -EINVAL, "%.300s is no plain path", path);
		snprintf(name, sizeof(name), "%.*s", (int)length, next);
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			return err_set(e, -EINVAL, "%.300s is no plain path", path);
		/* O_NONBLOCK: opening a FIFO must not hang. */
		fd = openat(above < 0 ? at : above, name,
			    is_last ? flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
				    : open_directory);
		if (fd < 0)
			return err_errno(e, -errno, "%s", CONTROL_NAME(at, path));
		if (is_last)
			return fd;
		if (above >= 0)
			close(above);
		above = fd;
		next += length;
	}
}

int directory_make_at(int at, const char *name, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	bool is_new = mkdirat(at, name, mode) == 0;
	cleanup_close int fd = -1;
	struct stat st;

	if (!is_new && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", CONTROL_NAME(at, name));
	fd = openat(at, name, open_directory);
	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, -errno, "cannot open the directory %s", CONTROL_NAME(at, name));
	if (st.st_uid != uid && st.st_uid != geteuid())
		return err_set(e, -EPERM,
			       "%s belongs to user %u: remove it, or choose another place",
			       CONTROL_NAME(at, name), (unsigned)st.st_uid);
	/* Whatever is in it, somebody else may have put there. */
	if (!is_new && st.st_uid == geteuid() && !directory_is_closed(&st))
		return err_set(
			e, -EPERM,
			"%s has mode %04o, so others could have written there: remove it, or "
			"choose another place",
			CONTROL_NAME(at, name), (unsigned)(st.st_mode & 07777));
	is_new |= st.st_uid != uid; /* of an `up` that was killed just here */
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid))
		return err_errno(e, -errno, "cannot give %s to user %u", CONTROL_NAME(at, name),
				 (unsigned)uid);
	/* Whatever the umask. */
	if (is_new && fchmod(fd, mode))
		return err_errno(e, -errno, "cannot set mode %04o of %s", (unsigned)mode,
				 CONTROL_NAME(at, name));
	return take_fd(fd);
}

/* ---- removing a tree */

/*
 * Of a tree deeper than DEPTH_MAX, what is below is moved up to its top, and found there by the
 * next pass over it.
 */
struct removal {
	int top;
	dev_t device;
	unsigned long moved;
	const char *why; /* a directory is left, NULL: none is */
};

static int remove_name(struct removal *x, int at, const struct stat *above, const char *name,
		       unsigned depth);

/* Remove what is in the open directory. */
static int empty(struct removal *x, int fd, const struct stat *st, unsigned depth)
{
	bool has_any = true;
	int r = 0;

	/* Our own may have any mode. */
	if (geteuid() != 0 && (st->st_mode & 0700) != 0700 && fchmod(fd, 0700))
		return -errno;
	for (unsigned long pass = 0; !r && has_any; pass++) {
		cleanup_closedir DIR *list = control_list(fd, ".");
		struct dirent *entry;

		if (!list)
			return -errno;
		if (pass > PASSES_MAX + (depth ? 0 : x->moved))
			return -ENOTEMPTY;
		for (has_any = false; !r && (entry = readdir(list));) {
			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			has_any = true;
			r = remove_name(x, fd, st, entry->d_name, depth);
		}
	}
	return r;
}

static int move_up(struct removal *x, int at, const char *name)
{
	for (unsigned i = 0; i < NAMES_TRIED; i++) {
		char fresh[48];

		snprintf(fresh, sizeof(fresh), "cleave-removes-%lu", x->moved++);
		if (renameat(at, name, x->top, fresh) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			break;
	}
	return -errno;
}

/* One that cannot be read, and is ours, can be made readable. */
static int open_to_empty(int at, const char *name)
{
	int fd = openat(at, name, open_directory);
	cleanup_close int itself = -1;
	char link[64];
	struct stat st;

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	itself = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (itself < 0 || fstat(itself, &st))
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", itself);
	if (st.st_uid != geteuid() || chmod(link, 0700))
		return -EACCES;
	fd = openat(at, name, open_directory);
	return fd < 0 ? -errno : fd;
}

static int remove_name(struct removal *x, int at, const struct stat *above, const char *name,
		       unsigned depth)
{
	cleanup_close int fd = -1;
	struct stat st;
	int r;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	fd = open_to_empty(at, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_dev != x->device)
		x->why = "is another file system";
	/* He could have moved somebody's directory here, but not have emptied it himself. */
	else if (above->st_uid != geteuid() && st.st_uid != above->st_uid)
		x->why = "belongs to another user";
	if (x->why)
		return -EPERM;
	if (depth == DEPTH_MAX)
		return move_up(x, at, name);
	r = empty(x, fd, &st, depth + 1);
	if (!r && unlinkat(at, name, AT_REMOVEDIR) && errno != ENOENT)
		r = -errno;
	return r;
}

int directory_remove_at(int at, const char *name, struct err *e)
{
	cleanup_close int fd = -1;
	struct removal x = {0};
	struct stat st;
	int r = 0;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_errno(e, -errno, "cannot remove %s", CONTROL_NAME(at, name));
	fd = open_to_empty(at, name);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st))
		r = fd < 0 ? fd : -errno;
	if (!r) {
		x = (struct removal){.top = fd, .device = st.st_dev};
		r = empty(&x, fd, &st, 0);
	}
	if (!r && unlinkat(at, name, AT_REMOVEDIR) && errno != ENOENT)
		r = -errno;
	if (x.why)
		return err_set(e, r,
			       "cannot remove everything below %s: a directory in it %s; look what "
			       "it is, and remove it by hand",
			       CONTROL_NAME(at, name), x.why);
	return r ? err_errno(e, r, "cannot remove everything below %s", CONTROL_NAME(at, name)) : 0;
}

int directory_remove(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_close int above = -1;
	char parent[PATH_MAX];

	if (!slash || !slash[1])
		return err_set(e, -EINVAL, "%.300s is no path of a directory to remove", path);
	if (snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int)(slash - path),
		     path) >= PATH_MAX)
		return err_errno(e, -ENAMETOOLONG, "%.300s", path);
	above = directory_open(parent, DIRECTORY_SHARED, e);
	if (above < 0)
		return above == -ENOENT ? 0 : above;
	return directory_remove_at(above, slash + 1, e);
}
