/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_FOLLOW_H
#define LAUNCHER_COMMANDS_FOLLOW_H

/*
 * The commands' side of an `apply` or a `down`: read the supervisor's answers to the end, show
 * progress on stderr.
 */

#include "launcher/protocol/reply.h"

/*
 * Until "done", which is `out` then, "error" or the end of the connection. A first SIGINT, SIGTERM
 * or SIGHUP makes the supervisor give up; *signal_number is then the signal (else 0); where it is
 * NULL signals have their usual effect. The error is the supervisor's, with its exit class;
 * -ETIMEDOUT: it has not even said that it is still there.
 */
int progress_follow(int fd, struct reply *out, int *signal_number, struct err *e);

#endif
