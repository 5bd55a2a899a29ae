/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/drift_watch.h"

#include "containers/where/tree.h"

void drift_watch_begin(struct drift_watch *w)
{
	w->has_given_up = false;
	w->site->allowed = (struct cpuset){0};
}

/* ---- CPUs that come and go */

static bool note_cpus(struct drift_watch *w, const struct cpuset *allowed)
{
	struct site *s = w->site;
	struct cpuset back = cpuset_and_not(allowed, &s->allowed);
	char text[PLAN_TEXT];

	if (cpuset_is_equal(allowed, &s->allowed))
		return false;
	if (!cpuset_is_empty(&s->allowed)) {
		snprintf(text, sizeof(text), "CPUs that can be had: %.100s, before: %.100s",
			 CPUSET_STRING(allowed), CPUSET_STRING(&s->allowed));
		events_note(&s->events, "cpus", s->state->cluster.name, text,
			    {"count", cpuset_count(allowed)});
		w->returned = cpuset_or(&w->returned, &back);
	}
	s->allowed = *allowed;
	return true;
}

/*
 * Cgroup v1 puts the processes of a cpuset that has lost its last CPU into the group above, for
 * good.
 */
void drift_watch_bring_back(struct drift_watch *w)
{
	struct site *s = w->site;
	const struct plan *p = &s->state->plan;

	for (unsigned i = 0; s->driver->ops->bring_back && i < p->slice_count; i++) {
		const char *name = p->slices[i].name;
		struct err e;
		int count;

		if (drift_is_stranded(p, i, &s->allowed))
			continue;
		count = s->driver->ops->bring_back(s->driver, name, &e);
		if (count < 0)
			events_note(&s->events, "bring-back-failed", name, e.msg,
				    {"errno", -e.code});
		else if (count)
			events_note(&s->events, "bring-back", name,
				    "its processes were outside its cpuset, as after the loss of "
				    "its last CPU",
				    {"processes", count});
	}
}

/* ---- files that somebody else has written */

static void give_up(struct drift_watch *w, const struct op *op)
{
	struct site *s = w->site;

	w->has_given_up = true;
	site_degrade(
		s,
		"somebody else keeps writing the %s of group %s: find out who (cleave doctor), then "
		"run up",
		op->kind == OP_SET_WEIGHT ? "weight" : "cpuset.cpus", op->name);
	events_note(&s->events, "degraded", op->name, s->state->why, {"repairs", DRIFT_REPAIRS});
}

bool drift_watch_look(struct drift_watch *w)
{
	struct site *s = w->site;
	const struct plan *p = &s->state->plan;
	struct op ops[DRIFT_OPS];
	char text[PLAN_TEXT];
	struct cpuset allowed, nodes;
	bool has_changed;
	unsigned count;
	struct err e;
	struct tree tree;
	int r;

	if (s->driver->ops->allowed) {
		r = s->driver->ops->allowed(s->driver, &allowed, &e);
	} else {
		r = tree_read(s->cgroup_root, &tree, &e);
		if (r == 0)
			r = tree_allowed(&tree, &allowed, &nodes, &e);
	}
	if (r < 0)
		return false;
	has_changed = note_cpus(w, &allowed);
	if (w->has_given_up || driver_look(s->driver, p, &w->seen, &e))
		return has_changed;
	count = drift_find(&w->seen, p, &allowed, ops);
	if (!count)
		w->returned = (struct cpuset){0};
	if (count && !drift_gives_back(&w->seen, ops, count, &w->returned) &&
	    !drift_may_repair(&w->repairs, s->now_ns)) {
		give_up(w, &ops[0]);
		return has_changed;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct op *op = &ops[i];

		r = driver_execute(s->driver, op, NULL, NULL, NULL, &e);
		events_note(&s->events, r ? "repair-failed" : "repair", op->name,
			    r ? e.msg : op_format(op, p, text, sizeof(text)),
			    {"errno", r ? -e.code : 0});
	}
	return has_changed;
}
