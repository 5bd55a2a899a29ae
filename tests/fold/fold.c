/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fold/fold.h"

#include <stdlib.h>

#include "containers/driver.h"
#include "containers/where/tree.h"
#include "launcher/inputs/host_hwloc.h"

static const struct driver_ops *real;
static struct driver_ops folded_ops;
static struct cpuset there;
static struct cpuset told; /* that the machine is said to have */
static unsigned group_count;
static struct {
	char name[NAME_MAX_BYTES + 1];
	struct cpuset asked;
} groups[SLICES_MAX + 2];

int __real_driver_open(const struct driver_request *r, struct driver **out, struct err *e);
int __wrap_driver_open(const struct driver_request *r, struct driver **out, struct err *e);
int __real_topology_read(const struct topology_source *source, struct topology *out,
			 struct cpuset *mask, struct err *e);
int __wrap_topology_read(const struct topology_source *source, struct topology *out,
			 struct cpuset *mask, struct err *e);

int __wrap_topology_read(const struct topology_source *source, struct topology *out,
			 struct cpuset *mask, struct err *e)
{
	const struct topology_source machine = {.text = getenv(FOLD_MACHINE)};
	bool is_folded = machine.text && !source->text;
	int r = __real_topology_read(is_folded ? &machine : source, out, mask, e);

	if (r || !is_folded)
		return r;
	out->this_machine = true;
	told = out->allowed;
	return 0;
}

static struct cpuset fold(const struct cpuset *asked)
{
	struct cpuset out = {0};

	cpuset_for_each(cpu, asked)
	{
		unsigned real_cpu = cpuset_first(&there);

		for (unsigned i = cpu * cpuset_count(&there) / cpuset_count(&told); i; i--)
			real_cpu = cpuset_next(&there, real_cpu);
		cpuset_add(&out, real_cpu);
	}
	return out;
}

/* What was asked for a group; NULL: nothing yet. */
static struct cpuset *asked_of(const char *group)
{
	for (unsigned i = 0; i < group_count; i++)
		if (strcmp(groups[i].name, group) == 0)
			return &groups[i].asked;
	return NULL;
}

static void remember(const char *group, const struct cpuset *asked)
{
	struct cpuset *place = asked_of(group);

	if (!place && group_count == SLICES_MAX + 2)
		abort();
	if (!place) {
		string_copy(groups[group_count].name, group);
		place = &groups[group_count++].asked;
	}
	*place = *asked;
}

static int folded_create(struct driver *d, const struct group_spec *group, struct err *e)
{
	struct group_spec spec = *group;
	int r;

	spec.cpus = fold(&group->cpus);
	r = real->create(d, &spec, e);
	if (!r)
		remember(group->name, &group->cpus);
	return r;
}

static int folded_set_cpus(struct driver *d, const char *group, const struct cpuset *cpus,
			   struct cpuset *effective, struct err *e)
{
	struct cpuset write = fold(cpus), read;
	int r = real->set_cpus(d, group, &write, &read, e);

	if (r)
		return r;
	remember(group, cpus);
	*effective = *cpus;
	return 0;
}

static void unfold(struct observed_group *seen)
{
	const struct cpuset *asked = asked_of(seen->name);

	if (asked)
		seen->cpus = seen->requested = *asked;
}

static int folded_observe(struct driver *d, struct observation *out, struct err *e)
{
	int r = real->observe(d, out, e);

	for (unsigned i = 0; !r && i < out->count; i++)
		unfold(&out->groups[i]);
	return r;
}

static int folded_look(struct driver *d, const char *group, struct observed_group *out,
		       struct err *e)
{
	int r = real->look(d, group, out, e);

	if (!r)
		unfold(out);
	return r;
}

static int folded_allowed(struct driver *d, struct cpuset *cpus, struct err *e)
{
	int r = real->allowed(d, cpus, e);

	if (r >= 0)
		*cpus = told;
	return r;
}

int __wrap_driver_open(const struct driver_request *request, struct driver **out, struct err *e)
{
	struct cpuset nodes;
	struct tree tree;
	int r = __real_driver_open(request, out, e);

	if (r || cpuset_is_empty(&told))
		return r;
	real = (*out)->ops;
	r = tree_read(request->cgroup_root, &tree, e);
	if (!r)
		r = tree_allowed(&tree, &there, &nodes, e);
	if (!r && !real->usage)
		r = err_impossible(e, "the driver %s cannot lend", real->name);
	if (r) {
		real->close(*out);
		return r;
	}
	folded_ops = *real;
	folded_ops.create = folded_create;
	folded_ops.set_cpus = folded_set_cpus;
	folded_ops.observe = folded_observe;
	folded_ops.look = folded_look;
	folded_ops.allowed = folded_allowed;
	(*out)->ops = &folded_ops;
	return 0;
}
