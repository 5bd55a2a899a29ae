#include "decision/engine/tune.h"

static bool list_one(const struct engine *g, const struct candidate *c, uint64_t data_bytes,
		     struct tune *out)
{
	struct cost_job whole = g->job, probe;
	struct cost_shape shape = c->shape;
	unsigned i = out->count;
	struct err ignored;
	double heap;

	whole.gc = c->gc;
	probe = whole;
	probe.data_bytes = data_bytes;
	/* The heap that the probe's live data fill to the same part, in whole MB and not below Spark's minimum. */
	heap = (double)shape.heap_bytes * cost_live_bytes(&c->shape, &probe) /
	       cost_live_bytes(&c->shape, &whole);
	shape.heap_bytes = (uint64_t)heap - (uint64_t)heap % BUDGET_MIB;
	out->heap_is_scaled[i] = c->shape.heap_bytes && shape.heap_bytes >= BUDGET_HEAP_LEAST;
	if (c->shape.heap_bytes && !out->heap_is_scaled[i])
		shape.heap_bytes = BUDGET_HEAP_LEAST;
	out->heap_bytes[i] = shape.heap_bytes;
	out->options[i] = (struct probe_option){.whole = c->features};
	return cost_features(&shape, &probe, &out->options[i].probe, &ignored) == 0;
}

void tune_list(const struct engine *g, uint64_t data_bytes, struct tune *out)
{
	out->count = 0;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (candidate_is_open(c) && list_one(g, c, data_bytes, out))
			out->candidate[out->count++] = (uint16_t)i;
	}
}
