/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/owner.h"

#include <errno.h>
#include <fts.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "decision/base/strings.h"

enum {
	LINKS_MAX = 40, /* as the kernel's (path_resolution(7)) */
	NESTED_MAX = 8, /* directories that are reached by links out of one */
};

static bool is_stranger(const char *path, const struct stat *st, uid_t uid)
{
	bool is_open = !S_ISLNK(st->st_mode) && !(S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX);

	if (is_open && st->st_mode & S_IWOTH)
		return true;
	if (uid != 0)
		return false;
	if (st->st_uid != 0)
		return true;
	/* With an access control list the group's bits are what it gives at most (acl(5)). */
	return is_open && st->st_mode & S_IWGRP &&
	       (st->st_gid != 0 || lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0);
}

static int found(const char *path, const struct stat *st, struct owner *out)
{
	*out = (struct owner){.uid = st->st_uid, .gid = st->st_gid, .mode = st->st_mode};
	string_copy(out->path, path);
	return 1;
}

/* Whether anybody may make a name in a directory; names that are there have their owners. */
static bool is_anybodys(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_mode & S_IWOTH;
}

/* Take the first component off `rest` into `name`. false: there is none left. */
static bool next_name(char *rest, char name[NAME_MAX + 1])
{
	char *begin = rest + strspn(rest, "/");
	size_t length = strcspn(begin, "/");

	if (!length || length > NAME_MAX)
		return false;
	memcpy(name, begin, length);
	name[length] = '\0';
	memmove(rest, begin + length, strlen(begin + length) + 1);
	return true;
}

/* Put what a link at `at` leads to before `rest`, and `at` back to where it is read from. */
static int follow(char at[PATH_MAX], char rest[PATH_MAX])
{
	char target[PATH_MAX], behind[PATH_MAX];
	ssize_t length = readlink(at, target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	memcpy(behind, rest, strlen(rest) + 1);
	if (snprintf(rest, PATH_MAX, "%s%s", target, behind) >= PATH_MAX)
		return -ENAMETOOLONG;
	at[target[0] == '/' ? 0 : strrchr(at, '/') - at] = '\0';
	return 0;
}

/* The same with what `path` is in the end, without links. */
static int walk(const char *path, uid_t uid, char at[PATH_MAX], struct owner *out)
{
	char rest[PATH_MAX] = "", name[NAME_MAX + 1];
	struct stat st, above;
	size_t length = 0;
	unsigned links = 0;

	if (path[0] != '/' && !getcwd(rest, sizeof(rest)))
		return -errno;
	length = strlen(rest);
	if (snprintf(rest + length, sizeof(rest) - length, "/%s", path) >=
	    (int)(sizeof(rest) - length))
		return -ENAMETOOLONG;
	if (lstat("/", &st))
		return -errno;
	if (is_stranger("/", &st, uid))
		return found("/", &st, out);
	at[0] = '\0';
	while (next_name(rest, name)) {
		length = strlen(at);
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) { /* it was looked at on the way down */
			at[length ? strrchr(at, '/') - at : 0] = '\0';
			if (lstat(at[0] ? at : "/", &st))
				return -errno;
			continue;
		}
		if (snprintf(at + length, PATH_MAX - length, "/%s", name) >=
		    (int)(PATH_MAX - length))
			return -ENAMETOOLONG;
		above = st;
		if (lstat(at, &st)) {
			int r = -errno;

			at[length ? length : 1] = '\0';
			return r == -ENOENT && is_anybodys(&above) ? found(at, &above, out) : r;
		}
		if (is_stranger(at, &st, uid))
			return found(at, &st, out);
		if (S_ISLNK(st.st_mode)) {
			int r = links++ < LINKS_MAX ? follow(at, rest) : -ELOOP;

			if (r || lstat(at[0] ? at : "/", &st))
				return r ? r : -errno;
		}
	}
	if (rest[strspn(rest, "/")])
		return -ENAMETOOLONG;
	if (!at[0])
		memcpy(at, "/", 2);
	return 0;
}

int owner_find_stranger(const char *path, uid_t uid, struct owner *out)
{
	char real[PATH_MAX];

	return walk(path, uid, real, out);
}

static int find_below(const char *directory, uid_t uid, unsigned nested, struct owner *out)
{
	char real[PATH_MAX];
	char *const roots[] = {real, NULL};
	struct stat st;
	FTSENT *entry;
	FTS *tree;
	int r = walk(directory, uid, real, out);

	if (r || lstat(real, &st) || !S_ISDIR(st.st_mode))
		return r;
	if (nested == NESTED_MAX)
		return -ELOOP;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	while (!r && (entry = fts_read(tree))) {
		if (entry->fts_info == FTS_DP)
			continue;
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
		    entry->fts_info == FTS_NS)
			r = -entry->fts_errno;
		else if (is_stranger(entry->fts_path, entry->fts_statp, uid))
			r = found(entry->fts_path, entry->fts_statp, out);
		else if (S_ISLNK(entry->fts_statp->st_mode))
			r = find_below(entry->fts_path, uid, nested + 1, out);
		if (r == -ENOENT) /* a link to nothing, which nobody can make */
			r = 0;
	}
	fts_close(tree);
	return r;
}

int owner_find_stranger_below(const char *directory, uid_t uid, struct owner *out)
{
	return find_below(directory, uid, 0, out);
}

char *owner_text(const struct owner *o, uid_t uid, char text[OWNER_TEXT])
{
	const struct passwd *user = getpwuid(o->uid);
	const struct group *group = getgrgid(o->gid);

	if (uid == 0 && o->uid != 0 && user)
		snprintf(text, OWNER_TEXT, "%.300s belongs to user %s", o->path, user->pw_name);
	else if (uid == 0 && o->uid != 0)
		snprintf(text, OWNER_TEXT, "%.300s belongs to user %u", o->path, o->uid);
	else if (o->mode & S_IWOTH)
		snprintf(text, OWNER_TEXT, "%.300s may be written by everybody", o->path);
	else if (group)
		snprintf(text, OWNER_TEXT, "%.300s may be written by group %s", o->path,
			 group->gr_name);
	else
		snprintf(text, OWNER_TEXT, "%.300s may be written by group %u", o->path, o->gid);
	return text;
}

int owner_refuse(const struct owner *o, uid_t uid, const char *what, struct err *e)
{
	const struct passwd *user = getpwuid(o->uid);
	char text[OWNER_TEXT], name[64];

	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	else
		snprintf(name, sizeof(name), "%u", o->uid);
	owner_text(o, uid, text);
	if (uid != 0 || o->uid == 0)
		return err_set(e, -EPERM, "%s: %s, who would run as user %u: chmod go-w it", what,
			       text, uid);
	return err_set(
		e, -EPERM,
		"%s: %s, who would be root: let user %s run it (security.user, or sudo -u), or "
		"give it to root alone",
		what, text, name);
}
