/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_LOCK_H
#define LAUNCHER_SYSTEM_LOCK_H

/*
 * STATE/NAME/lock: who holds it is the only writer of the cluster. It ends with the last copy of
 * the descriptor.
 */

#include "launcher/system/cluster.h"

/* Take it and write our pid into it. -EBUSY: *holder has it (0: unknown). */
int lock_take(const struct cluster *c, int *fd, pid_t *holder, struct err *e);

#endif
