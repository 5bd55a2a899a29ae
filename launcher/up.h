#ifndef LAUNCHER_UP_H
#define LAUNCHER_UP_H

/* Bringing a cluster up from a command: `up` itself, and `run`, which does it if needed. */

#include "launcher/load.h"
#include "launcher/state.h"

enum up_result { UP_STARTED, UP_CHANGED, UP_UNCHANGED };

/*
 * Reconcile the cluster to the profile: start or adopt a supervisor, send it the plan, wait until all workers are registered,
 * with progress on stderr if that is a terminal (plain lines otherwise). Ctrl-C or death of the caller before the end undoes what
 * this call began. `out` is the state afterwards.
 */
int up_ensure(const struct options *o, const char *profile, enum up_result *result,
	      struct state *out, struct err *e);

/* Take it down and wait until the supervisor has exited. */
int down_cluster(const struct options *o, const char *name, struct err *e);

#endif
