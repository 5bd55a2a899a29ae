/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

bool cache_is_ours(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

/* ---- the way to it */

/* The directory below `at`, made where `mode` is not 0 and it is missing. */
static int step_into(int at, const char *name, mode_t mode, const char *path, struct err *e)
{
	bool is_new = mode && mkdirat(at, name, mode) == 0;
	cleanup_close int fd = -1;
	struct stat st;

	if (mode && !is_new && errno != EEXIST)
		return err_errno(e, -errno, "cannot make %s in %s", name, path);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return err_errno(e, -errno, "cannot open %s of %s", name, path);
	/* In a sticky directory nobody can replace what belongs to others. */
	if (!cache_is_ours(&st) && !(st.st_uid == 0 && st.st_mode & S_ISVTX && !mode))
		return err_set(e, -EPERM,
			       "%s of %s belongs to user %u and has mode %04o: others could write "
			       "there",
			       name, path, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
	if (mode && st.st_uid != geteuid())
		return err_set(e, -EPERM, "%s of %s belongs to user %u, not to the caller", name,
			       path, (unsigned)st.st_uid);
	/* Whatever the umask: what root makes, workers of another user have to read. */
	if (is_new && fchmod(fd, mode))
		return err_errno(e, -errno, "cannot set the mode of %s of %s", name, path);
	return take_fd(fd);
}

/*
 * The directory that cleave's is in, without links. 1: it is missing itself, but not what it is in;
 * nothing is made before the way to it has been looked at.
 */
static int find_top(char top[PATH_MAX], struct err *e)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[PROFILE_PATH], *slash;
	int n;

	if (cache && cache[0] == '/')
		n = snprintf(path, sizeof(path), "%s", cache);
	else if (geteuid() == 0)
		n = snprintf(path, sizeof(path), "/var/cache");
	else if (home && home[0] == '/')
		n = snprintf(path, sizeof(path), "%s/.cache", home);
	else
		return err_set(e, -ENOENT, "neither XDG_CACHE_HOME nor HOME is set");
	if (n >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "the cache directory");
	if (realpath(path, top))
		return 0;
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	if (errno != ENOENT)
		return err_errno(e, -errno, "the cache directory %s", path);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (!realpath(path[0] ? path : "/", top))
		return err_errno(e, -errno, "the cache directory's parent %s", path);
	n = (int)strlen(top);
	if (snprintf(top + n, (size_t)(PATH_MAX - n), "/%s", slash + 1) >= PATH_MAX - n)
		return err_errno(e, -ENAMETOOLONG, "the cache directory");
	return 1;
}

/* What is made for cleave, or for the cache of all programs. */
static mode_t mode_of_new(void)
{
	return geteuid() == 0 ? 0755 : 0700;
}

/* Open .../cleave. */
static int open_cache(char path[PROFILE_PATH], struct err *e)
{
	char top[PATH_MAX], rest[PATH_MAX], *next = rest, *name;
	int is_missing = find_top(top, e);
	cleanup_close int at = -1;

	if (is_missing < 0)
		return is_missing;
	if (snprintf(path, PROFILE_PATH, "%s/cleave", top) >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "the cache directory %s", top);
	at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_errno(e, -errno, "/");
	string_copy_n(rest, sizeof(rest), top);
	while ((name = strsep(&next, "/"))) {
		int below;

		if (!*name)
			continue;
		below = step_into(at, name, is_missing && !next ? mode_of_new() : 0, top, e);
		if (below < 0)
			return below;
		close(at);
		at = below;
	}
	return step_into(at, "cleave", mode_of_new(), top, e);
}

int cache_open(const char *name, char path[PROFILE_PATH], struct err *e)
{
	char above[PROFILE_PATH], full[PROFILE_PATH];
	cleanup_close int cache = -1;
	int entry;

	if (!name[0] || name[0] == '.' || strchr(name, '/'))
		return err_set(e, -EINVAL, "'%s' is no name of a cache's entry", name);
	cache = open_cache(above, e);
	if (cache < 0)
		return cache;
	if (snprintf(full, sizeof(full), "%s/%s", above, name) >= PROFILE_PATH)
		return err_errno(e, -ENAMETOOLONG, "%s of the cache %s", name, above);
	entry = step_into(cache, name, mode_of_new(), above, e);
	if (entry >= 0)
		string_copy_n(path, PROFILE_PATH, full);
	return entry;
}

/* ---- what is too much */

/* Whether it is gone. */
static bool remove_entry(int cache, const char *name)
{
	int fd = openat(cache, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_closedir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;

	while (list && (file = readdir(list)))
		unlinkat(fd, file->d_name, 0);
	return unlinkat(cache, name, AT_REMOVEDIR) == 0;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/*
 * The one that was used least recently, and not `kept`, of more than CACHE_ENTRIES; "": they are
 * not too many.
 */
static void find_oldest(int cache, ino_t kept, char oldest[NAME_MAX + 1])
{
	int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct timespec least = {0};
	struct dirent *entry;
	unsigned count = 0;

	oldest[0] = '\0';
	while (list && (entry = readdir(list))) {
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    fstatat(cache, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
			continue;
		count++;
		if (st.st_ino != kept && (!oldest[0] || is_before(&st.st_mtim, &least))) {
			least = st.st_mtim;
			string_copy_n(oldest, NAME_MAX + 1, entry->d_name);
		}
	}
	if (count <= CACHE_ENTRIES)
		oldest[0] = '\0';
}

void cache_used(int entry)
{
	cleanup_close int cache = openat(entry, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char oldest[NAME_MAX + 1];
	struct stat st;

	futimens(entry, NULL);
	for (unsigned i = 0; cache >= 0 && fstat(entry, &st) == 0 && i < CACHE_ENTRIES; i++) {
		find_oldest(cache, st.st_ino, oldest);
		if (!oldest[0] || !remove_entry(cache, oldest))
			break;
	}
}
