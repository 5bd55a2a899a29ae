/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_WANTED_H
#define LAUNCHER_COMMANDS_WANTED_H

/*
 * What `up` wants of a supervisor: the plan of a profile on this machine, with the JDK that is
 * here. Where it listens the supervisor chooses (launcher/supervisor/endpoints.h).
 */

#include "launcher/commands/command.h"
#include "launcher/inputs/inputs.h"
#include "launcher/protocol/state.h"

/*
 * Go on with `in`, of which the profile is read. `known` is the state of the running cluster, or
 * what its daemons tell (state_recover.h), or NULL. Errors: those of inputs_read(), inputs_decide()
 * and spark_resolve(); ERR_WRONG for --slices that the plan has not; ERR_IMPOSSIBLE for another
 * machine's topology.
 */
int wanted_make(const struct options *o, const struct state *known, struct inputs *in,
		struct state *out, struct err *e);

#endif
