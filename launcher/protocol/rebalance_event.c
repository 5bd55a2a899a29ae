/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/rebalance_event.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/loan_json.h"

/* ---- the parts of an event */

#define T struct rebalance_policy
static const struct json_field policy_fields[] = {
	{"mode", JSON_WORD(T, mode, rebalance_mode_name, REBALANCE_ACT + 1)},
	{"loans", JSON_WORD(T, loans, loan_mode_name, LOANS_EXCLUSIVE + 1)},
	{"scope", JSON_WORD(T, scope, loan_scope_name, SCOPE_MACHINE + 1)},
	{"keep", JSON_AT(T, keep), .max = CPUSET_MAX},
	{"tick_ns", JSON_AT(T, tick_ns)},
	{"cool_down_ns", JSON_AT(T, cool_down_ns)},
	JSON_END,
};
#undef T

static const struct json_field slice_fields[] = {
	{"name", JSON_AT(struct slice, name)},
	{"cpus", JSON_AT(struct slice, cpus)},
	JSON_END,
};

#define T struct rebalance_verdict
static const struct json_field verdict_fields[] = {
	{"lending", JSON_WORD(T, lending, rebalance_reason_name, REBALANCE_REASONS)},
	{"borrowing", JSON_WORD(T, borrowing, rebalance_reason_name, REBALANCE_REASONS)},
	{"can_lend", JSON_AT(T, can_lend)},
	{"can_borrow", JSON_AT(T, can_borrow)},
	{"can_yield", JSON_AT(T, can_yield)},
	{"wants", JSON_AT(T, wants), .max = REBALANCE_WANTS},
	{"width", JSON_AT(T, width), .max = CPUSET_MAX},
	{"used", JSON_AT(T, used)},
	{"idle_ticks", JSON_AT(T, idle_ticks), .max = UINT32_MAX},
	{"busy_ticks", JSON_AT(T, busy_ticks), .max = UINT32_MAX},
	JSON_END,
};
#undef T

/* The first decision, which an event's key "reason" has room for. */
static int write_reason(const struct json_field *f, const void *value, const struct json_walk *w,
			json_t *object)
{
	const struct rebalance_event *ev = value;
	char text[CPUSET_TEXT + PLAN_TEXT + 32] = "nothing changes";
	size_t used = 0;

	if (ev->decisions.count)
		used = strlen(rebalance_format(&ev->decisions.items[0], text, sizeof(text) - 32));
	if (ev->decisions.count > 1)
		snprintf(text + used, sizeof(text) - used, " (and %u more)",
			 ev->decisions.count - 1);
	return json_put(object, f->key, json_text(text), w->e);
}
static const struct json_type reason = {.write = write_reason};

/* ---- what no rebalance_decide() was given */

static int check_slices(const struct plan *p, struct err *e)
{
	for (unsigned i = 0; i < p->slice_count; i++)
		for (unsigned before = 0; before < i; before++) {
			const struct slice *a = &p->slices[before], *b = &p->slices[i];

			if (!strcmp(a->name, b->name))
				return err_wrong(e, "slices[%u]: %s is there twice", i, b->name);
			if (cpuset_intersects(&a->cpus, &b->cpus))
				return err_wrong(e, "slices[%u]: %s and %s have a CPU in common", i,
						 a->name, b->name);
		}
	return 0;
}

static int check_lent(const struct plan *p, unsigned from, unsigned to, const struct cpuset *cpus,
		      struct err *e)
{
	if (from == to)
		return err_wrong(e, "%s lends to itself", p->slices[from].name);
	if (!cpuset_is_subset(cpus, &p->slices[from].cpus))
		return err_wrong(e, "cpus: %s does not own all of them", p->slices[from].name);
	return 0;
}

static int check_loans(const struct plan *p, const struct loan *loans, unsigned count,
		       struct err *e)
{
	struct cpuset lent = {0};
	int r = 0;

	for (unsigned i = 0; !r && i < count; i++) {
		r = check_lent(p, loans[i].from, loans[i].to, &loans[i].cpus, e);
		if (!r && cpuset_intersects(&loans[i].cpus, &lent))
			r = err_wrong(e, "cpus: some are lent twice");
		if (r)
			err_wrap(e, "loans[%u]", i);
		lent = cpuset_or(&lent, &loans[i].cpus);
	}
	return r;
}

