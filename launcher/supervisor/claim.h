/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_CLAIM_H
#define LAUNCHER_SUPERVISOR_CLAIM_H

/*
 * A name that one process at a time may have, among all that share our loopback addresses. Whoever
 * chooses a port or an address claims it first: it is nobody's until a socket listens there, and
 * two that choose at once would choose the same. It needs no right, no file and no lock, blocks
 * nobody, and ends with its process. A bound socket of the abstract namespace (unix(7)), which is
 * as wide as the network namespace; nothing listens, so nobody can send to it.
 */

#include "decision/base/err.h"

/*
 * Return a descriptor that holds it until it is closed. -EADDRINUSE: another has it;
 * -ENAMETOOLONG, or an errno of socket().
 */
int claim_take(const char *name, struct err *e);

#endif
