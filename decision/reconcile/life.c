/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/life.h"

#include <string.h>

static const uint64_t second = 1000000000;

static void enter(struct worker *w, enum worker_state state, uint64_t now_ns)
{
	w->state = state;
	w->since_ns = now_ns;
	w->deadline_ns = 0;
}

static enum worker_action start(struct worker *w, uint64_t now_ns)
{
	enter(w, WORKER_STARTING, now_ns);
	w->has_process = true;
	return WORKER_DO_SPAWN;
}

/* Exits that are older than the time are forgotten. */
static void back_off(struct worker *w, uint64_t now_ns)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < w->exit_count; i++)
		if (now_ns - w->exits[i] < WORKER_EXITS_WITHIN_S * second)
			w->exits[kept++] = w->exits[i];
	if (kept == WORKER_EXITS)
		memmove(w->exits, w->exits + 1, --kept * sizeof(w->exits[0]));
	w->exits[kept++] = now_ns;
	w->exit_count = kept;
	enter(w, kept < WORKER_EXITS ? WORKER_BACKING_OFF : WORKER_DEGRADED, now_ns);
	if (kept < WORKER_EXITS)
		w->deadline_ns = now_ns + (WORKER_BACK_OFF_FIRST_S * second << (kept - 1));
}

enum worker_action worker_step(struct worker *w, enum worker_event event, uint64_t now_ns)
{
	switch (event) {
	case WORKER_WANTED:
		if (w->has_process)
			break;
		w->restarts = 0;
		w->exit_count = 0;
		return start(w, now_ns);
	case WORKER_ADOPTED:
		w->has_process = true;
		enter(w, WORKER_STARTING, now_ns);
		break;
	case WORKER_REGISTERED:
		if (w->state == WORKER_STARTING)
			enter(w, WORKER_RUNNING, now_ns);
		break;
	case WORKER_LOST:
		if (w->state == WORKER_RUNNING)
			enter(w, WORKER_STARTING, now_ns);
		break;
	case WORKER_EXITED:
		if (!w->has_process)
			break;
		w->has_process = false;
		if (w->state == WORKER_STOPPING)
			enter(w, WORKER_STOPPED, now_ns);
		else
			back_off(w, now_ns);
		break;
	case WORKER_UNWANTED:
		if (w->has_process && w->state == WORKER_STOPPING)
			break;
		enter(w, w->has_process ? WORKER_STOPPING : WORKER_STOPPED, now_ns);
		if (!w->has_process)
			break;
		w->deadline_ns = now_ns + WORKER_STOP_S * second;
		return WORKER_DO_TERMINATE;
	case WORKER_TICK:
		if (!w->deadline_ns || now_ns < w->deadline_ns)
			break;
		if (w->state == WORKER_STOPPING) {
			w->deadline_ns = 0;
			return WORKER_DO_KILL;
		}
		w->restarts++;
		return start(w, now_ns);
	case WORKER_MUTE:
		if (w->state != WORKER_STARTING && w->state != WORKER_RUNNING)
			break;
		enter(w, WORKER_HUNG, now_ns);
		return WORKER_DO_KILL;
	case WORKER_EVENTS:
		break;
	}
	return WORKER_DO_NOTHING;
}

const char *worker_state_name(enum worker_state state)
{
	static const char *const names[WORKER_STATES] = {
		[WORKER_STOPPED] = "stopped",	[WORKER_STARTING] = "starting",
		[WORKER_RUNNING] = "running",	[WORKER_BACKING_OFF] = "backing-off",
		[WORKER_DEGRADED] = "degraded", [WORKER_STOPPING] = "stopping",
		[WORKER_HUNG] = "hung",
	};

	return names[state];
}
