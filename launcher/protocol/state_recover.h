/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_STATE_RECOVER_H
#define LAUNCHER_PROTOCOL_STATE_RECOVER_H

/*
 * What is still known of a cluster whose state.json is lost or unreadable: by its daemons, and by
 * home.json (README.md).
 */

#include "launcher/protocol/state.h"

/*
 * For `up`, which chooses ports and addresses: find the daemons that were started with this
 * cluster's spark.conf, by the command lines of the processes in its groups (`d`) that are the
 * caller's or the workers' user's: what others write there proves nothing. Sets `master` and
 * `master_process`, and of the plan the number of slices and their addresses, which are loopback,
 * and nothing else; what is not found is left as it is. Return how many were found.
 */
unsigned state_recover_daemons(const struct cluster *c, struct driver *d, struct state *out);

/*
 * For the supervisor, as the `recorded` of actual_plan(): the plan that was in force, as far as
 * known. Its slices and their home sets are those of home.json; all that nobody has written down is
 * taken to be as wanted, so that workers which run as wanted stay. -ENOENT, -EBADMSG: no home set
 * can be proved, and *out is untouched.
 */
int state_recover_plan(const struct cluster *c, const struct plan *wanted, struct plan *out,
		       struct err *e);

#endif
