/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_INTERRUPTS_H
#define LAUNCHER_SYSTEM_INTERRUPTS_H

/* SIGINT, SIGTERM and SIGHUP wait while something is under way that has to be undone first. */

#include <signal.h>
#include <stdbool.h>

struct interrupts {
	sigset_t set;	 /* those that wait; what is ignored (nohup) does not */
	sigset_t before; /* the mask to go back to */
};

void interrupts_hold(struct interrupts *out);

/* Whether one has come. */
bool interrupts_pending(const struct interrupts *i);

/* The mask as it was: a signal that waited has its effect here. */
void interrupts_release(const struct interrupts *i);

#endif
