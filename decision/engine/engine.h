/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_ENGINE_H
#define DECISION_ENGINE_ENGINE_H

/*
 * The choice of a partition: every choice of how to cut the machine is made, priced by
 * decision/cost, and one is taken. What the profile fixes is taken whatever it costs, with the
 * others beside it for comparison.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/cost/cost.h"
#include "decision/cost/facts.h"
#include "decision/partition/budget.h"
#include "decision/partition/choices.h"
#include "decision/partition/shape.h"
#include "decision/plan/plan.h"

/* Predictions closer than this are one: decision/engine/README.md says what goes first then. */
#define ENGINE_TIE 0.02
/*
 * The most that tasks beyond the CPUs may cost where spark.slots_per_cpu is auto and CPUs are lent:
 * they cost 6 % on a balanced job, and a lagging slice that borrows gains 75 % (README.md).
 */
#define ENGINE_SLOTS 0.1

/* A choice, judged. */
struct candidate {
	struct choice choice;
	unsigned slices, cores; /* cores of the largest slice */
	unsigned executors;	/* of each slice */
	unsigned slots;		/* of the largest slice */
	bool feasible;
	bool predicted;	 /* the rest holds */
	bool is_small;	 /* its slices are too small, or far smaller than others */
	bool is_uneven;	 /* parts of nodes, and of different sizes */
	bool is_starved; /* a slot has little memory, and more executors would give it more */
	bool needs_reason;
	struct shape_place place;
	enum gc gc; /* GC_AUTO decided */
	struct cost_shape shape;
	struct cost_features features;
	double seconds;
	char why[PLAN_TEXT];
};

struct engine {
	const struct topology *t;
	const struct profile *profile;
	const struct reserve_memory *reserve;
	struct cost_job job; /* its gc is GC_AUTO where the engine chooses */
	const struct cost_coefficients *coefficients;
	bool is_measured; /* the coefficients are those of workload.model */
	bool data_assumed;
	bool slots_for_loans; /* some more than without lending, if they are automatic */
	/* Predicted time with those to that without, less 1; 0 if not compared. */
	double slots_cost;
	uint64_t daemon_heap;	      /* as in struct facts */
	double error;		      /* of the model, relative; 0: the built-in table's */
	uint16_t cpus[TOPOLOGY_CPUS]; /* used of each core */
	unsigned usable;	      /* cores of one JVM on all cores */
	unsigned count, chosen;
	unsigned rival; /* the candidate that a reader would ask about; = chosen if there is none */
	/* Slices of one a package, if memory alone kept it from being the choice; else 0. */
	unsigned refused;
	double refused_seconds;
	struct candidate candidates[PLAN_CANDIDATES];
};

/*
 * Judge and choose. Return 0, or ERR_IMPOSSIBLE: what the profile fixes cannot be made, or nothing
 * can. *out is large; keep it off small stacks.
 */
int engine_decide(const struct topology *t, const struct profile *p, const struct facts *f,
		  const struct reserve_memory *reserve, struct engine *out, struct err *e);

/* Whether it can be taken, and is predicted. */
static inline bool candidate_is_open(const struct candidate *c)
{
	return c->feasible && c->predicted;
}

/* Whether it may be taken without being written. */
static inline bool candidate_is_automatic(const struct candidate *c)
{
	return candidate_is_open(c) && !c->is_small && !c->is_uneven && !c->is_starved;
}

/* Why `a` goes before `b` where both are predicted alike; NULL if it does not. */
const char *engine_preference(const struct candidate *a, const struct candidate *b);

/* What throughputs are relative to: one JVM on all cores; where that cannot be, the chosen one. */
const struct candidate *engine_base(const struct engine *engine);

/* Throughput relative to that; 0: not predicted. */
double engine_throughput(const struct engine *engine, const struct candidate *c);

#endif
