#include "launcher/protocol/rebalance_event.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "decision/base/cleanup.h"
#include "launcher/system/json.h"

/* ---- writing: json_pack() fails as a whole if one of its parts is missing */

static json_t *policy_json(const struct rebalance_policy *p)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "mode", rebalance_mode_name(p->mode),
			 "loans", loan_mode_name(p->loans), "scope", loan_scope_name(p->scope),
			 "keep", (json_int_t)p->keep, "tick_ns", (json_int_t)p->tick_ns,
			 "cool_down_ns", (json_int_t)p->cool_down_ns);
}

static json_t *slice_json(const struct slice *s, const struct rebalance_verdict *v)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:f, s:I, s:I}", "name", s->name,
		"cpus", CPUSET_STRING(&s->cpus), "lending", rebalance_reason_name(v->lending),
		"borrowing", rebalance_reason_name(v->borrowing), "can_lend", (int)v->can_lend,
		"can_borrow", (int)v->can_borrow, "can_yield", (int)v->can_yield, "wants",
		(json_int_t)v->wants, "width", (json_int_t)v->width, "used", v->used, "idle_ticks",
		(json_int_t)v->idle_ticks, "busy_ticks", (json_int_t)v->busy_ticks);
}

/* NULL if an item is missing. */
static json_t *append(json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *slices_json(const struct rebalance_event *ev)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < ev->before.slice_count; i++)
		list = append(list, slice_json(&ev->before.slices[i], &ev->verdicts[i]));
	return list;
}

static json_t *loans_json(const struct rebalance_event *ev, const struct loan *loans,
			  unsigned count)
{
	const struct slice *slices = ev->before.slices;
	json_t *list = json_array();

	for (unsigned i = 0; list && i < count; i++) {
		const struct loan *l = &loans[i];

		list = append(list, json_pack("{s:s, s:s, s:s, s:s, s:b}", "from",
					      slices[l->from].name, "to", slices[l->to].name,
					      "mode", loan_mode_name(l->mode), "cpus",
					      CPUSET_STRING(&l->cpus), "by_hand", (int)l->by_hand));
	}
	return list;
}

static json_t *decisions_json(const struct rebalance_event *ev)
{
	const struct slice *slices = ev->before.slices;
	char text[CPUSET_TEXT + PLAN_TEXT];
	json_t *list = json_array();

	for (unsigned i = 0; list && i < ev->decisions.count; i++) {
		const struct rebalance_decision *d = &ev->decisions.items[i];

		list = append(list,
			      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "reason",
					rebalance_reason_name(d->reason), "from",
					slices[d->from].name, "to", slices[d->to].name, "mode",
					loan_mode_name(d->mode), "cpus", CPUSET_STRING(&d->cpus),
					"text", rebalance_format(d, text, sizeof(text))));
	}
	return list;
}

/* The first decision, which an event's key "reason" has room for. */
static json_t *reason_json(const struct rebalance_event *ev)
{
	char text[CPUSET_TEXT + PLAN_TEXT] = "nothing changes";

	if (ev->decisions.count)
		rebalance_format(&ev->decisions.items[0], text, sizeof(text));
	if (ev->decisions.count < 2)
		return json_string(text);
	return json_sprintf("%s (and %u more)", text, ev->decisions.count - 1);
}

static json_t *event_json(const struct rebalance_event *ev, uint64_t realtime_ns)
{
	json_t *inputs = json_pack("{s:I, s:s, s:o, s:o, s:o}", "at_ns", (json_int_t)ev->at_ns,
				   "allowed", CPUSET_STRING(&ev->allowed), "policy",
				   policy_json(&ev->policy), "slices", slices_json(ev), "loans",
				   loans_json(ev, ev->before.loans, ev->before.loan_count));
	char when[EVENT_TIME];

	event_time(realtime_ns, when);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:f, s:f, s:I}", "time", when, "what",
			 ev->what, "object", ev->before.name, "reason", reason_json(ev), "inputs",
			 inputs, "decisions", decisions_json(ev), "loans",
			 loans_json(ev, ev->loans, ev->loan_count), "idle_us", ev->idle_us,
			 "write_us", ev->write_us, "writes", (json_int_t)ev->writes);
}

char *rebalance_event_format(const struct rebalance_event *ev, uint64_t realtime_ns)
{
	json_auto_t *event = event_json(ev, realtime_ns);
	/* 17 digits tell any two doubles apart. */
	cleanup_free char *text =
		event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
	char *line = NULL;

	if (!text || asprintf(&line, "%s\n", text) < 0)
		return NULL;
	return line;
}

/* ---- reading */

