/* SPDX-License-Identifier: Apache-2.0 */
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

#define T struct rebalance_request
const struct json_field rebalance_request_fields[] = {
	{"what", JSON_WORD(T, what, rebalance_what_name, REBALANCE_SET_MODE + 1)},
	{"dry_run", JSON_AT(T, dry_run)},
	{"from", JSON_AT(T, from), .max = SLICES_MAX - 1, JSON_ONLY(T, what, REBALANCE_BY_HAND)},
	{"to", JSON_AT(T, to), .max = SLICES_MAX - 1, JSON_ONLY(T, what, REBALANCE_BY_HAND)},
	{"cores", JSON_AT(T, cores), .max = CPUSET_MAX, JSON_ONLY(T, what, REBALANCE_BY_HAND)},
	{"loans", JSON_WORD(T, loans, loan_mode_name, LOANS_EXCLUSIVE + 1),
	 JSON_ONLY(T, what, REBALANCE_BY_HAND), .is_optional = true,
	 .beside = offsetof(T, has_loans)},
	{"mode", JSON_WORD(T, mode, rebalance_mode_name, REBALANCE_ACT + 1),
	 JSON_ONLY(T, what, REBALANCE_SET_MODE)},
	JSON_END,
};
#undef T

/* ---- the answer */

static const char *change_name(unsigned kind)
{
	return kind == OP_SET_WEIGHT ? "weight" : "cpus";
}

/* Of what was not written the kernel says nothing. */
static bool is_written(const void *value, const void *document)
{
	const struct rebalance_answer *a = document;

	(void)value;
	return !a->dry_run;
}

#define T struct rebalance_change
static const struct json_field change_fields[] = {
	{"group", JSON_AT(T, group)},
	{"what", JSON_WORD(T, kind, change_name, OP_SET_WEIGHT + 1)},
	{"before", JSON_AT(T, weight_before), .max = WEIGHT_MAX, JSON_ONLY(T, kind, OP_SET_WEIGHT)},
	{"asked", JSON_AT(T, weight), .max = WEIGHT_MAX, JSON_ONLY(T, kind, OP_SET_WEIGHT)},
	{"effective", JSON_AT(T, weight), .max = WEIGHT_MAX, JSON_ONLY(T, kind, OP_SET_WEIGHT),
	 .when = is_written},
	{"before", JSON_AT(T, before), JSON_ONLY(T, kind, OP_SET_CPUS)},
	{"asked", JSON_AT(T, requested), JSON_ONLY(T, kind, OP_SET_CPUS)},
	{"effective", JSON_AT(T, effective), JSON_ONLY(T, kind, OP_SET_CPUS), .when = is_written},
	{"write_us", JSON_AT(T, write_us), .when = is_written},
	JSON_END,
};
#undef T

static const struct json_field figure_fields[] = {
	{"used", JSON_AT(struct rebalance_verdict, used)},
	{"width", JSON_AT(struct rebalance_verdict, width), .max = CPUSET_MAX},
	JSON_END,
};

static const struct json_field decided_fields[] = {
	{.kind = JSON_AS_SAME, .fields = decision_fields},
	{"donor", JSON_PART(struct rebalance_decision, donor, figure_fields)},
	{"borrower", JSON_PART(struct rebalance_decision, borrower, figure_fields)},
	JSON_END,
};

#define T struct rebalance_answer
static const struct json_field answer_fields[] = {
	{"name", JSON_AT(T, name)},
	{"mode", JSON_WORD(T, mode, rebalance_mode_name, REBALANCE_ACT + 1)},
	{"dry_run", JSON_AT(T, dry_run)},
	{"changes", JSON_LIST(T, changes, change_count, change_fields)},
	{"loans", JSON_LIST(T, loans, loan_count, status_loan_fields)},
	{"decisions", JSON_LIST(T, decisions.items, decisions.count, decided_fields)},
	{"why", JSON_AT(T, why)},
	JSON_END,
};
const struct json_table rebalance_answer_table = {
	.fields = answer_fields,
	.schema = "cleave.rebalance/1",
	.size = sizeof(T),
	.style = JSON_COMPACT | JSON_REAL_PRECISION(6),
};
