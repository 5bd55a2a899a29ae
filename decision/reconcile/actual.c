/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/reconcile/actual.h"

static const struct slice *known_slice(const struct plan *p, unsigned id)
{
	return p && id < p->slice_count ? &p->slices[id] : NULL;
}

static void observe_slice(const struct observed_group *g, const struct slice *known, unsigned id,
			  enum memory_policy policy, struct slice *out)
{
	*out = known ? *known : (struct slice){0};
	out->id = id;
	string_copy(out->name, g->name);
	out->cpus = g->requested;
	if (!known || memory_policy_binds(policy))
		out->nodes = g->nodes;
	/* 0: no limit, or no memory controller to say so. */
	if (g->memory_max_bytes && observed_limit_differs(g, out->memory.max_bytes))
		out->memory.max_bytes = g->memory_max_bytes;
}

/* ---- loans that a crash left */

static void add_loan(struct plan *p, unsigned from, unsigned to, const struct cpuset *cpus)
{
	if (p->loan_count < SLICES_MAX)
		p->loans[p->loan_count++] =
			(struct loan){.from = from, .to = to, .mode = LOANS_SHARED, .cpus = *cpus};
}

/*
 * What a group has of the home CPUs of a donor is a loan, not its own: so plan_diff() narrows it
 * before the donor's weight goes down. `homes` are the CPUs that slices own for all that is known.
 */
static bool find_loans(struct plan *p, unsigned donor, const struct cpuset homes[SLICES_MAX])
{
	unsigned before = p->loan_count;

	for (unsigned id = 0; id < p->slice_count; id++) {
		struct cpuset *cpus = &p->slices[id].cpus;
		struct cpuset extra = cpuset_and_not(cpus, &homes[id]);

		extra = cpuset_and(&extra, &homes[donor]);
		if (id == donor || cpuset_is_empty(&extra) || p->loan_count == SLICES_MAX)
			continue;
		add_loan(p, donor, id, &extra);
		*cpus = cpuset_and_not(cpus, &extra);
	}
	return p->loan_count > before;
}

void actual_plan(const struct observation *seen, const struct plan *recorded,
		 const struct plan *wanted, enum memory_policy policy, struct plan *out)
{
	const struct observed_group *host = observed_find(seen, GROUP_HOST);
	struct cpuset homes[SLICES_MAX] = {0}, host_cpus = plan_host_cpus(wanted), none = {0};

	memset(out, 0, sizeof(*out));
	string_copy(out->name, wanted->name);
	out->allowed = wanted->allowed;
	out->usable = wanted->usable;
	out->apart = wanted->apart;
	out->host = wanted->host;
	if (host && !cpuset_is_equal(&host->requested, &host_cpus)) {
		out->host.shared = false;
		out->host.cpus = host->requested;
	}
	for (unsigned id = 0; id < SLICES_MAX; id++) {
		struct slice *slice = &out->slices[id];
		const struct slice *known = known_slice(recorded, id);
		const struct observed_group *group;

		slice->id = id;
		snprintf(slice->name, sizeof(slice->name), "slice-%u", id);
		group = observed_find(seen, slice->name);
		if (!group)
			continue;
		known = known ? known : known_slice(wanted, id);
		observe_slice(group, known, id, policy, slice);
		homes[id] = known ? known->cpus : slice->cpus;
		out->slice_count = id + 1;
	}
	for (unsigned id = 0; id < out->slice_count; id++) {
		const struct observed_group *g = observed_find(seen, out->slices[id].name);

		/*
		 * 0: no controller to say so. A weight raised for nobody is a loan of no CPUs
		 * (op.h).
		 */
		if (g && g->weight && g->weight != WEIGHT_DEFAULT && !find_loans(out, id, homes))
			add_loan(out, id, id ? 0 : out->slice_count - 1, &none);
	}
	/* Names of slices that are not there must not make two equal plans differ. */
	memset(&out->slices[out->slice_count], 0,
	       (SLICES_MAX - out->slice_count) * sizeof(out->slices[0]));
}
