/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"
#include "launcher/system/directory.h"

bool cache_is_ours(const struct stat *st)
{
	return directory_is_closed(st) && !(st->st_mode & S_IWGRP);
}

/* ---- the way to it */

/* What is made for cleave, or for the cache of all programs. */
static int make(int at, const char *name, struct err *e)
{
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	cleanup_close int fd = directory_make_at(at, name, mode, geteuid(), getegid(), e);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fd < 0 ? fd : err_errno(e, -errno, "%s", name);
	if (!cache_is_ours(&st))
		return err_set(e, -EPERM, "%s of the cache has mode %04o: others could write there",
			       name, (unsigned)(st.st_mode & 07777));
	return take_fd(fd);
}

/* The directory that cleave's is in. Where it is missing it is made, but not what it is in. */
static int open_top(struct err *e)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	cleanup_close int above = -1;
	char path[PROFILE_PATH], *slash;
	int n, top;

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
	top = directory_open(path, DIRECTORY_SHARED, e);
	if (top != -ENOENT)
		return top;
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	*slash = '\0';
	above = directory_open(path[0] ? path : "/", DIRECTORY_SHARED, e);
	return above < 0 ? err_wrap(e, "the cache directory's parent") : make(above, slash + 1, e);
}

int cache_open(const char *name, char path[PROFILE_PATH], struct err *e)
{
	cleanup_close int top = -1, cache = -1, entry = -1;
	char full[CONTROL_PATH];

	if (!name[0] || name[0] == '.' || strchr(name, '/'))
		return err_set(e, -EINVAL, "'%s' is no name of a cache's entry", name);
	top = open_top(e);
	if (top < 0)
		return top;
	cache = make(top, "cleave", e);
	if (cache < 0)
		return cache;
	entry = make(cache, name, e);
	if (entry < 0)
		return entry;
	/* Without links. */
	if (string_copy_n(path, PROFILE_PATH, control_path(entry, "", full)))
		return err_errno(e, -ENAMETOOLONG, "%s of the cache", name);
	return take_fd(entry);
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
