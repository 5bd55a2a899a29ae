/*
 * What the cgroup tree says of the machine: driver_allowed() and so on. No file of it is written
 * here.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include "containers/cgroup/cgroup.h"
#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

enum { WALK_DEPTH = 24 };

/* ---- allowed */

/* The group that cleave's own will be made in, as far as one controller goes. */
static void group_above(const struct placement_facts *f, enum controller controller,
			enum root_kind kind, const char *cgroup_root, char path[2 * LAYOUT_PATH])
{
	const struct hierarchy *h = &f->layout.controllers[controller];
	char own[LAYOUT_PATH];

	if (kind == ROOT_PLAIN || kind == ROOT_CGROUP2) {
		snprintf(path, 2 * LAYOUT_PATH, "%s", cgroup_root);
		return;
	}
	if (h->version == 2 && f->systemd && kind == ROOT_NONE) {
		if (f->uid)
			snprintf(path, 2 * LAYOUT_PATH,
				 "%s/user.slice/user-%u.slice/user@%u.service/app.slice", h->mount,
				 f->uid, f->uid);
		else
			snprintf(path, 2 * LAYOUT_PATH, "%s/system.slice", h->mount);
		return;
	}
	memcpy(own, h->own, sizeof(own));
	cgroup_path_above_cleave(own);
	snprintf(path, 2 * LAYOUT_PATH, "%s%s", h->mount, h->version ? own : "");
}

/*
 * Read "PATH/file", or that of the nearest group above that has it: v2 shows it only where cpuset
 * is enabled.
 */
static int read_upwards(const char *path, const char *const files[2], struct cpuset *out,
			struct err *e)
{
	char group[2 * LAYOUT_PATH], file[2 * LAYOUT_PATH + 64];

	snprintf(group, sizeof(group), "%s", path);
	for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
		*end = '\0';
		for (unsigned i = 0; i < 2; i++) {
			snprintf(file, sizeof(file), "%s/%s", group, files[i]);
			if (control_exists(AT_FDCWD, file))
				return control_read_cpuset(AT_FDCWD, file, out, e);
		}
	}
	return -ENOENT;
}

int driver_allowed(const char *cgroup_root, struct cpuset *cpus, struct cpuset *nodes,
		   struct err *e)
{
	static const char *const cpu_files[2] = {"cpuset.cpus.effective", "cpuset.effective_cpus"};
	static const char *const node_files[2] = {"cpuset.mems.effective", "cpuset.effective_mems"};
	struct cpuset found_cpus = {0}, found_nodes = {0};
	struct placement_facts facts;
	char path[2 * LAYOUT_PATH];
	enum root_kind kind;
	int rc = driver_facts(cgroup_root, &kind, &facts, e);

	if (rc < 0)
		return rc;
	group_above(&facts, CONTROLLER_CPUSET, kind, cgroup_root, path);
	rc = read_upwards(path, cpu_files, &found_cpus, e);
	if (rc == -ENOENT || (rc == 0 && cpuset_is_empty(&found_cpus)))
		rc = control_read_cpuset(AT_FDCWD, "/sys/devices/system/cpu/online", &found_cpus,
					 e);
	if (rc < 0)
		return rc;
	rc = read_upwards(path, node_files, &found_nodes, e);
	if (rc == -ENOENT || (rc == 0 && cpuset_is_empty(&found_nodes)))
		rc = control_read_cpuset(AT_FDCWD, "/sys/devices/system/node/has_memory",
					 &found_nodes, e);
	if (rc == -ENOENT) { /* a kernel without NUMA has one node */
		cpuset_add(&found_nodes, 0);
		rc = 0;
	}
	if (rc < 0)
		return rc;
	*cpus = found_cpus;
	*nodes = found_nodes;
	return 0;
}

/* ---- memory limit */

int driver_memory_limit(const char *cgroup_root, uint64_t *limit_bytes, struct err *e)
{
	static const char *const files[2] = {"memory.max", "memory.limit_in_bytes"};
	char path[2 * LAYOUT_PATH], file[2 * LAYOUT_PATH + 64];
	struct placement_facts facts;
	enum root_kind kind;
	uint64_t least = UINT64_MAX, limit;
	int rc = driver_facts(cgroup_root, &kind, &facts, e);

	if (rc < 0)
		return rc;
	group_above(&facts, CONTROLLER_MEMORY, kind, cgroup_root, path);
	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		*end = '\0';
		for (unsigned i = 0; i < 2; i++) {
			snprintf(file, sizeof(file), "%s/%s", path, files[i]);
			if (!control_exists(AT_FDCWD, file))
				continue;
			rc = control_read_number(AT_FDCWD, file, &limit, e);
			if (rc < 0)
				return rc;
			least = limit < least ? limit : least;
		}
	}
	*limit_bytes = least == UINT64_MAX ? 0 : least;
	return 0;
}

/* ---- taken */

struct walk {
	const char *cluster; /* not this one */
	struct cpuset *taken;
	char *taken_by;
};

/*
 * The union of a cluster's slices is the union of their home sets, loans or not: loans stay within
 * the cluster.
 */
static void take_slices(int dir, const char *name, struct walk *w)
{
	int fd = dup(dir);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!list)
		return;
	rewinddir(list);
	while ((entry = readdir(list))) {
		char path[512];
		struct cpuset cpus;

		if (strncmp(entry->d_name, "slice-", 6) || !cgroup_name_is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/cpuset.cpus", entry->d_name);
		if (control_read_cpuset(dir, path, &cpus, &(struct err){0}) < 0 ||
		    cpuset_is_empty(&cpus))
			continue;
		*w->taken = cpuset_or(w->taken, &cpus);
		snprintf(w->taken_by, NAME_MAX_BYTES + 1, "%s", name);
	}
	closedir(list);
}

