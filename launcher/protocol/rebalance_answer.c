#include "launcher/protocol/rebalance_answer.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/system/json.h"

static const char schema[] = "cleave.rebalance/1";

/* ---- the request */

static const char *what_name(unsigned what)
{
	static const char *const names[] = {
		[REBALANCE_BY_HAND] = "lend",
		[REBALANCE_ONCE] = "once",
		[REBALANCE_RESET] = "reset",
		[REBALANCE_SET_MODE] = "mode",
	};

	return names[what];
}

int rebalance_request_format(const struct rebalance_request *r, char **text, struct err *e)
{
	json_auto_t *root = json_pack("{s:s, s:s, s:b}", "cmd", "rebalance", "what",
				      what_name(r->what), "dry_run", (int)r->dry_run);
	int failed = !root;

	if (r->what == REBALANCE_BY_HAND) {
		failed |= json_object_set_new(root, "from", json_integer(r->from));
		failed |= json_object_set_new(root, "to", json_integer(r->to));
		failed |= json_object_set_new(root, "cores", json_integer(r->cores));
		if (r->has_loans)
			failed |= json_object_set_new(root, "loans",
						      json_string(loan_mode_name(r->loans)));
	} else if (r->what == REBALANCE_SET_MODE) {
		failed |= json_object_set_new(root, "mode",
					      json_string(rebalance_mode_name(r->mode)));
	}
	*text = failed ? NULL : json_dumps(root, JSON_COMPACT);
	return *text ? 0 : err_set(e, -ENOMEM, "no memory for a request");
}

static int read_lend(json_t *root, struct rebalance_request *out, struct err *e)
{
	unsigned loans = 0;
	int r;

	out->has_loans = json_object_get(root, "loans");
	if ((r = json_read_unsigned(root, "from", SLICES_MAX - 1, &out->from, e)) ||
	    (r = json_read_unsigned(root, "to", SLICES_MAX - 1, &out->to, e)) ||
	    (r = json_read_unsigned(root, "cores", CPUSET_MAX, &out->cores, e)))
		return r;
	if (out->has_loans)
		r = json_read_word(root, "loans", loan_mode_name, LOANS_EXCLUSIVE + 1, &loans, e);
	out->loans = (enum loan_mode)loans;
	return r;
}

/* How many keys a request of this kind has, with cmd, what and dry_run. */
static size_t key_count(const struct rebalance_request *r)
{
	switch (r->what) {
	case REBALANCE_BY_HAND:
		return r->has_loans ? 7 : 6;
	case REBALANCE_SET_MODE:
		return 4;
	case REBALANCE_ONCE:
	case REBALANCE_RESET:
		break;
	}
	return 3;
}

int rebalance_request_read(json_t *request, struct rebalance_request *out, struct err *e)
{
	struct rebalance_request wish = {0};
	unsigned what, mode = 0;
	int r;

	if ((r = json_read_word(request, "what", what_name, REBALANCE_SET_MODE + 1, &what, e)) ||
	    (r = json_read_bool(request, "dry_run", &wish.dry_run, e)))
		return r;
	wish.what = (enum rebalance_what)what;
	if (wish.what == REBALANCE_BY_HAND)
		r = read_lend(request, &wish, e);
	else if (wish.what == REBALANCE_SET_MODE)
		r = json_read_word(request, "mode", rebalance_mode_name, REBALANCE_ACT + 1, &mode,
				   e);
	wish.mode = (enum rebalance_mode)mode;
	if (!r && json_object_size(request) != key_count(&wish))
		r = err_wrong(e, "rebalance, %s: %zu keys are expected, found %zu", what_name(what),
			      key_count(&wish), json_object_size(request));
	if (!r)
		*out = wish;
	return r;
}

/* ---- the answer: writing */

static json_t *change_json(const struct rebalance_change *c, bool dry_run)
{
	json_t *o = json_pack("{s:s}", "group", c->group);
	bool is_weight = c->kind == OP_SET_WEIGHT;
	int failed = json_object_set_new(o, "what", json_string(is_weight ? "weight" : "cpus"));

	if (is_weight) {
		failed |= json_object_set_new(o, "before", json_integer(c->weight_before));
		failed |= json_object_set_new(o, "asked", json_integer(c->weight));
	} else {
		failed |= json_object_set_new(o, "before", json_string(CPUSET_STRING(&c->before)));
		failed |= json_object_set_new(o, "asked", json_string(CPUSET_STRING(&c->asked)));
	}
	if (!dry_run) {
		failed |=
			json_object_set_new(o, "effective",
					    is_weight ? json_integer(c->weight)
						      : json_string(CPUSET_STRING(&c->effective)));
		failed |= json_object_set_new(o, "write_us", json_real(c->write_us));
	}
	if (!failed)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *figures_json(const struct rebalance_verdict *v)
{
	return json_pack("{s:f, s:i}", "used", v->used, "width", (int)v->width);
}

static json_t *decision_json(const struct rebalance_decision *d)
{
	char text[CPUSET_TEXT + PLAN_TEXT];

	return json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:o, s:o}", "reason",
			 rebalance_reason_name(d->reason), "from", (int)d->from, "to", (int)d->to,
			 "mode", loan_mode_name(d->mode), "cpus", CPUSET_STRING(&d->cpus), "text",
			 rebalance_format(d, text, sizeof(text)), "donor", figures_json(&d->donor),
			 "borrower", figures_json(&d->borrower));
}

