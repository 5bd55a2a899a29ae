#ifndef LAUNCHER_PROTOCOL_STATE_RECOVER_H
#define LAUNCHER_PROTOCOL_STATE_RECOVER_H

/* What the daemons of a cluster still tell of it when its state file does not: their command lines in /proc. */

#include "launcher/protocol/state.h"

/*
 * Find the daemons that were started with this cluster's spark.conf. Sets `master` and `master_process`, and of the plan the
 * number of slices and their addresses, and nothing else; what is not found is left as it is. Return how many were found.
 */
unsigned traces_read(const struct cluster *c, struct state *out);

#endif
