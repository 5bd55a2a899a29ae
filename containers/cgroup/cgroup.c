/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "containers/cgroup/cpus.h"
#include "containers/cgroup/engine_trees.h"
#include "containers/cgroup/process.h"
#include "containers/cgroup/strangers.h"
#include "containers/cgroup/subtree.h"
#include "containers/cgroup/usage.h"
#include "containers/proc/control_file.h"

/* ---- CPUs and weight: the hot path */

static int set_cpus(struct driver *driver, const char *group, const struct cpuset *cpus,
		    struct cpuset *effective, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	const struct subgroup *other;
	struct open_group *g;
	struct subtree below;
	struct cpuset now, found;
	int r;

	if (cpuset_is_empty(cpus))
		return err_set(e, -EINVAL, "%s would be left without a CPU", group);
	r = group_find(d, group, &g, e);
	if (r == 0)
		r = cpus_write(d, g, cpus, e);
	if (r == 0)
		r = group_reread_cpus(g->effective, group, &now, e);
	if (r < 0)
		return r;
	/*
	 * v2 accepts CPUs that the parent lacks and ignores them; v1 narrows on hot-unplug. Only
	 * the effective set counts.
	 */
	if (!cpuset_is_equal(cpus, &now)) {
		struct cpuset lost = cpuset_and_not(cpus, &now);

		return err_set(
			e, -ERANGE,
			"%s was given CPUs %.200s but runs on %.200s: CPUs %.200s are offline "
			"or not in the group above",
			group, CPUSET_STRING(cpus), CPUSET_STRING(&now), CPUSET_STRING(&lost));
	}
	r = subtree_list(d, d->base[CONTROLLER_CPUSET], group, &below, e);
	if (r < 0)
		return r;
	other = cpus_find_other(d, &below, cpus, &found);
	if (other)
		return err_set(e, -EIO, "%s was given CPUs %.200s but %.300s in it runs on %.200s",
			       group, CPUSET_STRING(cpus), other->path, CPUSET_STRING(&found));
	if (effective)
		*effective = now;
	return 0;
}

static int set_weight(struct driver *driver, const char *group, unsigned weight, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	const struct cgroup_version *v = d->version;
	char text[32];
	struct open_group *g;
	unsigned now = 0;
	int r = group_find(d, group, &g, e);

	if (r < 0)
		return r;
	if (weight < 1 || weight > WEIGHT_MAX)
		return err_set(e, -EINVAL, "weight %u of %s is not in 1 … %d", weight, group,
			       WEIGHT_MAX);
	snprintf(text, sizeof(text), "%" PRIu64,
		 v->weight_to_kernel ? v->weight_to_kernel(weight) : weight);
	r = control_rewrite(g->weight, GROUP_FILE(d, group, v->weight), text, e);
	if (r == 0)
		r = group_reread_weight(d, g, &now, e);
	if (r == 0 && now != weight)
		r = err_set(e, -EIO, "%s of %s was set to %u and reads %u", v->weight, group,
			    weight, now);
	return r;
}

/* ---- a group's life */

static bool is_populated(struct cgroup_driver *d, const char *group)
{
	pid_t pid;

	return cgroup_pids(&d->driver, group, &pid, 1, &(struct err){0}) > 0;
}

static int set_up(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	const int dir = d->base[CONTROLLER_CPUSET];
	char text[CPUSET_TEXT];
	struct cpuset nodes;
	int r;

	/* Nodes before the first process, and never afterwards: that would migrate pages. */
	r = control_write(dir, GROUP_FILE(d, g->name, "cpuset.mems"),
			  cpuset_format(&g->nodes, text, sizeof(text)), e);
	if (r == 0)
		r = control_read_cpuset(dir, GROUP_FILE(d, g->name, d->version->mems_effective),
					&nodes, e);
	if (r == 0 && !cpuset_is_equal(&nodes, &g->nodes))
		r = err_set(e, -ERANGE,
			    "%s was given memory nodes %.100s but has %.100s: the others have no "
			    "memory or are not in the group above",
			    g->name, CPUSET_STRING(&g->nodes), CPUSET_STRING(&nodes));
	/* v1 shows no effective set before both are written; so write here, check below. */
	if (r == 0)
		r = control_write(dir, GROUP_FILE(d, g->name, "cpuset.cpus"),
				  cpuset_format(&g->cpus, text, sizeof(text)), e);
	if (r == 0)
		r = set_cpus(&d->driver, g->name, &g->cpus, NULL, e);
	if (r == 0)
		r = set_weight(&d->driver, g->name, g->weight, e);
	return r == 0 ? d->version->limit(d, g, e) : r;
}

