/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "containers/proc/control_file.h"
#include "containers/where/unit.h"
#include "decision/base/cleanup.h"

enum { WALK_DEPTH = 24 };

int tree_read(const char *cgroup_root, struct tree *out, struct err *e)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree t = {.cgroup_root = cgroup_root};
	int r = root < 0 ? err_errno(e, -errno, "cannot open /")
			 : placement_root(cgroup_root, &t.root, e);

	if (r == 0)
		r = placement_facts_read(root, geteuid(), &t.facts, e);
	if (r == 0 && t.root == ROOT_CGROUP2)
		placement_facts_give(root, cgroup_root, &t.facts);
	if (r == 0)
		*out = t;
	return r;
}

int tree_align(struct tree *t, struct err *e)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (t->root == ROOT_CGROUP2) /* the whole path is given */
		return 0;
	return root < 0 ? err_errno(e, -errno, "cannot open /")
			: placement_facts_align(root, &t->facts, e);
}

int tree_place(const struct tree *t, enum backend backend, const char *engine,
	       struct placement *out, struct err *e)
{
	int r = placement_decide(&t->facts, backend, engine, t->root, t->cgroup_root, out, e);

	return r == 0 ? tree_check_build(out, e) : r;
}

int tree_check_build(const struct placement *p, struct err *e)
{
	if (HAVE_LIBCGROUP || p->kind != PLACEMENT_CGROUP1)
		return 0;
	return err_impossible(
		e, "the controllers here are in cgroup v1, and this cleave was built "
		   "without it: build with LIBCGROUP=yes, or boot with cgroup_no_v1=all");
}

/* ---- allowed */

/*
 * The group that cleave's own will be made in, as far as one controller goes. Return the cgroup
 * version there.
 */
static int group_above(const struct tree *t, enum controller controller, char path[2 * LAYOUT_PATH])
{
	const struct hierarchy *h = &t->facts.layout.controllers[controller];
	char own[LAYOUT_PATH];

	if (t->root == ROOT_CGROUP2) {
		snprintf(path, 2 * LAYOUT_PATH, "%s", t->cgroup_root);
		return 2;
	}
	memcpy(own, h->own, sizeof(own));
	cgroup_path_above_cleave(own);
	if (h->version != 2 || !t->facts.systemd || t->root != ROOT_NONE)
		snprintf(path, 2 * LAYOUT_PATH, "%s%s", h->mount, h->version ? own : "");
	else
		placement_manager_group(&t->facts, path);
	return h->version;
}

bool tree_find_scope(const struct tree *t, const char *cluster, struct placement *p)
{
	char above[2 * LAYOUT_PATH], path[3 * LAYOUT_PATH];
	struct scope_command command;

	group_above(t, CONTROLLER_CPUSET, above);
	placement_scope_command(cluster, p->user_manager, &command);
	snprintf(path, sizeof(path), "%s/%s", above, command.unit);
	if (strlen(path) >= sizeof(p->base[0]) || !control_exists(AT_FDCWD, path))
		return false;
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		string_copy(p->base[c], path);
	return true;
}

/*
 * What cpuset gives the group above: from the nearest group upwards that has the file, which v2
 * shows only where cpuset is enabled; else from `machine`, of the whole machine.
 */
static int read_effective(const struct tree *t, const char *what, const char *machine,
			  struct cpuset *out, struct err *e)
{
	char group[2 * LAYOUT_PATH], file[2 * LAYOUT_PATH + 64];
	bool v1 = group_above(t, CONTROLLER_CPUSET, group) == 1;
	int r = -ENOENT;

	for (char *end = group + strlen(group); r == -ENOENT && end; end = strrchr(group, '/')) {
		*end = '\0';
		snprintf(file, sizeof(file), "%s/cpuset.%s%s%s", group, v1 ? "effective_" : "",
			 what, v1 ? "" : ".effective");
		if (control_exists(AT_FDCWD, file))
			r = control_read_cpuset(AT_FDCWD, file, out, e);
	}
	if (r == -ENOENT || (r == 0 && cpuset_is_empty(out)))
		r = control_read_cpuset(AT_FDCWD, machine, out, e);
	return r;
}

