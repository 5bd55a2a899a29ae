/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_INPUTS_H
#define LAUNCHER_INPUTS_INPUTS_H

/*
 * What every command that decides walks through: PROFILE → profile, then machine → topology, facts
 * and model, then all of it → plan. One value carries it, filled from above to below, so that
 * nothing is read twice.
 */

#include "decision/cost/facts.h"
#include "decision/cost/model.h"
#include "decision/plan/plan.h"
#include "launcher/inputs/caller.h"
#include "launcher/system/roots.h"

struct tree;

/* About 1 MB: keep it on the heap. */
struct inputs {
	char *const *application; /* spark-submit's words, NULL: not known; the caller's to set */
	/* inputs_profile() */
	const char *called; /* PROFILE as the user gave it; NULL: the built-in defaults */
	struct profile profile;
	/* inputs_read() */
	struct topology topology;
	struct caller caller; /* under which limits it was started */
	struct cpuset mask; /* the CPUs that the caller is bound to, which is ignored; else empty */
	struct facts facts;
	struct model model;    /* of workload.model, where facts.has_model */
	bool is_foreign_model; /* of another machine, used because of model_force */
	/* inputs_decide() */
	struct plan plan;
};

/* Resolve PROFILE (path, shipped name, NULL: defaults) and read it. `called` is borrowed. */
int inputs_profile(const char *called, struct inputs *in, struct err *e);

/*
 * What is to be known: the machine, its facts (none with --topology), the model, and where the
 * profile leaves it open what kind of workload there is.
 */
int inputs_read(const struct roots *roots, struct inputs *in, struct err *e);

/*
 * After inputs_read(), where the profile's cluster runs: it keeps the kind of workload that it was
 * cut for. A log that came since then, or another application, is no reason to cut it anew. And
 * what it holds of memory is not held by others.
 */
void inputs_keep_workload(struct inputs *in, enum workload_type running);

/* The plan, checked, and with notes. May be done again when facts have become known. */
int inputs_decide(struct inputs *in, struct err *e);

/* The same reading for those who need one thing only. */
int load_profile(const char *called, struct profile *out, struct err *e);

/*
 * Read --topology or this machine; this machine is restricted to what tree_allowed() says. `mask`
 * gets the CPUs that the caller is bound to where that is ignored (taskset), else the empty set.
 * load_topology_of_caller() restricts it to what a plan may use, and has notes on that.
 */
int load_topology_of_caller(const struct roots *roots, struct topology *out, struct cpuset *mask,
			    struct caller *caller, struct err *e);
int load_topology(const struct roots *roots, struct topology *out, struct cpuset *mask,
		  struct err *e);

/*
 * This machine, for those who have its tree: restricted to what tree_allowed() says, and, unless it
 * is NULL, to what `caller`, which was read before, may use of that.
 */
int load_machine(const struct tree *tree, const struct profile_partition *wanted,
		 struct caller *caller, struct topology *out, struct cpuset *mask, struct err *e);

/*
 * What a model file calls this machine, or the one of --topology: the processor's name is known of
 * this one only.
 */
void load_identity(const struct topology *t, struct machine_identity *out);

#endif
