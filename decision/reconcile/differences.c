/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/differences.h"

#include <inttypes.h>
#include <stdarg.h>

enum { LOCAL_PERCENT = 95, LOCAL_LEAST_BYTES = 64 << 20 };

const char *drift_kind_name(enum drift_kind kind)
{
	static const char *const names[DRIFT_KINDS] = {
		[DRIFT_GROUP_MISSING] = "group-missing",
		[DRIFT_GROUP_EXTRA] = "group-extra",
		[DRIFT_CPUS] = "cpus",
		[DRIFT_NODES] = "nodes",
		[DRIFT_WEIGHT] = "weight",
		[DRIFT_MEMORY] = "memory",
		[DRIFT_OUTSIDE] = "outside",
		[DRIFT_AFFINITY] = "affinity",
		[DRIFT_FOREIGN] = "foreign",
		[DRIFT_SOCKET] = "socket",
		[DRIFT_LOCALITY] = "locality",
		[DRIFT_NO_ANSWER] = "no-answer",
	};

	return names[kind];
}

bool drift_is_repairable(enum drift_kind kind)
{
	return kind == DRIFT_CPUS || kind == DRIFT_WEIGHT;
}

void drifts_add(struct drifts *list, enum drift_kind kind, const char *group, const char *format,
		...)
{
	struct drift *d;
	va_list args;

	if (list->count++ >= DRIFTS_MAX)
		return;
	d = &list->items[list->count - 1];
	d->kind = kind;
	snprintf(d->group, sizeof(d->group), "%s", group);
	va_start(args, format);
	vsnprintf(d->text, sizeof(d->text), format, args);
	va_end(args);
}

static void compare_cpus(const struct observed_group *g, const struct cpuset *wanted,
			 struct drifts *out)
{
	if (!cpuset_is_equal(&g->cpus, wanted))
		drifts_add(out, DRIFT_CPUS, g->name, "%s runs on CPUs %.80s, the plan says %.80s",
			   g->name, CPUSET_STRING(&g->cpus), CPUSET_STRING(wanted));
}

static void compare_slice(const struct plan *p, const struct profile *profile, unsigned slice,
			  const struct observed_group *g, enum verify_depth depth,
			  struct drifts *out)
{
	const struct slice *s = &p->slices[slice];
	struct cpuset cpus = plan_effective_cpus(p, slice);

	compare_cpus(g, &cpus, out);
	if (memory_policy_binds(profile->memory.policy) ? !cpuset_is_equal(&g->nodes, &s->nodes)
							: !cpuset_is_subset(&s->nodes, &g->nodes))
		drifts_add(out, DRIFT_NODES, s->name,
			   "%s has memory nodes %.80s, the plan says %.80s", s->name,
			   CPUSET_STRING(&g->nodes), CPUSET_STRING(&s->nodes));
	if (depth == VERIFY_CPUS)
		return;
	if (g->weight != plan_weight(p, slice))
		drifts_add(out, DRIFT_WEIGHT, s->name, "%s has CPU weight %u, the plan says %u",
			   s->name, g->weight, plan_weight(p, slice));
	if (observed_limit_differs(g, s->memory.max_bytes))
		drifts_add(out, DRIFT_MEMORY, s->name,
			   "%s has a memory limit of %" PRIu64 " bytes, the plan says %" PRIu64,
			   s->name, g->memory_max_bytes, s->memory.max_bytes);
}

void verify_groups(const struct plan *p, const struct profile *profile,
		   const struct observation *seen, enum verify_depth depth, struct drifts *out)
{
	const struct observed_group *host = observed_find(seen, GROUP_HOST);
	struct cpuset host_cpus = plan_host_cpus(p);

	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct observed_group *g = observed_find(seen, p->slices[i].name);

		if (g)
			compare_slice(p, profile, i, g, depth, out);
		else
			drifts_add(out, DRIFT_GROUP_MISSING, p->slices[i].name,
				   "%s has no group: its worker does not run, or runs elsewhere",
				   p->slices[i].name);
	}
	if (host)
		compare_cpus(host, &host_cpus, out);
	else
		drifts_add(out, DRIFT_GROUP_MISSING, GROUP_HOST, "the host group is missing");
	for (unsigned i = 0; i < seen->count; i++) {
		const char *name = seen->groups[i].name;
		bool known = !strcmp(name, GROUP_HOST) || !strcmp(name, GROUP_SUPERVISOR);

		for (unsigned k = 0; k < p->slice_count; k++)
			known |= !strcmp(name, p->slices[k].name);
		if (!known)
			drifts_add(out, DRIFT_GROUP_EXTRA, name,
				   "group %s (CPUs %.80s) is in no plan", name,
				   CPUSET_STRING(&seen->groups[i].cpus));
	}
}

void verify_process(const char *group, int pid, bool is_inside, const struct cpuset *mask,
		    const struct cpuset *cpus, struct drifts *out)
{
	if (!is_inside) {
		drifts_add(out, DRIFT_OUTSIDE, group, "process %d belongs into %s and is not in it",
			   pid, group);
		return;
	}
	if (!cpuset_is_subset(cpus, mask))
		drifts_add(out, DRIFT_AFFINITY, group,
			   "process %d of %s is bound to CPUs %.80s of %.80s", pid, group,
			   CPUSET_STRING(mask), CPUSET_STRING(cpus));
}

void verify_locality(const struct profile *profile, const char *group, const struct sample *s,
		     struct drifts *out)
{
	if (profile->memory.policy != POLICY_STRICT || s->anon_bytes < LOCAL_LEAST_BYTES ||
	    s->anon_local_bytes / LOCAL_PERCENT >= s->anon_bytes / 100)
		return;
	drifts_add(out, DRIFT_LOCALITY, group,
		   "only %" PRIu64 " of %" PRIu64 " MB of %s are on its own memory nodes",
		   s->anon_local_bytes >> 20, s->anon_bytes >> 20, group);
}
