/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/loan_json.h"

#include <jansson.h>

/* What a loan and a decision have in common. */
#define LENT(T)                                                                    \
	{"from", JSON_BY(JSON_AS_PLACE, T, from), .max = SLICES_MAX},              \
		{"to", JSON_BY(JSON_AS_PLACE, T, to), .max = SLICES_MAX},          \
		{"mode", JSON_WORD(T, mode, loan_mode_name, LOANS_EXCLUSIVE + 1)}, \
	{                                                                          \
		"cpus", JSON_AT(T, cpus)                                           \
	}

const struct json_field loan_fields[] = {
	LENT(struct loan),
	{"by_hand", JSON_AT(struct loan, by_hand)},
	JSON_END,
};

static int write_sentence(const struct json_field *f, const void *value, const struct json_walk *w,
			  json_t *object)
{
	char text[CPUSET_TEXT + PLAN_TEXT];

	return json_put(object, f->key, json_text(rebalance_format(value, text, sizeof(text))),
			w->e);
}
static const struct json_type sentence = {.write = write_sentence};

#define T struct rebalance_decision
const struct json_field decision_fields[] = {
	{"reason", JSON_WORD(T, reason, rebalance_reason_name, REBALANCE_REASONS)},
	LENT(T),
	{"text", JSON_OTHER(&sentence)},
	JSON_END,
};
