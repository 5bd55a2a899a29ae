/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_RUNNING_H
#define LAUNCHER_COMMANDS_RUNNING_H

/* What commands on a running cluster begin with: which one → its state → its groups. */

#include "containers/driver.h"
#include "launcher/commands/command.h"
#include "launcher/protocol/control_line.h"
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
 * Its state, on the heap. -ENOENT, ERR_FAILED: there is none of that name in the
 * state directory; -EBADMSG: it cannot be read, and what to do about it.
 */
int running_state(const struct cluster *c, struct state **out, struct err *e);

/* Its groups, which are not made: -ENOENT where they are gone, as after a reboot. */
int running_driver(const struct options *o, const struct state *s, struct driver **out,
		   struct err *e);
void running_driver_closep(struct driver **d);
#define cleanup_driver __attribute__((cleanup(running_driver_closep)))

/*
 * control_query() to the cluster's supervisor, with what a failure means. running_is_dead(): there
 * is none. -ETIMEDOUT: one lives and does not answer; the error says which, and what to do.
 */
int running_query(const struct cluster *c, const struct control_request *request, char **text,
		  const struct json_table *t, void *value, struct err *e);
bool running_is_dead(int r);

/* The error of a supervisor that lives and does not answer: -ETIMEDOUT. */
int running_mute(const struct cluster *c, pid_t supervisor, struct err *e);

/* What the supervisor says of itself, as running_query(); `out` and `text` may be NULL. */
int running_status(const struct cluster *c, struct status *out, char **text, struct err *e);

/*
 * Whether a word is digits only, at most `max`; and whether it is "0" or "slice-0", of any number.
 */
bool word_number(const char *word, unsigned max, unsigned *out);
bool word_slice(const char *word, unsigned *out);

/* What is to be known of a command that goes on all the same, on stderr. */
void running_notes(const struct argv *notes);

#endif
