/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/cpus.h"

#include <fcntl.h>

#include "containers/proc/control_file.h"

enum { TRIES = 3 }; /* an engine may be making a group while its parent's CPUs change */

static int dir_of(const struct cgroup_driver *d)
{
	return d->base[CONTROLLER_CPUSET];
}

static int write_group(const struct cgroup_driver *d, const struct open_group *g,
		       const struct cpuset *cpus, struct err *e)
{
	return control_rewrite(g->cpus, GROUP_FILE(d, g->name, "cpuset.cpus"), CPUSET_STRING(cpus),
			       e);
}

/*
 * v2: they follow without a set; `docker update --cpuset-cpus` gives them one. The kernel does not
 * take one away from a group with processes (ENOSPC, validate_change() of cpuset.c), but all CPUs
 * that this machine can have are as good: in force is what the group above has of them.
 */
static int free_below(const struct cgroup_driver *d, const struct subtree *all, struct err *e)
{
	char text[CPUSET_TEXT], possible[CPUSET_TEXT];

	for (unsigned i = 1; i < all->count; i++) {
		char path[SUBTREE_FILE];
		int r;

		subtree_file(&all->groups[i], "cpuset.cpus", path);
		r = control_read(dir_of(d), path, text, sizeof(text), e);
		if (r > 0)
			r = control_write(dir_of(d), path, "\n", e);
		if (r == -ENOSPC)
			r = control_read(AT_FDCWD, "/sys/devices/system/cpu/possible", possible,
					 sizeof(possible), e);
		if (r > 0 && strcmp(text, possible) != 0)
			r = control_write(dir_of(d), path, possible, e);
		/* There is no such file either where the engine left cpuset off. */
		if (r < 0 && !subtree_is_gone(r))
			return r;
	}
	return 0;
}

static int write_copy(const struct cgroup_driver *d, const struct open_group *g,
		      const struct subtree *all, unsigned i, const struct cpuset *cpus,
		      struct err *e)
{
	int r;

	if (i == 0)
		return write_group(d, g, cpus, e);
	r = control_write(dir_of(d), SUBGROUP_FILE(&all->groups[i], "cpuset.cpus"),
			  CPUSET_STRING(cpus), e);
	return subtree_is_gone(r) ? 0 : r;
}

/* v1: what comes, from the top down; then what goes, from the bottom up. */
static int copy_below(const struct cgroup_driver *d, const struct open_group *g,
		      const struct subtree *all, const struct cpuset *cpus, struct err *e)
{
	struct cpuset both[SUBTREE_MAX];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < all->count; i++) {
		struct cpuset before = {0};

		r = i == 0 ? group_reread_cpus(g->cpus, g->name, &before, e)
			   : control_read_cpuset(dir_of(d),
						 SUBGROUP_FILE(&all->groups[i], "cpuset.cpus"),
						 &before, e);
		if (i && subtree_is_gone(r))
			r = 0;
		both[i] = cpuset_or(&before, cpus);
		if (r == 0 && !cpuset_is_equal(&both[i], &before))
			r = write_copy(d, g, all, i, &both[i], e);
	}
	for (unsigned i = all->count; r == 0 && i-- > 0;)
		if (!cpuset_is_equal(&both[i], cpus))
			r = write_copy(d, g, all, i, cpus, e);
	return r;
}

int cpus_write(const struct cgroup_driver *d, const struct open_group *g, const struct cpuset *cpus,
	       struct err *e)
{
	bool v1 = d->version->attach != NULL;
	struct subtree all;
	int r;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		r = subtree_list(d, dir_of(d), g->name, &all, e);
		if (r < 0)
			return r;
		if (v1 && all.count > 1) {
			r = copy_below(d, g, &all, cpus, e);
		} else {
			r = write_group(d, g, cpus, e);
			if (r == 0)
				r = free_below(d, &all, e);
		}
		if (!d->placement.engine[0] || (r != -EBUSY && r != -EACCES))
			break;
	}
	return r;
}

const struct subgroup *cpus_find_other(const struct cgroup_driver *d, const struct subtree *below,
				       const struct cpuset *cpus, struct cpuset *found)
{
	bool v1 = d->version->attach != NULL;

	for (unsigned i = 1; i < below->count; i++) {
		const struct subgroup *g = &below->groups[i];
		struct cpuset now;

		if (control_read_cpuset(dir_of(d), SUBGROUP_FILE(g, d->version->cpus_effective),
					&now, &(struct err){0}) < 0 ||
		    cpuset_is_equal(&now, cpus) || (v1 && cpuset_is_empty(&now)))
			continue;
		*found = now;
		return g;
	}
	return NULL;
}
