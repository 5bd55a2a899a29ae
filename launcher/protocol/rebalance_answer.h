/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_REBALANCE_ANSWER_H
#define LAUNCHER_PROTOCOL_REBALANCE_ANSWER_H

/*
 * What `cleave rebalance` requests of the supervisor, and the answer: values, and their JSON on the
 * control socket. The answer's text is also what --json prints (schema cleave.rebalance/1).
 */

#include "decision/lending/rebalance.h"
#include "decision/reconcile/op.h"
#include "launcher/protocol/status.h"

enum rebalance_what {
	REBALANCE_BY_HAND, /* --from A --to B --cores N */
	REBALANCE_ONCE,	   /* --auto: one pass of the monitor, whatever its mode */
	REBALANCE_RESET,   /* no loans, those by hand included */
	REBALANCE_SET_MODE,
};

struct rebalance_request {
	enum rebalance_what what;
	unsigned from, to, cores; /* by hand */
	bool has_loans;		  /* by hand: `loans` instead of the profile's */
	enum loan_mode loans;
	enum rebalance_mode mode; /* set mode: in force until the next `up` */
	bool dry_run;
};

/* One write to one group. */
struct rebalance_change {
	char group[NAME_MAX_BYTES + 1];
	enum op_kind kind;		 /* OP_SET_CPUS or OP_SET_WEIGHT */
	struct cpuset before, requested; /* of OP_SET_CPUS; before: plan_effective_cpus() */
	unsigned weight_before, weight;	 /* of OP_SET_WEIGHT; the driver has read it back */
	/* 0 and empty in a dry run: */
	double write_us;	 /* from the write to its return */
	struct cpuset effective; /* of OP_SET_CPUS: what the kernel says afterwards */
};

/* About 800 KB: keep it on the heap. */
struct rebalance_answer {
	char name[NAME_MAX_BYTES + 1];
	enum rebalance_mode mode; /* in force afterwards */
	bool dry_run;
	unsigned change_count;
	struct rebalance_change changes[OPLIST_MAX];
	unsigned loan_count; /* in force afterwards; of a dry run: as they would be */
	struct status_loan loans[SLICES_MAX];
	struct rebalance_decisions decisions; /* of one pass; by hand and reset: none */
	char why[PLAN_TEXT]; /* of a pass that changes nothing: rebalance_format_nothing() */
};

/*
 * The keys of a request beside "cmd":
 * {"what":"lend","dry_run":false,"from":1,"to":0,"cores":1,"loans":"shared"}, without "loans" for
 * the profile's; {"what":"once|reset","dry_run":false};
 * {"what":"mode","dry_run":false,"mode":"act"}.
 */
extern const struct json_field rebalance_request_fields[];
const char *rebalance_what_name(unsigned what);

/*
 * Of verdicts only `used` and `width`, which rebalance_format() shows: the answer is for people and
 * scripts, the events are for replay.
 */
extern const struct json_table rebalance_answer_table;

#endif
