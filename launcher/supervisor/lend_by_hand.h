/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_LEND_BY_HAND_H
#define LAUNCHER_SUPERVISOR_LEND_BY_HAND_H

/* What `rebalance` requests: loans by hand, one pass, none, another mode. */

#include "launcher/supervisor/monitor.h"

/*
 * Do it. *text is the answer, the caller's to free(). To be called while a plan is in force and
 * nothing else under way. ERR_IMPOSSIBLE on groups that cannot lend, and what loan_request.h
 * refuses.
 */
int lend_by_hand(struct monitor *m, const struct rebalance_request *request, char **text,
		 struct err *e);

#endif
