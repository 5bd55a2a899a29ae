/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/executor_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

/*
 * The directories are the workers' user's, who may make as many as he likes, as fast as he can. So
 * all that he causes here is counted: reads of events, directories that are watched, starts that
 * are told. What is beyond that is one start without a name for each flood, not for each event.
 */
enum {
	APPS = 64,	/* of a slice that are watched: the latest */
	ENTRIES = 4096, /* of a directory that are looked at */
	EVENTS_BYTES = 64 * (sizeof(struct inotify_event) + NAME_MAX + 1), /* of one read */
};

static const uint64_t ms = 1000000;

/* So many at once, and then one each time the pause is over. */
struct allowance {
	unsigned burst;
	uint64_t pause_ns;
};
static const struct allowance reads = {8, 20 * ms}, watches = {APPS, 50 * ms},
			      named = {2 * SLICES_MAX, 500 * ms};
static const uint64_t flood_ns = 10000 * ms; /* after the last excess it is over */

struct app {
	int wd; /* of inotify, which begins at 1; 0: a free place */
	char name[APP_NAME];
};

struct watched_slice {
	int work; /* its work directory, -1: not watched */
	int wd;
	unsigned next; /* of apps[]: the oldest */
	struct app apps[APPS];
	uint64_t watches_ns, named_ns, flood_end_ns;
};

struct executor_watch {
	int fd;
	uint64_t reads_ns, now_ns;
	unsigned last; /* the slice that an event was of */
	unsigned start_count;
	struct executor_start starts[EXECUTOR_STARTS]; /* found, not yet reported */
	uint64_t nameless;			       /* bit i: slice i has more that start */
	struct watched_slice slices[SLICES_MAX];
};

/* ---- how much is allowed */

/* When the next one is. `next_ns`: when all that was taken so far will have been paid for. */
static uint64_t allowed_at_ns(const struct allowance *a, uint64_t next_ns)
{
	uint64_t credit_ns = (a->burst - 1) * a->pause_ns;

	return next_ns > credit_ns ? next_ns - credit_ns : 0;
}

static bool take_one(const struct allowance *a, uint64_t *next_ns, uint64_t now_ns)
{
	if (now_ns < allowed_at_ns(a, *next_ns))
		return false;
	*next_ns = (*next_ns > now_ns ? *next_ns : now_ns) + a->pause_ns;
	return true;
}

/* More has happened to a slice than is looked at: so much is told, at the beginning of it. */
static void note_flood(struct executor_watch *w, unsigned slice)
{
	struct watched_slice *s = &w->slices[slice];

	if (w->now_ns >= s->flood_end_ns)
		w->nameless |= UINT64_C(1) << slice;
	s->flood_end_ns = w->now_ns + flood_ns;
}

/* ---- what is watched */

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
	for (unsigned i = 0; i < SLICES_MAX; i++)
		w->slices[i].work = -1;
	*out = w;
	return 0;
}

