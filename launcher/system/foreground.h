/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_FOREGROUND_H
#define LAUNCHER_SYSTEM_FOREGROUND_H

/*
 * A program in the foreground of the caller's terminal, born in one of the cluster's groups: the
 * application of `run`, the command of `exec`. It leads a session of its own, on a terminal one with
 * a terminal of its own (pty.h), so signals reach it through us: those of the caller's terminal, and
 * those sent to us. The second one kills it and all that it started.
 */

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "containers/driver.h"
#include "containers/engine/attach.h"
#include "launcher/system/cluster.h"
#include "launcher/system/pty.h"

enum { FOREGROUND_FAMILY = 256 };

struct foreground {
	int signals; /* signalfd of SIGHUP, SIGINT, SIGQUIT, SIGTERM */
	sigset_t before;
	pid_t pid; /* of the program, which leads a process group */
	int pidfd;
	bool is_shielded; /* the first signal of the terminal is not the program's */
	struct pty pty;
	unsigned interrupts; /* signals that came */
	int last_signal;
	size_t count; /* what it had started when the first signal came */
	struct process_id family[FOREGROUND_FAMILY];
};

/*
 * Hold the signals back: from here to foreground_release() they wait to be passed on. A SIGHUP that
 * is ignored (nohup) is none.
 */
int foreground_block(struct foreground *out, struct err *e);
void foreground_release(struct foreground *f);
#define cleanup_foreground __attribute__((cleanup(foreground_release)))

/* Start it. -ENOENT and -EACCES as exec gives them. */
int foreground_start(struct foreground *f, struct driver *d, const struct spawn *s, struct err *e);

/* The same in a container: what is waited for is the command's stand-in (attach.h). */
int foreground_attach(struct foreground *f, const struct attach *a, struct err *e);

/*
 * Wait for one of the descriptors, at most as long as the turn's own business allows; 0 or negative
 * errno.
 */
typedef int foreground_turn(void *context, struct pollfd *fds, unsigned count, struct err *e);

/*
 * Wait for the end, passing signals on. `turn` NULL: plain poll(). Return its exit code, 128 + n if
 * signal n ended it, or negative errno. After a signal nothing that it had started is left when
 * this returns.
 */
int foreground_wait(struct foreground *f, foreground_turn *turn, void *context, struct err *e);

/* Whether a signal has come, also while no program runs. */
bool foreground_interrupted(struct foreground *f);

#endif
