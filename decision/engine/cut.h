/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_CUT_H
#define DECISION_ENGINE_CUT_H

/*
 * A choice, made: who has which core, and what slots, executors and memory each slice gets
 * (README.md, "Slots and executors"). Cores first, so that several numbers of executors can be
 * tried on the same ones.
 */

#include "decision/base/err.h"
#include "decision/partition/budget.h"
#include "decision/partition/choices.h"
#include "decision/partition/partition.h"

struct engine;

struct cut {
	struct partition partition;
	struct budget_slice shares[SLICES_MAX];
	unsigned executors; /* of each slice */
	struct budget budget;
};

/* The cores. Return 0, or ERR_IMPOSSIBLE; out->partition then has no slices. */
int cut_cores(const struct engine *g, const struct choice *choice, struct cut *out, struct err *e);

/*
 * The rest, on cores that are divided: slots (with those for loans if g->slots_for_loans), and so
 * many executors a slice, or those that the profile writes; 0: as many as the memory is best
 * divided into. Return 0, or ERR_IMPOSSIBLE where slots or memory do not suffice.
 */
int cut_memory(const struct engine *g, unsigned executors, struct cut *out, struct err *e);

/* Both. */
int cut_make(const struct engine *g, const struct choice *choice, unsigned executors,
	     struct cut *out, struct err *e);

/*
 * Slots of the slice that a core is in, the mean over all cores; without those for loans, which
 * take memory, but are not what cuts are compared with.
 */
double cut_mean_slots(const struct engine *g, const struct cut *cut);

#endif