static int remove_group(struct driver *driver, const char *group, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	char path[CGROUP_PATH];
	int r = group_check_name(d, group, e);

	if (r < 0)
		return r;
	group_forget(d, group);
	if (d->placement.engine[0])
		r = engine_trees_remove(d, group, e);
	return r < 0 ? r : d->version->unmake(d, group_path(d, group, path), e);
}

static int create(struct driver *driver, const struct group_spec *g, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	char path[CGROUP_PATH];
	int r;

	if (!group_name_is_ours(g->name))
		return err_wrong(e, "\"%.40s\" is no name of a group of cleave's", g->name);
	if (cpuset_is_empty(&g->cpus) || cpuset_is_empty(&g->nodes))
		return err_set(e, -EINVAL, "%s has no %s", g->name,
			       cpuset_is_empty(&g->cpus) ? "CPUs" : "memory nodes");
	if (is_populated(d, g->name))
		return err_set(e, -EEXIST, "group %s of cluster %s exists and has processes",
			       g->name, d->cluster);
	/* What a dead engine left below one of a dead cluster: its nodes could not be changed. */
	r = d->placement.engine[0] ? remove_group(driver, g->name, e) : 0;
	group_path(d, g->name, path);
	if (r == 0)
		r = d->version->make(d, g, e);
	if (r == 0)
		r = set_up(d, g, e);
	if (r < 0) {
		group_forget(d, g->name);
		d->version->unmake(d, path, &(struct err){0});
		return err_wrap(e, "creating %s", g->name);
	}
	return 0;
}

int cgroup_destroy(struct driver *driver, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	int r = 0;

	group_forget_all(d);
	if (d->placement.engine[0])
		r = engine_trees_remove(d, "", e);
	if (r == 0)
		r = d->version->unmake(d, d->inner, e);
	if (r < 0)
		return r;
	d->version->unmake_above(d);
	if (d->placement.engine[0])
		engine_trees_remove_above(d);
	return 0;
}

void cgroup_close(struct driver *driver)
{
	struct cgroup_driver *d = cgroup_of(driver);
	const int others[] = {d->unified, d->above, d->own};

	group_forget_all(d);
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (d->base[c] >= 0)
			close(d->base[c]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i] >= 0)
			close(others[i]);
	free(d);
}

/* ---- what is there */

/* The least of a group's and of those below it, where `docker update --memory` writes. */
static int read_limit(const struct cgroup_driver *d, const char *name, uint64_t *out, struct err *e)
{
	const int base = d->base[CONTROLLER_MEMORY];
	struct subtree all;
	int r = subtree_list(d, base, name, &all, e);

	*out = UINT64_MAX;
	for (unsigned i = 0; r >= 0 && i < all.count; i++) {
		uint64_t max = UINT64_MAX;

		r = control_read_number(base, SUBGROUP_FILE(&all.groups[i], d->version->memory_max),
					&max, e);
		if (r >= 0 && max < *out)
			*out = max;
		if (i && subtree_is_gone(r))
			r = 0;
	}
	return r < 0 ? r : 0;
}

static int observe_one(struct cgroup_driver *d, const char *name, struct observed_group *out,
		       struct err *e)
{
	uint64_t max = UINT64_MAX;
	int r = cgroup_look(&d->driver, name, out, e);

	if (r == 0 && d->base[CONTROLLER_MEMORY] >= 0)
		r = read_limit(d, name, &max, e);
	out->memory_max_bytes = max == UINT64_MAX ? 0 : max;
	out->populated = is_populated(d, name);
	return r;
}

