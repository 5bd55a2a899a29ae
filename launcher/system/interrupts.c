/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/interrupts.h"

#include <stddef.h>

static const int held[] = {SIGINT, SIGTERM, SIGHUP};
enum { HELD = sizeof(held) / sizeof(held[0]) };

void interrupts_hold(struct interrupts *out)
{
	struct sigaction action;

	sigemptyset(&out->set);
	for (size_t i = 0; i < HELD; i++)
		if (sigaction(held[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&out->set, held[i]);
	sigprocmask(SIG_BLOCK, &out->set, &out->before);
}

bool interrupts_pending(const struct interrupts *i)
{
	sigset_t pending, ours;

	return sigpending(&pending) == 0 && sigandset(&ours, &pending, &i->set) == 0 &&
	       !sigisemptyset(&ours);
}

void interrupts_release(const struct interrupts *i)
{
	sigprocmask(SIG_SETMASK, &i->before, NULL);
}
