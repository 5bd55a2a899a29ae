/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/plan_json.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/protocol/loan_json.h"
#include "launcher/protocol/topology_json.h"

/* ---- slices */

#define T struct slice_memory
static const struct json_field memory_fields[] = {
	{"max_bytes", JSON_AT(T, max_bytes)},
	{"heap_bytes", JSON_AT(T, heap_bytes)},
	{"direct_bytes", JSON_AT(T, direct_bytes)},
	{"off_heap_bytes", JSON_AT(T, off_heap_bytes)},
	{"python_bytes", JSON_AT(T, python_bytes)},
	{"native_bytes", JSON_AT(T, native_bytes)},
	{"daemon_bytes", JSON_AT(T, daemon_bytes)},
	{"scratch_bytes", JSON_AT(T, scratch_bytes)},
	{"page_cache_bytes", JSON_AT(T, page_cache_bytes)},
	{"high_bytes", JSON_AT(T, high_bytes)},
	{"low_bytes", JSON_AT(T, low_bytes)},
	{"swap_bytes", JSON_AT(T, swap_bytes)},
	JSON_END,
};
#undef T

#define T struct slice
static const struct json_field slice_fields[] = {
	{"id", JSON_AT(T, id), .max = SLICES_MAX - 1},
	{"name", JSON_AT(T, name), .is_valid = profile_name_is_valid, .valid = "a slice's name"},
	{"cpus", JSON_AT(T, cpus)},
	{"nodes", JSON_AT(T, nodes)},
	{"cores", JSON_AT(T, cores), .max = TOPOLOGY_CPUS},
	{"packages", JSON_AT(T, packages)},
	{"slots", JSON_AT(T, slots)},
	{"executors", JSON_AT(T, executors), .max = SLICE_EXECUTORS},
	{"address", JSON_BY(JSON_AS_ADDRESS, T, address)},
	{"memory", JSON_PART(T, memory, memory_fields)},
	{"jvm_options", JSON_AT(T, jvm_options)},
	JSON_END,
};
#undef T

/* ---- the host group, what is left over */

#define T struct plan_host
static const struct json_field host_fields[] = {
	{"cpus", JSON_AT(T, cpus)},
	{"shared", JSON_AT(T, shared)},
	{"nodes", JSON_AT(T, nodes)},
	{"memory_bytes", JSON_AT(T, memory_bytes)},
	JSON_END,
};
#undef T

static const struct json_field unused_fields[] = {
	{"cpus", JSON_AT(struct plan_unused, cpus)},
	{"why", JSON_AT(struct plan_unused, why)},
	JSON_END,
};

/* ---- the decision */

#define T struct plan_terms
static const struct json_field term_fields[] = {
	{"startup", JSON_AT(T, startup)},
	{"cold", JSON_AT(T, cold)},
	{"work", JSON_AT(T, work)},
	{"gc", JSON_AT(T, gc)},
	{"remote", JSON_AT(T, remote)},
	{"shuffle", JSON_AT(T, shuffle)},
	{"spill", JSON_AT(T, spill)},
	{"tail", JSON_AT(T, tail)},
	JSON_END,
};
#undef T

#define T struct plan_candidate
static const struct json_field candidate_fields[] = {
	{"by", JSON_WORD(T, by, partition_by_name, BY_L3 + 1)},
	{"slices", JSON_AT(T, slices)},
	{"cores", JSON_AT(T, cores), .max = TOPOLOGY_CPUS},
	{"executors", JSON_AT(T, executors), .max = SLICE_EXECUTORS},
	{"feasible", JSON_AT(T, feasible)},
	{"why", JSON_AT(T, why)},
	{"throughput", JSON_AT(T, throughput)},
	{"low", JSON_AT(T, low)},
	{"high", JSON_AT(T, high)},
	{"terms", JSON_PART(T, terms, term_fields)},
	JSON_END,
};
#undef T

static int check_decision(const void *value, struct err *e)
{
	const struct plan *p = value;
	unsigned last = p->candidate_count ? p->candidate_count - 1 : 0;

	return p->chosen <= last ? 0 : err_wrong(e, "chosen: %u is not in 0 … %u", p->chosen, last);
}

#define T struct plan
static const struct json_field choice_fields[] = {
	{"chosen", JSON_AT(T, chosen)},
	{"candidates", JSON_LIST(T, candidates, candidate_count, candidate_fields)},
	JSON_END,
};

/* ---- all of it */

const struct json_field warning_fields[] = {
	{"code", JSON_WORD(struct plan_warning, code, warning_code_name, WARN_COUNT)},
	{"message", JSON_AT(struct plan_warning, message)},
	JSON_END,
};

static int check_plan(const void *value, struct err *e)
{
	const struct plan *p = value;

	for (unsigned i = 0; i < p->slice_count; i++)
		if (p->slices[i].id != i)
			return err_wrong(e, "slices[%u]: id is %u instead of %u", i,
					 p->slices[i].id, i);
	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *l = &p->loans[i];

		if (!p->slice_count)
			return err_wrong(e, "loans[%u]: there are loans, but no slices", i);
		if (l->from >= p->slice_count || l->to >= p->slice_count)
			return err_wrong(e, "loans[%u]: %s: %u is not in 0 … %u", i,
					 l->from >= p->slice_count ? "from" : "to",
					 l->from >= p->slice_count ? l->from : l->to,
					 p->slice_count - 1);
	}
	return 0;
}

static const struct json_field plan_fields[] = {
	{"name", JSON_AT(T, name)},
	{"slices", JSON_LIST(T, slices, slice_count, slice_fields)},
	{"host", JSON_PART(T, host, host_fields)},
	{"unused", JSON_LIST(T, unused, unused_count, unused_fields)},
	{"decision", JSON_GROUP(choice_fields), .check = check_decision},
	{"loans", JSON_LIST(T, loans, loan_count, loan_fields)},
	{"warnings", JSON_LIST(T, warnings, warning_count, warning_fields)},
	{"notes", JSON_ITEMS(T, notes, note_count)},
	{"allowed_cpus", JSON_AT(T, allowed)},
	{"usable_cpus", JSON_AT(T, usable)},
	{"apart_cpus", JSON_AT(T, apart), .is_new = true},
	JSON_END,
};
const struct json_table plan_table = {
	.fields = plan_fields,
	.check = check_plan,
	.schema = "cleave.plan/1",
	.size = sizeof(T),
	.style = JSON_INDENT(2) | JSON_REAL_PRECISION(15),
};

int plan_json_format(const struct plan *p, const struct topology *t, char **text, struct err *e)
{
	json_auto_t *plan = json_table_build(&plan_table, p, e);
	/*
	 * "topology" comes behind the name: the keys that are missing here are appended in their
	 * order.
	 */
	json_auto_t *all = json_pack("{s:s, s:s, s:o}", "schema", plan_table.schema, "name",
				     p->name, "topology", topology_json_summary(t));
	char *made;

	if (!plan)
		return e->code;
	made = all && !json_object_update_missing(all, plan) ? json_dumps(all, plan_table.style)
							     : NULL;
	if (!made)
		return err_set(e, -ENOMEM, "no memory for the plan's JSON");
	*text = made;
	return 0;
}
