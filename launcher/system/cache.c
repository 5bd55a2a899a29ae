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
	cleanup_close int fd = -1;
	struct stat st;

	if (mode && mkdirat(at, name, mode) && errno != EEXIST)
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
	return take_fd(fd);
}

/* The directory that cleave's is in, without links; made where it is the home's. */
static int find_top(char top[PATH_MAX], struct err *e)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[PROFILE_PATH];
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
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_errno(e, -errno, "cannot make the directory %s", path);
	return realpath(path, top) ? 0 : err_errno(e, -errno, "%s", path);
}

/* Open .../cleave. */
static int open_cache(char path[PROFILE_PATH], struct err *e)
{
	/* What root makes, workers of another user have to read. */
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	char top[PATH_MAX], rest[PATH_MAX];
	cleanup_close int at = -1;
	char *next = rest;

	if (find_top(top, e))
		return e->code;
	if (snprintf(path, PROFILE_PATH, "%s/cleave", top) >= PROFILE_PATH - NAME_MAX_BYTES)
		return err_errno(e, -ENAMETOOLONG, "the cache directory %s", top);
	at = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	string_copy_n(rest, sizeof(rest), top);
	for (char *name; at >= 0 && (name = strsep(&next, "/"));) {
		int below = *name ? step_into(at, name, 0, top, e) : dup(at);

		if (*name && below < 0)
			return below;
		close(at);
		at = below;
	}
	return at < 0 ? err_errno(e, -errno, "%s", top) : step_into(at, "cleave", mode, top, e);
}

int cache_open(const char *name, char path[PROFILE_PATH], struct err *e)
{
	cleanup_close int cache = open_cache(path, e);
	size_t length = strlen(path);
	int entry;

	if (cache < 0)
		return cache;
	entry = step_into(cache, name, geteuid() == 0 ? 0755 : 0700, path, e);
	snprintf(path + length, PROFILE_PATH - length, "/%s", name);
	return entry;
}

/* ---- what is too much */

static void remove_entry(int cache, const char *name)
{
	cleanup_closedir DIR *list = NULL;
	int fd = openat(cache, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *file;

	list = fd < 0 ? NULL : fdopendir(fd);
	while (list && (file = readdir(list)))
		unlinkat(fd, file->d_name, 0);
	unlinkat(cache, name, AT_REMOVEDIR);
}

/* The one that was used least recently, of more than CACHE_ENTRIES; "": they are not too many. */
static void find_oldest(int cache, char oldest[NAME_MAX + 1])
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
		if (!count++ || st.st_mtim.tv_sec < least.tv_sec) {
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

	futimens(entry, NULL);
	for (unsigned i = 0; cache >= 0 && i < CACHE_ENTRIES; i++) {
		find_oldest(cache, oldest);
		if (!oldest[0])
			break;
		remove_entry(cache, oldest);
	}
}
