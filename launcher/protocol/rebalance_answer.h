#ifndef LAUNCHER_PROTOCOL_REBALANCE_ANSWER_H
#define LAUNCHER_PROTOCOL_REBALANCE_ANSWER_H

/*
 * What `cleave rebalance` asks the supervisor for, and what it is answered: values, and their JSON on the control
 * socket. The answer's JSON is also what --json prints (schema cleave.rebalance/1).
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
	enum op_kind kind;		/* OP_SET_CPUS or OP_SET_WEIGHT */
	struct cpuset before, asked;	/* of OP_SET_CPUS; before: plan_effective_cpus() */
	unsigned weight_before, weight; /* of OP_SET_WEIGHT; the driver has read it back */
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
 * {"cmd":"rebalance","what":"lend","from":1,"to":0,"cores":1,"loans":"shared","dry_run":false}, without "loans" for the
 * profile's; {"cmd":"rebalance","what":"once|reset","dry_run":false}; {"cmd":"rebalance","what":"mode","mode":"act",
 * "dry_run":false}. *text is the caller's to free().
 */
int rebalance_request_format(const struct rebalance_request *r, char **text, struct err *e);

/* The other way, from the whole request. ERR_WRONG with the key; keys of other requests are refused. */
struct json_t;
int rebalance_request_read(struct json_t *request, struct rebalance_request *out, struct err *e);

/*
 * *text is the caller's to free(). Of verdicts only `used` and `width` are written, which rebalance_format() shows: the
 * answer is for people and scripts, the events are for replay.
 */
int rebalance_answer_format(const struct rebalance_answer *a, char **text, struct err *e);
int rebalance_answer_parse(const char *text, size_t size, struct rebalance_answer *out,
			   struct err *e);

#endif
