/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/subtree.h"

#include "containers/proc/control_file.h"

char *subtree_file(const struct subgroup *g, const char *file, char out[SUBTREE_FILE])
{
	snprintf(out, SUBTREE_FILE, "%s%s%.60s", g->path, g->path[0] ? "/" : "", file);
	return out;
}

/* Those below the one at `at`; the depth is bounded by the length of a path. */
static int list_below(int base, unsigned at, struct subtree *out, struct err *e)
{
	const char *path = out->groups[at].path;
	cleanup_closedir DIR *list = control_list(base, path[0] ? path : ".");
	struct dirent *entry;
	int r = 0;

	if (!list)
		return subtree_is_gone(-errno)
			       ? 0
			       : err_errno(e, -errno, "cannot list %s", CONTROL_NAME(base, path));
	while (r == 0 && (entry = readdir(list))) {
		const char *name = entry->d_name;
		struct subgroup *g = &out->groups[out->count];
		char joined[SUBTREE_PATH];

		if (entry->d_type != DT_DIR || !strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (out->count == SUBTREE_MAX)
			return err_set(
				e, -E2BIG,
				"there are more than %d groups in %s: remove containers that "
				"are not needed",
				GROUPS_BELOW, CONTROL_NAME(base, path));
		g->id = entry->d_ino;
		if (snprintf(joined, sizeof(joined), "%s%s%s", path, path[0] ? "/" : "", name) >=
		    (int)sizeof(joined))
			return err_set(e, -ENAMETOOLONG,
				       "the path of group %.100s… in %s is too long", name,
				       CONTROL_NAME(base, path));
		memcpy(g->path, joined, sizeof(joined));
		r = list_below(base, out->count++, out, e);
	}
	return r;
}

int subtree_list_at(const struct cgroup_driver *d, int base, const char *path, struct subtree *out,
		    struct err *e)
{
	out->count = 1;
	out->groups[0].id = 0;
	snprintf(out->groups[0].path, sizeof(out->groups[0].path), "%s", path);
	return d->placement.engine[0] ? list_below(base, 0, out, e) : 0;
}

int subtree_list(const struct cgroup_driver *d, int base, const char *group, struct subtree *out,
		 struct err *e)
{
	return subtree_list_at(d, base, group_path(d, group, (char[CGROUP_PATH]){0}), out, e);
}
