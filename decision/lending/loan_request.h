/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_LENDING_LOAN_REQUEST_H
#define DECISION_LENDING_LOAN_REQUEST_H

/*
 * Loans by hand: `rebalance --from A --to B --cores N` and `rebalance --reset`. Pure: a plan in, a
 * plan out.
 */

#include "decision/plan/plan.h"

struct loan_request {
	unsigned from, to; /* slice ids */
	unsigned cores;
	enum loan_mode mode;
	unsigned keep; /* rebalance.keep: home CPUs that an exclusive donor keeps, at least 1 */
};

/*
 * Lend `cores` more whole cores of `from`, the nearest to `to` first, by hand: the monitor neither
 * ends nor takes them. Return 0 and write *out; ERR_WRONG for 0 cores; ERR_IMPOSSIBLE, naming the
 * number, for a slice that is not there, a slice that would lend to itself, or lend and borrow at
 * once, and for more cores than the donor has left to lend.
 */
int loan_request(const struct plan *now, const struct topology *t,
		 const struct loan_request *request, struct plan *out, struct err *e);

/* No loans, those by hand included. */
void loan_reset(const struct plan *now, struct plan *out);

#endif