static int observe(struct driver *driver, struct observation *out, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	cleanup_closedir DIR *list =
		control_list(d->base[CONTROLLER_CPUSET], d->inner[0] ? d->inner : ".");
	struct dirent *entry;
	int r = 0;

	if (!list)
		return err_errno(e, -errno, "cannot list the groups of cluster %s", d->cluster);
	out->count = 0;
	while (r == 0 && (entry = readdir(list))) {
		struct observed_group *o = &out->groups[out->count];
		char name[NAME_MAX_BYTES + 1];

		if (out->count >= CGROUP_GROUPS || !group_of_entry(d, entry->d_name, name))
			continue;
		r = observe_one(d, name, o, e);
		if (r < 0) /* it may have been made anew, and is opened anew */
			r = observe_one(d, name, o, e);
		if (r == 0)
			out->count++;
		/* A crash may have left some hierarchies' parts of a group, without a process. */
		if (r == -ENOENT && !is_populated(d, name))
			r = d->intent == DRIVER_OBSERVE ? 0 : remove_group(driver, name, e);
	}
	return r;
}

/* ---- opening */

static const struct driver_ops common_ops = {
	.create = create,
	.set_cpus = set_cpus,
	.set_weight = set_weight,
	.spawn = cgroup_spawn,
	.kill = cgroup_kill,
	.remove = remove_group,
	.observe = observe,
	.sample = cgroup_sample,
	.usage = cgroup_usage,
	.look = cgroup_look,
	.allowed = cgroup_allowed,
	.runnable = cgroup_runnable,
	.enter = cgroup_enter,
	.pids = cgroup_pids,
	.has = cgroup_has,
	.strangers = cgroup_strangers,
	.expel = cgroup_expel,
	.destroy = cgroup_destroy,
	.close = cgroup_close,
};

static int open_base(const char *path, int *out, struct err *e)
{
	if (!path[0])
		return 0;
	*out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? err_errno(e, -errno, "cannot open %s", path) : 0;
}

/* Whether the cluster's own group is there in a hierarchy, and made by one of us. */
static int check_own(const struct cgroup_driver *d, int base, struct err *e)
{
	const char *inner = d->inner[0] ? d->inner : ".";
	struct stat st;

	if (base < 0)
		return 0;
	if (fstatat(base, inner, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT || d->intent == DRIVER_OBSERVE)
			return err_errno(e, -errno, "group %s of cluster %s",
					 CONTROL_NAME(base, inner), d->cluster);
		return 0;
	}
	if (st.st_uid == 0 || st.st_uid == d->users.caller || st.st_uid == d->users.workers)
		return 0;
	return err_set(e, -EPERM,
		       "group %s was made by user %u, who has the name %s: choose another name",
		       CONTROL_NAME(base, inner), (unsigned)st.st_uid, d->cluster);
}

int cgroup_new(const struct placement *p, const struct driver_request *request,
	       const struct cgroup_version *version, struct cgroup_driver **out, struct err *e)
{
	bool v1 = p->kind == PLACEMENT_CGROUP1;
	struct cgroup_driver *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_errno(e, -ENOMEM, "opening the groups of %s", request->cluster);
	d->ops = common_ops;
	d->ops.name = !v1 ? "cgroup2" : p->unified[0] ? "hybrid" : "cgroup1";
	d->ops.bring_back = version->bring_back;
	d->ops.parent = p->engine[0] ? cgroup_parent : NULL;
	d->driver.ops = &d->ops;
	d->version = version;
	d->placement = *p;
	d->unified = d->above = d->own = -1;
	d->users = (struct users){.caller = geteuid(), .workers = request->user};
	d->intent = request->intent;
	snprintf(d->cluster, sizeof(d->cluster), "%s", request->cluster);
	if (p->kind == PLACEMENT_SLICES)
		unit_of_cluster(request->cluster, p->user_manager, d->inner);
	else if (p->kind != PLACEMENT_SCOPE)
		snprintf(d->inner, sizeof(d->inner), "cleave/%.*s", NAME_MAX_BYTES,
			 request->cluster);
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		d->base[c] = -1;
	r = placement_format(p, d->driver.location, sizeof(d->driver.location), e);
	for (unsigned c = 0; r == 0 && c < CONTROLLER_COUNT; c++)
		r = open_base(p->base[c], &d->base[c], e);
	if (r == 0)
		r = open_base(v1 ? p->unified : p->base[CONTROLLER_CPUSET], &d->unified, e);
	/* In v1 the others follow cpuset's; a crash may have left parts. */
	if (r == 0)
		r = check_own(d, d->base[CONTROLLER_CPUSET], e);
	if (r == 0 && p->engine[0])
		r = engine_trees_find(d, e);
	if (r < 0) {
		cgroup_close(&d->driver);
		return r;
	}
	*out = d;
	return 0;
}
