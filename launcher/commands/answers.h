/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_ANSWERS_H
#define LAUNCHER_COMMANDS_ANSWERS_H

/* Whether a cluster's daemons answer, asked by a command itself: so it needs no supervisor. */

#include "launcher/protocol/state.h"

enum answer_kind {
	ANSWER_NOT_ASKED, /* a worker of which nobody knows as yet where it is to be asked */
	ANSWER_GIVEN,
	ANSWER_WRONG, /* something else answers in its place */
	ANSWER_NONE,  /* within the time */
	ANSWER_DEAD,  /* it does not run */
};

struct answers {
	enum answer_kind master, workers[SLICES_MAX];
};

/* Ask all of them at once, for at most timeout_ms. */
int answers_ask(const struct state *s, unsigned timeout_ms, struct answers *out, struct err *e);

#endif
