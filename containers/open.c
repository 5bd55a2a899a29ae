#include "containers/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

/* What --cgroup-root names. */
int root_kind_of(const char *cgroup_root, enum root_kind *out, struct err *e)
{
	struct statfs fs;

	*out = ROOT_NONE;
	if (!cgroup_root)
		return 0;
	*out = ROOT_NAME;
	if (cgroup_root[0] != '/')
		return 0;
	if (statfs(cgroup_root, &fs))
		return err_wrong(e, "--cgroup-root %s: %s", cgroup_root, strerror(errno));
	*out = fs.f_type == CGROUP2_SUPER_MAGIC	 ? ROOT_CGROUP2
	       : fs.f_type == CGROUP_SUPER_MAGIC ? ROOT_CGROUP1
						 : ROOT_PLAIN;
	return 0;
}

int driver_facts(const char *cgroup_root, enum root_kind *kind, struct placement_facts *out,
		 struct err *e)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = root < 0 ? err_errno(e, -errno, "cannot open /")
			  : root_kind_of(cgroup_root, kind, e);

	return rc == 0 ? placement_facts_read(root, geteuid(), out, e) : rc;
}

static int decide(const struct driver_request *r, struct placement *out, struct err *e)
{
	struct placement_facts facts;
	enum root_kind kind;
	int rc = driver_facts(r->cgroup_root, &kind, &facts, e);

	return rc == 0 ? placement_decide(&facts, r->backend, kind, r->cgroup_root, out, e) : rc;
}

/*
 * Groups may have gone with what they were in (a login session, a reboot): then the place is
 * decided anew.
 */
static bool bases_are_there(const struct placement *p)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		if (p->base[c][0] && !control_exists(AT_FDCWD, p->base[c]))
			return false;
	return true;
}

static int open_placement(const struct placement *p, const char *cluster, struct driver **out,
			  struct err *e)
{
	switch (p->kind) {
	case PLACEMENT_AFFINITY:
		return affinity_open(cluster, out, e);
	case PLACEMENT_SCOPE:
	case PLACEMENT_CGROUP2:
	case PLACEMENT_THROW_AWAY:
		return cgroup2_open(p, cluster, out, e);
	case PLACEMENT_CGROUP1:
#if HAVE_LIBCGROUP
		return cgroup1_open(p, cluster, out, e);
#else
		return err_impossible(e,
				      "the controllers here are in cgroup v1, and this cleave was "
				      "built without it: build with LIBCGROUP=yes, or boot with "
				      "cgroup_no_v1=all");
#endif
	}
	return -EINVAL;
}

int driver_open(const struct driver_request *r, struct driver **out, struct err *e)
{
	struct cpuset cpus, nodes;
	struct placement place;
	int rc;

	if (!profile_name_is_valid(r->cluster))
		return err_wrong(e, "\"%.40s\" is no name of a cluster", r->cluster);
	rc = r->location ? placement_parse(r->location, &place, e) : 0;
	if (rc == 0 && (!r->location || !bases_are_there(&place)))
		rc = decide(r, &place, e);
	if (rc == 0)
		rc = driver_allowed(r->cgroup_root, &cpus, &nodes, e);
	if (rc == 0)
		rc = open_placement(&place, r->cluster, out, e);
	if (rc == 0)
		(*out)->nodes = nodes;
	return rc;
}

const char *driver_location(const struct driver *d)
{
	return d->location;
}

int driver_destroy(struct driver *d, struct err *e)
{
	int rc = d->ops->destroy(d, e);

	d->ops->close(d);
	return rc;
}

/* ---- ops */

static int create_slice(struct driver *d, const struct slice *s, unsigned weight,
			const struct profile *p, struct err *e)
{
	struct group_spec g = {
		.name = s->name,
		.cpus = s->cpus,
		.nodes = s->nodes,
		.weight = weight,
		.memory = s->memory,
		.io = p->io,
		.io_count = p->io_count,
	};

	/* These may spill over to nodes of others, so the cpuset must not bind. */
	if (p->memory.policy == POLICY_PREFERRED || p->memory.policy == POLICY_NONE)
		g.nodes = d->nodes;
	return d->ops->create(d, &g, e);
}

enum { KILL_MS = 10000 }; /* a JVM with hundreds of GB to unmap needs seconds */

static int remove_group(struct driver *d, const char *name, struct err *e)
{
	int rc = d->ops->kill(d, name, KILL_MS, e);

	return rc == 0 ? d->ops->remove(d, name, e) : rc;
}

/*
 * The host group is made by its first op. It has no limit: the master and the driver are the
 * user's.
 */
static int set_host(struct driver *d, const struct op *op, const struct plan *to, struct err *e)
{
	struct group_spec g = {
		.name = GROUP_HOST,
		.cpus = op->cpus,
		.nodes = to->host.nodes,
		.weight = WEIGHT_DEFAULT,
	};
	int rc = d->ops->set_cpus(d, GROUP_HOST, &op->cpus, NULL, e);

	return rc == -ENOENT ? d->ops->create(d, &g, e) : rc;
}

int driver_execute(struct driver *d, const struct op *op, const struct plan *to,
		   const struct profile *p, struct cpuset *effective, struct err *e)
{
	struct slice slice;

	switch (op->kind) {
	case OP_SET_CPUS:
		return d->ops->set_cpus(d, op->name, &op->cpus, effective, e);
	case OP_SET_WEIGHT:
		return d->ops->set_weight(d, op->name, op->weight, e);
	case OP_REMOVE:
		return remove_group(d, op->name, e);
	case OP_CREATE:
		if (op->slice >= to->slice_count)
			return err_set(e, -EINVAL, "there is no slice %u in the plan", op->slice);
		slice = to->slices[op->slice];
		slice.cpus = op->cpus;
		return create_slice(d, &slice, op->weight, p, e);
	case OP_SET_HOST:
		return set_host(d, op, to, e);
	}
	return -EINVAL;
}

/* ---- looking */

static int look_at(struct driver *d, const char *group, struct observation *seen, struct err *e)
{
	int rc = d->ops->look(d, group, &seen->groups[seen->count], e);

	if (rc == 0)
		seen->count++;
	return rc == -ENOENT || rc == -ENODEV ? 0 : rc;
}

int driver_look(struct driver *d, const struct plan *p, struct observation *seen, struct err *e)
{
	int rc;

	if (!d->ops->look)
		return d->ops->observe(d, seen, e);
	seen->count = 0;
	rc = look_at(d, GROUP_HOST, seen, e);
	for (unsigned i = 0; rc == 0 && i < p->slice_count; i++)
		rc = look_at(d, p->slices[i].name, seen, e);
	return rc;
}
