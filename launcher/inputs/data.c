#include "launcher/inputs/data.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

enum { FILES_MOST = 1 << 20, READ_BYTES = 1 << 20 };

const char *data_local_path(const char *path)
{
	static const char scheme[] = "file://";

	if (!strncmp(path, scheme, sizeof(scheme) - 1))
		return path + sizeof(scheme) - 1;
	return strstr(path, "://") ? NULL : path;
}

static FTS *walk_open(const char *path)
{
	char *const paths[] = {(char *)path, NULL};

	return fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
}

uint64_t data_measure(const char *path)
{
	FTS *walk = walk_open(path);
	uint64_t sum = 0;

	if (!walk)
		return 0;
	for (FTSENT *entry; (entry = fts_read(walk));)
		if (entry->fts_info == FTS_F)
			sum += (uint64_t)entry->fts_statp->st_size;
	fts_close(walk);
	return sum;
}

/* ---- the files of a directory */

struct file {
	char *path; /* below the directory, without a leading slash */
	uint64_t bytes;
	bool taken;
};

struct file_list {
	struct file *items;
	size_t count, room;
	uint64_t bytes;
};

static void file_list_release(struct file_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].path);
	free(l->items);
}
#define cleanup_files __attribute__((cleanup(file_list_release)))

static int add_file(struct file_list *l, const char *path, uint64_t bytes, struct err *e)
{
	if (l->count == FILES_MOST)
		return err_impossible(e,
				      "workload.data.path: more than %d files: a part of them is "
				      "for --probe-args to name",
				      FILES_MOST);
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct file *items = reallocarray(l->items, room, sizeof(*items));

		if (!items)
			return err_set(e, -ENOMEM, "out of memory");
		l->items = items;
		l->room = room;
	}
	l->items[l->count] = (struct file){.path = strdup(path), .bytes = bytes};
	if (!l->items[l->count].path)
		return err_set(e, -ENOMEM, "out of memory");
	l->count++;
	l->bytes += bytes;
	return 0;
}

static int list_files(const char *data, struct file_list *out, struct err *e)
{
	FTS *walk = walk_open(data);
	int r = 0;

	if (!walk)
		return err_errno(e, -errno, "workload.data.path: %s", data);
	for (FTSENT *entry; !r && (entry = fts_read(walk));) {
		const char *below = entry->fts_path + strlen(data);

		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS)
			r = err_errno(e, -entry->fts_errno, "workload.data.path: %s",
				      entry->fts_path);
		else if (entry->fts_level > 0 && strchr("._", entry->fts_name[0]))
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_F && entry->fts_statp->st_size)
			r = add_file(out, below + strspn(below, "/"),
				     (uint64_t)entry->fts_statp->st_size, e);
	}
	fts_close(walk);
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

/* At each file at most the share of what was seen: so the part is spread over all of them. */
static void take_share(struct file_list *l, double share, struct data_part *out)
{
	double seen = 0;

	for (size_t i = 0; i < l->count; i++) {
		seen += (double)l->items[i].bytes;
		if ((double)(out->bytes + l->items[i].bytes) > share * seen)
			continue;
		l->items[i].taken = true;
		out->bytes += l->items[i].bytes;
		out->files++;
	}
}

/* None was small enough for what was seen before it: the smallest of all, if it is for all. */
static int take_smallest(struct file_list *l, double share, const char *data, struct data_part *out,
			 struct err *e)
{
	struct file *least = &l->items[0];

	for (size_t i = 1; i < l->count; i++)
		if (l->items[i].bytes < least->bytes)
			least = &l->items[i];
	if ((double)least->bytes > share * (double)l->bytes)
		return err_impossible(
			e,
			"workload.data.path: the smallest of %zu files in %.300s has "
			"%.1f %% of the bytes, a short run takes %.0f %% at most: cut "
			"the data into more files, or write --probe-args",
			l->count, data, 100 * (double)least->bytes / (double)l->bytes, 100 * share);
	least->taken = true;
	out->bytes = least->bytes;
	out->files = 1;
	return 0;
}

/* ---- the links */

/* The folders that lead to a file. */
static int make_folders(int directory, const char *path, struct err *e)
{
	char folder[PATH_MAX];

	if (string_copy(folder, path) < 0)
		return err_errno(e, -ENAMETOOLONG, "%.300s", path);
	for (char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(directory, folder, 0755) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "cannot make the directory %s", folder);
		*slash = '/';
	}
	return 0;
}

static int warm(const char *path, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *bytes = malloc(READ_BYTES);
	ssize_t got = 1;

	if (fd < 0 || !bytes)
		return err_errno(e, fd < 0 ? -errno : -ENOMEM, "%s", path);
	while (got > 0)
		got = read(fd, bytes, READ_BYTES);
	return got < 0 ? err_errno(e, -errno, "%s", path) : 0;
}

static int link_file(const char *data, int directory, const struct file *f, struct err *e)
{
	cleanup_free char *target = NULL;

	if (asprintf(&target, "%s/%s", data, f->path) < 0) {
		target = NULL;
		return err_set(e, -ENOMEM, "out of memory");
	}
	if (make_folders(directory, f->path, e) < 0 || warm(target, e) < 0)
		return e->code;
	if (symlinkat(target, directory, f->path) < 0)
		return err_errno(e, -errno, "cannot link %s", target);
	return 0;
}

int data_part_make(const char *data, double share, const char *directory, struct data_part *out,
		   struct err *e)
{
	cleanup_files struct file_list files = {0};
	cleanup_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *real = realpath(data, NULL);
	struct data_part part = {0};

	if (!real)
		return err_errno(e, -errno, "workload.data.path: %s", data);
	if (fd < 0)
		return err_errno(e, -errno, "%s", directory);
	if (list_files(real, &files, e) < 0)
		return e->code;
	if (!files.count)
		return err_set(e, -ENOENT, "workload.data.path: %s has no file with data", data);
	qsort(files.items, files.count, sizeof(files.items[0]), compare_paths);
	part.total = files.bytes;
	take_share(&files, share, &part);
	if (!part.files && take_smallest(&files, share, data, &part, e) < 0)
		return e->code;
	for (size_t i = 0; i < files.count; i++)
		if (files.items[i].taken && link_file(real, fd, &files.items[i], e) < 0)
			return e->code;
	*out = part;
	return 0;
}