static int read_ns(json_t *o, const char *key, uint64_t *out, struct err *e)
{
	int64_t ns;
	int r = json_read_integer(o, key, 0, INT64_MAX, &ns, e);

	if (!r)
		*out = (uint64_t)ns;
	return r;
}

static int read_policy(json_t *inputs, struct rebalance_policy *out, struct err *e)
{
	unsigned mode, loans, scope;
	json_t *o;
	int r;

	if ((r = json_read_object(inputs, "policy", &o, e)) ||
	    (r = json_read_word(o, "mode", rebalance_mode_name, REBALANCE_ACT + 1, &mode, e)) ||
	    (r = json_read_word(o, "loans", loan_mode_name, LOANS_EXCLUSIVE + 1, &loans, e)) ||
	    (r = json_read_word(o, "scope", loan_scope_name, SCOPE_MACHINE + 1, &scope, e)) ||
	    (r = json_read_unsigned(o, "keep", CPUSET_MAX, &out->keep, e)) ||
	    (r = read_ns(o, "tick_ns", &out->tick_ns, e)) ||
	    (r = read_ns(o, "cool_down_ns", &out->cool_down_ns, e)))
		return r;
	out->mode = (enum rebalance_mode)mode;
	out->loans = (enum loan_mode)loans;
	out->scope = (enum loan_scope)scope;
	return 0;
}

static int read_verdict(json_t *o, struct rebalance_verdict *out, struct err *e)
{
	unsigned lending, borrowing;
	int r;

	if ((r = json_read_word(o, "lending", rebalance_reason_name, REBALANCE_REASONS, &lending,
				e)) ||
	    (r = json_read_word(o, "borrowing", rebalance_reason_name, REBALANCE_REASONS,
				&borrowing, e)) ||
	    (r = json_read_bool(o, "can_lend", &out->can_lend, e)) ||
	    (r = json_read_bool(o, "can_borrow", &out->can_borrow, e)) ||
	    (r = json_read_bool(o, "can_yield", &out->can_yield, e)) ||
	    (r = json_read_unsigned(o, "wants", REBALANCE_WANTS, &out->wants, e)) ||
	    (r = json_read_unsigned(o, "width", CPUSET_MAX, &out->width, e)) ||
	    (r = json_read_real(o, "used", &out->used, e)) ||
	    (r = json_read_unsigned(o, "idle_ticks", UINT32_MAX, &out->idle_ticks, e)) ||
	    (r = json_read_unsigned(o, "busy_ticks", UINT32_MAX, &out->busy_ticks, e)))
		return r;
	out->lending = (enum rebalance_reason)lending;
	out->borrowing = (enum rebalance_reason)borrowing;
	return 0;
}

/* The place of the slice that is called so; slice_count: none. */
static unsigned find_slice(const struct plan *p, const char *name)
{
	unsigned i = 0;

	while (i < p->slice_count && strcmp(p->slices[i].name, name) != 0)
		i++;
	return i;
}

static int read_slice(json_t *o, unsigned id, struct rebalance_event *out, struct err *e)
{
	struct plan *p = &out->before;
	struct slice *slice = &p->slices[id];
	int r;

	if ((r = json_read_text(o, "name", slice->name, sizeof(slice->name), e)) ||
	    (r = json_read_cpuset(o, "cpus", &slice->cpus, e)))
		return r;
	if (find_slice(p, slice->name) < id)
		return err_wrong(e, "%s is there twice", slice->name);
	for (unsigned i = 0; i < id; i++)
		if (cpuset_intersects(&slice->cpus, &p->slices[i].cpus))
			return err_wrong(e, "%s and %s have a CPU in common", p->slices[i].name,
					 slice->name);
	slice->id = id;
	p->slice_count = id + 1;
	return read_verdict(o, &out->verdicts[id], e);
}

static int read_slices(json_t *inputs, struct rebalance_event *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(inputs, "slices", SLICES_MAX, &list, e);

	for (unsigned i = 0; !r && i < json_array_size(list); i++) {
		r = read_slice(json_array_get(list, i), i, out, e);
		if (r)
			err_wrap(e, "slices[%u]", i);
	}
	return r;
}

static int read_party(json_t *o, const char *key, const struct plan *p, unsigned *out,
		      struct err *e)
{
	char name[NAME_MAX_BYTES + 1];
	unsigned id;
	int r = json_read_text(o, key, name, sizeof(name), e);

	if (r)
		return r;
	id = find_slice(p, name);
	if (id == p->slice_count)
		return err_wrong(e, "%s: there is no slice %s", key, name);
	*out = id;
	return 0;
}

