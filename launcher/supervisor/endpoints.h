/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_ENDPOINTS_H
#define LAUNCHER_SUPERVISOR_ENDPOINTS_H

/*
 * Where a cluster listens: the master's two ports, and an address a slice, one behind the other. A
 * profile's own are taken as they are; those that it leaves open are the first free ones. What was
 * chosen is claimed (launcher/supervisor/claim.h) for as long as the supervisor lives, so clusters that
 * begin at once choose different ones, and none takes what is ours while a daemon of ours is away.
 */

#include "launcher/protocol/state.h"

enum { CLAIMS = 2 * (SLICES_MAX + 2), CLAIM_NAME = 64 };

/* {0}: none. What is in force and what is wanted, so there may be two clusters' worth. */
struct claims {
	unsigned count;
	struct claim {
		char name[CLAIM_NAME]; /* "127.0.0.1:7077", "127.0.0.10" */
		int fd;
	} items[CLAIMS];
};

/*
 * Choose for `wanted`, by its profile, and claim: sets its `master` and the addresses of its plan's
 * slices. What `known` (NULL: none) listens on stays where the profile allows it. -EADDRINUSE and
 * the other errors of bind(2) for a port of the profile's that cannot be had.
 */
int endpoints_choose(struct claims *c, const struct state *known, struct state *wanted,
		     struct err *e);

/* The next free ports behind those that the master of `s` could not have, where they are open. */
int endpoints_move_master(struct claims *c, struct state *s, struct err *e);

/*
 * Of a master that has ended: whether the profile leaves a port of its open, and another process
 * listens at one (of a name for an address that cannot be told).
 */
bool endpoints_may_be_taken(const struct state *s);

/* Give back what neither of the two (either may be NULL) listens on. */
void endpoints_keep(struct claims *c, const struct state *s, const struct state *other);

#endif
