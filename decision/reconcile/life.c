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

/* Forget exits that are older than the time, then note this one; return how many there are. */
static unsigned note_exit(struct worker *w, uint64_t now_ns)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < w->exit_count; i++)
		if (now_ns - w->exits[i] < WORKER_EXITS_WITHIN_S * second)
			w->exits[kept++] = w->exits[i];
	if (kept == WORKER_EXITS)
		memmove(w->exits, w->exits + 1, --kept * sizeof(w->exits[0]));
	w->exits[kept++] = now_ns;
	w->exit_count = kept;
	return kept;
}

static enum worker_action back_off(struct worker *w, uint64_t now_ns)
{
	unsigned exits = note_exit(w, now_ns);

	w->has_process = false;
	if (exits >= WORKER_EXITS) {
		enter(w, WORKER_DEGRADED, now_ns);
		return WORKER_DO_NOTHING;
	}
	enter(w, WORKER_BACKING_OFF, now_ns);
	w->deadline_ns = now_ns + (WORKER_BACK_OFF_FIRST_S * second << (exits - 1));
	return WORKER_DO_NOTHING;
}

static enum worker_action wanted(struct worker *w, uint64_t now_ns)
{
	if (w->has_process)
		return WORKER_DO_NOTHING;
	w->restarts = 0;
	w->exit_count = 0;
	return start(w, now_ns);
}

static enum worker_action unwanted(struct worker *w, uint64_t now_ns)
{
	if (!w->has_process) {
		enter(w, WORKER_STOPPED, now_ns);
		return WORKER_DO_NOTHING;
	}
	if (w->state == WORKER_STOPPING)
		return WORKER_DO_NOTHING;
	enter(w, WORKER_STOPPING, now_ns);
	w->deadline_ns = now_ns + WORKER_STOP_S * second;
	return WORKER_DO_TERMINATE;
}

static enum worker_action exited(struct worker *w, uint64_t now_ns)
{
	if (!w->has_process)
		return WORKER_DO_NOTHING;
	if (w->state != WORKER_STOPPING)
		return back_off(w, now_ns);
	w->has_process = false;
	enter(w, WORKER_STOPPED, now_ns);
	return WORKER_DO_NOTHING;
}

static enum worker_action tick(struct worker *w, uint64_t now_ns)
{
	if (!w->deadline_ns || now_ns < w->deadline_ns)
		return WORKER_DO_NOTHING;
	if (w->state == WORKER_STOPPING) {
		w->deadline_ns = 0;
		return WORKER_DO_KILL;
	}
	w->restarts++;
	return start(w, now_ns);
}

enum worker_action worker_step(struct worker *w, enum worker_event event, uint64_t now_ns)
{
	switch (event) {
	case WORKER_WANTED:
		return wanted(w, now_ns);
	case WORKER_ADOPTED:
		w->has_process = true;
		enter(w, WORKER_STARTING, now_ns);
		return WORKER_DO_NOTHING;
	case WORKER_REGISTERED:
		if (w->state == WORKER_STARTING)
			enter(w, WORKER_RUNNING, now_ns);
		return WORKER_DO_NOTHING;
	case WORKER_LOST:
		if (w->state == WORKER_RUNNING)
			enter(w, WORKER_STARTING, now_ns);
		return WORKER_DO_NOTHING;
	case WORKER_EXITED:
		return exited(w, now_ns);
	case WORKER_UNWANTED:
		return unwanted(w, now_ns);
	case WORKER_TICK:
		return tick(w, now_ns);
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
	};

	return state < WORKER_STATES ? names[state] : "unknown";
}
