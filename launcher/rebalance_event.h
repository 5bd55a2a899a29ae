#ifndef LAUNCHER_REBALANCE_EVENT_H
#define LAUNCHER_REBALANCE_EVENT_H

/*
 * One step of the monitor that changed loans, as a line of events.jsonl: its inputs, its decisions with their reasons,
 * and what the writes cost. A line holds all that rebalance_decide() reads but the topology, so that `rebalance
 * --replay` can decide again.
 */

#include "decision/rebalance.h"

/* About 800 KB: keep it on the heap. */
struct rebalance_event {
	char what[16];	       /* "loan": put in force; "observe": only said so */
	uint64_t at_ns;	       /* CLOCK_MONOTONIC of the step */
	struct cpuset allowed; /* of the topology, then */
	struct rebalance_policy policy;
	struct plan before; /* name, slices[].id, name, cpus, and loans; the rest is 0 */
	struct rebalance_verdict verdicts[SLICES_MAX];
	struct rebalance_decisions decisions; /* with the verdicts above in donor and borrower */
	unsigned loan_count;		      /* afterwards */
	struct loan loans[SLICES_MAX];
	double idle_us; /* from the end of the donor's last busy tick to the last write; 0: no loan began */
	double write_us; /* all writes of the step */
	unsigned writes;
};

/* The line, newline included, at a time of CLOCK_REALTIME. The caller free()s it; NULL without memory. */
char *rebalance_event_format(const struct rebalance_event *ev, uint64_t realtime_ns);

/* 1 and *out; 0: a line of another kind; ERR_WRONG with the key for one that cannot be read. */
int rebalance_event_parse(const char *line, size_t size, struct rebalance_event *out,
			  struct err *e);

#endif
