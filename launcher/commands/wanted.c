/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/wanted.h"

#include "decision/base/foreign.h"
#include "launcher/commands/running.h"
#include "launcher/spark/doors.h"
#include "launcher/spark/spark.h"

/* What a cluster runs in does not change while it runs: groups and containers lie elsewhere. */
static int check_engine(const struct state *known, const struct state *wanted, struct err *e)
{
	const char *was = known->engine.socket, *is = wanted->engine.socket;

	if (strcmp(was, is) == 0 || known->phase == PHASE_DOWN)
		return 0;
	if (was[0] && is[0])
		return err_impossible(e,
				      "docker.socket: the containers of %s are the engine's at %s, "
				      "not of that at %s: run down first",
				      wanted->cluster.name, was, is);
	return err_impossible(e, "backend: the slices of %s are %s now: run down first",
			      wanted->cluster.name,
			      was[0] ? "containers" : "groups without containers");
}

/* What is wrong with what was found, and no reason not to begin. */
static void remark(const struct spark *s)
{
	char text[ERR_TEXT];

	if (spark_java_remark(s, text))
		fprintf(stderr, "cleave: %s\n", FOREIGN(text));
	if (spark_python_remark(s, text))
		fprintf(stderr, "cleave: %s\n", FOREIGN(text));
	if (s->python_trouble[0])
		fprintf(stderr, "cleave: python3 on PATH cannot be used: %s\n",
			FOREIGN(s->python_trouble));
}

/* Spark, or a Spark that containers have. */
static int resolve(struct profile *p, struct state *out, struct err *e)
{
	int r = profile_has_engine(p) ? spark_resolve_contained(p, &out->cluster, &out->engine,
								&out->spark, &out->contained, e)
				      : spark_resolve(p, &out->cluster, &out->spark, e);
	cleanup_argv struct argv notes = {0};

	if (r)
		return r;
	remark(&out->spark);
	if (out->contained.image[0] && p->docker.master != DOCKER_MASTER_CONTAINER)
		remark(&out->contained);
	r = spark_take_environment(p, &out->cluster, &out->spark, &notes, e);
	if (!r)
		r = spark_take_defaults(&out->cluster, &out->spark, p, &notes, e);
	running_notes(&notes);
	return r;
}

int wanted_make(const struct options *o, const struct state *known, struct inputs *in,
		struct state *out, struct err *e)
{
	cleanup_argv struct argv unsaid = {0}; /* when it is started */
	struct spark_cluster spark;
	struct cpuset slices;
	int r;

	if (inputs_read(&o->roots, in, e) < 0)
		return e->code;
	if (known && known->plan.slice_count)
		inputs_keep_workload(in, known->profile.workload.type);
	if (inputs_decide(in, e) < 0)
		return e->code;
	for (unsigned i = 0; i < in->caller.note_count; i++)
		fprintf(stderr, "cleave: %s\n", in->caller.notes[i]);
	/* Of `run`: refused before anything is started for it. */
	if ((o->slices && spark_slices_parse(o->slices, &in->plan, &slices, e)) ||
	    (in->application && doors_check_words(&(struct spark_cluster){.profile = &in->profile},
						  in->application, &unsaid, e)))
		return e->code;
	if (!in->topology.this_machine)
		return err_impossible(
			e,
			"--topology %.200s is another machine: up works on this one, plan shows others",
			in->topology.source);
	if ((r = cluster_paths(o->roots.state_dir, in->profile.name, &out->cluster, e)) ||
	    (r = spark_paths_check(&out->cluster, &in->profile, e)) ||
	    (r = cluster_user(&in->profile, &out->cluster, e)) ||
	    (r = resolve(&in->profile, out, e)) || (known && (r = check_engine(known, out, e))))
		return r;
	/* The supervisor chooses; one of an older version that still runs keeps what it has. */
	if (known) {
		out->master = known->master;
		in->facts.first_address = known->plan.slices[0].address;
	}
	/* Decided again, now that the JDK is known too: the same cut. */
	in->facts.java_version =
		out->engine.socket[0] ? out->contained.java_version : out->spark.java_version;
	r = spark_daemon_heap(&in->profile, out->engine.socket[0] ? &out->contained : &out->spark,
			      &in->facts.daemon_heap, e);
	if (!r)
		r = inputs_decide(in, e);
	/* The others are the machine's, and `plan` shows them: this one may be gone tomorrow. */
	for (unsigned i = 0; !r && i < in->plan.warning_count; i++)
		if (in->plan.warnings[i].code == WARN_MEMORY_HELD)
			fprintf(stderr, "cleave: %s\n", in->plan.warnings[i].message);
	out->phase = PHASE_STARTING;
	out->profile = in->profile;
	/* What it was cut for; the next `up` is not to see something else. */
	if (in->profile.workload.type == WORKLOAD_AUTO)
		out->profile.workload.type = in->facts.workload;
	out->plan = in->plan;
	spark = state_spark(out);
	if (!r && in->application)
		r = spark_check_python(&spark, in->application, e);
	if (!r && !spark_sees(&spark, out->profile.workload.data_path))
		fprintf(stderr,
			"cleave: the slices' containers do not see workload.data.path %s: user %s "
			"can exchange a directory on the way there\n",
			FOREIGN(out->profile.workload.data_path), FOREIGN(out->cluster.user));
	return r;
}
