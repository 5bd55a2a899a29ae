/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/inputs/inputs.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/check/plan_check.h"
#include "decision/engine/plan_make.h"
#include "launcher/inputs/data.h"
#include "launcher/inputs/host_hwloc.h"
#include "launcher/inputs/shipped.h"
#include "launcher/inputs/workload.h"
#include "launcher/protocol/model_file.h"
#include "launcher/spark/spark.h"
#include "profiles/load.h"

int load_profile(const char *called, struct profile *out, struct err *e)
{
	char path[PROFILE_PATH];

	if (!called) {
		profile_default(out);
		return 0;
	}
	if (!shipped_is_path(called)) {
		if (shipped_find(called, path, e) < 0)
			return e->code;
		called = path;
	}
	return profile_load(called, out, e);
}

int inputs_profile(const char *called, struct inputs *in, struct err *e)
{
	in->called = called;
	return load_profile(called, &in->profile, e);
}

int load_machine(const struct tree *tree, const struct profile_partition *wanted,
		 struct caller *caller, struct topology *out, struct cpuset *mask, struct err *e)
{
	struct topology_source source = {0};

	if (tree_allowed(tree, &source.cpus, &source.nodes, e) < 0 ||
	    tree_memory_limit(tree, &source.memory_limit_bytes, e) < 0 ||
	    (caller && caller_restrict(caller, wanted, &source, e) < 0))
		return e->code;
	source.is_isolated = tree_is_isolated(tree);
	if (tree->facts.layout.unified.version)
		source.unified = tree->facts.layout.unified.mount;
	return topology_read(&source, out, mask, e);
}

/*
 * *tree is `here`, or NULL: --topology is given, nothing of this machine counts. Without `caller`
 * only the place of the groups limits, as for a cluster that runs: who asks about it, or keeps it,
 * need not be who has made it.
 */
static int read_machine(const struct roots *roots, const struct profile_partition *wanted,
			struct caller *caller, struct tree *here, struct tree **tree,
			struct topology *out, struct cpuset *mask, struct err *e)
{
	const struct topology_source source = {.text = roots->topology};

	*tree = roots->topology ? NULL : here;
	if (!*tree)
		return topology_read(&source, out, mask, e);
	if (tree_read(roots->cgroup_root, here, e) < 0)
		return e->code;
	if (caller && caller_read(here, caller, e) < 0)
		return e->code;
	return load_machine(here, wanted, caller, out, mask, e);
}

int load_topology(const struct roots *roots, struct topology *out, struct cpuset *mask,
		  struct err *e)
{
	struct tree here, *tree;

	return read_machine(roots, NULL, NULL, &here, &tree, out, mask, e);
}

int load_topology_of_caller(const struct roots *roots, struct topology *out, struct cpuset *mask,
			    struct caller *caller, struct err *e)
{
	struct profile_partition any = {.max_cores = AMOUNT_ALL};
	struct tree here, *tree;
	int r;

	*caller = (struct caller){0};
	r = read_machine(roots, NULL, caller, &here, &tree, out, mask, e);
	if (r == 0 && tree)
		caller_restrict_cores(caller, out, &any);
	return r;
}

/* Of the profile's own cluster, which runs, what its processes hold is not others'. */
static void forget_held(struct topology *t)
{
	for (unsigned i = 0; i < t->node_count; i++)
		t->nodes[i].free_bytes = t->nodes[i].held_bytes = 0;
}

static int read_facts(const struct tree *tree, const struct profile *p, struct facts *f,
		      struct topology *t, struct err *e)
{
	const char *data = spark_local_path(p->workload.data_path);
	struct claims claims;

	*f = (struct facts){0};
	if (!tree)
		return 0;
	if (data && *data && p->workload.data_size.unit == SIZE_AUTO)
		f->data_bytes = data_measure(data);
	f->java_version = spark_java_release(p);
	if (tree_claims(tree, p->name, &claims, e) < 0 || tree_missing(tree, p, &f->missing, e) < 0)
		return e->code;
	if (claims.has_own)
		forget_held(t);
	f->taken = claims.taken;
	string_copy(f->taken_by, claims.taken_by);
	if (!cpuset_is_empty(&claims.claimed))
		fprintf(stderr,
			"cleave: user %u has groups that claim CPUs %s, and may run there; who is "
			"neither root nor the caller keeps nobody from them\n",
			(unsigned)claims.claimed_by, CPUSET_STRING(&claims.claimed));
	return 0;
}

void load_identity(const struct topology *t, struct machine_identity *out)
{
	static const char key[] = "model name";
	cleanup_fclose FILE *file = t->this_machine ? fopen("/proc/cpuinfo", "re") : NULL;
	char line[PROFILE_WORD + 64], cpu[PROFILE_WORD] = "";

	/* Of the first CPU, cut to fit; "" where the kernel names none (most of arm64). */
	while (!cpu[0] && file && fgets(line, sizeof(line), file)) {
		const char *value = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) != 0 || !value)
			continue;
		for (value++; isspace((unsigned char)*value);)
			value++;
		line[strcspn(line, "\n")] = '\0';
		snprintf(cpu, sizeof(cpu), "%.*s", (int)string_cut(value, sizeof(cpu) - 1), value);
	}
	machine_identify(t, cpu, out);
}