/* What loans and decisions have in common. */
static int read_lent(json_t *o, const struct plan *p, struct loan *out, struct err *e)
{
	unsigned mode;
	int r;

	if ((r = read_party(o, "from", p, &out->from, e)) ||
	    (r = read_party(o, "to", p, &out->to, e)) ||
	    (r = json_read_word(o, "mode", loan_mode_name, LOANS_EXCLUSIVE + 1, &mode, e)) ||
	    (r = json_read_cpuset(o, "cpus", &out->cpus, e)))
		return r;
	out->mode = (enum loan_mode)mode;
	if (out->from == out->to)
		return err_wrong(e, "%s lends to itself", p->slices[out->from].name);
	if (!cpuset_is_subset(&out->cpus, &p->slices[out->from].cpus))
		return err_wrong(e, "cpus: %s does not own all of them", p->slices[out->from].name);
	return 0;
}

static int read_loans(json_t *o, const struct plan *p, struct loan *loans, unsigned *count,
		      struct err *e)
{
	struct cpuset lent = {0};
	json_t *list;
	int r = json_read_list(o, "loans", SLICES_MAX, &list, e);

	for (unsigned i = 0; !r && i < json_array_size(list); i++) {
		r = read_lent(json_array_get(list, i), p, &loans[i], e);
		if (!r)
			r = json_read_bool(json_array_get(list, i), "by_hand", &loans[i].by_hand,
					   e);
		if (!r && cpuset_intersects(&loans[i].cpus, &lent))
			r = err_wrong(e, "cpus: some are lent twice");
		if (r)
			return err_wrap(e, "loans[%u]", i);
		lent = cpuset_or(&lent, &loans[i].cpus);
		*count = i + 1;
	}
	return r;
}

static int read_decision(json_t *o, struct rebalance_event *out, struct rebalance_decision *d,
			 struct err *e)
{
	struct loan lent;
	unsigned reason;
	int r;

	if ((r = read_lent(o, &out->before, &lent, e)) ||
	    (r = json_read_word(o, "reason", rebalance_reason_name, REBALANCE_REASONS, &reason, e)))
		return r;
	*d = (struct rebalance_decision){
		.reason = (enum rebalance_reason)reason,
		.from = lent.from,
		.to = lent.to,
		.mode = lent.mode,
		.cpus = lent.cpus,
		.donor = out->verdicts[lent.from],
		.borrower = out->verdicts[lent.to],
	};
	return 0;
}

static int read_decisions(json_t *root, struct rebalance_event *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(root, "decisions", REBALANCE_DECISIONS, &list, e);

	for (unsigned i = 0; !r && i < json_array_size(list); i++) {
		r = read_decision(json_array_get(list, i), out, &out->decisions.items[i], e);
		if (r)
			return err_wrap(e, "decisions[%u]", i);
		out->decisions.count = i + 1;
	}
	return r;
}

static int read_inputs(json_t *root, struct rebalance_event *out, struct err *e)
{
	json_t *o;
	int r;

	if ((r = json_read_object(root, "inputs", &o, e)) ||
	    (r = read_ns(o, "at_ns", &out->at_ns, e)) ||
	    (r = json_read_cpuset(o, "allowed", &out->allowed, e)) ||
	    (r = read_policy(o, &out->policy, e)) || (r = read_slices(o, out, e)))
		return r;
	return read_loans(o, &out->before, out->before.loans, &out->before.loan_count, e);
}

static int read_event(json_t *root, struct rebalance_event *out, struct err *e)
{
	int r;

	if ((r = json_read_text(root, "time", out->time, sizeof(out->time), e)) ||
	    (r = json_read_text(root, "object", out->before.name, sizeof(out->before.name), e)) ||
	    (r = read_inputs(root, out, e)) || (r = read_decisions(root, out, e)) ||
	    (r = read_loans(root, &out->before, out->loans, &out->loan_count, e)) ||
	    (r = json_read_real(root, "idle_us", &out->idle_us, e)) ||
	    (r = json_read_real(root, "write_us", &out->write_us, e)))
		return r;
	return json_read_unsigned(root, "writes", UINT32_MAX, &out->writes, e);
}

int rebalance_event_parse(const char *line, size_t size, struct rebalance_event *out, struct err *e)
{
	json_auto_t *root = json_read(line, size, e);
	cleanup_free struct rebalance_event *ev = calloc(1, sizeof(*ev));
	const char *what;
	int r;

	if (!root)
		return e->code;
	if (!ev)
		return err_set(e, -ENOMEM, "no memory for an event");
	what = json_string_value(json_object_get(root, "what"));
	if (!what)
		return err_wrong(e, "what: a string is expected");
	if (strcmp(what, "loan") != 0 && strcmp(what, "observe") != 0)
		return 0;
	string_copy(ev->what, what);
	r = read_event(root, ev, e);
	if (r)
		return r;
	*out = *ev;
	return 1;
}
