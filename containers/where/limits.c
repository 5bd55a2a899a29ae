/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/limits.h"

#include <errno.h>

#include "containers/proc/control_file.h"
#include "decision/base/strings.h"

enum { FILE_PATH = 2 * LAYOUT_PATH + 64 };

/* A walk from the caller's own group of one hierarchy upwards. */
struct chain {
	int root;
	const struct hierarchy *h;
	char group[LAYOUT_PATH]; /* below the mount */
	bool is_over;
};

static struct chain begin(int root, const struct hierarchy *h)
{
	struct chain c = {.root = root, .h = h, .is_over = !h->version};

	memcpy(c.group, h->own, sizeof(c.group));
	cgroup_path_above_cleave(c.group);
	return c;
}

static void go_up(struct chain *c)
{
	char *last = strrchr(c->group, '/');

	if (last)
		*last = '\0';
	else
		c->is_over = true;
}

/* A file of the group that the walk is at; false: it has none of that name. */
static bool find_file(const struct chain *c, const char *name, char path[FILE_PATH])
{
	snprintf(path, FILE_PATH, "%s%s/%s", c->h->mount + 1, c->group, name);
	return control_exists(c->root, path);
}

static void name_group(const struct chain *c, char by[2 * LAYOUT_PATH])
{
	bool is_top = !c->h->root[0] && !c->group[0];

	snprintf(by, 2 * LAYOUT_PATH, "%s%s", is_top ? "/" : c->h->root, c->group);
}

/*
 * Whether anybody has limited the caller in v2, where a group that names no CPUs has its parent's. Of
 * these the root lacks what isolated partitions have, and all below it likewise: that is no limit of
 * the caller's. Above the root of a cgroup namespace, which has the file, may be more.
 */
static bool is_limited(int root, const struct hierarchy *h, const char *what)
{
	char name[40], path[FILE_PATH];
	struct cpuset set;

	snprintf(name, sizeof(name), "cpuset.%s", what);
	for (struct chain c = begin(root, h); !c.is_over; go_up(&c))
		if (find_file(&c, name, path) &&
		    (!c.group[0] || control_read_cpuset(root, path, &set, &(struct err){0}) ||
		     !cpuset_is_empty(&set)))
			return true;
	return false;
}

/*
 * What cpuset gives the caller: of the nearest group that has the file, which v2 shows only where
 * cpuset is enabled. The highest group that gives no more has made it so.
 */
static int read_set(int root, const struct hierarchy *h, const char *what, struct cpuset *out,
		    char by[2 * LAYOUT_PATH], struct err *e)
{
	struct chain c = begin(root, h);
	char name[40], path[FILE_PATH];
	struct cpuset set;

	if (h->version == 2 && !is_limited(root, h, what))
		return 0;
	snprintf(name, sizeof(name),
		 h->version == 1 ? "cpuset.effective_%s" : "cpuset.%s.effective", what);
	for (; !c.is_over; go_up(&c)) {
		int r;

		if (!find_file(&c, name, path))
			continue;
		r = control_read_cpuset(c.root, path, &set, e);
		if (r < 0)
			return r;
		if (cpuset_is_empty(&set))
			continue;
		if (!cpuset_is_empty(out) && !cpuset_is_equal(out, &set))
			break;
		*out = set;
		name_group(&c, by);
	}
	return 0;
}

static int read_memory(int root, const struct hierarchy *h, struct caller_limits *out,
		       struct err *e)
{
	/* Above memory.high a group is slowed down until it is below again. */
	static const char *const names[][2] = {{"memory.limit_in_bytes"},
					       {"memory.max", "memory.high"}};
	char path[FILE_PATH];

	for (struct chain c = begin(root, h); !c.is_over; go_up(&c)) {
		for (unsigned i = 0; i < 2; i++) {
			const char *name = names[h->version == 2][i];
			uint64_t limit;
			int r;

			if (!name || !find_file(&c, name, path))
				continue;
			r = control_read_number(c.root, path, &limit, e);
			if (r < 0)
				return r;
			if (limit == UINT64_MAX ||
			    (out->memory_bytes && limit >= out->memory_bytes))
				continue;
			out->memory_bytes = limit ? limit : 1;
			name_group(&c, out->memory_by);
		}
	}
	return 0;
}

/* "QUOTA PERIOD" in µs, v1's in two files; "max" and -1 are no quota. */
static uint64_t read_quota_at(const struct chain *c)
{
	uint64_t quota, period = 0;
	char path[FILE_PATH], text[64];
	struct err ignored;

	if (c->h->version == 1) {
		if (!find_file(c, "cpu.cfs_quota_us", path) ||
		    control_read(c->root, path, text, sizeof(text), &ignored) < 0 ||
		    !control_number(text, &quota) || !find_file(c, "cpu.cfs_period_us", path) ||
		    control_read_number(c->root, path, &period, &ignored) < 0)
			return 0;
	} else if (!find_file(c, "cpu.max", path) ||
		   control_read(c->root, path, text, sizeof(text), &ignored) < 0 ||
		   !control_number(text, &quota) || !strchr(text, ' ') ||
		   !control_number(strchr(text, ' ') + 1, &period)) {
		return 0;
	}
	if (!period || quota > UINT64_MAX / 1000)
		return 0;
	return quota * 1000 / period ? quota * 1000 / period : 1;
}

static void read_quota(int root, const struct hierarchy *h, struct caller_limits *out)
{
	for (struct chain c = begin(root, h); !c.is_over; go_up(&c)) {
		uint64_t milli = read_quota_at(&c);

		if (!milli || (out->quota_milli && milli >= out->quota_milli))
			continue;
		out->quota_milli = milli;
		name_group(&c, out->quota_by);
	}
}

int caller_limits_read(int root, const struct cgroup_layout *l, struct caller_limits *out,
		       struct err *e)
{
	const struct hierarchy *cpuset = &l->controllers[CONTROLLER_CPUSET];
	struct caller_limits limits = {0};
	int r = read_set(root, cpuset, "cpus", &limits.cpus, limits.cpus_by, e);

	if (r == 0)
		r = read_set(root, cpuset, "mems", &limits.nodes, limits.nodes_by, e);
	if (r == 0)
		r = read_memory(root, &l->controllers[CONTROLLER_MEMORY], &limits, e);
	if (r < 0)
		return r;
	read_quota(root, &l->controllers[CONTROLLER_CPU], &limits);
	*out = limits;
	return 0;
}
