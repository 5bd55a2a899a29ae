#ifndef LAUNCHER_COMMANDS_RUNNING_H
#define LAUNCHER_COMMANDS_RUNNING_H

/* What commands on a running cluster begin with. */

#include "containers/driver.h"
#include "launcher/commands/command.h"
#include "launcher/protocol/state.h"
#include "launcher/protocol/status.h"

/*
 * Which cluster a command means: --cluster or `operand` (a profile's path; the name of a cluster; a shipped profile, whose `name`
 * counts), else the only one in the state directory, else (there is none) the default profile's name. ERR_WRONG with the names
 * where it is not clear.
 */
int load_cluster_name(const struct options *o, const char *operand, char name[NAME_MAX_BYTES + 1],
		      struct err *e);

/*
 * The state of the cluster that --cluster or `operand` means (load_cluster_name). -ENOENT, ERR_FAILED: there is none of that
 * name in the state directory; -EBADMSG: its state cannot be read, and what to do about it.
 */
int running_state(const struct options *o, const char *operand, struct state *out, struct err *e);

/* Its groups. */
int running_driver(const struct options *o, const struct state *s, struct driver **out,
		   struct err *e);

/*
 * What the supervisor says of itself, and its text as it came, the caller's to free(); either may be
 * NULL. -ENOENT, -ECONNREFUSED, -ECONNRESET, -EPIPE: it is dead.
 */
int running_status(const struct cluster *c, struct status *out, char **text, struct err *e);

/* The loans in force, as the supervisor tells them, become p's; where it is dead or mute, none. */
void running_loans(const struct cluster *c, struct plan *p);

/* "0", "slice-0", "host" or "master" → the group's name, ERR_WRONG for what the cluster has not. */
int running_group(const struct state *s, const char *word, char group[NAME_MAX_BYTES + 1],
		  struct err *e);

#endif
