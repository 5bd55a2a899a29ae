#ifndef DECISION_LENDING_REBALANCE_H
#define DECISION_LENDING_REBALANCE_H

/*
 * The straggler monitor's decisions (DESIGN §4): which CPUs of idle slices are lent to lagging
 * ones, and when a loan ends. Two steps, both pure: samples and history become a verdict a slice,
 * and verdicts become loans. So an event that has the verdicts can be replayed without the history,
 * and the history without a machine.
 *
 * The rules:
 * - A donor used less than 5 % of its CPUs for two ticks. With exclusive loans Spark has confirmed
 *   since then that nothing runs there and nothing is pending that could.
 * - A borrower used at least 90 % of its CPUs for two ticks, and has more runnable threads than
 *   CPUs, as far as known.
 * - No slice lends and borrows at once, or does either while a JVM of it starts or nothing is heard
 *   of it.
 * - Whole cores go to the slice that has least for its size, the nearest to it first. One that has
 *   more than its share for longer than the cool-down gives up cores to one that has less.
 * - Loans end when the donor is back: in a tick it used 5 % and half a CPU, or 5 % in two ticks;
 *   and when Spark begins a stage on it. It does not lend again before the cool-down is over, and
 *   for longer if it came back before it was, up to a minute.
 * - Loans end when the borrower is idle, or used no more than its home CPUs for a second; then it
 *   borrows again after a second, and after twice as long each time, up to a minute, until it has
 *   used a loan or a stage began on it.
 * - Loans by hand stay, less what the machine lost.
 */

#include "decision/lending/lending.h"
#include "decision/plan/sample.h"

enum {
	REBALANCE_TICKS = 2,	      /* how long a slice must be idle, or busy */
	REBALANCE_BLIND_TICKS = 3,    /* without news of a slice */
	REBALANCE_WANTS = CPUSET_MAX, /* CPUs that a slice wants if nobody knows how many */
};

#define REBALANCE_IDLE 0.05 /* of its CPUs: DESIGN §4 */
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
