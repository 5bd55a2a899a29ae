/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_LAWS_H
#define TESTS_DECISION_LAWS_H

/*
 * Machines with hidden laws, to hold the engine, `tune` and rules of thumb against: random
 * coefficients around the built-in table's, and a term that the model lacks. The truth is known, so
 * the regret of any choice is: how much longer the job takes than on the best candidate.
 */

#include "decision/engine/engine.h"

enum rule {
	RULE_ENGINE,	 /* the built-in table */
	RULE_TUNED,	 /* after probes */
	RULE_TUNED_COLD, /* after probes of an application that does not repeat */
	RULE_MACHINE,	 /* rules of thumb: one executor a machine, */
	RULE_SOCKET,	 /* a package, */
	RULE_NODE,	 /* a NUMA node, */
	RULE_FIVE,	 /* of 5 cores each */
	RULES
};

/* About 400 KB: keep it static. */
struct law {
	struct topology t;
	struct profile profile;
	struct engine engine; /* with the built-in table */
	struct cost_coefficients theta;
	double footprint; /* what tasks hold, times what the model takes them to hold */
	unsigned missing_kind;
	double missing; /* seconds for 1 of what the model lacks, 0 … 10 % of the best time */
	double best;	/* seconds of the best candidate, by the truth */
	/* Of the last law_regrets(): */
	unsigned probes;
	double tuned_off, cold_off; /* predicted over true seconds of what was taken */
};

/* The next machine and law of this state. */
void law_random(unsigned long long *state, struct law *out);

/* Seconds without noise, of the whole job: the law's, and what the model lacks. */
double law_seconds(const struct law *law, const struct candidate *c);

/*
 * Regret of each rule: truth of what it takes over the truth of the best, less 1. Runs of a probe
 * read 12 % or 3 % of the data, with log-normal noise of 5 % each. A rule that cannot be followed
 * on this machine takes one executor, else one a package, else one a node, else the engine's.
 */
void law_regrets(unsigned long long *state, struct law *law, double regret[RULES]);

const char *rule_name(enum rule rule);

/* The p-quantile (0 … 1) of `count` values, which get sorted. */
double quantile(double *values, unsigned count, double p);

#endif
