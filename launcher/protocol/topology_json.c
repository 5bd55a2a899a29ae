/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/topology_json.h"

#include <jansson.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "decision/plan/plan.h"
#include "launcher/system/json.h"

const char *topology_oddity_name(enum topology_oddity oddity)
{
	switch (oddity) {
	case TOPOLOGY_NO_PACKAGES:
		return warning_code_name(WARN_NO_PACKAGES);
	case TOPOLOGY_NO_L3:
		return warning_code_name(WARN_NO_L3);
	case TOPOLOGY_NO_DISTANCES:
		return warning_code_name(WARN_NO_DISTANCES);
	case TOPOLOGY_CPUS_WITHOUT_NODE:
		return warning_code_name(WARN_CPUS_WITHOUT_NODE);
	case TOPOLOGY_MEMORY_UNKNOWN:
		return warning_code_name(WARN_MEMORY_UNKNOWN);
	case TOPOLOGY_CPUS_WITHOUT_PACKAGE:
		return warning_code_name(WARN_CPUS_WITHOUT_PACKAGE);
	case TOPOLOGY_HIDDEN_NODES:
		return warning_code_name(WARN_HIDDEN_NODES);
	case TOPOLOGY_HUGE_PAGES:
		return warning_code_name(WARN_HUGE_PAGES);
	case TOPOLOGY_ISOLATED_CPUS:
		return warning_code_name(WARN_ISOLATED_CPUS);
	case TOPOLOGY_NOHZ_FULL_CPUS:
		return warning_code_name(WARN_NOHZ_FULL_CPUS);
	case TOPOLOGY_HYBRID_CORES:
	case TOPOLOGY_ODDITIES_END:
		break;
	}
	return warning_code_name(WARN_HYBRID_CORES);
}

/*
 * Append and give up `item`; arrays that lost one for want of memory are shorter, so NULL is passed
 * on.
 */
static json_t *append(json_t *array, json_t *item)
{
	if (array && json_array_append_new(array, item) < 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *nodes_json(const struct topology *t)
{
	json_t *nodes = json_array();

	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *n = &t->nodes[i];
		struct cpuset own = cpuset_and(&n->cpus, &t->allowed);

		if (n->memory_only)
			own = (struct cpuset){0};
		nodes = append(
			nodes,
			json_pack("{s:i, s:s, s:I, s:I, s:I, s:b}", "id", (int)n->id, "cpus",
				  CPUSET_STRING(&own), "memory_bytes", (json_int_t)n->memory_bytes,
				  "huge_pages_bytes", (json_int_t)n->huge_bytes, "usable_bytes",
				  (json_int_t)n->usable_bytes, "memory_only", (int)n->memory_only));
	}
	return nodes;
}

json_t *topology_json_summary(const struct topology *t)
{
	return json_pack("{s:o, s:i, s:i, s:i, s:o}", "source", json_text(t->source), "packages",
			 (int)t->package_count, "cores", (int)t->core_count, "cpus",
			 (int)t->cpu_count, "nodes", nodes_json(t));
}

static json_t *distances_json(const struct topology *t)
{
	json_t *rows = json_array();

	for (unsigned from = 0; from < t->node_count; from++) {
		json_t *row = json_array();

		for (unsigned to = 0; to < t->node_count; to++)
			row = append(row, json_integer(topology_distance(t, from, to)));
		rows = append(rows, row);
	}
	return rows;
}

static json_t *oddities_json(const struct topology *t)
{
	json_t *names = json_array();

	for (unsigned bit = 1; bit < TOPOLOGY_ODDITIES_END; bit <<= 1)
		if (t->oddities & bit)
			names = append(names, json_string(topology_oddity_name(bit)));
	return names;
}

static json_t *cores_json(const struct topology *t)
{
	json_t *cores = json_array();

	for (unsigned i = 0; i < t->core_count; i++) {
		const struct topology_core *c = &t->cores[i];
		struct cpuset cpus = topology_core_cpus(t, i);
		struct cpuset nodes = topology_node_ids(t, t->numa[c->numa].nodes);

		cores = append(cores,
			       json_pack("{s:s, s:i, s:i, s:s, s:i}", "cpus", CPUSET_STRING(&cpus),
					 "package", (int)c->package, "l3", (int)c->l3, "nodes",
					 CPUSET_STRING(&nodes), "kind", (int)c->kind));
	}
	return cores;
}

json_t *topology_json(const struct topology *t)
{
	json_auto_t *out = json_pack("{s:s, s:b}", "schema", "cleave.topology/1", "this_machine",
				     (int)t->this_machine);
	json_auto_t *summary = topology_json_summary(t);
	json_auto_t *more = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "l3s",
				      (int)t->l3_count, "allowed_cpus", CPUSET_STRING(&t->allowed),
				      "other_cpus", CPUSET_STRING(&t->disallowed), "isolated_cpus",
				      CPUSET_STRING(&t->isolated), "nohz_full_cpus",
				      CPUSET_STRING(&t->nohz_full), "rcu_nocbs_cpus",
				      CPUSET_STRING(&t->rcu_nocbs), "distances", distances_json(t),
				      "oddities", oddities_json(t), "core_list", cores_json(t));

	if (!out || !summary || !more || json_object_update(out, summary) < 0 ||
	    json_object_update(out, more) < 0)
		return NULL;
	return take_pointer(out);
}
