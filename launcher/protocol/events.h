/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_EVENTS_H
#define LAUNCHER_PROTOCOL_EVENTS_H

/*
 * STATE/NAME/events.jsonl: what the supervisor decided, from which figures, and why; one JSON
 * object a line:
 *   {"time":"2026-01-31T12:00:00.123Z","what":"restart","object":"slice-0","reason":"…",
 *    "inputs":{"restarts":1}}
 * Append-only; at 16 MiB it becomes events.jsonl.1 and a new one begins.
 */

#include <stddef.h>
#include <stdint.h>

#include "launcher/system/cluster.h"

enum {
	EVENTS_MAX_BYTES = 16 << 20,
	EVENT_TIME = 32, /* "2026-01-31T12:00:00.123Z" */
};

struct events {
	int fd;	      /* -1: nowhere */
	bool is_torn; /* a piece of a line could not be taken back: the next begins with a newline */
	char path[PROFILE_PATH];
};

struct event_input {
	const char *key;
	int64_t value;
};

/* Open or make the file of a cluster (0600). */
int events_open(const struct cluster *c, struct events *out, struct err *e);
void events_close(struct events *ev);

/* A time of CLOCK_REALTIME as events spell it. */
void event_time(uint64_t realtime_ns, char text[EVENT_TIME]);

/*
 * Make the line, newline included, of one event at a time of CLOCK_REALTIME. The caller free()s it;
 * NULL without memory.
 */
char *event_format(uint64_t realtime_ns, const char *what, const char *object, const char *reason,
		   const struct event_input *inputs, size_t count);

/*
 * Append one event now. A log that cannot be written (full disk) must not stop the supervisor: the
 * event is lost, as a whole.
 */
void events_add(struct events *ev, const char *what, const char *object, const char *reason,
		const struct event_input *inputs, size_t count);

/* The same for a line that was formatted elsewhere, newline included. */
void events_add_line(struct events *ev, const char *line);

#define events_note(ev, what, object, reason, ...)                                              \
	events_add((ev), (what), (object), (reason), (const struct event_input[]){__VA_ARGS__}, \
		   sizeof((const struct event_input[]){__VA_ARGS__}) / sizeof(struct event_input))

#endif
