/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_TUNE_H
#define DECISION_ENGINE_TUNE_H

/*
 * What `tune` can try on this machine: each candidate of the engine with a part of the data, the
 * short runs' features beside the whole job's. Pure.
 */

#include "decision/cost/probe.h"
#include "decision/engine/engine.h"

/*
 * Two sizes, for with one what is paid once or by stage cannot be told from what is paid by byte.
 */
enum tune_size { TUNE_LARGE, TUNE_SMALL, TUNE_SIZES };

/* Of the data, at most, in one run. */
#define TUNE_SHARE	 0.12
#define TUNE_SHARE_SMALL 0.03

/* One run of a probe. */
struct tune_run {
	enum tune_size size;
	bool is_warm; /* a repetition in the same JVMs */
};

/* With the slots that cuts are compared with, and with those for loans. */
enum { TUNE_OPTIONS = 2 * TUNE_SIZES * PLAN_CANDIDATES };

/* About 700 KB: keep it on the heap. */
struct tune {
	unsigned count;
	struct probe_option options[TUNE_OPTIONS]; /* those that can be made and predicted */
	struct tune_run runs[TUNE_OPTIONS][PROBE_RUNS];
	uint16_t candidate[TUNE_OPTIONS];  /* of the engine, by option */
	double slots[TUNE_OPTIONS];	   /* of a slice */
	uint64_t heap_bytes[TUNE_OPTIONS]; /* of an executor in the probe, 0: unknown */
	bool heap_is_scaled[TUNE_OPTIONS]; /* live data fill it as they fill the whole job's */
};

/*
 * List them for runs of `data_bytes`, 1 … the whole job's; 0 for TUNE_SMALL: there is none. If the
 * application `repeats` in one Spark context, an option is a candidate, timed cold, warm, and warm
 * with the small size; else it is a candidate with one of the sizes, cold. Where slots for loans
 * are twice as many or more, a candidate with those is another option. The heap of a probe is the
 * candidate's, times what is live in the probe over what is live in the whole job, so that
 * collections cost as much a byte; at least Spark's minimum.
 */
void tune_list(const struct engine *g, const uint64_t data_bytes[TUNE_SIZES], bool repeats,
	       struct tune *out);

#endif
