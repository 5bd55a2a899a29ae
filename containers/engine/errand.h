/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_ERRAND_H
#define CONTAINERS_ENGINE_ERRAND_H

/*
 * What the supervisor wants of the engine, done by a child: its loop waits for no engine. The child
 * says at its end, in one record, how it went; it dies with the supervisor, and half of what it did
 * is mended by the next errand of its kind.
 */

#include "containers/engine/engine.h"

enum errand_kind {
	/*
	 * A container begins, in place of the one of its name that has ended. -EEXIST, and
	 * ERR_IMPOSSIBLE, if that is not of our cluster; -ECONNREFUSED: no engine answers. On
	 * failure there is none.
	 */
	ERRAND_BEGIN,
	/* It has ended, or is to: what it printed goes to the log, and it goes. */
	ERRAND_END,
	/* Somebody has paused it. */
	ERRAND_UNPAUSE,
	/* All containers of the cluster go. */
	ERRAND_CLEAR,
};

/* {.fd = -1}: none is under way. */
struct errand {
	enum errand_kind kind;
	pid_t pid;
	int fd; /* readable when it is done */
};

struct errand_result {
	struct err err; /* code 0: done */
	/*
	 * Of ERRAND_BEGIN: it runs, or has ended already (pid 0). Of ERRAND_END: how it ended, name
	 * "" where somebody has removed it.
	 */
	struct container_state container;
};

/*
 * Send a child. `spec`: all of it for ERRAND_BEGIN, else name and cluster. `log`: where what it
 * printed is appended, -1: nowhere.
 */
int errand_send(struct errand *out, enum errand_kind kind, const char *socket,
		const struct container_spec *spec, int log, struct err *e);

/* Its fd is readable: how it went. The errand is over. */
void errand_take(struct errand *errand, struct errand_result *out);

/* It is of no interest any more: kill it. */
void errand_drop(struct errand *errand);

#endif
