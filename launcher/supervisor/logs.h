/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_LOGS_H
#define LAUNCHER_SUPERVISOR_LOGS_H

/*
 * The logs of the cluster's processes, none of which grows without bound: those of master and
 * workers, the supervisor's own, the training's. Executors' are their Worker's (spark.conf).
 */

#include "launcher/supervisor/crew.h"

struct logs {
	uint64_t look_at_ns;
	uint64_t tell_at_ns; /* before, no other failure is an event */
};

/* Once a second: what is too long begins anew (system/rotate.h). */
void logs_look(struct logs *l, struct site *s, const struct crew *c);

#endif