void executor_watch_clear(struct executor_watch *w)
{
	for (unsigned i = 0; i < SLICES_MAX; i++) {
		struct watched_slice *s = &w->slices[i];

		if (s->work < 0)
			continue;
		inotify_rm_watch(w->fd, s->wd);
		for (unsigned k = 0; k < APPS; k++)
			if (s->apps[k].wd)
				inotify_rm_watch(w->fd, s->apps[k].wd);
		close(s->work);
		*s = (struct watched_slice){.work = -1};
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

static bool is_of(const char *text, const char *characters)
{
	return *text && text[strspn(text, characters)] == '\0';
}

/* Which of a slice's directories is `wd`: its apps[], APPS: the work directory; -1: none. */
static int find_in(const struct watched_slice *s, int wd)
{
	if (s->work < 0)
		return -1;
	if (s->wd == wd)
		return APPS;
	for (int i = 0; i < APPS; i++)
		if (s->apps[i].wd == wd)
			return i;
	return -1;
}

/* Whose directory inotify means by `wd`: w->last is the slice then. Events come in runs. */
static int find(struct executor_watch *w, int wd)
{
	int found = find_in(&w->slices[w->last], wd);

	for (unsigned i = 0; found < 0 && i < SLICES_MAX; i++) {
		found = find_in(&w->slices[i], wd);
		if (found >= 0)
			w->last = i;
	}
	return found;
}

/* An open directory: its path may have become another's meanwhile. */
static int watch_descriptor(struct executor_watch *w, int fd)
{
	char path[64];
	int wd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(w->fd, path, IN_CREATE | IN_ONLYDIR);
	return wd < 0 ? -errno : wd;
}

static int open_directory(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static void on_executor(struct executor_watch *w, unsigned slice, const char *app, const char *name)
{
	struct executor_start *s = &w->starts[w->start_count];

	if (!is_of(name, "0123456789") || strlen(name) >= sizeof(s->executor))
		return;
	if (w->start_count == EXECUTOR_STARTS ||
	    !take_one(&named, &w->slices[slice].named_ns, w->now_ns)) {
		note_flood(w, slice);
		return;
	}
	string_copy(s->app, app);
	string_copy(s->executor, name);
	s->slice = slice;
	w->start_count++;
}

/* Whether Spark may give an application this name. */
static bool is_app(const char *name)
{
	return strncmp(name, "app-", 4) == 0 && is_of(name + 4, "0123456789-") &&
	       strlen(name) < APP_NAME;
}

/* Watch an application's directory in place of the slice's oldest, and take in what is there. */
static void watch_app(struct executor_watch *w, unsigned slice, const char *name)
{
	struct watched_slice *s = &w->slices[slice];
	struct app *app = &s->apps[s->next];
	int fd = open_directory(s->work, name);
	int wd = fd < 0 ? fd : watch_descriptor(w, fd);
	DIR *dir = wd > 0 && find(w, wd) < 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	unsigned count = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (app->wd)
		inotify_rm_watch(w->fd, app->wd);
	app->wd = wd;
	string_copy(app->name, name);
	s->next = (s->next + 1) % APPS;
	while ((entry = readdir(dir)) && count++ < ENTRIES)
		on_executor(w, slice, app->name, entry->d_name);
	if (count > ENTRIES)
		note_flood(w, slice);
	closedir(dir);
}

/* The latest applications that are there, by name, which begins with their date. */
static void watch_latest(struct executor_watch *w, unsigned slice)
{
	char latest[APPS + 1][APP_NAME];
	unsigned count = 0, seen = 0;
	int fd = fcntl(w->slices[slice].work, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && seen++ < ENTRIES) {
		unsigned at = count;

		if (!is_app(entry->d_name))
			continue;
		for (; at && strcmp(latest[at - 1], entry->d_name) < 0; at--)
			memcpy(latest[at], latest[at - 1], APP_NAME);
		string_copy(latest[at], entry->d_name);
		count += count < APPS;
	}
	while (count)
		watch_app(w, slice, latest[--count]);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

int executor_watch_add(struct executor_watch *w, unsigned slice, const char *work, struct err *e)
{
	struct watched_slice *s = &w->slices[slice];
	unsigned before = w->start_count;
	uint64_t nameless = w->nameless;
	cleanup_close int fd = -1;

	if (s->work >= 0)
		return 0;
	fd = open_directory(AT_FDCWD, work);
	s->wd = fd < 0 ? fd : watch_descriptor(w, fd);
	if (s->wd < 0)
		return err_errno(e, s->wd, "cannot watch %s for executors", work);
	s->work = take_fd(fd);
	watch_latest(w, slice);
	w->start_count = before; /* executors that are there are old */
	w->nameless = nameless;
	s->watches_ns = s->named_ns = s->flood_end_ns = 0;
	return 0;
}

/* ---- what happens there */

static void on_event(struct executor_watch *w, const struct inotify_event *event)
{
	int found;
	struct watched_slice *s;

	if (event->mask & IN_Q_OVERFLOW) {
		for (unsigned i = 0; i < SLICES_MAX; i++)
			if (w->slices[i].work >= 0)
				note_flood(w, i);
		return;
	}
	found = find(w, event->wd);
	s = &w->slices[w->last];
	if (found < 0)
		return;
	if (event->mask & IN_IGNORED) { /* it was removed */
		*(found < APPS ? &s->apps[found].wd : &s->wd) = 0;
		return;
	}
	if (!event->len || !(event->mask & IN_ISDIR))
		return;
	if (found < APPS)
		on_executor(w, w->last, s->apps[found].name, event->name);
	else if (!is_app(event->name))
		return;
	else if (take_one(&watches, &s->watches_ns, w->now_ns))
		watch_app(w, w->last, event->name);
	else
		note_flood(w, w->last);
}

int executor_watch_fd(const struct executor_watch *w, uint64_t now_ns)
{
	return now_ns < allowed_at_ns(&reads, w->reads_ns) ? -1 : w->fd;
}

uint64_t executor_watch_deadline(const struct executor_watch *w, uint64_t now_ns)
{
	uint64_t at_ns = allowed_at_ns(&reads, w->reads_ns);

	return at_ns > now_ns ? at_ns : UINT64_MAX;
}

bool executor_watch_next(struct executor_watch *w, uint64_t now_ns, struct executor_start *out)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
	ssize_t size;

	w->now_ns = now_ns;
	while (!w->start_count && !w->nameless && executor_watch_fd(w, now_ns) >= 0 &&
	       (size = read(w->fd, bytes, sizeof(bytes))) > 0) {
		take_one(&reads, &w->reads_ns, now_ns);
		for (char *at = bytes; at < bytes + size;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			on_event(w, event);
			at += sizeof(*event) + event->len;
		}
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
