/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/engine_trees.h"

#include <fcntl.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

/* ---- where */

/* The mount that shows `path`: of those one below the other, the lowest; of equals, the last. */
static bool find_top(const char *mountinfo, const char *path, char *top, size_t size, struct err *e)
{
	cleanup_free char *copy = strdup(mountinfo);
	char *next = copy;
	struct cgroup_mount m;
	size_t best = 0;

	if (!copy)
		return err_errno(e, -ENOMEM, "reading mountinfo"), false;
	while (cgroup_mount_next(&next, &m)) {
		char found[2 * LAYOUT_PATH];

		if (strlen(m.point) < best ||
		    !cgroup_mount_from_top(&m, path, found, sizeof(found)))
			continue;
		best = strlen(m.point);
		snprintf(top, size, "%s", found);
	}
	if (best && !strstr(top, "/.."))
		return true;
	err_impossible(e,
		       "a container engine cannot be told where %s is: it is %s; run cleave where "
		       "the engine runs, or set backend: cgroup in the profile",
		       path, best ? "outside of this cgroup namespace" : "in no cgroup mount");
	return false;
}

static void find_freezer(struct cgroup_driver *d, char *mountinfo)
{
	struct cgroup_mount m;

	while (!d->freezer[0] && cgroup_mount_next(&mountinfo, &m))
		if (m.version == 1 && control_has_word(m.options, "freezer") &&
		    !cgroup_mount_to_path(&m, d->top, d->freezer, sizeof(d->freezer)))
			d->freezer[0] = '\0';
}

int engine_trees_find(struct cgroup_driver *d, struct err *e)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *mountinfo = NULL;
	char top[sizeof(d->top)];

	if (d->placement.kind == PLACEMENT_SLICES) /* it is told units, not paths */
		return 0;
	if (root < 0)
		return err_errno(e, -errno, "cannot open /");
	mountinfo = cgroup_mountinfo_read(root, e);
	if (!mountinfo ||
	    !find_top(mountinfo, d->placement.base[CONTROLLER_CPUSET], d->top, sizeof(d->top), e))
		return e->code;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		const char *base = d->placement.base[c];

		if (!base[0])
			continue;
		if (!find_top(mountinfo, base, top, sizeof(top), e))
			return e->code;
		if (strcmp(top, d->top) != 0)
			return err_impossible(
				e,
				"the groups of cluster %s are below %s and below %s, and "
				"a container engine takes one parent for all: run down, "
				"then up",
				d->cluster, d->placement.base[CONTROLLER_CPUSET], base);
	}
	if (d->version->attach)
		find_freezer(d, mountinfo);
	return 0;
}

int cgroup_parent(struct driver *driver, const char *group, char path[PROFILE_PATH], struct err *e)
{
	const struct cgroup_driver *d = cgroup_of(driver);
	int r = group_check_name(d, group, e);

	if (r < 0)
		return r;
	if (d->placement.kind == PLACEMENT_SLICES) {
		unit_of_group(d->cluster, d->placement.user_manager, group, path);
		return 0;
	}
	if (snprintf(path, PROFILE_PATH, "%s/%s", d->top,
		     group_path(d, group, (char[CGROUP_PATH]){0})) >= PROFILE_PATH)
		return err_set(e, -ENAMETOOLONG,
			       "the path of %s below %.100s… has %d bytes or more", group, d->top,
			       PROFILE_PATH);
	return 0;
}

/* ---- frozen */