int tree_allowed(const struct tree *t, struct cpuset *cpus, struct cpuset *nodes, struct err *e)
{
	struct cpuset found_cpus = {0}, found_nodes = {0};
	int r = read_effective(t, "cpus", "/sys/devices/system/cpu/online", &found_cpus, e);

	if (r < 0)
		return r;
	r = read_effective(t, "mems", "/sys/devices/system/node/has_memory", &found_nodes, e);
	if (r == -ENOENT) /* a kernel without NUMA has one node */
		cpuset_add(&found_nodes, 0);
	else if (r < 0)
		return r;
	*cpus = found_cpus;
	*nodes = found_nodes;
	return 0;
}

/* The nearest group that is the root of a partition says of which kind: cgroup-v2.rst. */
bool tree_is_isolated(const struct tree *t)
{
	char group[2 * LAYOUT_PATH], file[2 * LAYOUT_PATH + 64], kind[64] = "member";
	int version = group_above(t, CONTROLLER_CPUSET, group);

	for (char *end = group + strlen(group); version == 2 && end; end = strrchr(group, '/')) {
		*end = '\0';
		snprintf(file, sizeof(file), "%s/cpuset.cpus.partition", group);
		if (control_read(AT_FDCWD, file, kind, sizeof(kind), &(struct err){0}) > 0 &&
		    strncmp(kind, "member", 6) != 0)
			break;
	}
	return !strcmp(kind, "isolated");
}

/* ---- memory limit */

int tree_memory_limit(const struct tree *t, uint64_t *limit_bytes, struct err *e)
{
	char path[2 * LAYOUT_PATH], file[2 * LAYOUT_PATH + 64];
	const char *name = group_above(t, CONTROLLER_MEMORY, path) == 1 ? "memory.limit_in_bytes"
									: "memory.max";
	uint64_t least = UINT64_MAX, limit;

	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		int r;

		*end = '\0';
		snprintf(file, sizeof(file), "%s/%s", path, name);
		if (!control_exists(AT_FDCWD, file))
			continue;
		r = control_read_number(AT_FDCWD, file, &limit, e);
		if (r < 0)
			return r;
		least = limit < least ? limit : least;
	}
	*limit_bytes = least == UINT64_MAX ? 0 : least;
	return 0;
}

/* ---- the caller */

int tree_caller_limits(const struct tree *t, struct caller_limits *out, struct err *e)
{
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? err_errno(e, -errno, "cannot open /")
			: caller_limits_read(root, &t->facts.layout, out, e);
}

/* ---- taken */

struct walk {
	const char *cluster; /* not this one */
	uid_t caller;
	struct claims found;
};

/*
 * The union of a cluster's slices is the union of their home sets, loans or not: loans stay within
 * the cluster.
 */
static void take_slices(int dir, const char *name, struct walk *w)
{
	cleanup_closedir DIR *list = control_list(dir, ".");
	struct claims *found = &w->found;
	struct dirent *entry;
	struct stat st;
	bool is_believed;

	if (fstat(dir, &st))
		return;
	is_believed = st.st_uid == 0 || st.st_uid == w->caller;

	while (list && (entry = readdir(list))) {
		char path[512], cluster[NAME_MAX_BYTES + 1], group[NAME_MAX_BYTES + 1];
		struct cpuset cpus;

		if (!unit_parse(entry->d_name, cluster, group))
			snprintf(group, sizeof(group), "%.*s", NAME_MAX_BYTES, entry->d_name);
		if (strncmp(group, "slice-", 6) || !group_name_is_ours(group))
			continue;
		snprintf(path, sizeof(path), "%s/cpuset.cpus", entry->d_name);
		if (control_read_cpuset(dir, path, &cpus, &(struct err){0}) < 0 ||
		    cpuset_is_empty(&cpus))
			continue;
		if (is_believed) {
			found->taken = cpuset_or(&found->taken, &cpus);
			snprintf(found->taken_by, sizeof(found->taken_by), "%s", name);
		} else {
			found->claimed = cpuset_or(&found->claimed, &cpus);
			found->claimed_by = st.st_uid;
		}
	}
}

/* The cluster whose own group has this name: NAME in "cleave", else "cleave-NAME.scope" or a unit. */
static bool cluster_of(const char *directory, bool in_cleave, char name[NAME_MAX_BYTES + 1])
{
	size_t size = strlen(directory);
	char group[NAME_MAX_BYTES + 1];

	if (in_cleave) {
		snprintf(name, NAME_MAX_BYTES + 1, "%.*s", NAME_MAX_BYTES, directory);
		return profile_name_is_valid(directory);
	}
	if (unit_parse(directory, name, group))
		return !group[0];
	if (size <= 13 || strncmp(directory, "cleave-", 7) ||
	    strcmp(directory + size - 6, ".scope") != 0)
		return false;
	snprintf(name, NAME_MAX_BYTES + 1, "%.*s", (int)(size - 13), directory + 7);
	return profile_name_is_valid(name);
}

