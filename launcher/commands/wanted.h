#ifndef LAUNCHER_COMMANDS_WANTED_H
#define LAUNCHER_COMMANDS_WANTED_H

/*
 * What `up` asks a supervisor for: the plan of a profile on this machine, with the ports and addresses that are free here.
 */

#include "launcher/commands/command.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/state.h"

/*
 * `known` is the state of the running cluster, or what its daemons tell (traces.h), or NULL: its ports and addresses
 * are kept where the profile says auto.
 * Errors: those of load_inputs() and spark_resolve(); ERR_IMPOSSIBLE for another machine's topology; ERR_FAILED for a port in use.
 */
int wish_make(const struct options *o, const char *profile, const struct state *known,
	      struct inputs *inputs, struct state *out, struct err *e);

#endif
