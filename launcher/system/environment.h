/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_ENVIRONMENT_H
#define LAUNCHER_SYSTEM_ENVIRONMENT_H

/* What of the caller's environment another program gets. */

#include "launcher/system/argv.h"
#include "launcher/system/cluster.h"

/* HOME, USER and LOGNAME of a user, where the machine knows him. */
void environment_put_user(uid_t uid, struct argv *env);

/*
 * The caller's own variables, less what is meant for this process alone: what a service manager
 * told it (NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC …) and what changes how it sees the machine
 * (HWLOC_*).
 */
void environment_put_caller(struct argv *env);

/*
 * The same for a program that runs as the workers' user. Where that is somebody else, he gets only
 * what a list names (launcher/spark/README.md) and his own HOME: root's environment has tickets,
 * agents and keys in it.
 */
void environment_put_for(const struct cluster *c, struct argv *env);

#endif