static int check_inputs(const void *value, struct err *e)
{
	const struct rebalance_event *ev = value;
	int r = check_slices(&ev->before, e);

	return r ? r : check_loans(&ev->before, ev->before.loans, ev->before.loan_count, e);
}

static int check_event(const void *value, struct err *e)
{
	const struct rebalance_event *ev = value;

	for (unsigned i = 0; i < ev->decisions.count; i++) {
		const struct rebalance_decision *d = &ev->decisions.items[i];

		if (check_lent(&ev->before, d->from, d->to, &d->cpus, e))
			return err_wrap(e, "decisions[%u]", i);
	}
	return check_loans(&ev->before, ev->loans, ev->loan_count, e);
}

/* ---- the event */

#define T struct rebalance_event
static const struct json_field input_fields[] = {
	{"at_ns", JSON_AT(T, at_ns)},
	{"allowed", JSON_AT(T, allowed)},
	{"policy", JSON_PART(T, policy, policy_fields)},
	{"slices", JSON_LIST(T, before.slices, before.slice_count, slice_fields),
	 JSON_MORE(T, verdicts, verdict_fields)},
	{"loans", JSON_LIST(T, before.loans, before.loan_count, loan_fields)},
	JSON_END,
};

static const char *slice_name(const void *document, unsigned place)
{
	const struct rebalance_event *ev = document;

	return place < ev->before.slice_count ? ev->before.slices[place].name : NULL;
}

static const struct json_field event_fields[] = {
	{"time", JSON_AT(T, time)},
	{"what", JSON_AT(T, what)},
	{"object", JSON_AT(T, before.name)},
	{"reason", JSON_OTHER(&reason)},
	{"inputs", JSON_GROUP(input_fields), .check = check_inputs},
	{"decisions", JSON_LIST(T, decisions.items, decisions.count, decision_fields)},
	{"loans", JSON_LIST(T, loans, loan_count, loan_fields)},
	{"idle_us", JSON_AT(T, idle_us)},
	{"write_us", JSON_AT(T, write_us)},
	{"writes", JSON_AT(T, writes), .max = UINT32_MAX},
	JSON_END,
};
static const struct json_table event_table = {
	.fields = event_fields,
	.check = check_event,
	.size = sizeof(T),
	.style = JSON_COMPACT | JSON_REAL_PRECISION(17), /* which tells any two doubles apart */
	.name = slice_name,
	.named = "slice",
};
#undef T

char *rebalance_event_format(const struct rebalance_event *ev, uint64_t realtime_ns)
{
	struct err ignored; /* no memory: an event less */
	json_auto_t *event = json_table_build(&event_table, ev, &ignored);
	cleanup_free char *text = NULL;
	char when[EVENT_TIME], *line = NULL;

	event_time(realtime_ns, when);
	if (event && !json_object_set_new(event, "time", json_string(when)))
		text = json_dumps(event, event_table.style);
	return text && asprintf(&line, "%s\n", text) > 0 ? line : NULL;
}

int rebalance_event_parse(const char *line, size_t size, struct rebalance_event *out, struct err *e)
{
	cleanup_free struct rebalance_event *ev = malloc(sizeof(*ev));
	json_auto_t *root = json_read(line, size, e);
	const char *what = json_string_value(json_object_get(root, "what"));

	if (!root)
		return e->code;
	if (!ev)
		return err_set(e, -ENOMEM, "no memory for an event");
	if (!what)
		return err_wrong(e, "what: a string is expected");
	if (strcmp(what, "loan") != 0 && strcmp(what, "observe") != 0)
		return 0;
	if (json_table_read(&event_table, root, ev, e))
		return e->code;
	*out = *ev;
	for (unsigned i = 0; i < ev->before.slice_count; i++)
		out->before.slices[i].id = i;
	for (unsigned i = 0; i < ev->decisions.count; i++) {
		struct rebalance_decision *d = &out->decisions.items[i];

		d->donor = ev->verdicts[d->from];
		d->borrower = ev->verdicts[d->to];
	}
	return 1;
}
