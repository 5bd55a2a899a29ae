#ifndef LAUNCHER_INPUTS_INPUTS_H
#define LAUNCHER_INPUTS_INPUTS_H

/*
 * The first steps of every command that decides: options → topology, profile, facts → plan.
 */

#include "decision/cost/facts.h"
#include "decision/cost/model.h"
#include "decision/plan/plan.h"
#include "launcher/system/roots.h"

/* About 1 MB: keep it on the heap. */
struct inputs {
	struct topology topology;
	struct profile profile;
	struct facts facts;
	struct model model; /* of workload.model, where facts.has_model */
	struct plan plan;
};

/* Resolve PROFILE (path, shipped name, NULL: defaults) and read it. The profile's errors come before the topology's. */
int load_profile(const char *profile, struct profile *out, struct err *e);

/*
 * Read --topology or this machine; this machine is restricted to what driver_allowed() says. `mask` gets the CPUs that the
 * caller is bound to where that is ignored (taskset), else the empty set.
 */
int load_topology(const struct roots *roots, struct topology *out, struct cpuset *mask,
		  struct err *e);

/* What a model file calls this machine, or the one of --topology. */
void load_identity(const struct topology *t, struct machine_identity *out);

/* All of it: profile, topology, facts of this machine (none with --topology), plan, plan_check. */
int load_inputs(const struct roots *roots, const char *profile, struct inputs *out, struct err *e);

/* The same for a profile that was read already; `called` is its name for --verbose, NULL: the defaults. */
int load_inputs_of(const struct roots *roots, const struct profile *profile, const char *called,
		   struct inputs *out, struct err *e);

#endif
