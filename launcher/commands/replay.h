#ifndef LAUNCHER_COMMANDS_REPLAY_H
#define LAUNCHER_COMMANDS_REPLAY_H

/*
 * The steps of an events.jsonl, decided again by rebalance_decide() and held against what was decided then.
 */

#include "launcher/protocol/rebalance_event.h"

enum {
	REPLAY_TEXT = 1024,
	REPLAY_MAX_BYTES = EVENTS_MAX_BYTES + (1 << 20), /* with the line that filled it up */
};

struct replay_step {
	unsigned line; /* from 1 */
	const struct rebalance_event *event;
	bool is_same;
	char difference[REPLAY_TEXT]; /* "decided then: …; now: …", or "" */
};

/* Called for each step in turn. */
typedef void replay_tell(void *context, const struct replay_step *step);

struct replay {
	unsigned steps, same;
	unsigned
		cut_line; /* the last line if it has no end and is no JSON, as after a crash; else 0 */
};

/*
 * Decide again on `machine`, of which only the CPUs that an event allows count. Lines of other kinds are passed by.
 * Return 0; ERR_WRONG with the line for one that cannot be read; ERR_IMPOSSIBLE with the line where the machine is
 * another one: it lacks CPUs, or its cores are not those that the slices were made of.
 */
int replay_run(const char *text, size_t size, const struct topology *machine, replay_tell *tell,
	       void *context, struct replay *out, struct err *e);

#endif
