/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_PEER_H
#define LAUNCHER_SYSTEM_PEER_H

/*
 * Whose the other end of a connection on this machine is. A port on loopback that its owner has left
 * is anybody's: who has something secret to say asks first, when the connection is there.
 */

#include <sys/types.h>

#include "decision/base/err.h"

/*
 * Check that a TCP server is a user's: who listens there now, and, once it is accepted, the
 * connection that `client` has with it. (One that is not accepted goes with who listens.) IPv4
 * addresses in numbers. -EPERM: another's, or nobody's; any other error: the kernel does not tell
 * (sock_diag(7)).
 */
int peer_check(const char *server, int port, const char *client, int client_port, uid_t uid,
	       struct err *e);

#endif
