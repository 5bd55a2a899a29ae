/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_REPLAY_H
#define LAUNCHER_COMMANDS_REPLAY_H

/*
 * The steps of an events.jsonl, decided again by rebalance_decide() and held against what was
 * decided then.
 */

#include "launcher/protocol/rebalance_event.h"

enum {
	REPLAY_TEXT = 1024,
	REPLAY_TORN = 8, /* of more torn lines only the count is told */
	REPLAY_MAX_BYTES = 2 * EVENTS_MAX_BYTES + (1 << 20), /* with the line that filled it up */
};

/* About 3 MB: keep it on the heap. Begins as {.text, .end, .machine}, which are borrowed. */
struct replay {
	const char *text, *end; /* what is still to be read */
	const struct topology *machine;
	/* This step: */
	unsigned line; /* from 1 */
	struct rebalance_event event;
	bool is_same;
	char difference[REPLAY_TEXT]; /* "decided then: …; now: …", or "" */
	/* All so far: */
	unsigned steps, same;
	unsigned cut_line; /* the last line if it is cut, as after a crash; else 0 */
	unsigned torn_count, torn_lines[REPLAY_TORN]; /* cut ones before it, as by a full disk */
	/* Private to replay.c: */
	struct topology then; /* the machine with the CPUs of the event alone */
	struct plan now;      /* what comes of the event's inputs */
	struct rebalance_decisions decisions;
};

/*
 * Decide the next step again on `machine`, of which only the CPUs that the event allows count.
 * Lines of other kinds, and pieces of lines, are passed by. Return 1; 0 at the end; ERR_WRONG with the line for one that
 * cannot be read; ERR_IMPOSSIBLE with the line where the machine is another one: it lacks CPUs, or
 * its cores are not those that the slices were made of.
 */
int replay_next(struct replay *r, struct err *e);

#endif
