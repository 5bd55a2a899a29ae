/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/drift.h"

/* The two sets as far as there are such CPUs. */
static bool is_same(const struct cpuset *a, const struct cpuset *b, const struct cpuset *allowed)
{
	struct cpuset left = cpuset_and(a, allowed), right = cpuset_and(b, allowed);

	return cpuset_is_equal(&left, &right);
}

static unsigned find_in_group(const struct observed_group *g, const struct cpuset *cpus,
			      const struct cpuset *allowed, unsigned weight, struct op *ops,
			      unsigned count)
{
	unsigned before = count;
	/* In v2 an asked set may be right and not in force: somebody wrote to the group above. */
	bool differ = !is_same(&g->requested, cpus, allowed) || !is_same(&g->cpus, cpus, allowed);

	if (differ && cpuset_intersects(cpus, allowed))
		ops[count++] = (struct op){.kind = OP_SET_CPUS, .cpus = cpuset_and(cpus, allowed)};
	if (g->weight && g->weight != weight)
		ops[count++] = (struct op){.kind = OP_SET_WEIGHT, .weight = weight};
	for (unsigned i = before; i < count; i++)
		string_copy(ops[i].name, g->name);
	return count;
}

/* Those that narrow come first, so that two slices never own a CPU at once. */
static void narrow_first(const struct observation *seen, struct op *ops, unsigned count)
{
	unsigned front = 0;

	for (unsigned i = 0; i < count; i++) {
		struct op op = ops[i];

		if (op.kind != OP_SET_CPUS ||
		    !cpuset_is_subset(&op.cpus, &observed_find(seen, op.name)->requested))
			continue;
		memmove(&ops[front + 1], &ops[front], (i - front) * sizeof(op));
		ops[front++] = op;
	}
}

unsigned drift_find(const struct observation *seen, const struct plan *p,
		    const struct cpuset *allowed, struct op ops[DRIFT_OPS])
{
	const struct observed_group *host = observed_find(seen, GROUP_HOST);
	struct cpuset cpus = plan_host_cpus(p);
	unsigned count = 0;

	if (host)
		count = find_in_group(host, &cpus, allowed, WEIGHT_DEFAULT, ops, count);
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct observed_group *g = observed_find(seen, p->slices[i].name);

		cpus = plan_effective_cpus(p, i);
		if (g)
			count = find_in_group(g, &cpus, allowed, plan_weight(p, i), ops, count);
	}
	narrow_first(seen, ops, count);
	return count;
}

bool drift_is_stranded(const struct plan *p, unsigned slice, const struct cpuset *allowed)
{
	struct cpuset cpus = plan_effective_cpus(p, slice);

	return !cpuset_intersects(&cpus, allowed);
}

bool drift_gives_back(const struct observation *seen, const struct op *ops, unsigned count,
		      const struct cpuset *returned)
{
	for (unsigned i = 0; i < count; i++) {
		const struct observed_group *g = observed_find(seen, ops[i].name);
		struct cpuset given = cpuset_and_not(&ops[i].cpus, &g->requested);

		if (ops[i].kind != OP_SET_CPUS || !cpuset_is_subset(&given, returned) ||
		    !cpuset_is_subset(&g->cpus, &ops[i].cpus))
			return false;
	}
	return true;
}

bool drift_clip(struct op *op, const struct cpuset *allowed)
{
	if (op->kind != OP_SET_CPUS && op->kind != OP_SET_HOST && op->kind != OP_CREATE)
		return true;
	op->cpus = cpuset_and(&op->cpus, allowed);
	return !cpuset_is_empty(&op->cpus);
}

bool drift_may_repair(struct drift_repairs *d, uint64_t now_ns)
{
	const uint64_t within = DRIFT_WITHIN_S * UINT64_C(1000000000);
	unsigned kept = 0;

	for (unsigned i = 0; i < d->count; i++)
		if (now_ns - d->at_ns[i] < within)
			d->at_ns[kept++] = d->at_ns[i];
	d->count = kept;
	if (kept == DRIFT_REPAIRS)
		return false;
	d->at_ns[d->count++] = now_ns;
	return true;
}
