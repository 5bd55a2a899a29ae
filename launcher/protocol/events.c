/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/events.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/system/json.h"

static int open_log(const char *path)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

/*
 * A supervisor that died while it wrote has left a piece of a line: nobody can read it, so it goes.
 */
static void drop_cut_line(int fd, off_t size)
{
	char tail[4096];

	while (size > 0) {
		size_t want = size < (off_t)sizeof(tail) ? (size_t)size : sizeof(tail);
		ssize_t n = pread(fd, tail, want, size - (off_t)want);
		const char *end = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return;
		if (end) {
			size += end + 1 - tail - n;
			break;
		}
		size -= n;
	}
	if (ftruncate(fd, size))
		return; /* as it was: readers name the line */
}

int events_open(const struct cluster *c, struct events *out, struct err *e)
{
	struct events ev = {.fd = -1};
	struct stat st;
	int r = cluster_file(c, "events.jsonl", ev.path, e);

	if (r)
		return r;
	ev.fd = open_log(ev.path);
	if (ev.fd < 0)
		return err_errno(e, ev.fd, "%s", ev.path);
	if (fstat(ev.fd, &st) == 0)
		drop_cut_line(ev.fd, st.st_size);
	*out = ev;
	return 0;
}

void events_close(struct events *ev)
{
	if (ev->fd >= 0)
		close(ev->fd);
	ev->fd = -1;
}

void event_time(uint64_t realtime_ns, char text[EVENT_TIME])
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	char date[EVENT_TIME - 5];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, EVENT_TIME, "%s.%03uZ", date, (unsigned)(realtime_ns / 1000000 % 1000));
}

char *event_format(uint64_t realtime_ns, const char *what, const char *object, const char *reason,
		   const struct event_input *inputs, size_t count)
{
	json_t *values = json_object();
	json_auto_t *event = NULL;
	cleanup_free char *text = NULL;
	char when[EVENT_TIME], *line = NULL;
	bool failed = false;

	for (size_t i = 0; i < count; i++)
		failed |= json_object_set_new(values, inputs[i].key, json_integer(inputs[i].value));
	event_time(realtime_ns, when);
	event = json_pack("{s:s, s:s, s:o, s:o, s:o}", "time", when, "what", what, "object",
			  json_text(object), "reason", json_text(reason), "inputs", values);
	if (event && !failed)
		text = json_dumps(event, JSON_COMPACT);
	return text && asprintf(&line, "%s\n", text) > 0 ? line : NULL;
}

/*
 * Whatever fails on the way, the descriptor stays one that can be written to: where no file can be
 * made (no inode is left), the old one goes on, up to twice its size, and then begins anew.
 */
static void rotate(struct events *ev)
{
	char old[PROFILE_PATH + 8];
	struct stat st;
	int fd;

	if (fstat(ev->fd, &st) || st.st_size < EVENTS_MAX_BYTES)
		return;
	snprintf(old, sizeof(old), "%s.1", ev->path);
	/* First away with the old one: the one before it gives its inode back. */
	fd = rename(ev->path, old) ? -1 : open_log(ev->path);
	if (fd >= 0) {
		close(ev->fd);
		ev->fd = fd;
		ev->is_torn = false;
		return;
	}
	rename(old, ev->path);
	if (st.st_size >= 2 * EVENTS_MAX_BYTES && ftruncate(ev->fd, 0) == 0)
		ev->is_torn = false;
}

void events_add(struct events *ev, const char *what, const char *object, const char *reason,
		const struct event_input *inputs, size_t count)
{
	cleanup_free char *line = NULL;

	if (ev->fd < 0)
		return;
	line = event_format(clock_date_ns(), what, object, reason, inputs, count);
	if (line)
		events_add_line(ev, line);
}

void events_add_line(struct events *ev, const char *line)
{
	struct iovec parts[] = {{(char[]){'\n'}, ev->is_torn}, {(char *)line, strlen(line)}};
	ssize_t size = (ssize_t)(parts[0].iov_len + parts[1].iov_len), written;
	struct stat st;

	if (ev->fd < 0)
		return;
	/* One write, and nobody else appends: what a full disk has taken of the line is its end. */
	written = writev(ev->fd, parts, 2);
	if (written == size)
		ev->is_torn = false;
	else if (written > 0)
		ev->is_torn =
			fstat(ev->fd, &st) != 0 || ftruncate(ev->fd, st.st_size - written) != 0;
	rotate(ev);
}
