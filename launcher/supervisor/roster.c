/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the crew is: who runs, who starts, who does not stop, and what of that goes to disk. Reads
 * only; crew.c lets things happen.
 */
#include <errno.h>

#include "containers/proc/clock.h"
#include "launcher/supervisor/crew.h"

enum { KILLED_S = 20 }; /* after SIGKILL: a JVM with hundreds of GB to unmap needs seconds */

struct daemon *crew_master(struct crew *c)
{
	return &c->daemons[DAEMON_MASTER];
}

bool crew_is_running(const struct crew *c, unsigned daemon)
{
	return c->daemons[daemon].life.state == WORKER_RUNNING;
}

bool crew_has_answered(const struct crew *c, unsigned daemon)
{
	return crew_is_running(c, daemon) && c->contacts[daemon].pulse.is_heard;
}

bool crew_is_starting(const struct crew *c, unsigned daemon)
{
	return c->daemons[daemon].life.state == WORKER_STARTING;
}

bool crew_is_stopping(const struct crew *c)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (c->daemons[i].life.state == WORKER_STOPPING)
			return true;
	return false;
}

bool crew_has_stopped(const struct crew *c)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (c->daemons[i].life.state != WORKER_STOPPED)
			return false;
	return true;
}

int crew_check_stopping(const struct crew *c, struct err *e)
{
	const struct daemon *left = NULL;
	const unsigned patience_s = WORKER_STOP_S + KILLED_S;

	for (unsigned i = 0; i < DAEMONS; i++) {
		const struct daemon *d = &c->daemons[i];

		if (d->life.state != WORKER_STOPPING)
			continue;
		if (c->site->now_ns - d->life.since_ns <= patience_s * 1000 * CLOCK_MS)
			return 0;
		left = d;
	}
	if (!left)
		return 0;
	return err_set(
		e, -ETIMEDOUT,
		"%s (process %d) has not ended within %d s of SIGKILL: see what it waits for "
		"(/proc/%d/wchan), then run down again",
		left->name, (int)left->process.pid, KILLED_S, (int)left->process.pid);
}

int crew_save(struct crew *c, struct err *e)
{
	struct state *s = c->site->state;

	if (!c->site->is_dirty)
		return 0;
	s->master_process = crew_master(c)->process;
	for (unsigned i = 0; i < s->plan.slice_count; i++)
		s->workers[i] = (struct worker_record){
			c->daemons[i].process, c->daemons[i].life.restarts, c->contacts[i].ui_port};
	return site_save(c->site, e);
}
