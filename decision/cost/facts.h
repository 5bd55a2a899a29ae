/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_COST_FACTS_H
#define DECISION_COST_FACTS_H

/*
 * What was measured about this machine and this run and is in neither the topology nor the profile.
 * {0} is "nothing known", which is what `plan --topology` uses.
 */

#include <stdbool.h>
#include <stdint.h>

#include "decision/base/cpuset.h"
#include "decision/base/err.h"
#include "decision/cost/cost.h"
#include "decision/plan/plan.h"
#include "decision/plan/profile.h"

struct facts {
	int java_version;     /* feature release of the JDK, 0 unknown */
	uint64_t data_bytes;  /* size of workload.data.path, 0 unknown */
	uint64_t daemon_heap; /* SPARK_DAEMON_MEMORY, 0: as small as a Worker can do with */
	/* What workload.type: auto was seen to be, and where; AUTO: nothing was seen, or why. */
	enum workload_type workload;
	char workload_from[PLAN_TEXT];
	bool has_model; /* workload.model was read, and may be used here: its coefficients */
	struct cost_coefficients model;
	double model_error;		   /* of its fit, relative */
	uint32_t first_address;		   /* host order, of a free block; 0: 127.0.0.10 */
	struct cpuset taken;		   /* home CPUs of other clusters */
	char taken_by[NAME_MAX_BYTES + 1]; /* one of them, for the message */
	struct strings missing; /* memory keys no controller here can honour ("memory.high", …) */
};

/* Whether these CPUs are free of other clusters: 0, or ERR_IMPOSSIBLE with those that are not. */
int facts_check_cpus(const struct facts *f, const struct cpuset *cpus, struct err *e);

#endif
