#include "launcher/protocol/rebalance_answer.h"

#include <jansson.h>

#include "launcher/protocol/loan_json.h"

/* ---- the request */

const char *rebalance_what_name(unsigned what)
{
	static const char *const names[] = {
		[REBALANCE_BY_HAND] = "lend",
		[REBALANCE_ONCE] = "once",
		[REBALANCE_RESET] = "reset",
		[REBALANCE_SET_MODE] = "mode",
	};

	return names[what];
}

static bool is_by_hand(const void *value, const void *document)
{
	const struct rebalance_request *r = value;

	(void)document;
	return r->what == REBALANCE_BY_HAND;
}

static bool is_mode(const void *value, const void *document)
{
	const struct rebalance_request *r = value;

	(void)document;
	return r->what == REBALANCE_SET_MODE;
}

#define T struct rebalance_request
static const struct json_field request_fields[] = {
	{"what", JSON_WORD(T, what, rebalance_what_name, REBALANCE_SET_MODE + 1)},
	{"dry_run", JSON_AT(T, dry_run)},
	{"from", JSON_AT(T, from), .max = SLICES_MAX - 1, .when = is_by_hand},
	{"to", JSON_AT(T, to), .max = SLICES_MAX - 1, .when = is_by_hand},
	{"cores", JSON_AT(T, cores), .max = CPUSET_MAX, .when = is_by_hand},
	{"loans", JSON_WORD(T, loans, loan_mode_name, LOANS_EXCLUSIVE + 1), .when = is_by_hand,
	 .is_optional = true, .beside = offsetof(T, has_loans)},
	{"mode", JSON_WORD(T, mode, rebalance_mode_name, REBALANCE_ACT + 1), .when = is_mode},
	JSON_END,
};
#undef T
const struct json_table rebalance_request_table = {.fields = request_fields};

/* ---- the answer */

static const char *change_name(unsigned kind)
{
	return kind == OP_SET_WEIGHT ? "weight" : "cpus";
}

static bool is_weight(const void *value, const void *document)
{
	const struct rebalance_change *c = value;

	(void)document;
	return c->kind == OP_SET_WEIGHT;
}

static bool is_cpus(const void *value, const void *document)
{
	return !is_weight(value, document);
}

/* Of what was not written the kernel says nothing. */
static bool is_written(const void *value, const void *document)
{
	const struct rebalance_answer *a = document;

	(void)value;
	return !a->dry_run;
}

static bool is_weight_written(const void *value, const void *document)
{
	return is_weight(value, document) && is_written(value, document);
}

static bool is_cpus_written(const void *value, const void *document)
{
	return is_cpus(value, document) && is_written(value, document);
}

#define T struct rebalance_change
static const struct json_field change_fields[] = {
	{"group", JSON_AT(T, group)},
	{"what", JSON_WORD(T, kind, change_name, OP_SET_WEIGHT + 1)},
	{"before", JSON_AT(T, weight_before), .max = WEIGHT_MAX, .when = is_weight},
	{"asked", JSON_AT(T, weight), .max = WEIGHT_MAX, .when = is_weight},
	{"effective", JSON_AT(T, weight), .max = WEIGHT_MAX, .when = is_weight_written},
	{"before", JSON_AT(T, before), .when = is_cpus},
	{"asked", JSON_AT(T, requested), .when = is_cpus},
	{"effective", JSON_AT(T, effective), .when = is_cpus_written},
	{"write_us", JSON_AT(T, write_us), .when = is_written},
	JSON_END,
};
#undef T
static const struct json_table change_table = {.fields = change_fields};

static const struct json_field figure_fields[] = {
	{"used", JSON_AT(struct rebalance_verdict, used)},
	{"width", JSON_AT(struct rebalance_verdict, width), .max = CPUSET_MAX},
	JSON_END,
};
static const struct json_table figure_table = {.fields = figure_fields};

static const struct json_field decided_fields[] = {
	{.kind = JSON_AS_SAME, .table = &decision_table},
	{"donor", JSON_PART(struct rebalance_decision, donor, &figure_table)},
	{"borrower", JSON_PART(struct rebalance_decision, borrower, &figure_table)},
	JSON_END,
};
static const struct json_table decided_table = {.fields = decided_fields};

#define T struct rebalance_answer
static const struct json_field answer_fields[] = {
	{"name", JSON_AT(T, name)},
	{"mode", JSON_WORD(T, mode, rebalance_mode_name, REBALANCE_ACT + 1)},
	{"dry_run", JSON_AT(T, dry_run)},
	{"changes", JSON_LIST(T, changes, change_count, &change_table)},
	{"loans", JSON_LIST(T, loans, loan_count, &status_loan_table)},
	{"decisions", JSON_LIST(T, decisions.items, decisions.count, &decided_table)},
	{"why", JSON_AT(T, why)},
	JSON_END,
};
const struct json_table rebalance_answer_table = {
	.fields = answer_fields,
	.schema = "cleave.rebalance/1",
	.size = sizeof(T),
	.style = JSON_COMPACT | JSON_REAL_PRECISION(6),
};
