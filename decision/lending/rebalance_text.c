/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/lending/rebalance.h"

#include <stdio.h>

const char *rebalance_reason_name(unsigned reason)
{
	static const char *const names[REBALANCE_REASONS] = {
		[REBALANCE_STAYS] = "stays",
		[REBALANCE_LENDS] = "lends",
		[REBALANCE_SHARES] = "shares",
		[REBALANCE_ONLINE] = "online",
		[REBALANCE_DONOR_BACK] = "donor-back",
		[REBALANCE_DONOR_STAGE] = "donor-stage",
		[REBALANCE_DONOR_TASKS] = "donor-tasks",
		[REBALANCE_BORROWER_IDLE] = "borrower-idle",
		[REBALANCE_BORROWER_GONE] = "borrower-gone",
		[REBALANCE_UNUSED] = "unused",
		[REBALANCE_YIELDS] = "yields",
		[REBALANCE_STARTING] = "starting",
		[REBALANCE_BLIND] = "blind",
		[REBALANCE_OFFLINE] = "offline",
		[REBALANCE_POLICY] = "policy",
	};

	return names[reason];
}

bool rebalance_is_lent(enum rebalance_reason reason)
{
	return reason == REBALANCE_LENDS || reason == REBALANCE_SHARES ||
	       reason == REBALANCE_ONLINE;
}

/* Why, behind "slice-1 lends 4-7 to slice-0: " and "slice-0 returns 4-7 to slice-1: ". */
static void format_why(const struct rebalance_decision *d, char *text, size_t size)
{
	static const char *const words[REBALANCE_REASONS] = {
		[REBALANCE_STAYS] = "no reason",
		[REBALANCE_ONLINE] = "the machine has them again",
		[REBALANCE_BORROWER_IDLE] = "it is idle",
		[REBALANCE_BORROWER_GONE] = "no process of it is left",
		[REBALANCE_UNUSED] = "it did not use them for a second",
		[REBALANCE_YIELDS] = "another slice has less",
		[REBALANCE_STARTING] = "a JVM is starting in one of them",
		[REBALANCE_BLIND] = "nothing is heard of one of them",
		[REBALANCE_OFFLINE] = "the machine has lost them",
		[REBALANCE_POLICY] = "rebalance.mode, loans, scope or keep forbids the loan",
	};
	const struct rebalance_verdict *donor = &d->donor, *borrower = &d->borrower;

	if (d->reason == REBALANCE_LENDS)
		snprintf(text, size, "it uses %.2f of %u CPUs, slice-%u %.2f of %u", donor->used,
			 donor->width, d->to, borrower->used, borrower->width);
	else if (d->reason == REBALANCE_SHARES)
		snprintf(text, size, "slice-%u uses %.2f of %u CPUs and has less than others",
			 d->to, borrower->used, borrower->width);
	else if (d->reason == REBALANCE_DONOR_BACK)
		snprintf(text, size, "slice-%u is back and uses %.2f of %u CPUs", d->from,
			 donor->used, donor->width);
	else if (d->reason == REBALANCE_DONOR_STAGE)
		snprintf(text, size, "a stage began on slice-%u", d->from);
	else if (d->reason == REBALANCE_DONOR_TASKS)
		snprintf(text, size, "Spark has tasks for slice-%u", d->from);
	else
		snprintf(text, size, "%s", words[d->reason]);
}

char *rebalance_format(const struct rebalance_decision *d, char *text, size_t size)
{
	bool lends = rebalance_is_lent(d->reason);
	char why[128];

	format_why(d, why, sizeof(why));
	snprintf(text, size, "slice-%u %s %s to slice-%u: %s", lends ? d->from : d->to,
		 lends ? "lends" : "returns", CPUSET_STRING(&d->cpus), lends ? d->to : d->from,
		 why);
	return text;
}

char *rebalance_format_nothing(const struct plan *now, const struct rebalance_verdict *verdicts,
			       char *text, size_t size)
{
	unsigned busiest = 0, borrower = SLICES_MAX, donor = SLICES_MAX;

	for (unsigned i = now->slice_count; i-- > 0;) {
		borrower = verdicts[i].can_borrow ? i : borrower;
		donor = verdicts[i].can_lend ? i : donor;
	}
	for (unsigned i = 1; i < now->slice_count; i++) {
		const struct rebalance_verdict *a = &verdicts[i], *b = &verdicts[busiest];

		busiest = a->used * b->width > b->used * a->width ? i : busiest;
	}
	if (borrower < SLICES_MAX && donor < SLICES_MAX)
		snprintf(
			text, size,
			"slice-%u lags, but may not have more of what is idle: it is lent, kept, or "
			"out of rebalance.scope",
			borrower);
	else if (borrower < SLICES_MAX)
		snprintf(text, size, "slice-%u lags, but no slice is idle", borrower);
	else if (verdicts[busiest].used >= REBALANCE_BUSY * verdicts[busiest].width)
		snprintf(text, size,
			 "slice-%u uses %.2f of %u CPUs, but has no threads for more, has just "
			 "begun, or did not use what it was lent",
			 busiest, verdicts[busiest].used, verdicts[busiest].width);
	else
		snprintf(text, size, "no slice lags: the busiest, slice-%u, uses %.2f of %u CPUs",
			 busiest, verdicts[busiest].used, verdicts[busiest].width);
	return text;
}
