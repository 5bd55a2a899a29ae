/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_COST_MODEL_H
#define DECISION_COST_MODEL_H

/*
 * What `tune` found out: coefficients of the cost model that were measured with one application on
 * one machine, how far they can be trusted, and where they come from. A value.
 */

#include <stdint.h>

#include "decision/base/err.h"
#include "decision/cost/cost.h"
#include "decision/cost/probe.h"
#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

enum { MODEL_RUNS = (int)PROBES_MOST * (int)PROBE_RUNS, MODEL_DATE = 21 };

/* Above these nothing is a measured time or coefficient; products of two stay finite. */
#define MODEL_SECONDS_MOST     1e9
#define MODEL_COEFFICIENT_MOST 1e12

/*
 * What makes two machines one for the model: the same hardware, not the same serial number, so that
 * a rack of equal servers needs one file. Counts are of what is allowed here, because that is what
 * was divided.
 */
struct machine_identity {
	char cpu[PROFILE_WORD]; /* the processor's name, "" unknown */
	unsigned packages, nodes, cores, cpus;
	uint32_t distances; /* FNV-1a of the matrix over the nodes in order */
};

struct model_run {
	unsigned slices, cores; /* cores of the largest slice */
	unsigned executors;	/* of each slice */
	unsigned slots;		/* task slots of a slice, in the mean */
	uint64_t data_bytes;
	bool is_warm;		    /* a repetition in the same JVMs */
	double predicted, measured; /* seconds; predicted by the model's own coefficients */
};

struct model {
	struct cost_coefficients theta;
	double confidence[COST_TERMS]; /* 0: as in the built-in table … 1: measured */
	double error;		       /* root mean square of the relative residuals */
	enum workload_type type; /* whose built-in coefficients the fit began with; never auto */
	struct machine_identity machine;
	char made[MODEL_DATE]; /* 2026-11-21T15:04:05Z */
	unsigned run_count;
	struct model_run runs[MODEL_RUNS];
};

/* The identity of a machine; `cpu` "" where the processor's name is not known. */
void machine_identify(const struct topology *t, const char *cpu, struct machine_identity *out);

/*
 * Whether the numbers can be used: coefficients, times and error finite and >= 0, confidences 0 …
 * 1, at least one run, a workload type, a date. Return 0, or ERR_WRONG with the key and the
 * value.
 */
int model_check(const struct model *m, struct err *e);

/*
 * Whether it was measured on `here`; a processor's name that is not known on either side is not
 * compared. ERR_IMPOSSIBLE with what differs.
 */
int model_check_machine(const struct model *m, const struct machine_identity *here, struct err *e);

#endif
