/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_LENDING_REBALANCE_H
#define DECISION_LENDING_REBALANCE_H

/*
 * The straggler monitor: samples and their history become a verdict a slice, and verdicts become
 * loans (decision/lending/README.md).
 */

#include "decision/lending/lending.h"
#include "decision/plan/sample.h"

enum {
	REBALANCE_TICKS = 2,	      /* how long a slice must be idle, or busy */
	REBALANCE_BLIND_TICKS = 3,    /* without news of a slice */
	REBALANCE_WANTS = CPUSET_MAX, /* CPUs that a slice wants if nobody knows how many */
};

#define REBALANCE_IDLE 0.05 /* of its CPUs */
#define REBALANCE_BUSY 0.90
/* CPUs: an idle JVM uses less in a tick, and a thread that is back more. */
#define REBALANCE_BACK	   0.5
#define REBALANCE_PRESSURE 0.25 /* of a tick: some thread waited, so there are more than CPUs */

/* The history of one slice; private to rebalance.c. */
struct rebalance_slice {
	struct cpuset home; /* another set: another slice, and all of this begins anew */
	uint64_t base_at_ns, base_usage_us, base_pressure_us; /* where the tick began */
	bool has_base_pressure, has_stages;
	uint64_t stages, stages_at_ns; /* the last answer of Spark's */
	uint64_t heard_ns;	       /* end of the last tick that told something */
	double used, pressure;
	unsigned width;
	uint64_t width_since_ns;
	unsigned idle_ticks, busy_ticks;
	bool stirred; /* not idle in the last tick */
	uint64_t idle_since_ns;
	enum rebalance_reason away; /* why it is no donor, since it last was idle long enough */
	uint64_t lent_since_ns;	    /* 0: lends nothing */
	uint64_t lend_after_ns, borrow_after_ns;
	unsigned short_loans, unused_loans; /* of late */
	uint64_t window_at_ns,
		window_usage_us; /* of the second over which a loan's use is judged; 0: none */
	bool unused;
};

/*
 * The memory: {0} at first, afterwards as the last step left it. About 300 KB: keep it on the heap
 * or static.
 */
struct rebalance {
	struct rebalance_slice slices[SLICES_MAX];
	struct rebalance_verdict verdicts[SLICES_MAX]; /* of the last step */
	struct rebalance_decisions decisions;
};

struct rebalance_policy rebalance_policy_of(const struct profile_rebalance *p);

/*
 * One step: `now` is the plan in force, samples[i] of its slice i. May be called at any time and as
 * often as one likes; a tick is counted when at least half of tick_ns lies between two samples of a
 * slice. A sample that cannot be (taken in the future, more CPU time than there are CPUs, less than
 * before) tells nothing. In mode observe `now` is what the last step wanted, loans are not in
 * force, and none is found unused.
 *
 * Return 1 and write *out if the loans change (it differs from *now in nothing else), 0 if they
 * stay, -EINVAL if n is not now->slice_count. memory->verdicts and memory->decisions tell why.
 */
int rebalance_step(const struct plan *now, const struct topology *t,
		   const struct rebalance_policy *policy, const struct sample *samples, size_t n,
		   uint64_t now_ns, struct rebalance *memory, struct plan *out);

#endif
