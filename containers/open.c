/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of driver.h: who implements it here, and what an op means to a driver. */

#include <errno.h>
#include <fcntl.h>

#include "containers/cgroup/cgroup.h"
#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "containers/process/affinity.h"
#include "containers/where/tree.h"

static int open_placement(const struct placement *p, const struct driver_request *request,
			  struct driver **out, struct err *e)
{
	switch (p->kind) {
	case PLACEMENT_AFFINITY:
		return affinity_open(request->cluster, request->user, out, e);
	case PLACEMENT_SCOPE:
	case PLACEMENT_CGROUP2:
	case PLACEMENT_SLICES:
		return cgroup2_open(p, request, out, e);
	case PLACEMENT_CGROUP1:
#if HAVE_LIBCGROUP
		return cgroup1_open(p, request, out, e);
#else
		return tree_check_build(p, e);
#endif
	}
	return -EINVAL;
}

/* One that is there already, as that of a cluster whose state was lost. */
static int find_scope(const struct tree *tree, const struct driver_request *request,
		      struct placement *place, struct err *e)
{
	if (tree_find_scope(tree, request->cluster, place) || request->intent == DRIVER_MAKE)
		return 0;
	return err_set(e, -ENOENT, "cluster %s has no scope: run up", request->cluster);
}

/* A slice that may spill over to nodes of others does so within its user's own limits. */
static int restrict_nodes(const struct tree *tree, struct cpuset *nodes, struct err *e)
{
	struct caller_limits limits;
	struct cpuset both;
	int r = geteuid() ? tree_caller_limits(tree, &limits, e) : 1;

	if (r)
		return r < 0 ? r : 0;
	both = cpuset_and(nodes, &limits.nodes);
	if (!cpuset_is_empty(&both))
		*nodes = both;
	return 0;
}

int driver_open(const struct driver_request *request, struct driver **out, struct err *e)
{
	const char *engine = request->engine_cgroups;
	bool decide = !request->location;
	struct cpuset cpus, nodes;
	struct placement place;
	struct tree tree;
	int r = 0;

	if (!profile_name_is_valid(request->cluster))
		return err_wrong(e, "\"%.40s\" is no name of a cluster", request->cluster);
	if (request->location)
		r = placement_parse(request->location, &place, e);
	if (r == 0)
		r = tree_read(request->cgroup_root, &tree, e);
	/* Groups may have gone with what they were in: a login session, a reboot. */
	for (enum controller c = 0; r == 0 && !decide && c < CONTROLLER_COUNT; c++)
		decide = place.base[c][0] && !control_exists(AT_FDCWD, place.base[c]);
	if (r == 0 && request->location && (!decide || !engine))
		engine = place.engine[0] ? place.engine : NULL;
	if (r == 0 && engine)
		r = tree_align(&tree, e);
	if (r == 0 && decide && request->location && request->intent == DRIVER_OBSERVE)
		r = err_set(e, -ENOENT, "the groups of cluster %s are gone: run up",
			    request->cluster);
	else if (r == 0 && decide)
		r = tree_place(&tree, request->backend, engine, &place, e);
	if (r == 0 && place.kind == PLACEMENT_SCOPE && !place.base[0][0])
		r = find_scope(&tree, request, &place, e);
	if (r == 0)
		r = tree_allowed(&tree, &cpus, &nodes, e);
	if (r == 0)
		r = restrict_nodes(&tree, &nodes, e);
	if (r == 0)
		r = open_placement(&place, request, out, e);
	if (r == 0)
		(*out)->nodes = nodes;
	return r;
}

const char *driver_location(const struct driver *d)
{
	return d->location;
}

int driver_destroy(struct driver *d, struct err *e)
{
	int r = d->ops->destroy(d, e);

	d->ops->close(d);
	return r;
}

/* ---- ops */

static int create_slice(struct driver *d, const struct op *op, const struct plan *to,
			const struct profile *p, struct err *e)
{
	const struct slice *s;
	struct group_spec g;

	if (op->slice >= to->slice_count)
		return err_set(e, -EINVAL, "there is no slice %u in the plan", op->slice);
	s = &to->slices[op->slice];
	g = (struct group_spec){
		.name = s->name,
		.cpus = op->cpus,
		.nodes = s->nodes,
		.weight = op->weight,
		.memory = s->memory,
		.io = p->io,
		.io_count = p->io_count,
	};
	/* These may spill over to nodes of others, so the cpuset must not bind. */
	if (p->memory.policy == POLICY_PREFERRED || p->memory.policy == POLICY_NONE)
		g.nodes = d->nodes;
	return d->ops->create(d, &g, e);
}

int driver_execute(struct driver *d, const struct op *op, const struct plan *to,
		   const struct profile *p, struct cpuset *effective, struct err *e)
{
	struct group_spec host = {.name = GROUP_HOST, .weight = WEIGHT_DEFAULT};
	int r;

	switch (op->kind) {
	case OP_SET_CPUS:
		return d->ops->set_cpus(d, op->name, &op->cpus, effective, e);
	case OP_SET_WEIGHT:
		return d->ops->set_weight(d, op->name, op->weight, e);
	case OP_REMOVE:
		r = d->ops->kill(d, op->name, 0, e);
		return r == 0 ? d->ops->remove(d, op->name, e) : r;
	case OP_CREATE:
		return create_slice(d, op, to, p, e);
	case OP_SET_HOST:
		r = d->ops->set_cpus(d, GROUP_HOST, &op->cpus, NULL, e);
		if (r != -ENOENT)
			return r;
		/* It has no limit: the master and the driver are the user's. */
		host.cpus = op->cpus;
		host.nodes = to->host.nodes;
		return d->ops->create(d, &host, e);
	}
	return -EINVAL;
}

int driver_look(struct driver *d, const struct plan *p, struct observation *seen, struct err *e)
{
	if (!d->ops->look)
		return d->ops->observe(d, seen, e);
	seen->count = 0;
	for (unsigned i = 0; i <= p->slice_count; i++) {
		const char *group = i ? p->slices[i - 1].name : GROUP_HOST;
		int r = d->ops->look(d, group, &seen->groups[seen->count], e);

		if (r == 0)
			seen->count++;
		else if (r != -ENOENT && r != -ENODEV)
			return r;
	}
	return 0;
}
