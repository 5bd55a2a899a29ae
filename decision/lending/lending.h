/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_LENDING_LENDING_H
#define DECISION_LENDING_LENDING_H

/*
 * Which CPUs are lent to whom: verdicts in, loans out, without a history
 * (decision/lending/README.md).
 */

#include "decision/machine/topology.h"
#include "decision/plan/plan.h"

/* Each loan that was: ended, less, given up; each that is: new, moved. */
enum { REBALANCE_DECISIONS = 5 * SLICES_MAX };

struct rebalance_policy {
	enum rebalance_mode mode; /* off: all loans but those by hand end */
	enum loan_mode loans;
	enum loan_scope scope;
	unsigned keep; /* home CPUs, whole cores, that an exclusive donor keeps */
	uint64_t tick_ns, cool_down_ns;
};

enum rebalance_reason {
	REBALANCE_STAYS,
	/* CPUs are lent */
	REBALANCE_LENDS,  /* they were idle */
	REBALANCE_SHARES, /* another borrower had them, and more than its share */
	REBALANCE_ONLINE, /* the machine has them again, and their core is lent */
	/* and returned: because of the donor, */
	REBALANCE_DONOR_BACK,
	REBALANCE_DONOR_STAGE, /* a stage began on it */
	REBALANCE_DONOR_TASKS, /* exclusive: Spark has something for it */
	/* of the borrower, */
	REBALANCE_BORROWER_IDLE,
	REBALANCE_BORROWER_GONE, /* no process is left */
	REBALANCE_UNUSED,
	REBALANCE_YIELDS, /* the counterpart of REBALANCE_SHARES */
	/* of either, */
	REBALANCE_STARTING,
	REBALANCE_BLIND,
	/* or of neither */
	REBALANCE_OFFLINE, /* the machine has lost them */
	REBALANCE_POLICY,  /* another mode, scope or keep */
	REBALANCE_REASONS,
};

/* What is known of one slice at one step. */
struct rebalance_verdict {
	/* All that rebalance_decide() reads: */
	enum rebalance_reason
		lending; /* why its loans to others must end; REBALANCE_STAYS: they need not */
	enum rebalance_reason borrowing; /* likewise of those to it */
	bool can_lend, can_borrow;	 /* more than now */
	bool can_yield;			 /* has had what it borrowed for the cool-down */
	unsigned wants;			 /* CPUs, with those it has */
	/* What they come from: */
	unsigned width; /* CPUs it has */
	double used;	/* of them, in the last tick */
	unsigned idle_ticks, busy_ticks;
};

struct rebalance_decision {
	enum rebalance_reason reason;
	unsigned from, to; /* slice ids */
	enum loan_mode mode;
	struct cpuset cpus;			  /* that begin or end to be lent */
	struct rebalance_verdict donor, borrower; /* why */
};

struct rebalance_decisions {
	unsigned count;
	struct rebalance_decision items[REBALANCE_DECISIONS];
};

/*
 * What `verdicts`, one a slice of `now`, lead to. Same input, same loans. Linear in cores × slices.
 * Return 1 and write *out if the loans change (it differs from *now in nothing else), 0 if they
 * stay. *decisions tells why.
 */
int rebalance_decide(const struct plan *now, const struct topology *t,
		     const struct rebalance_policy *policy,
		     const struct rebalance_verdict *verdicts,
		     struct rebalance_decisions *decisions, struct plan *out);

/* Whether CPUs begin to be lent, not end. */
bool rebalance_is_lent(enum rebalance_reason reason);

/* "donor-back": the stable spelling of the events. */
const char *rebalance_reason_name(unsigned reason);

/*
 * One line with the numbers: "slice-1 lends 4-7 to slice-0: it uses 0.02 of 4 CPUs, slice-0 uses
 * 3.98 of 4".
 */
char *rebalance_format(const struct rebalance_decision *d, char *text, size_t size);

/*
 * Why a step that changed nothing did so: "no slice lags: the busiest, slice-1, uses 1.20 of 4
 * CPUs". `verdicts`: one a slice of `now`.
 */
char *rebalance_format_nothing(const struct plan *now, const struct rebalance_verdict *verdicts,
			       char *text, size_t size);

#endif
