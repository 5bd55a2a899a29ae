/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_TUNE_H
#define DECISION_ENGINE_TUNE_H

/*
 * What `tune` can try on this machine: each candidate of the engine with a part of the data, the
 * short run's features beside the whole job's. Pure.
 */

#include "decision/cost/model.h"
#include "decision/cost/probe.h"
#include "decision/engine/engine.h"

/* Of the data, at most, in one probe. */
#define TUNE_SHARE 0.12

struct tune {
	unsigned count;
	struct probe_option options[PLAN_CANDIDATES]; /* those that can be made and predicted */
	uint16_t candidate[PLAN_CANDIDATES];	      /* of the engine, by option */
	uint64_t heap_bytes[PLAN_CANDIDATES];	      /* of a slice in the short run, 0: unknown */
	bool heap_is_scaled[PLAN_CANDIDATES]; /* live data fill it as they fill the whole job's */
};

/*
 * List them for probes of `data_bytes`, 1 … the whole job's. The heap of a probe is the
 * candidate's, times what is live in the probe over what is live in the whole job, so that
 * collections cost as much a byte; at least Spark's minimum. *out is large.
 */
void tune_list(const struct engine *g, uint64_t data_bytes, struct tune *out);

#endif