/* "cleave-NAME.scope" → NAME */
static bool scope_cluster(const char *directory, char name[NAME_MAX_BYTES + 1])
{
	size_t size = strlen(directory);

	if (size <= 13 || strncmp(directory, "cleave-", 7) ||
	    strcmp(directory + size - 6, ".scope") != 0)
		return false;
	snprintf(name, NAME_MAX_BYTES + 1, "%.*s", (int)(size - 13), directory + 7);
	return profile_name_is_valid(name);
}

/* Look at the groups below `dir`; `in_cleave`: its own name is "cleave", so they are clusters. */
static void walk_groups(int dir, const char *own_name, unsigned depth, struct walk *w)
{
	bool in_cleave = !strcmp(own_name, "cleave");
	int fd = dup(dir);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!list)
		return;
	while (depth < WALK_DEPTH && (entry = readdir(list))) {
		char name[NAME_MAX_BYTES + 1];
		bool is_cluster;
		cleanup_close int child = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		is_cluster = in_cleave ? profile_name_is_valid(entry->d_name)
				       : scope_cluster(entry->d_name, name);
		if (in_cleave && is_cluster)
			snprintf(name, sizeof(name), "%.*s", NAME_MAX_BYTES, entry->d_name);
		if (is_cluster && !strcmp(name, w->cluster))
			continue;
		child = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			continue;
		if (is_cluster)
			take_slices(child, name, w);
		else
			walk_groups(child, entry->d_name, depth + 1, w);
	}
	closedir(list);
}

/*
 * Clusters may sit anywhere in the hierarchy of cpuset, so what concerns all of them begins at its
 * top. -1: there is none.
 */
static int open_top(const char *cgroup_root, int *dir, struct err *e)
{
	struct placement_facts facts;
	const char *top;
	enum root_kind kind;
	int rc = driver_facts(cgroup_root, &kind, &facts, e);

	if (rc < 0)
		return rc;
	top = kind == ROOT_PLAIN ? cgroup_root : facts.layout.controllers[CONTROLLER_CPUSET].mount;
	*dir = top[0] ? open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return top[0] && *dir < 0 ? err_errno(e, -errno, "cannot open %s", top) : 0;
}

int driver_taken(const char *cgroup_root, const char *cluster, struct cpuset *taken,
		 char taken_by[NAME_MAX_BYTES + 1], struct err *e)
{
	struct cpuset found = {0};
	char by[NAME_MAX_BYTES + 1] = "";
	struct walk w = {cluster, &found, by};
	cleanup_close int dir = -1;
	int rc = open_top(cgroup_root, &dir, e);

	if (rc < 0)
		return rc;
	if (dir >= 0)
		walk_groups(dir, "", 0, &w);
	*taken = found;
	memcpy(taken_by, by, sizeof(by));
	return 0;
}

/* ---- one at a time */

enum { LOCK_RETRY_MS = 10 };

int driver_lock(const char *cgroup_root, unsigned patience_ms, int *lock, struct err *e)
{
	cleanup_close int dir = -1;
	int rc = open_top(cgroup_root, &dir, e);

	if (rc < 0)
		return rc;
	/*
	 * Not a blocking flock(): everybody may lock a directory that he can read, for as long as
	 * he likes.
	 */
	for (unsigned waited = 0; dir >= 0 && flock(dir, LOCK_EX | LOCK_NB);
	     waited += LOCK_RETRY_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(e, -errno, "cannot lock the cgroup tree");
		if (waited >= patience_ms)
			return err_set(e, -EBUSY,
				       "another cluster has been changing its groups for %g s: try "
				       "again when its up or down is done",
				       patience_ms / 1e3);
		poll(NULL, 0, LOCK_RETRY_MS);
	}
	*lock = take_fd(dir);
	return 0;
}

/* ---- missing */

static bool is_set(const struct size *s)
{
	return s->unit == SIZE_PERCENT || (s->unit == SIZE_BYTES && s->value);
}

int driver_missing(const char *cgroup_root, const struct profile *p, struct strings *missing,
		   struct err *e)
{
	const struct profile_memory *m = &p->memory;
	bool affinity = p->backend == BACKEND_AFFINITY, v1, memsw, io;
	struct strings list = {0};
	struct placement_facts facts;
	const struct hierarchy *memory, *blkio;
	char file[2 * LAYOUT_PATH];
	enum root_kind kind;
	int rc = driver_facts(cgroup_root, &kind, &facts, e);

	if (rc < 0)
		return rc;
	memory = &facts.layout.controllers[CONTROLLER_MEMORY];
	blkio = &facts.layout.controllers[CONTROLLER_IO];
	v1 = memory->version == 1 && kind != ROOT_PLAIN && kind != ROOT_CGROUP2;
	snprintf(file, sizeof(file), "%s/memory.memsw.limit_in_bytes", memory->mount);
	memsw = !v1 || control_exists(AT_FDCWD, file);
	io = blkio->version || kind == ROOT_PLAIN;
	if (is_set(&m->limit) && affinity)
		rc |= strings_add(&list, "memory.limit");
	if (is_set(&m->high) && (affinity || v1))
		rc |= strings_add(&list, "memory.high");
	if (is_set(&m->low) && (affinity || v1))
		rc |= strings_add(&list, "memory.low");
	if (is_set(&m->swap) && (affinity || !memsw))
		rc |= strings_add(&list, "memory.swap");
	if (p->io_count && (affinity || !io))
		rc |= strings_add(&list, "io");
	if (rc)
		return err_set(e, -E2BIG, "the list of missing memory keys is full");
	*missing = list;
	return 0;
}
