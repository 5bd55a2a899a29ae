#ifndef LAUNCHER_COMMANDS_RUNNING_H
#define LAUNCHER_COMMANDS_RUNNING_H

/* What commands on a running cluster begin with: which one → its state → its groups. */

#include "containers/driver.h"
#include "launcher/commands/command.h"
#include "launcher/protocol/state.h"
#include "launcher/protocol/status.h"

/*
 * Which cluster a command means, and where it keeps its things: --cluster or `operand` (a profile's
 * path; the name of a cluster; a shipped profile, whose `name` counts), else the only one in the
 * state directory, else (there is none) the default profile's name. ERR_WRONG with the names where
 * it is not clear.
 */
int running_cluster(const struct options *o, const char *operand, struct cluster *out,
		    struct err *e);

/*
 * Its state. -ENOENT, ERR_FAILED: there is none of that name in the state directory; -EBADMSG: it
 * cannot be read, and what to do about it.
 */
int running_state(const struct cluster *c, struct state *out, struct err *e);

/* Its groups. */
int running_driver(const struct options *o, const struct state *s, struct driver **out,
		   struct err *e);

/* Whether control_ask() failed because nobody listens, or not to the end. */
bool running_is_dead(int r);

/*
 * What the supervisor says of itself and, where `text` is not NULL, its words: the caller's to
 * free(). running_is_dead() tells the error of a dead one.
 */
int running_status(const struct cluster *c, struct status *out, char **text, struct err *e);

/* "0", "slice-0", "host" or "master" → the group's name, ERR_WRONG for what the cluster has not. */
int running_group(const struct state *s, const char *word, char group[NAME_MAX_BYTES + 1],
		  struct err *e);

#endif