/* What is not written, and can be read off the model, is taken from there: the kind of workload. */
static int read_model(struct inputs *in, struct err *e)
{
	struct profile_workload *workload = &in->profile.workload;
	struct machine_identity here;
	struct err other;

	if (!workload->model[0])
		return 0;
	if (model_read(workload->model, &in->model, e) < 0)
		return e->code;
	load_identity(&in->topology, &here);
	in->is_foreign_model = model_check_machine(&in->model, &here, &other) < 0;
	if (in->is_foreign_model && !workload->model_force) {
		*e = other;
		return err_wrap(e, "workload.model: %s", workload->model);
	}
	in->facts.has_model = true;
	in->facts.model = in->model.theta;
	/* Few runs are fitted exactly, which says nothing of others. */
	in->facts.model_error = fmax(in->model.error, FIT_NOISE);
	if (workload->type == WORKLOAD_AUTO)
		workload->type = in->model.type;
	return 0;
}

static bool is_workload_open(const struct profile_workload *w)
{
	return w->type == WORKLOAD_AUTO && w->data_format == FORMAT_AUTO;
}

/* The application that is to run tells most, and is the user's own, whatever the machine. */
static void look_at_workload(struct inputs *in)
{
	struct facts *f = &in->facts;

	if (!is_workload_open(&in->profile.workload))
		return;
	if (in->application)
		workload_of_application(in->application, f);
	if (f->workload == WORKLOAD_AUTO && in->topology.this_machine)
		workload_of_event_logs(&in->profile.spark.conf, f);
}

void inputs_keep_workload(struct inputs *in, enum workload_type running)
{
	forget_held(&in->topology);
	if (!is_workload_open(&in->profile.workload))
		return;
	in->facts.workload = running;
	snprintf(in->facts.workload_from, PLAN_TEXT, "%s",
		 running == WORKLOAD_AUTO ? "" : "the cluster runs as that");
}

/* -v: what the decision is made from. */
static void say_inputs(const struct inputs *in)
{
	const struct facts *f = &in->facts;

	fprintf(stderr, "cleave: profile %s (name %s)\n",
		in->called ? FOREIGN(in->called) : "built-in defaults", FOREIGN(in->profile.name));
	fprintf(stderr, "cleave: topology %s, allowed CPUs %s\n", FOREIGN(in->topology.source),
		CPUSET_STRING(&in->topology.allowed));
	if (f->data_bytes)
		fprintf(stderr, "cleave: workload.data.path has %llu bytes\n",
			(unsigned long long)f->data_bytes);
	if (f->workload_from[0])
		fprintf(stderr, "cleave: workload.type: auto is seen as %s: %s\n",
			workload_type_name(f->workload), FOREIGN(f->workload_from));
	if (!cpuset_is_empty(&f->taken))
		fprintf(stderr, "cleave: CPUs %s belong to other clusters (%s)\n",
			CPUSET_STRING(&f->taken), FOREIGN(f->taken_by));
}

int inputs_read(const struct roots *roots, struct inputs *in, struct err *e)
{
	struct tree here, *tree;

	in->caller = (struct caller){0};
	if (read_machine(roots, &in->profile.partition, &in->caller, &here, &tree, &in->topology,
			 &in->mask, e) < 0 ||
	    read_facts(tree, &in->profile, &in->facts, &in->topology, e) < 0 ||
	    read_model(in, e) < 0 ||
	    spark_daemon_heap(&in->profile, NULL, &in->facts.daemon_heap, e))
		return e->code;
	if (tree)
		caller_restrict_cores(&in->caller, &in->topology, &in->profile.partition);
	look_at_workload(in);
	if (roots->verbose)
		say_inputs(in);
	return 0;
}

static void note_model(struct inputs *in)
{
	const struct model *m = &in->model;
	enum workload_type type = in->profile.workload.type;

	plan_note(&in->plan, "workload.model: %s, made %s of %u runs, off by %.0f %% in the mean",
		  workload_type_name(m->type), m->made, m->run_count, 100 * m->error);
	if (type != m->type)
		plan_note(&in->plan,
			  "workload.model: it was measured as %s, workload.type is %s; its "
			  "coefficients hold",
			  workload_type_name(m->type), workload_type_name(type));
	if (in->is_foreign_model)
		plan_note(&in->plan,
			  "workload.model: of another machine, used because of model_force");
}

/* The machine is as small as it is because of the caller's own limits. */
static int explain_refusal(const struct caller *c, struct err *e)
{
	const enum err_exit exit_class = e->exit;

	for (unsigned i = 0; i < c->note_count; i++) {
		const struct err why = *e;

		err_set(e, why.code, "%s (%s)", why.msg, c->notes[i]);
	}
	e->exit = exit_class;
	return e->code;
}

int inputs_decide(struct inputs *in, struct err *e)
{
	struct strings later = {0};

	if (plan_make(&in->topology, &in->profile, &in->facts, &in->plan, e) < 0)
		return explain_refusal(&in->caller, e);
	if (plan_check(&in->plan, &in->topology, e) < 0) {
		e->exit = ERR_FAILED;
		return err_wrap(e, "this is a defect of cleave, nothing was done: the plan for %s",
				in->topology.source);
	}
	for (unsigned i = 0; i < in->caller.note_count; i++)
		plan_note(&in->plan, "%s", in->caller.notes[i]);
	if (in->facts.has_model)
		note_model(in);
	if (in->facts.workload == WORKLOAD_AUTO && in->facts.workload_from[0])
		plan_note(&in->plan, "workload.type: %s", in->facts.workload_from);
	profile_not_yet(&in->profile, &later);
	strings_for_each(key, &later)
		plan_note(&in->plan, "%s: accepted, but not in effect in this release", key);
	strings_for_each(missing, &in->facts.missing) plan_note(
		&in->plan, "%s: no controller of this machine can do that; it is ignored", missing);
	if (!cpuset_is_empty(&in->mask))
		plan_note(&in->plan, "this process is bound to CPUs %s; that is ignored",
			  CPUSET_STRING(&in->mask));
	return 0;
}
