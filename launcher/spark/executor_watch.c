/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/executor_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

enum {
	/* Work directories and applications in them; of more, starts are missed. */
	DIRECTORIES = 1024,
	EVENTS_BYTES = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1),
};

/* A watched directory: a slice's work directory, or one of an application in it. */
struct directory {
	int wd; /* of inotify; 0: a free place, they begin at 1 */
	unsigned slice;
	char app[APP_NAME]; /* "": the work directory */
	char path[PROFILE_PATH];
};

struct executor_watch {
	int fd;
	unsigned start_count;
	struct executor_start starts[EXECUTOR_STARTS]; /* found, not yet reported */
	uint64_t nameless;			       /* bit i: slice i has more that start */
	struct directory *directories[DIRECTORIES];
};

int executor_watch_open(struct executor_watch **out, struct err *e)
{
	struct executor_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, -ENOMEM, "no memory to watch for executors");
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return err_errno(e, -errno, "inotify_init1");
	}
	*out = w;
	return 0;
}

void executor_watch_clear(struct executor_watch *w)
{
	for (unsigned i = 0; i < DIRECTORIES; i++) {
		if (!w->directories[i])
			continue;
		inotify_rm_watch(w->fd, w->directories[i]->wd);
		free(w->directories[i]);
		w->directories[i] = NULL;
	}
	w->start_count = 0;
	w->nameless = 0;
}

void executor_watch_close(struct executor_watch *w)
{
	if (!w)
		return;
	executor_watch_clear(w);
	close(w->fd);
	free(w);
}

int executor_watch_fd(const struct executor_watch *w)
{
	return w->fd;
}

/* Where the directory is that inotify knows as `wd`; 0: a free place. NULL: nowhere. */
static struct directory **find(struct executor_watch *w, int wd)
{
	for (unsigned i = 0; i < DIRECTORIES; i++)
		if ((w->directories[i] ? w->directories[i]->wd : 0) == wd)
			return &w->directories[i];
	return NULL;
}

static void on_name(struct executor_watch *w, const struct directory *d, const char *name);

/* Watch a directory, and take in what is there. Negative errno; -EEXIST: it is watched already. */
static int watch(struct executor_watch *w, unsigned slice, const char *path, const char *app)
{
	struct directory **place = find(w, 0), *d;
	int wd = inotify_add_watch(w->fd, path, IN_CREATE | IN_ONLYDIR);
	struct dirent *entry;
	DIR *dir;

	if (wd < 0)
		return -errno;
	if (find(w, wd))
		return -EEXIST;
	d = place ? calloc(1, sizeof(*d)) : NULL;
	if (!d || string_copy(d->path, path) || string_copy(d->app, app)) {
		free(d);
		inotify_rm_watch(w->fd, wd);
		return place ? -ENOMEM : -ENOSPC;
	}
	d->wd = wd;
	d->slice = slice;
	*place = d;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			on_name(w, d, entry->d_name);
	if (dir)
		closedir(dir);
	return 0;
}

/*
 * What is in a watched directory: an application of the slice, or an executor of the application.
 */
static void on_name(struct executor_watch *w, const struct directory *d, const char *name)
{
	struct executor_start *s = &w->starts[w->start_count];
	bool fits = w->start_count < EXECUTOR_STARTS;
	char path[PROFILE_PATH + NAME_MAX + 2];

	if (!d->app[0]) {
		snprintf(path, sizeof(path), "%s/%s", d->path, name);
		if (strncmp(name, "app-", 4) == 0)
			watch(w, d->slice, path, name);
		return;
	}
	if (!fits || string_copy(s->app, d->app) || string_copy(s->executor, name)) {
		w->nameless |= UINT64_C(1) << d->slice;
		return;
	}
	s->slice = d->slice;
	w->start_count++;
}

int executor_watch_add(struct executor_watch *w, unsigned slice, const char *work, struct err *e)
{
	unsigned before = w->start_count;
	uint64_t nameless = w->nameless;
	int r = watch(w, slice, work, "");

	w->start_count = before; /* executors that are there are old */
	w->nameless = nameless;
	return r && r != -EEXIST ? err_errno(e, r, "cannot watch %s for executors", work) : 0;
}

static void on_event(struct executor_watch *w, const struct inotify_event *event)
{
	struct directory **place = find(w, event->wd);
	struct directory *d = place ? *place : NULL;

	if (d && event->mask & IN_IGNORED) { /* Spark has removed it */
		free(d);
		*place = NULL;
	} else if (d && event->len && event->mask & IN_ISDIR) {
		on_name(w, d, event->name);
	}
}

bool executor_watch_next(struct executor_watch *w, struct executor_start *out)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
	ssize_t size;

	while (!w->start_count && !w->nameless && (size = read(w->fd, bytes, sizeof(bytes))) > 0)
		for (char *at = bytes; at < bytes + size;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			on_event(w, event);
			at += sizeof(*event) + event->len;
		}
	if (!w->start_count && !w->nameless)
		return false;
	if (w->start_count) {
		*out = w->starts[--w->start_count];
		return true;
	}
	*out = (struct executor_start){.slice = (unsigned)__builtin_ctzll(w->nameless)};
	w->nameless &= w->nameless - 1;
	return true;
}
