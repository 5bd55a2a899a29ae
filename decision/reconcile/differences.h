/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_RECONCILE_DIFFERENCES_H
#define DECISION_RECONCILE_DIFFERENCES_H

/*
 * Where plan, kernel and processes differ, as a list of sentences for `verify`: each drift has a
 * kind, its group, and both values. A comparison of values, without an effect; the caller brings
 * the observation, the affinity masks and the samples, and appends what it finds itself with
 * drifts_add(). What can be put back while processes run is drift.h's to find.
 */

#include "decision/plan/observation.h"
#include "decision/plan/sample.h"

enum drift_kind {
	DRIFT_GROUP_MISSING,
	DRIFT_GROUP_EXTRA,
	DRIFT_CPUS,
	DRIFT_NODES,
	DRIFT_WEIGHT,
	DRIFT_MEMORY,	 /* the limit */
	DRIFT_OUTSIDE,	 /* a process is not in its group */
	DRIFT_AFFINITY,	 /* a process has a narrower mask than its group */
	DRIFT_FOREIGN,	 /* a process was moved into the group by hand */
	DRIFT_SOCKET,	 /* a process listens where it should not */
	DRIFT_LOCALITY,	 /* too few pages on the slice's own nodes */
	DRIFT_NO_ANSWER, /* the group's daemon does not answer, or does not run */
	DRIFT_KINDS
};

struct drift {
	enum drift_kind kind;
	char group[NAME_MAX_BYTES + 1];
	char text[PLAN_TEXT]; /* a sentence with both values */
};

enum { DRIFTS_MAX = 512 };

struct drifts {
	unsigned count; /* also of those that did not fit */
	struct drift items[DRIFTS_MAX];
};

/* What the driver can enforce: without limits (affinity), weights and memory are not compared. */
enum verify_depth { VERIFY_ALL, VERIFY_CPUS };

/*
 * The groups: those of the plan's slices, `host`, `supervisor` (which may be missing) and no
 * others.
 */
void verify_groups(const struct plan *p, const struct profile *profile,
		   const struct observation *seen, enum verify_depth depth, struct drifts *out);

/*
 * One process that belongs into `group`. `mask` is its affinity, `cpus` the group's effective set.
 */
void verify_process(const char *group, int pid, bool is_inside, const struct cpuset *mask,
		    const struct cpuset *cpus, struct drifts *out);

/*
 * With memory.policy strict: at least 95 % of anonymous memory above 64 MB is local (the counters
 * lag by 64 pages a CPU).
 */
void verify_locality(const struct profile *profile, const char *group, const struct sample *s,
		     struct drifts *out);

void drifts_add(struct drifts *list, enum drift_kind kind, const char *group, const char *format,
		...) __attribute__((format(printf, 4, 5)));

const char *drift_kind_name(enum drift_kind kind); /* "cpus" …; stable, for --json */
bool drift_is_repairable(enum drift_kind kind);

#endif
