#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/supervisor/parts.h"

enum { EMPTY_TIMEOUT_MS = 5000 };

void down_begin(struct supervisor *s)
{
	if (s->stage >= STAGE_STOP)
		return;
	if (s->driver && s->state)
		lend_end(s);
	s->stage = STAGE_STOP;
	unlock_groups(s);
	supervisor_notify("STOPPING=1");
	free(s->ops);
	s->ops = NULL;
	for (unsigned i = 0; i < DAEMONS; i++)
		watch_event(s, &s->daemons[i], WORKER_UNWANTED);
	if (!s->state)
		return;
	s->state->phase = PHASE_STOPPING;
	s->dirty = true;
	events_note(&s->events, "down", s->state->cluster.name,
		    s->failure.code ? s->failure.msg : "asked for", {"pid", getpid()});
}

static int step_stop(struct supervisor *s, struct err *e)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (s->daemons[i].life.state != WORKER_STOPPED)
			return 0;
	s->stage = STAGE_REMOVE;
	return lock_groups(s, e) ? e->code : 1;
}

static int remove_group(struct supervisor *s, const char *name, struct err *e)
{
	int r = s->driver->ops->kill(s->driver, name, EMPTY_TIMEOUT_MS, e);

	return r ? r : s->driver->ops->remove(s->driver, name, e);
}

/* Our own leaf goes last, after we have left it. */
static int remove_own_group(struct supervisor *s, struct err *e)
{
	int r = 0;

	if (s->kind == SUPERVISOR_DAEMON)
		r = s->driver->ops->enter(s->driver, NULL, e);
	return r ? r : remove_group(s, GROUP_SUPERVISOR, e);
}

static int remove_cluster(struct supervisor *s, struct err *e)
{
	int r = remove_own_group(s, e);

	if (!r)
		r = driver_destroy(s->driver, e);
	if (r)
		return r;
	s->driver = NULL;
	return 0;
}

/* One group a turn. 1: there may be more. */
static int step_remove(struct supervisor *s, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	int r = 0;

	if (!seen)
		return err_set(e, -ENOMEM, "no memory for the groups");
	if (s->driver)
		r = s->driver->ops->observe(s->driver, seen, e);
	for (unsigned i = 0; !r && i < seen->count; i++) {
		if (strcmp(seen->groups[i].name, GROUP_SUPERVISOR) == 0)
			continue;
		r = remove_group(s, seen->groups[i].name, e);
		return r ? r : 1;
	}
	if (!r && s->driver)
		r = remove_cluster(s, e);
	if (!r)
		s->stage = STAGE_GONE;
	return r ? r : 1;
}

int down_step(struct supervisor *s, struct err *e)
{
	if (s->stage == STAGE_STOP)
		return step_stop(s, e);
	return s->stage == STAGE_REMOVE ? step_remove(s, e) : 0;
}
