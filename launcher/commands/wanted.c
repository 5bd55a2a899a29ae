/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/wanted.h"

#include "launcher/spark/spark.h"

int wanted_make(const struct options *o, const struct state *known, struct inputs *in,
		struct state *out, struct err *e)
{
	struct cpuset slices;
	int r;

	if (inputs_read(&o->roots, in, e) < 0)
		return e->code;
	if (known && known->plan.slice_count)
		inputs_keep_workload(in, known->profile.workload.type);
	if (inputs_decide(in, e) < 0)
		return e->code;
	/* Of `run`: refused before anything is started for it. */
	if (o->slices && spark_slices_parse(o->slices, &in->plan, &slices, e))
		return e->code;
	if (!in->topology.this_machine)
		return err_impossible(
			e,
			"--topology %.200s is another machine: up works on this one, plan shows others",
			in->topology.source);
	if (in->profile.backend == BACKEND_DOCKER)
		return err_impossible(
			e, "backend: docker is not in this release, cgroup and affinity are");
	if ((r = cluster_paths(o->roots.state_dir, in->profile.name, &out->cluster, e)) ||
	    (r = spark_paths_check(&out->cluster, &in->profile, e)) ||
	    (r = cluster_user(&in->profile, &out->cluster, e)) ||
	    (r = spark_resolve(&in->profile, &out->cluster, &out->spark, e)))
		return r;
	/* The supervisor chooses; one of an older version that still runs keeps what it has. */
	if (known) {
		out->master = known->master;
		in->facts.first_address = known->plan.slices[0].address;
	}
	/* Decided again, now that the JDK is known too: the same cut. */
	in->facts.java_version = out->spark.java_version;
	r = inputs_decide(in, e);
	out->phase = PHASE_STARTING;
	out->profile = in->profile;
	/* What it was cut for; the next `up` is not to see something else. */
	if (in->profile.workload.type == WORKLOAD_AUTO)
		out->profile.workload.type = in->facts.workload;
	out->plan = in->plan;
	return r;
}
