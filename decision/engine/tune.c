/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/tune.h"

void tune_list(const struct engine *g, uint64_t data_bytes, struct tune *out)
{
	out->count = 0;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];
		struct cost_job whole = g->job, probe;
		struct cost_shape shape = c->shape;
		unsigned at = out->count;
		struct err ignored;
		double heap;

		if (!candidate_is_open(c))
			continue;
		whole.gc = c->gc;
		probe = whole;
		probe.data_bytes = data_bytes;
		/*
		 * That the probe's live data fill to the same part, in whole MB, not below the
		 * least.
		 */
		heap = (double)shape.heap_bytes * cost_live_bytes(&c->shape, &probe) /
		       cost_live_bytes(&c->shape, &whole);
		shape.heap_bytes = (uint64_t)heap - (uint64_t)heap % BUDGET_MIB;
		out->heap_is_scaled[at] =
			c->shape.heap_bytes && shape.heap_bytes >= HEAP_LEAST_BYTES;
		if (c->shape.heap_bytes && !out->heap_is_scaled[at])
			shape.heap_bytes = HEAP_LEAST_BYTES;
		out->heap_bytes[at] = shape.heap_bytes;
		out->options[at] = (struct probe_option){.whole = c->features};
		if (cost_features(&shape, &probe, &out->options[at].probe, &ignored) == 0)
			out->candidate[out->count++] = (uint16_t)i;
	}
}
