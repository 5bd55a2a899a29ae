#include "containers/where/tree.h"
#include "launcher/supervisor/monitor.h"

/*
 * What others do to what is in force: CPUs that the machine loses and regains, and whoever writes to our groups.
 */

/* ---- CPUs that come and go */

static int can_have(struct supervisor *s, struct cpuset *allowed, struct err *e)
{
	struct cpuset nodes;
	struct tree tree;

	if (s->driver->ops->allowed)
		return s->driver->ops->allowed(s->driver, allowed, e);
	return tree_read(s->cgroup_root, &tree, e) < 0 ? e->code
						       : tree_allowed(&tree, allowed, &nodes, e);
}

static void note_cpus(struct supervisor *s, const struct cpuset *allowed)
{
	struct cpuset back = cpuset_and_not(allowed, &s->allowed);
	char text[PLAN_TEXT];

	if (cpuset_is_equal(allowed, &s->allowed))
		return;
	if (!cpuset_is_empty(&s->allowed)) {
		snprintf(text, sizeof(text), "CPUs that can be had: %.100s, before: %.100s",
			 CPUSET_STRING(allowed), CPUSET_STRING(&s->allowed));
		events_note(&s->events, "cpus", s->state->cluster.name, text,
			    {"count", cpuset_count(allowed)});
		s->returned = cpuset_or(&s->returned, &back);
	}
	s->allowed = *allowed;
	lend_machine_changed(s);
}

/* Cgroup v1 puts the processes of a cpuset that has lost its last CPU into the group above, for good. */
static void bring_back(struct supervisor *s, unsigned slice)
{
	const struct daemon *d = &s->daemons[slice];
	struct err e;
	int count;

	if (!s->driver->ops->bring_back || drift_is_stranded(&s->state->plan, slice, &s->allowed))
		return;
	count = s->driver->ops->bring_back(s->driver, d->group, &e);
	if (count < 0)
		events_note(&s->events, "bring-back-failed", d->name, e.msg, {"errno", -e.code});
	else if (count)
		events_note(
			&s->events, "bring-back", d->name,
			"its processes were outside its cpuset, as after the loss of its last CPU",
			{"processes", count});
}

/* ---- files that somebody else has written */

static void give_up_on_drift(struct supervisor *s, const struct op *op)
{
	s->lend->given_up = true;
	s->state->phase = PHASE_DEGRADED;
	snprintf(
		s->state->why, sizeof(s->state->why),
		"somebody else keeps writing the %s of group %s: find out who (cleave doctor), then "
		"run up",
		op->kind == OP_SET_WEIGHT ? "weight" : "cpuset.cpus", op->name);
	s->dirty = true;
	events_note(&s->events, "degraded", op->name, s->state->why, {"repairs", DRIFT_REPAIRS});
}

static void repair_op(struct supervisor *s, const struct op *op)
{
	char text[PLAN_TEXT];
	struct err e;
	int r = driver_execute(s->driver, op, NULL, NULL, NULL, &e);

	events_note(&s->events, r ? "repair-failed" : "repair", op->name,
		    r ? e.msg : op_format(op, &s->state->plan, text, sizeof(text)),
		    {"errno", r ? -e.code : 0});
}

void machine_tick(struct supervisor *s)
{
	struct observation *seen = &s->lend->seen;
	struct op ops[DRIFT_OPS];
	struct cpuset allowed;
	unsigned count;
	struct err e;

	if (can_have(s, &allowed, &e) < 0)
		return;
	note_cpus(s, &allowed);
	if (s->lend->given_up || driver_look(s->driver, &s->state->plan, seen, &e))
		return;
	count = drift_find(seen, &s->state->plan, &allowed, ops);
	if (!count) {
		s->returned = (struct cpuset){0};
		return;
	}
	if (!drift_gives_back(seen, ops, count, &s->returned) &&
	    !drift_may_repair(&s->repairs, s->now_ns)) {
		give_up_on_drift(s, &ops[0]);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		repair_op(s, &ops[i]);
}

void machine_second(struct supervisor *s)
{
	if (s->state->phase != PHASE_UP && s->state->phase != PHASE_DEGRADED)
		return;
	if (!s->lend->is_on)
		machine_tick(s);
	for (unsigned i = 0; i < s->state->plan.slice_count; i++)
		bring_back(s, i);
}
