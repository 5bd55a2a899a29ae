/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/tune.h"

/*
 * The heap that the probe's live data fill to the same part, in whole MB, not below the least.
 */
static void scale_heap(const struct cost_shape *shape, const struct cost_job *whole,
		       const struct cost_job *probe, uint64_t *heap_bytes, bool *is_scaled)
{
	double heap = (double)shape->heap_bytes * cost_live_bytes(shape, probe) /
		      cost_live_bytes(shape, whole);

	*heap_bytes = (uint64_t)heap - (uint64_t)heap % BUDGET_MIB;
	*is_scaled = shape->heap_bytes && *heap_bytes >= HEAP_LEAST_BYTES;
	if (shape->heap_bytes && !*is_scaled)
		*heap_bytes = HEAP_LEAST_BYTES;
}

/*
 * Append an option with so many task slots a slice; without one of its runs, where that cannot be
 * predicted, it is none.
 */
static void add_option(const struct engine *g, unsigned candidate, double slots,
		       const uint64_t data_bytes[TUNE_SIZES], const struct tune_run *runs,
		       unsigned count, struct tune *out)
{
	const struct candidate *c = &g->candidates[candidate];
	unsigned at = out->count;
	struct probe_option *o = &out->options[at];
	struct cost_job whole = g->job, probe;
	struct cost_shape shape = c->shape;
	struct err ignored;

	whole.gc = c->gc;
	probe = whole;
	probe.data_bytes = data_bytes[runs[0].size];
	scale_heap(&c->shape, &whole, &probe, &out->heap_bytes[at], &out->heap_is_scaled[at]);
	shape.heap_bytes = out->heap_bytes[at];
	shape.slots = slots;
	*o = (struct probe_option){.whole = c->features, .run_count = count};
	for (unsigned i = 0; i < count; i++) {
		probe.data_bytes = data_bytes[runs[i].size];
		probe.is_warm = runs[i].is_warm;
		out->runs[at][i] = runs[i];
		if (cost_features(&shape, &probe, &o->runs[i], &ignored) < 0)
			return;
	}
	out->candidate[at] = (uint16_t)candidate;
	out->slots[at] = slots;
	out->count++;
}

void tune_list(const struct engine *g, const uint64_t data_bytes[TUNE_SIZES], bool repeats,
	       struct tune *out)
{
	static const struct tune_run large[PROBE_RUNS] = {
		{TUNE_LARGE, false}, {TUNE_LARGE, true}, {TUNE_SMALL, true}};
	static const struct tune_run small = {TUNE_SMALL, false};
	bool has_small = data_bytes[TUNE_SMALL] > 0;

	out->count = 0;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];
		double slots[] = {c->shape.slots, c->slots};
		bool for_loans = c->slots >= 2 * c->shape.slots;

		for (unsigned k = 0; candidate_is_automatic(c) && k < 1u + for_loans; k++) {
			add_option(g, i, slots[k], data_bytes, large, repeats ? 2 + has_small : 1,
				   out);
			if (has_small && !repeats)
				add_option(g, i, slots[k], data_bytes, &small, 1, out);
		}
	}
}
