/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_REBALANCE_EVENT_H
#define LAUNCHER_PROTOCOL_REBALANCE_EVENT_H

/*
 * One step of the monitor that changed loans, as a line of events.jsonl: its inputs, its decisions
 * with their reasons, and what the writes cost. A line holds all that rebalance_decide() reads but
 * the topology, so that `rebalance --replay` can decide again. Slices go by name, CPUs as cpulists;
 * with the keys that every event has:
 *
 *   {"time":"…","what":"loan","object":"demo","reason":"slice-1 lends 4-7 to slice-0: …",
 *    "inputs":{"at_ns":…,"allowed":"0-15",
 *      "policy":{"mode":"act","loans":"shared","scope":"machine","keep":1,"tick_ns":50000000,
 *        "cool_down_ns":500000000},
 *      "slices":[{"name":"slice-0","cpus":"0-3","lending":"stays","borrowing":"stays",
 *        "can_lend":false,"can_borrow":true,"can_yield":true,"wants":8,"width":4,"used":3.98,
 *        "idle_ticks":0,"busy_ticks":2},…],
 *      "loans":[]},
 *    "decisions":[{"reason":"lends","from":"slice-1","to":"slice-0","mode":"shared","cpus":"4-7",
 *      "text":"slice-1 …"}],
 *    "loans":[{"from":"slice-1","to":"slice-0","mode":"shared","cpus":"4-7","by_hand":false}],
 *    "idle_us":71000.0,"write_us":140.0,"writes":2}
 *
 * inputs.loans are those before the step.
 */

#include "decision/lending/rebalance.h"
#include "launcher/protocol/events.h"

/* About 800 KB: keep it on the heap. */
struct rebalance_event {
	char what[16];	       /* "loan": put in force; "observe": only said so */
	char time[EVENT_TIME]; /* parsed; what is formatted has the time that is given */
	uint64_t at_ns;	       /* CLOCK_MONOTONIC of the step */
	struct cpuset allowed; /* of the topology, then */
	struct rebalance_policy policy;
	struct plan before; /* name, slices[].id, name, cpus, and loans; the rest is 0 */
	struct rebalance_verdict verdicts[SLICES_MAX];
	struct rebalance_decisions decisions; /* with the verdicts above in donor and borrower */
	unsigned loan_count;		      /* afterwards, as decided */
	struct loan loans[SLICES_MAX];
	/* From the end of the donor's last busy tick to the last write; 0: no loan began. */
	double idle_us;
	double write_us; /* all writes of the step */
	unsigned writes;
};

/*
 * The line, newline included, at a time of CLOCK_REALTIME. The caller free()s it; NULL without
 * memory.
 */
char *rebalance_event_format(const struct rebalance_event *ev, uint64_t realtime_ns);

/*
 * 1 and *out; 0: a line of another kind; ERR_WRONG with the key for one that cannot be read, has
 * two slices of a name or with a CPU in common, or loans of CPUs that the lender does not own:
 * nothing that rebalance_decide() was given.
 */
int rebalance_event_parse(const char *line, size_t size, struct rebalance_event *out,
			  struct err *e);

#endif
