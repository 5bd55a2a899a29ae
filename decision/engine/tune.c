#include "decision/engine/tune.h"

/* The heap that the probe's live data fill to the same part, in whole MB and not below Spark's minimum. */
static uint64_t probe_heap(const struct cost_shape *s, const struct cost_job *whole,
			   const struct cost_job *probe, bool *is_scaled)
{
	double heap = (double)s->heap_bytes * cost_live_bytes(s, probe) / cost_live_bytes(s, whole);
	uint64_t bytes = (uint64_t)heap - (uint64_t)heap % BUDGET_MIB;

	*is_scaled = s->heap_bytes && bytes >= BUDGET_HEAP_LEAST;
	if (!s->heap_bytes || *is_scaled)
		return bytes;
	return BUDGET_HEAP_LEAST;
}

static bool list_one(const struct engine *g, const struct candidate *c, uint64_t data_bytes,
		     struct tune *out)
{
	struct cost_job whole = g->job, probe;
	struct cost_shape shape = c->shape;
	unsigned i = out->count;
	struct err ignored;

	whole.gc = c->gc;
	probe = whole;
	probe.data_bytes = data_bytes;
	out->heap_bytes[i] = probe_heap(&c->shape, &whole, &probe, &out->heap_is_scaled[i]);
	shape.heap_bytes = out->heap_bytes[i];
	out->options[i] = (struct probe_option){.whole = c->features};
	return cost_features(&shape, &probe, &out->options[i].probe, &ignored) == 0;
}

void tune_list(const struct engine *g, uint64_t data_bytes, struct tune *out)
{
	out->count = 0;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (!c->feasible || !c->predicted || !list_one(g, c, data_bytes, out))
			continue;
		out->candidate[out->count++] = (uint16_t)i;
	}
}
