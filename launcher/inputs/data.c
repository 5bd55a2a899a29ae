/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/data.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"

enum { FILES_MOST = 1 << 20, READ_BYTES = 1 << 20 };

/* Paths in alphabetical order: of siblings, a directory's name goes on with a '/'. */
static int compare_entries(const FTSENT **a, const FTSENT **b)
{
	const char *x = (*a)->fts_name, *y = (*b)->fts_name;

	for (; *x && *x == *y; x++)
		y++;
	return (unsigned char)(*x || (*a)->fts_info != FTS_D ? *x : '/') -
	       (unsigned char)(*y || (*b)->fts_info != FTS_D ? *y : '/');
}

static void walk_closep(FTS **walk)
{
	if (*walk)
		fts_close(*walk);
}
#define cleanup_walk __attribute__((cleanup(walk_closep)))

static FTS *walk_open(const char *path)
{
	char *const paths[] = {(char *)path, NULL};

	return fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, compare_entries);
}

uint64_t data_measure(const char *path)
{
	cleanup_walk FTS *walk = walk_open(path);
	uint64_t sum = 0;

	for (FTSENT *entry; walk && (entry = fts_read(walk));)
		if (entry->fts_info == FTS_F)
			sum += (uint64_t)entry->fts_statp->st_size;
	return sum;
}

/* ---- a part of it */

struct sweep {
	struct data_part part;
	double share;
	int directory;	/* of the links */
	size_t below;	/* where a path goes on behind that of the data */
	unsigned found; /* files */
	char *least;	/* the smallest of them */
	uint64_t least_bytes;
};

static void sweep_release(const struct sweep *s)
{
	free(s->least);
	if (s->directory >= 0)
		close(s->directory);
}
#define cleanup_sweep __attribute__((cleanup(sweep_release)))

/* Read a file once, and link it in the same folders. */
static int link_file(struct sweep *s, const char *target, uint64_t bytes, struct err *e)
{
	const char *path = target + s->below + strspn(target + s->below, "/");
	cleanup_close int fd = open(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_free char *buffer = malloc(READ_BYTES), *folder = strdup(path);
	ssize_t got = 1;

	if (fd < 0 || !buffer || !folder)
		return err_errno(e, fd < 0 ? -errno : -ENOMEM, "%s", target);
	while (got > 0)
		got = read(fd, buffer, READ_BYTES);
	if (got < 0)
		return err_errno(e, -errno, "%s", target);
	for (char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(s->directory, folder, 0755) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "cannot make the directory %s", folder);
		*slash = '/';
	}
	if (symlinkat(target, s->directory, path) < 0)
		return err_errno(e, -errno, "cannot link %s", target);
	s->part.bytes += bytes;
	s->part.files++;
	return 0;
}

/* At each file at most the share of what was seen: so the part is spread over all of them. */
static int see_file(struct sweep *s, const char *path, uint64_t bytes, struct err *e)
{
	if (s->found++ == FILES_MOST)
		return err_impossible(e,
				      "workload.data.path: more than %d files: a part of them is "
				      "for --probe-args to name",
				      FILES_MOST);
	s->part.total += bytes;
	if (!s->least || bytes < s->least_bytes) {
		free(s->least);
		s->least = strdup(path);
		s->least_bytes = bytes;
	}
	if (!s->least)
		return err_set(e, -ENOMEM, "out of memory");
	if ((double)(s->part.bytes + bytes) > s->share * (double)s->part.total)
		return 0;
	return link_file(s, path, bytes, e);
}

int data_part_make(const char *data, double share, const char *directory, struct data_part *out,
		   struct err *e)
{
	cleanup_sweep struct sweep s = {
		.share = share, .directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	cleanup_free char *real = realpath(data, NULL);
	cleanup_walk FTS *walk = real ? walk_open(real) : NULL;

	if (!walk)
		return err_errno(e, -errno, "workload.data.path: %s", data);
	if (s.directory < 0)
		return err_errno(e, -errno, "%s", directory);
	s.below = strlen(real);
	for (FTSENT *entry; (entry = fts_read(walk));) {
		uint64_t bytes = (uint64_t)entry->fts_statp->st_size;

		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS)
			return err_errno(e, -entry->fts_errno, "workload.data.path: %s",
					 entry->fts_path);
		if (entry->fts_level > 0 && strchr("._", entry->fts_name[0]))
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_F && bytes &&
			 see_file(&s, entry->fts_path, bytes, e) < 0)
			return e->code;
	}
	if (!s.found)
		return err_set(e, -ENOENT, "workload.data.path: %s has no file with data", data);
	/* None was small enough for what was seen before it: the smallest, if it is for all. */
	if (!s.part.files && (double)s.least_bytes > share * (double)s.part.total)
		return err_impossible(
			e,
			"workload.data.path: the smallest of %u files in %.300s has "
			"%.1f %% of the bytes, a short run takes %.0f %% at most: cut "
			"the data into more files, or write --probe-args",
			s.found, data, 100 * (double)s.least_bytes / (double)s.part.total,
			100 * share);
	if (!s.part.files && link_file(&s, s.least, s.least_bytes, e) < 0)
		return e->code;
	*out = s.part;
	return 0;
}