/* Of the cluster that is left out. */
static void take_own(int dir, const char *name, struct walk *w)
{
	struct walk own = {.caller = w->caller};

	take_slices(dir, name, &own);
	w->found.has_own |= !cpuset_is_empty(&own.found.taken);
}

/* Look at the groups below `dir`, whose own name is `own_name`. */
static void walk_groups(int dir, const char *own_name, unsigned depth, struct walk *w)
{
	cleanup_closedir DIR *list = control_list(dir, ".");
	bool in_cleave = !strcmp(own_name, "cleave");
	struct dirent *entry;

	while (list && depth < WALK_DEPTH && (entry = readdir(list))) {
		char name[NAME_MAX_BYTES + 1];
		bool is_cluster;
		cleanup_close int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		is_cluster = cluster_of(entry->d_name, in_cleave, name);
		child = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			continue;
		if (is_cluster && !strcmp(name, w->cluster))
			take_own(child, name, w);
		else if (is_cluster)
			take_slices(child, name, w);
		else
			walk_groups(child, entry->d_name, depth + 1, w);
	}
}

/*
 * Clusters may sit anywhere in the hierarchy of cpuset, so what concerns all of them begins at its
 * top. -1: there is none.
 */
static int open_top(const struct tree *t, int *dir, struct err *e)
{
	const char *top = t->facts.layout.controllers[CONTROLLER_CPUSET].mount;

	*dir = top[0] ? open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	/* Where another mount hides it nobody can have groups there; a plan can still be made. */
	return top[0] && *dir < 0 && errno != ENOENT ? err_errno(e, -errno, "cannot open %s", top)
						     : 0;
}

int tree_claims(const struct tree *t, const char *cluster, struct claims *out, struct err *e)
{
	struct walk w = {.cluster = cluster, .caller = t->facts.uid};
	cleanup_close int dir = -1;
	int r = open_top(t, &dir, e);

	if (r < 0)
		return r;
	if (dir >= 0)
		walk_groups(dir, "", 0, &w);
	*out = w.found;
	return 0;
}

int tree_name(const struct tree *t, char name[TREE_NAME], struct err *e)
{
	cleanup_close int dir = -1;
	struct stat st;
	int r = open_top(t, &dir, e);

	if (r < 0)
		return r;
	if (dir >= 0 && fstat(dir, &st))
		return err_errno(e, -errno, "the top of the cgroup tree");
	name[0] = '\0';
	if (dir >= 0)
		snprintf(name, TREE_NAME, "%llx-%llx", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
	return 0;
}

/* ---- missing */

static bool is_set(const struct size *s)
{
	return s->unit == SIZE_PERCENT || (s->unit == SIZE_BYTES && s->value);
}

int tree_missing(const struct tree *t, const struct profile *p, struct strings *missing,
		 struct err *e)
{
	const struct hierarchy *of = t->facts.layout.controllers;
	const struct profile_memory *m = &p->memory;
	bool limits = p->backend != BACKEND_AFFINITY;
	bool v2 = t->root == ROOT_CGROUP2 || of[CONTROLLER_MEMORY].version != 1;
	char memsw[2 * LAYOUT_PATH];
	struct strings list = {0};

	snprintf(memsw, sizeof(memsw), "%s/memory.memsw.limit_in_bytes",
		 of[CONTROLLER_MEMORY].mount);
	const struct {
		const char *key;
		bool is_wanted, can_be;
	} keys[] = {
		{"memory.limit", is_set(&m->limit), limits},
		{"memory.high", is_set(&m->high), limits && v2},
		{"memory.low", is_set(&m->low), limits && v2},
		{"memory.swap", is_set(&m->swap),
		 limits && (v2 || control_exists(AT_FDCWD, memsw))},
		/* v1 throttles a group alone, not those that an engine makes below it. */
		{"io", p->io_count > 0,
		 limits && (of[CONTROLLER_IO].version == 2 ||
			    (of[CONTROLLER_IO].version && p->backend != BACKEND_DOCKER))},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].is_wanted && !keys[i].can_be && strings_add(&list, keys[i].key))
			return err_set(e, -E2BIG, "the list of missing memory keys is full");
	*missing = list;
	return 0;
}
