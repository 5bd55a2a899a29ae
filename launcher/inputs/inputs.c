#include "launcher/inputs/inputs.h"

#include <errno.h>
#include <string.h>

#include "containers/driver.h"
#include "decision/base/cleanup.h"
#include "decision/check/plan_check.h"
#include "decision/engine/plan_make.h"
#include "launcher/inputs/data.h"
#include "launcher/inputs/host_hwloc.h"
#include "launcher/inputs/processor.h"
#include "launcher/inputs/shipped.h"
#include "launcher/protocol/model_file.h"
#include "profiles/load.h"

int load_profile(const char *profile, struct profile *out, struct err *e)
{
	char path[PROFILE_PATH];

	if (!profile) {
		profile_default(out);
		return 0;
	}
	if (shipped_is_path(profile))
		return profile_load(profile, out, e);
	if (shipped_find(profile, path, e) < 0)
		return e->code;
	return profile_load(path, out, e);
}

int load_topology(const struct roots *roots, struct topology *out, struct cpuset *mask,
		  struct err *e)
{
	struct topology_source source = {.text = roots->topology};

	if (!source.text &&
	    (driver_allowed(roots->cgroup_root, &source.cpus, &source.nodes, e) < 0 ||
	     driver_memory_limit(roots->cgroup_root, &source.memory_limit_bytes, e) < 0))
		return e->code;
	return topology_read(&source, out, mask, e);
}

static int read_facts(const struct roots *roots, const struct profile *p, struct facts *f,
		      struct err *e)
{
	const char *data = data_local_path(p->workload.data_path);

	*f = (struct facts){0};
	if (roots->topology)
		return 0;
	f->this_machine = true;
	if (data && *data && p->workload.data_size.unit == SIZE_AUTO)
		f->data_bytes = data_measure(data);
	if (driver_taken(roots->cgroup_root, p->name, &f->taken, f->taken_by, e) < 0 ||
	    driver_missing(roots->cgroup_root, p, &f->missing, e) < 0)
		return e->code;
	return 0;
}

/* The processor's name is known of this machine only. */
void load_identity(const struct topology *t, struct machine_identity *out)
{
	char cpu[PROFILE_WORD] = "";

	if (t->this_machine)
		processor_name(cpu);
	machine_identify(t, cpu, out);
}

/* What is not written, and can be read off the model, is taken from there: the kind of workload. */
static int read_model(struct inputs *in, struct err *e)
{
	struct profile_workload *wish = &in->profile.workload;
	struct machine_identity here;
	struct err other;

	if (!wish->model[0])
		return 0;
	if (model_read(wish->model, &in->model, e) < 0)
		return e->code;
	load_identity(&in->topology, &here);
	if (model_check_machine(&in->model, &here, &other) < 0 && !wish->model_force) {
		*e = other;
		return err_wrap(e, "workload.model: %s", wish->model);
	}
	in->facts.has_model = true;
	in->facts.model = in->model.theta;
	if (wish->type == WORKLOAD_AUTO)
		wish->type = in->model.type;
	return 0;
}

static void note_model(struct inputs *in)
{
	const struct model *m = &in->model;
	enum workload_type type = in->profile.workload.type;
	struct machine_identity here;
	struct err other;

	load_identity(&in->topology, &here);
	plan_note(&in->plan, "workload.model: %s, made %s of %u probes, off by %.0f %% in the mean",
		  workload_type_name(m->type), m->made, m->probe_count, 100 * m->error);
	if (type != m->type)
		plan_note(&in->plan,
			  "workload.model: it was measured as %s, workload.type is %s; its "
			  "coefficients hold",
			  workload_type_name(m->type), workload_type_name(type));
	if (model_check_machine(m, &here, &other) < 0)
		plan_note(&in->plan,
			  "workload.model: of another machine, used because of model_force");
}

static void add_notes(struct inputs *in, const struct cpuset *mask)
{
	struct strings later = {0};

	if (in->facts.has_model)
		note_model(in);
	profile_not_yet(&in->profile, &later);
	strings_for_each(key, &later)
		plan_note(&in->plan, "%s: accepted, but not in effect in this release", key);
	strings_for_each(missing, &in->facts.missing) plan_note(
		&in->plan, "%s: no controller of this machine can do that; it is ignored", missing);
	if (!cpuset_is_empty(mask))
		plan_note(&in->plan, "this process is bound to CPUs %s; that is ignored",
			  CPUSET_STRING(mask));
}

/* -v: what the decision was made from. */
static void say_inputs(const struct inputs *in, const char *profile)
{
	const struct facts *f = &in->facts;

	fprintf(stderr, "cleave: profile %s (name %s)\n", profile ? profile : "built-in defaults",
		in->profile.name);
	fprintf(stderr, "cleave: topology %s, allowed CPUs %s\n", in->topology.source,
		CPUSET_STRING(&in->topology.allowed));
	if (f->data_bytes)
		fprintf(stderr, "cleave: workload.data.path has %llu bytes\n",
			(unsigned long long)f->data_bytes);
	if (!cpuset_is_empty(&f->taken))
		fprintf(stderr, "cleave: CPUs %s belong to other clusters (%s)\n",
			CPUSET_STRING(&f->taken), f->taken_by);
}

int load_inputs_of(const struct roots *roots, const struct profile *profile, const char *called,
		   struct inputs *out, struct err *e)
{
	cleanup_free struct inputs *in = calloc(1, sizeof(*in));
	struct cpuset mask;

	if (!in)
		return err_set(e, -ENOMEM, "out of memory");
	in->profile = *profile;
	if (load_topology(roots, &in->topology, &mask, e) < 0 ||
	    read_facts(roots, &in->profile, &in->facts, e) < 0 || read_model(in, e) < 0)
		return e->code;
	if (roots->verbose)
		say_inputs(in, called);
	if (plan_make(&in->topology, &in->profile, &in->facts, &in->plan, e) < 0)
		return e->code;
	if (plan_check(&in->plan, &in->topology, e) < 0) {
		e->exit = ERR_FAILED;
		return err_wrap(e, "this is a defect of cleave, nothing was done: the plan for %s",
				in->topology.source);
	}
	add_notes(in, &mask);
	*out = *in;
	return 0;
}

int load_inputs(const struct roots *roots, const char *profile, struct inputs *out, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	if (load_profile(profile, p, e) < 0)
		return e->code;
	return load_inputs_of(roots, p, profile, out, e);
}