static int open_freezer(const struct cgroup_driver *d)
{
	return d->freezer[0] ? open(d->freezer, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static bool has_state(int dir, const struct subgroup *g, const char *file, const char *key,
		      const char *calm)
{
	char text[256];
	const char *state;

	if (control_read(dir, SUBGROUP_FILE(g, file), text, sizeof(text), &(struct err){0}) <= 0)
		return false;
	state = strstr(text, key);
	return state && strncmp(state + strlen(key), calm, strlen(calm)) != 0;
}

static bool is_frozen_v1(const struct cgroup_driver *d, const char *group)
{
	cleanup_close int dir = open_freezer(d);
	struct subtree all;

	if (dir < 0 || subtree_list(d, dir, group, &all, &(struct err){0}) < 0)
		return false;
	for (unsigned i = 0; i < all.count; i++)
		if (has_state(dir, &all.groups[i], "freezer.state", "", "THAWED"))
			return true;
	return false;
}

bool engine_trees_is_frozen(const struct cgroup_driver *d, const char *group,
			    const struct subtree *below)
{
	if (d->version->attach)
		return is_frozen_v1(d, group);
	for (unsigned i = 0; i < below->count; i++)
		if (has_state(d->base[CONTROLLER_CPUSET], &below->groups[i], "cgroup.events",
			      "frozen ", "0"))
			return true;
	return false;
}

void engine_trees_thaw(const struct cgroup_driver *d, const char *group)
{
	cleanup_close int dir = d->version->attach ? open_freezer(d) : -1;
	struct err ignored;
	struct subtree all;

	if (dir < 0 || subtree_list(d, dir, group, &all, &ignored) < 0)
		return;
	for (unsigned i = 0; i < all.count; i++)
		if (has_state(dir, &all.groups[i], "freezer.state", "", "THAWED"))
			control_write(dir, SUBGROUP_FILE(&all.groups[i], "freezer.state"), "THAWED",
				      &ignored);
}

/* ---- the end */

static bool may_stay(int error)
{
	return error == ENOENT || error == EACCES || error == EPERM || error == EROFS;
}

/* Of the cluster's own group only what has a name of ours, and what is below that. */
static bool is_ours(const struct cgroup_driver *d, const struct subgroup *g)
{
	const char *below = g->path + strlen(d->inner);
	char name[NAME_MAX_BYTES + 1];

	below += *below == '/';
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(below, "/"), below);
	return !name[0] || group_name_is_ours(name);
}

/* What is done with our base in one hierarchy, which may not be there. */
typedef int each_base(const struct cgroup_driver *d, const char *base, const char *group,
		      struct err *e);

static int remove_in(const struct cgroup_driver *d, const char *base, const char *group,
		     struct err *e)
{
	cleanup_close int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct subtree all;
	int r;

	if (dir < 0)
		return 0;
	r = subtree_list(d, dir, group, &all, e);
	for (unsigned i = r < 0 ? 0 : all.count; i-- > 0;) {
		const char *path = all.groups[i].path;

		/* A scope is the cluster's own group, and systemd's to remove. */
		if (path[0] && is_ours(d, &all.groups[i]) && unlinkat(dir, path, AT_REMOVEDIR) &&
		    !may_stay(errno))
			return err_errno(e, -errno, "cannot remove group %s",
					 CONTROL_NAME(dir, path));
	}
	return r;
}

static int remove_above_in(const struct cgroup_driver *d, const char *base, const char *group,
			   struct err *e)
{
	char path[2 * LAYOUT_PATH + 8];

	(void)group;
	(void)e;
	if (d->placement.kind == PLACEMENT_SCOPE)
		return 0;
	snprintf(path, sizeof(path), "%s/cleave", base);
	rmdir(path); /* another cluster's groups in it keep it */
	if (d->placement.base_is_ours)
		rmdir(base);
	return 0;
}

static int for_each_base(const struct cgroup_driver *d, each_base *call, const char *group,
			 struct err *e)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *mountinfo = NULL;
	char *next, base[2 * LAYOUT_PATH];
	struct cgroup_mount m;
	int r = 0;

	if (d->placement.kind == PLACEMENT_SLICES) /* systemd removes what is in a unit */
		return 0;
	if (root < 0)
		return err_errno(e, -errno, "cannot open /");
	next = mountinfo = cgroup_mountinfo_read(root, e);
	if (!mountinfo)
		return e->code;
	while (r == 0 && cgroup_mount_next(&next, &m))
		if (cgroup_mount_to_path(&m, d->top, base, sizeof(base)))
			r = call(d, base, group, e);
	return r;
}

int engine_trees_remove(const struct cgroup_driver *d, const char *group, struct err *e)
{
	return for_each_base(d, remove_in, group, e);
}

void engine_trees_remove_above(const struct cgroup_driver *d)
{
	for_each_base(d, remove_above_in, "", &(struct err){0});
}
