/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_ENGINE_ATTACH_H
#define CONTAINERS_ENGINE_ATTACH_H

/*
 * A stand-in: a process of ours that is to its parent what the command in a container would be. It
 * has the command's stdin, stdout and stderr, takes its signals and ends with its exit code. It
 * leads a session of its own, whose terminal is the one among its files.
 *
 *   stdin      is copied until its end, which the command sees, too
 *   SIGINT, SIGTERM, SIGQUIT, SIGHUP
 *              go to the container's first process. The Engine API has no signals for an exec: its
 *              process gets them from us where it can be seen and is in the container's group;
 *              else a terminal's gets the key (Ctrl-C, Ctrl-\); else it is not told, the stand-in
 *              says so and ends with 128 + n, and the command, whose files are closed, may go on
 *   stdout     that nobody reads any more is SIGPIPE to the command; a container's first process, if
 *              it has no handler, takes none (pid_namespaces(7)), and its output is dropped
 *   SIGWINCH   the command's terminal gets our terminal's size
 *
 * Exit codes that are not the command's: 125, the engine has gone (it was stopped, and keeps its
 * containers: live-restore), and what became of the command is not known; it says so on stderr.
 *
 * Whoever kills the stand-in itself (SIGKILL) has only cut the connection: stdin of the command
 * ends, its output goes to the container's log, and it goes on. So the parent, when the stand-in
 * has ended in whatever way, removes the container (an exec goes with its container, or with the
 * group that it is in). If the parent has gone as well, a terminal's hang-up still reaches the
 * command; else the container is there until it is found by its labels (container_list()).
 */

#include <stdbool.h>
#include <sys/types.h>

#include "decision/base/err.h"

struct attach {
	const char *socket;
	const char *container; /* id or name: created and not started; or running, then */
	const char *exec;      /* is the id of exec_create(), else NULL */
	int in, out, err;      /* the caller's; in: -1, nothing is typed */
	bool has_terminal;     /* as it was created: takes_terminal */
};

/*
 * Attach, start the command, and leave a stand-in with it. Blocks until the engine has started it.
 * 0 with pid and pidfd (both the caller's); else nothing runs, and the code is that of execve(2)
 * where the command cannot be executed (-ENOENT, -EACCES), that of engine.h else. Of an exec the
 * engine tells it later: on its stdout, with exit code 126 (or 127, as engines go).
 */
int attach_spawn(const struct attach *a, pid_t *pid, int *pidfd, struct err *e);

#endif
