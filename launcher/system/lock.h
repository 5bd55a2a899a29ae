/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_LOCK_H
#define LAUNCHER_SYSTEM_LOCK_H

/*
 * STATE/NAME/lock: who holds it is the only writer of the cluster. It ends with the last copy of
 * the descriptor.
 */

#include <stdbool.h>

#include "launcher/system/cluster.h"

/* Take it and write our pid into it. -EBUSY: *holder has it (0: unknown). */
int lock_take(const struct cluster *c, int *fd, pid_t *holder, struct err *e);

/* The caller has it from now on, who was forked by who took it: write his pid. */
void lock_sign(int fd);

/* Whether somebody has it, and who (0: unknown). */
bool lock_is_held(const struct cluster *c, pid_t *holder);

/*
 * The same for a plain file `name` in `dir`, which need not be there. Who has it may remove it: then
 * others do not take the one that is gone.
 */
int lock_file(int dir, const char *name, int *fd, pid_t *holder, struct err *e);

#endif
