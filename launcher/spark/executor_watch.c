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
	STARTS = SLICES_MAX,
	EVENTS_BYTES = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1),
};

/* A watched directory: a slice's work directory, or one of an application in it. */
struct directory {
	int wd; /* of inotify; 0: a free place, they begin at 1 */
	unsigned slice;
	char app[EXECUTOR_NAME]; /* "": the work directory */
	char path[PROFILE_PATH];
};

struct executor_watch {
	int fd;
	unsigned start_count;
	struct executor_start starts[STARTS]; /* found, not yet reported */
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

/* The place of the directory that inotify knows as `wd`, or a free place for 0; NULL: there is none. */
static struct directory **find(struct executor_watch *w, int wd)
{
	for (unsigned i = 0; i < DIRECTORIES; i++)
		if ((w->directories[i] ? w->directories[i]->wd : 0) == wd)
			return &w->directories[i];
	return NULL;
}

static bool is_app(const char *name)
{
	return strncmp(name, "app-", 4) == 0;
}

/* -EEXIST: it is watched already. */
static int watch(struct executor_watch *w, unsigned slice, const char *path, const char *app)
{
	struct directory **place = find(w, 0), *d;
	int wd = inotify_add_watch(w->fd, path, IN_CREATE | IN_ONLYDIR);

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
	return 0;
}

static void note_start(struct executor_watch *w, unsigned slice, const char *app,
		       const char *executor)
{
	struct executor_start *s;

	if (w->start_count == STARTS)
		return; /* each slice has one already: they do not borrow anyway */
	s = &w->starts[w->start_count];
	s->slice = slice;
	if (string_copy(s->app, app) || string_copy(s->executor, executor))
		return;
	w->start_count++;
}

/* What is in a directory already: applications, which are watched from now on, or an application's executors. */
static void look_into(struct executor_watch *w, unsigned slice, const char *path, const char *app)
{
	char below[PROFILE_PATH + NAME_MAX + 2];
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (app[0] && entry->d_name[0] != '.')
			note_start(w, slice, app, entry->d_name);
		else if (!app[0] && is_app(entry->d_name))
			watch(w, slice, below, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

int executor_watch_add(struct executor_watch *w, unsigned slice, const char *work, struct err *e)
{
	int r = watch(w, slice, work, "");

	if (r && r != -EEXIST)
		return err_errno(e, r, "cannot watch %s for executors", work);
	if (!r)
		look_into(w, slice, work, "");
	return 0;
}

static void on_event(struct executor_watch *w, const struct inotify_event *event)
{
	struct directory **place = find(w, event->wd);
	char path[PROFILE_PATH + NAME_MAX + 2];
	struct directory *d;

	if (!place)
		return;
	d = *place;
	if (event->mask & IN_IGNORED) { /* Spark has removed it */
		*place = NULL;
		free(d);
		return;
	}
	if (!event->len || !(event->mask & IN_ISDIR))
		return;
	snprintf(path, sizeof(path), "%s/%s", d->path, event->name);
	if (d->app[0])
		note_start(w, d->slice, d->app, event->name);
	else if (is_app(event->name) && !watch(w, d->slice, path, event->name))
		look_into(w, d->slice, path, event->name); /* made before it was watched */
}

bool executor_watch_next(struct executor_watch *w, struct executor_start *out)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
	ssize_t size;

	while (!w->start_count && (size = read(w->fd, bytes, sizeof(bytes))) > 0)
		for (char *at = bytes; at < bytes + size;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			on_event(w, event);
			at += sizeof(*event) + event->len;
		}
	if (!w->start_count)
		return false;
	*out = w->starts[--w->start_count];
	return true;
}