int rebalance_answer_format(const struct rebalance_answer *a, char **text, struct err *e)
{
	json_t *changes = json_array(), *decisions = json_array();
	json_auto_t *root =
		json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:s}", "schema", schema, "name",
			  a->name, "mode", rebalance_mode_name(a->mode), "dry_run", (int)a->dry_run,
			  "changes", changes, "loans", status_loans_build(a->loans, a->loan_count),
			  "decisions", decisions, "why", a->why);
	int failed = !root;

	for (unsigned i = 0; !failed && i < a->change_count; i++)
		failed = json_array_append_new(changes, change_json(&a->changes[i], a->dry_run));
	for (unsigned i = 0; !failed && i < a->decisions.count; i++)
		failed = json_array_append_new(decisions, decision_json(&a->decisions.items[i]));
	*text = failed ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
	return *text ? 0 : err_set(e, -ENOMEM, "no memory for the answer of %s", a->name);
}

/* ---- the answer: reading */

static const char *change_name(unsigned kind)
{
	return kind == OP_SET_WEIGHT ? "weight" : "cpus";
}

static int read_cpus(json_t *o, bool dry_run, struct rebalance_change *out, struct err *e)
{
	int r = json_read_cpuset(o, "before", &out->before, e);

	if (!r)
		r = json_read_cpuset(o, "asked", &out->asked, e);
	if (!r && !dry_run)
		r = json_read_cpuset(o, "effective", &out->effective, e);
	return r;
}

static int read_weights(json_t *o, struct rebalance_change *out, struct err *e)
{
	int r = json_read_unsigned(o, "before", WEIGHT_MAX, &out->weight_before, e);

	return r ? r : json_read_unsigned(o, "asked", WEIGHT_MAX, &out->weight, e);
}

static int read_change(json_t *o, bool dry_run, struct rebalance_change *out, struct err *e)
{
	unsigned kind;
	int r;

	if ((r = json_read_text(o, "group", out->group, sizeof(out->group), e)) ||
	    (r = json_read_word(o, "what", change_name, OP_SET_WEIGHT + 1, &kind, e)))
		return r;
	out->kind = (enum op_kind)kind;
	r = out->kind == OP_SET_WEIGHT ? read_weights(o, out, e) : read_cpus(o, dry_run, out, e);
	if (!r && !dry_run)
		r = json_read_real(o, "write_us", &out->write_us, e);
	return r;
}

static int read_changes(json_t *root, struct rebalance_answer *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(root, "changes", OPLIST_MAX, &list, e);

	for (size_t i = 0; !r && i < json_array_size(list); i++) {
		r = read_change(json_array_get(list, i), out->dry_run, &out->changes[i], e);
		out->change_count = (unsigned)i + 1;
	}
	return r;
}

static int read_figures(json_t *o, const char *key, struct rebalance_verdict *out, struct err *e)
{
	json_t *figures;
	int r;

	if ((r = json_read_object(o, key, &figures, e)) ||
	    (r = json_read_real(figures, "used", &out->used, e)))
		return r;
	return json_read_unsigned(figures, "width", CPUSET_MAX, &out->width, e);
}

static int read_decision(json_t *o, struct rebalance_decision *out, struct err *e)
{
	unsigned reason, mode;
	int r;

	if ((r = json_read_word(o, "reason", rebalance_reason_name, REBALANCE_REASONS, &reason,
				e)) ||
	    (r = json_read_unsigned(o, "from", SLICES_MAX - 1, &out->from, e)) ||
	    (r = json_read_unsigned(o, "to", SLICES_MAX - 1, &out->to, e)) ||
	    (r = json_read_word(o, "mode", loan_mode_name, LOANS_EXCLUSIVE + 1, &mode, e)) ||
	    (r = json_read_cpuset(o, "cpus", &out->cpus, e)) ||
	    (r = read_figures(o, "donor", &out->donor, e)))
		return r;
	out->reason = (enum rebalance_reason)reason;
	out->mode = (enum loan_mode)mode;
	return read_figures(o, "borrower", &out->borrower, e);
}

static int read_decisions(json_t *root, struct rebalance_decisions *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(root, "decisions", REBALANCE_DECISIONS, &list, e);

	for (size_t i = 0; !r && i < json_array_size(list); i++) {
		r = read_decision(json_array_get(list, i), &out->items[i], e);
		out->count = (unsigned)i + 1;
	}
	return r;
}

static int read_answer(json_t *root, struct rebalance_answer *out, struct err *e)
{
	unsigned mode;
	int r;

	if ((r = json_check_schema(root, schema, e)) ||
	    (r = json_read_text(root, "name", out->name, sizeof(out->name), e)) ||
	    (r = json_read_word(root, "mode", rebalance_mode_name, REBALANCE_ACT + 1, &mode, e)) ||
	    (r = json_read_bool(root, "dry_run", &out->dry_run, e)) ||
	    (r = read_changes(root, out, e)) ||
	    (r = status_loans_read(root, out->loans, &out->loan_count, e)) ||
	    (r = read_decisions(root, &out->decisions, e)))
		return r;
	out->mode = (enum rebalance_mode)mode;
	return json_read_text(root, "why", out->why, sizeof(out->why), e);
}

int rebalance_answer_parse(const char *text, size_t size, struct rebalance_answer *out,
			   struct err *e)
{
	json_auto_t *root = json_read(text, size, e);
	cleanup_free struct rebalance_answer *a = calloc(1, sizeof(*a));
	int r;

	if (!root)
		return e->code;
	if (!a)
		return err_set(e, -ENOMEM, "no memory for an answer");
	r = read_answer(root, a, e);
	if (!r)
		*out = *a;
	return r;
}
