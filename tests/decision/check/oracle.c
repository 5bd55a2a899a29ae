/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/check/oracle.h"

#include <errno.h>
#include <string.h>

#include "decision/check/plan_check.h"

bool plan_has_warning(const struct plan *p, enum warning_code code)
{
	for (unsigned i = 0; i < p->warning_count; i++) {
		if (p->warnings[i].code == code)
			return true;
	}
	return false;
}

/* Of a plan that passed plan_check(): a core has one user. */
static void read_users(const struct plan *p, const struct topology *t, struct core_users *map)
{
	bool all = cpuset_is_empty(&p->usable);

	memset(map->user, USER_OUTSIDE, sizeof(map->user));
	for (unsigned i = 0; i < t->cpu_count; i++) {
		unsigned cpu = t->cpus[i].os_index;
		uint8_t *user = &map->user[t->cpus[i].core];

		if (*user == USER_OUTSIDE && (all || cpuset_has(&p->usable, cpu)))
			*user = USER_NOBODY;
		if (cpuset_has(&p->host.cpus, cpu))
			*user = USER_HOST;
		for (unsigned k = 0; k < p->slice_count; k++) {
			if (cpuset_has(&p->slices[k].cpus, cpu))
				*user = (uint8_t)k;
		}
	}
}

/* 5: nodes are those local to the CPUs; memory-only ones may be added. */
static int check_nodes(const struct plan *p, const struct topology *t, const struct core_users *map,
		       struct err *e)
{
	uint64_t local[SLICES_MAX] = {0}, memory_only = 0;
	struct cpuset extra;

	for (unsigned i = 0; i < t->node_count; i++) {
		const struct topology_node *node = &t->nodes[i];

		if (node->memory_only && node->allowed &&
		    (node->usable_bytes || t->oddities & TOPOLOGY_MEMORY_UNKNOWN))
			memory_only |= UINT64_C(1) << i;
	}
	extra = topology_node_ids(t, memory_only);
	for (unsigned i = 0; i < t->core_count; i++) {
		if (map->user[i] < SLICES_MAX)
			local[map->user[i]] |= t->numa[t->cores[i].numa].nodes;
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		struct cpuset needed = topology_node_ids(t, local[i]);
		struct cpuset may = cpuset_or(&needed, &extra);

		if (!cpuset_is_subset(&needed, &s->nodes) || !cpuset_is_subset(&s->nodes, &may))
			return err_set(e, -ERANGE,
				       "invariant 5: %s has nodes %s, but those local to its CPUs "
				       "are %s",
				       s->name, CPUSET_STRING(&s->nodes), CPUSET_STRING(&needed));
	}
	return 0;
}

int oracle_check(const struct plan *p, const struct topology *t, struct err *e)
{
	struct core_users map;

	if (plan_check(p, t, e) < 0)
		return e->code;
	read_users(p, t, &map);
	if (p->candidate_count &&
	    (placement_check(p, t, &map, e) < 0 || evenness_check(p, t, &map, e) < 0))
		return e->code;
	return check_nodes(p, t, &map, e) < 0 ? e->code : memory_check(p, t, e);
}
