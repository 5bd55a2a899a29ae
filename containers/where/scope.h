/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_SCOPE_H
#define CONTAINERS_WHERE_SCOPE_H

/*
 * A scope that systemd delegates to one cluster: made by executing systemd-run, kept alive by a
 * process that only sleeps. The scope's groups outlive whoever made them; the scope ends when its
 * last process has ended.
 */

#include "containers/where/placement.h"

/* Make the scope; write its directory into all of p->base. No process is left on failure. */
int scope_start(struct placement *p, const char *cluster, struct err *e);

/*
 * The group inside the scope that its sleeping process is moved to, so that the scope may have
 * controllers for groups.
 */
#define SCOPE_PAUSE "pause"

/* Move the processes that sit in the scope itself into SCOPE_PAUSE. `dir` is the scope. */
int scope_make_room(int dir, struct err *e);

#endif
