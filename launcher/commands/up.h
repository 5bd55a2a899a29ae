/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_UP_H
#define LAUNCHER_COMMANDS_UP_H

/*
 * Bringing a cluster up from a command, `up` itself and `run`, which does it if needed; and taking
 * it down. PROFILE → wanted → who supervises? → the request, or a supervisor that begins with it →
 * its answer.
 */

#include "launcher/commands/command.h"
#include "launcher/protocol/reply.h"
#include "launcher/protocol/state.h"

/*
 * Of `up` or `run`: reconcile the cluster to the profile that is the operand: start or adopt a
 * supervisor, send it what is wanted, wait until all workers are registered, with progress on
 * stderr (one line that changes on a terminal, plain lines otherwise). Ctrl-C or death of the
 * caller before the end undoes what this call began; after SIGINT, SIGTERM or SIGHUP this waits for
 * that and then dies of the signal. `out` is the state afterwards. ERR_FAILED naming the process
 * where another `up` or `down` is under way.
 */
int up_ensure(const struct invocation *up, enum reply_result *result, struct state *out,
	      struct err *e);

/* `up --foreground`: be the supervisor until the cluster is taken down. */
int up_foreground(const struct invocation *up, struct err *e);

/*
 * Have the supervisor put the plan of its state in force once more, and wait until it has. Where
 * nobody supervises, *lock is the cluster's lock instead, for the caller to close; else -1.
 */
int up_again(const struct state *s, int *lock, struct err *e);

/*
 * Take it down and wait until the supervisor has exited; with --purge remove its logs, too. No such
 * cluster: 0.
 */
int down_cluster(const struct options *o, const char *name, struct err *e);

#endif
