/*
 * Cgroup v1. libcgroup finds the hierarchies, makes, joins and deletes groups; each of its answers
 * is checked against the kernel, because it reports success for groups it did not make and errors
 * for ones it deleted. On hybrid machines the groups exist in the v2 tree as well: for clone3, kill
 * and pressure.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libcgroup.h>
#include <sys/stat.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

enum { MEMBERS_MAX = 4096 }; /* processes of a slice: one JVM, or some dozens of Python's */

/*
 * weight → cpu.shares: straight lines through v2's and v1's minimum (1, 2), default (100, 1024) and
 * maximum (10000, 262144), the same three points that runc and crun map onto each other; exactly
 * invertible.
 */
enum { SHARES_MIN = 2, SHARES_DEFAULT = 1024, SHARES_MAX = 262144 };

static uint64_t shares_from_weight(unsigned weight)
{
	if (weight <= WEIGHT_DEFAULT)
		return SHARES_MIN + (uint64_t)(weight - 1) * (SHARES_DEFAULT - SHARES_MIN) /
					    (WEIGHT_DEFAULT - 1);
	return SHARES_DEFAULT + (uint64_t)(weight - WEIGHT_DEFAULT) *
					(SHARES_MAX - SHARES_DEFAULT) /
					(WEIGHT_MAX - WEIGHT_DEFAULT);
}

/* The least weight that has at least these shares: the inverse of the above, which rounds down. */
static unsigned weight_from_shares(uint64_t shares)
{
	const uint64_t low = WEIGHT_DEFAULT - 1, high = WEIGHT_MAX - WEIGHT_DEFAULT;

	if (shares <= SHARES_MIN)
		return 1;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	if (shares <= SHARES_DEFAULT)
		return 1 +
		       (unsigned)(((shares - SHARES_MIN) * low + SHARES_DEFAULT - SHARES_MIN - 1) /
				  (SHARES_DEFAULT - SHARES_MIN));
	return WEIGHT_DEFAULT +
	       (unsigned)(((shares - SHARES_DEFAULT) * high + SHARES_MAX - SHARES_DEFAULT - 1) /
			  (SHARES_MAX - SHARES_DEFAULT));
}

/* cpuacct.usage is in nanoseconds. */
static uint64_t usage_us(const char *text)
{
	uint64_t ns;

	return control_number(text, &ns) ? ns / 1000 : 0;
}

/* ---- libcgroup */

/*
 * The handle of one group in one hierarchy. NULL: out of memory, or libcgroup's mount is not the
 * one we use.
 */
static struct cgroup *handle(const struct cgroup_driver *d, enum controller c, const char *path,
			     struct err *e)
{
	const char *name = controller_name(c, 1), *base = d->placement.base[c];
	cleanup_free char *mount = NULL;
	char below[2 * LAYOUT_PATH + CGROUP_PATH];
	struct cgroup *group;
	int rc = cgroup_get_subsys_mount_point(name, &mount);

	if (rc || strncmp(base, mount, strlen(mount))) {
		err_set(e, -ENOENT, "libcgroup finds %s at %s, and the group is below %s", name,
			rc ? cgroup_strerror(rc) : mount, base);
		return NULL;
	}
	snprintf(below, sizeof(below), "%s/%s", base + strlen(mount), path);
	group = cgroup_new_cgroup(below[0] == '/' ? below + 1 : below);
	if (group && cgroup_add_controller(group, name))
		return group;
	if (group)
		cgroup_free(&group);
	err_errno(e, -ENOMEM, "%s of %s", name, path);
	return NULL;
}

static int64_t libcgroup_error(int rc)
{
	return rc == ECGOTHER && cgroup_get_last_errno() ? cgroup_get_last_errno() : EIO;
}

static int make_one(struct cgroup_driver *d, enum controller c, const char *path, struct err *e)
{
	struct cgroup *group;
	int rc;

	if (control_exists(d->base[c], path))
		return 0;
	group = handle(d, c, path, e);
	if (!group)
		return e->code;
	rc = cgroup_create_cgroup(group, 1);
	cgroup_free(&group);
	/* It returns 0 without having made anything, too. */
	if (!control_exists(d->base[c], path))
		return err_set(e, rc ? (int)-libcgroup_error(rc) : -EIO,
			       "cannot make group %s/%s: %s", d->placement.base[c], path,
			       rc ? cgroup_strerror(rc)
				  : "libcgroup reports success, but it is not there");
	return 0;
}

static int unmake_one(struct cgroup_driver *d, enum controller c, const char *path, struct err *e)
{
	char procs[CGROUP_PATH + 16];
	struct cgroup *group;
	char pid[32];
	int rc;

	if (!control_exists(d->base[c], path))
		return 0;
	/* libcgroup would move what is left in it to the group above. */
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	if (control_read(d->base[c], procs, pid, sizeof(pid), &(struct err){0}) != 0)
		return err_set(e, -EBUSY, "group %s/%s still has processes", d->placement.base[c],
			       path);
	group = handle(d, c, path, e);
	if (!group)
		return e->code;
	rc = cgroup_delete_cgroup_ext(group, CGFLAG_DELETE_EMPTY_ONLY);
	cgroup_free(&group);
	/* Its result is not the truth: errors after success, and successes that deleted a part. */
	if (control_exists(d->base[c], path))
		return err_set(e, rc ? (int)-libcgroup_error(rc) : -EBUSY,
			       "cannot remove group %s/%s: %s", d->placement.base[c], path,
			       rc ? cgroup_strerror(rc)
				  : "libcgroup reports success, but it is there");
	return 0;
}

static int attach(void *context, pid_t child, struct err *e)
{
	const struct cgroup_member *m = context;
	struct cgroup_driver *d = m->driver;
	char path[CGROUP_PATH];

	cgroup_path(d, m->group, path);
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		struct cgroup *group;
		int rc;

		if (d->base[c] < 0)
			continue;
		group = handle(d, c, path, e);
		if (!group)
			return e->code;
		rc = cgroup_attach_task_pid(group, child);
		cgroup_free(&group);
		if (!cgroup_has_process(d, m->group, child, controller_name(c, 1)))
			return err_set(e, rc ? (int)-libcgroup_error(rc) : -EIO,
				       "cannot put pid %d into %s/%s: %s", child,
				       d->placement.base[c], path,
				       rc ? cgroup_strerror(rc)
					  : "libcgroup reports success, but it is not in it");
	}
	return 0;
}

/* ---- groups in all hierarchies */

static int unmake(struct cgroup_driver *d, const char *path, struct err *e)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		int rc = d->base[c] < 0 ? 0 : unmake_one(d, c, path, e);

		if (rc < 0)
			return rc;
	}
	if (d->unified >= 0 && unlinkat(d->unified, path, AT_REMOVEDIR) && errno != ENOENT)
		return err_errno(e, -errno, "cannot remove group %s/%s", d->placement.unified,
				 path);
	return 0;
}

static int make(struct cgroup_driver *d, const char *path, struct err *e)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		int rc = d->base[c] < 0 ? 0 : make_one(d, c, path, e);

		if (rc < 0)
			return rc;
	}
	if (d->unified >= 0 && mkdirat(d->unified, path, 0755) && errno != EEXIST)
		return err_errno(e, -errno, "cannot make group %s/%s", d->placement.unified, path);
	return 0;
}

/* ---- limits */

static int limit_swap(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	const struct slice_memory *m = &g->memory;
	int dir = d->base[CONTROLLER_MEMORY];
	char path[CGROUP_PATH + 64];

	/*
	 * memsw counts memory and swap together; kernels booted with swapaccount=0 do not have it.
	 */
	cgroup_file(d, g->name, "memory.memsw.limit_in_bytes", path);
	if (control_exists(dir, path))
		return cgroup_write_bytes(dir, path, m->max_bytes + m->swap_bytes, "-1", e);
	if (m->swap_bytes)
		return 0;
	return control_write(dir, cgroup_file(d, g->name, "memory.swappiness", path), "0", e);
}

static int limit_io(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	for (unsigned i = 0; i < g->io_count; i++) {
		const struct profile_io *io = &g->io[i];
		const struct {
			const char *file;
			uint64_t value;
		} limits[] = {
			{"blkio.throttle.read_bps_device", io->read_bps},
			{"blkio.throttle.write_bps_device", io->write_bps},
			{"blkio.throttle.read_iops_device", io->read_iops},
			{"blkio.throttle.write_iops_device", io->write_iops},
		};

		for (unsigned k = 0; k < sizeof(limits) / sizeof(limits[0]); k++) {
			char path[CGROUP_PATH + 64], text[PROFILE_WORD + 32], now[CONTROL_TEXT];
			int rc;

			if (!limits[k].value)
				continue;
			snprintf(text, sizeof(text), "%s %" PRIu64, io->device, limits[k].value);
			cgroup_file(d, g->name, limits[k].file, path);
			rc = control_write(d->base[CONTROLLER_IO], path, text, e);
			if (rc == 0)
				rc = control_read(d->base[CONTROLLER_IO], path, now, sizeof(now),
						  e);
			if (rc < 0)
				return rc;
			if (control_value(now, io->device, 0) != limits[k].value)
				return err_set(e, -EIO,
					       "%s of %s was set to \"%s\" and reads \"%.100s\"",
					       limits[k].file, g->name, text, now);
		}
	}
	return 0;
}

static int limit(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	char path[CGROUP_PATH + 64];
	int rc = 0;

	if (g->memory.max_bytes) {
		cgroup_file(d, g->name, "memory.limit_in_bytes", path);
		rc = cgroup_write_bytes(d->base[CONTROLLER_MEMORY], path, g->memory.max_bytes, "-1",
					e);
		if (rc == 0)
			rc = limit_swap(d, g, e);
	}
	if (rc == 0 && g->io_count && d->base[CONTROLLER_IO] < 0)
		return err_impossible(e, "io limits need the blkio controller, which is not "
					 "available here: remove `io` from the profile");
	return rc == 0 ? limit_io(d, g, e) : rc;
}

/* ---- samples */

/* "anon=PAGES N0=PAGES N1=…" */
static void sample_nodes(const char *text, const struct cpuset *nodes, struct sample *out)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), value;
	const char *line = strstr(text, "\nanon=");

	if (!line)
		return;
	line += strlen("\nanon=");
	for (const char *c = line; *c && *c != '\n'; c += strcspn(c, " \n")) {
		unsigned node;
		int used = 0;

		c += *c == ' ';
		if (c == line && control_number(c, &value))
			out->anon_bytes = value * page;
		else if (sscanf(c, "N%u=%n", &node, &used) == 1 && used && node < CPUSET_MAX &&
			 control_number(c + used, &value) && cpuset_has(nodes, node))
			out->anon_local_bytes += value * page;
	}
}

static int sample_memory(struct cgroup_driver *d, const char *group, const struct cpuset *nodes,
			 struct sample *out, struct err *e)
{
	char path[CGROUP_PATH + 64], text[CONTROL_TEXT];
	int dir = d->base[CONTROLLER_MEMORY], rc;
	uint64_t max = UINT64_MAX;

	rc = control_read_number(dir, cgroup_file(d, group, "memory.usage_in_bytes", path),
				 &out->memory_bytes, e);
	if (rc == 0)
		rc = control_read_number(dir, cgroup_file(d, group, "memory.limit_in_bytes", path),
					 &max, e);
	if (rc < 0)
		return rc;
	out->memory_max_bytes = max == UINT64_MAX ? 0 : max;
	if (control_read(dir, cgroup_file(d, group, "memory.numa_stat", path), text, sizeof(text),
			 &(struct err){0}) >= 0)
		sample_nodes(text, nodes, out);
	if (control_read(dir, cgroup_file(d, group, "memory.oom_control", path), text, sizeof(text),
			 &(struct err){0}) >= 0)
		out->oom_kills = control_value(text, "oom_kill", 0);
	return 0;
}

/* ---- the cluster's own group */

/* Give a file of `path` what the group above it has in another. */
static int inherit_one(struct cgroup_driver *d, const char *above, const char *from_file,
		       const char *path, const char *to_file, struct err *e)
{
	char from[CGROUP_PATH + 64], to[CGROUP_PATH + 64], text[CPUSET_TEXT], now[CPUSET_TEXT];
	int dir = d->base[CONTROLLER_CPUSET], rc;

	snprintf(from, sizeof(from), "%s%s%s", above, above[0] ? "/" : "", from_file);
	snprintf(to, sizeof(to), "%s%s%s", path, path[0] ? "/" : "", to_file);
	rc = control_read(dir, from, text, sizeof(text), e);
	if (rc >= 0)
		rc = control_read(dir, to, now, sizeof(now), e);
	if (rc >= 0 && strcmp(text, now))
		rc = control_write(dir, to, text, e);
	return rc < 0 ? rc : 0;
}

static int inherit_cpus(struct cgroup_driver *d, const char *above, const char *path, struct err *e)
{
	return inherit_one(d, above, "cpuset.effective_cpus", path, "cpuset.cpus", e);
}

/* A v1 cpuset is born empty: give `path` all that the group above it has. */
static int inherit(struct cgroup_driver *d, const char *above, const char *path, struct err *e)
{
	int rc = inherit_one(d, above, "cpuset.effective_mems", path, "cpuset.mems", e);

	return rc == 0 ? inherit_cpus(d, above, path, e) : rc;
}

/* Memory nodes are left alone: a cpuset with processes below it would migrate their pages. */
static int widen(struct cgroup_driver *d, struct err *e)
{
	int rc = d->placement.base_is_ours ? inherit_cpus(d, "..", "", e) : 0;

	if (rc == 0)
		rc = inherit_cpus(d, "", "cleave", e);
	return rc == 0 ? inherit_cpus(d, "cleave", d->inner, e) : rc;
}

static const struct dialect dialect = {
	.cpus_effective = "cpuset.effective_cpus",
	.mems_effective = "cpuset.effective_mems",
	.weight = "cpu.shares",
	.usage = "cpuacct.usage",
	.usage_controller = CONTROLLER_CPUACCT,
	.weight_to_kernel = shares_from_weight,
	.weight_from_kernel = weight_from_shares,
	.usage_us = usage_us,
	.memory_max = "memory.limit_in_bytes",
	.make = make,
	.unmake = unmake,
	.limit = limit,
	.sample_memory = sample_memory,
	.widen = widen,
	.attach = attach,
};

/* ---- processes that hot-unplug has moved out of their cpuset */

/* A hierarchy other than cpuset's, which hot-unplug has left alone. COUNT: there is none. */
static enum controller witness(const struct cgroup_driver *d)
{
	const char(*base)[2 * LAYOUT_PATH] = d->placement.base;

	for (enum controller c = 0; c < CONTROLLER_COUNT; c++)
		if (d->base[c] >= 0 && strcmp(base[c], base[CONTROLLER_CPUSET]))
			return c;
	return CONTROLLER_COUNT;
}

/* All its threads, by cgroup.procs. Return 1 if it was elsewhere, 0 if not, or negative. */
static int bring_back_one(struct cgroup_driver *d, const char *group, enum controller seen_in,
			  pid_t pid, struct err *e)
{
	char path[CGROUP_PATH + 64], text[16];
	int rc;

	if (cgroup_has_process(d, group, pid, "cpuset") ||
	    !cgroup_has_process(d, group, pid, controller_name(seen_in, 1)))
		return 0;
	snprintf(text, sizeof(text), "%d", pid);
	rc = control_write(d->base[CONTROLLER_CPUSET], cgroup_file(d, group, "cgroup.procs", path),
			   text, e);
	if (rc == -ESRCH) /* it has ended */
		return 0;
	if (rc == 0 && !cgroup_has_process(d, group, pid, "cpuset") &&
	    cgroup_has_process(d, group, pid, controller_name(seen_in, 1)))
		rc = err_set(e, -EIO, "pid %d was put back into the cpuset of %s and is not in it",
			     pid, group);
	return rc < 0 ? rc : 1;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Asked once a second of each slice: what is in both lists is not looked at in /proc. */
static int bring_back(struct driver *driver, const char *group, struct err *e)
{
	struct cgroup_driver *d = (struct cgroup_driver *)driver;
	cleanup_free pid_t *all = malloc(MEMBERS_MAX * sizeof(*all));
	cleanup_free pid_t *inside = malloc(MEMBERS_MAX * sizeof(*inside));
	enum controller seen_in = witness(d);
	int n, n_inside, moved = 0;

	if (!cgroup_name_is_ours(group))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", group, d->cluster);
	if (seen_in == CONTROLLER_COUNT)
		return 0;
	if (!all || !inside)
		return err_errno(e, -ENOMEM, "bringing the processes of %s back", group);
	n = cgroup_pids_in(d, seen_in, group, all, MEMBERS_MAX, e);
	n_inside = n < 0 ? n : cgroup_pids_in(d, CONTROLLER_CPUSET, group, inside, MEMBERS_MAX, e);
	if (n_inside < 0)
		return n_inside;
	n_inside = n_inside < MEMBERS_MAX ? n_inside : MEMBERS_MAX;
	qsort(inside, (size_t)n_inside, sizeof(*inside), compare_pids);
	for (int i = 0; i < n && i < MEMBERS_MAX; i++) {
		int rc = bsearch(&all[i], inside, (size_t)n_inside, sizeof(*inside), compare_pids)
				 ? 0
				 : bring_back_one(d, group, seen_in, all[i], e);

		if (rc < 0)
			return rc;
		moved += rc;
	}
	return moved;
}

/* --cgroup-root NAME: the base itself, in each hierarchy, before anything is opened. */
static int make_bases(const struct placement *p, struct err *e)
{
	const char *base = p->base[CONTROLLER_CPUSET];

	for (unsigned c = 0; c <= CONTROLLER_COUNT; c++) {
		const char *path = c < CONTROLLER_COUNT ? p->base[c] : p->unified;

		if (path[0] && mkdir(path, 0755) && errno != EEXIST)
			return err_errno(e, -errno, "cannot make group %s", path);
	}
	for (unsigned i = 0; i < 2; i++) {
		const char *file = i ? "cpus" : "mems";
		char above[3 * LAYOUT_PATH], own[3 * LAYOUT_PATH], text[CPUSET_TEXT];
		int rc;

		snprintf(above, sizeof(above), "%s/../cpuset.effective_%s", base, file);
		snprintf(own, sizeof(own), "%s/cpuset.%s", base, file);
		rc = control_read(AT_FDCWD, above, text, sizeof(text), e);
		if (rc >= 0)
			rc = control_write(AT_FDCWD, own, text, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void remove_bases(const struct placement *p)
{
	for (unsigned c = 0; c <= CONTROLLER_COUNT; c++) {
		const char *path = c < CONTROLLER_COUNT ? p->base[c] : p->unified;

		if (path[0])
			rmdir(path); /* another cluster's groups in it keep it */
	}
}

/*
 * The parent `cleave` goes with the last cluster: it cannot be removed while there is another one
 * in it.
 */
static void remove_parent(struct cgroup_driver *d)
{
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (d->base[c] >= 0)
			unlinkat(d->base[c], "cleave", AT_REMOVEDIR);
	if (d->unified >= 0)
		unlinkat(d->unified, "cleave", AT_REMOVEDIR);
	if (d->placement.base_is_ours)
		remove_bases(&d->placement);
}

static int destroy(struct driver *driver, struct err *e)
{
	int rc = cgroup_destroy(driver, e);

	if (rc == 0)
		remove_parent((struct cgroup_driver *)driver);
	return rc;
}

#define OPS(name_)                                                                            \
	{                                                                                     \
		.name = (name_), .create = cgroup_create, .set_cpus = cgroup_set_cpus,        \
		.set_weight = cgroup_set_weight, .spawn = cgroup_spawn, .kill = cgroup_kill,  \
		.remove = cgroup_remove, .observe = cgroup_observe, .sample = cgroup_sample,  \
		.usage = cgroup_usage, .look = cgroup_look, .allowed = cgroup_allowed,        \
		.runnable = cgroup_runnable, .bring_back = bring_back, .enter = cgroup_enter, \
		.pids = cgroup_pids, .destroy = destroy, .close = cgroup_close,               \
	}
static const struct driver_ops cgroup1_ops = OPS("cgroup1"), hybrid_ops = OPS("hybrid");

static int make_own(struct cgroup_driver *d, struct err *e)
{
	int rc = make(d, "cleave", e);

	if (rc == 0)
		rc = inherit(d, "", "cleave", e);
	if (rc == 0)
		rc = make(d, d->inner, e);
	return rc == 0 ? inherit(d, "cleave", d->inner, e) : rc;
}

int cgroup1_open(const struct placement *p, const char *cluster, struct driver **out, struct err *e)
{
	struct cgroup_driver *d = NULL;
	int rc = cgroup_init();

	if (rc)
		return err_set(e, -EIO, "libcgroup finds no cgroup v1 here: %s",
			       cgroup_strerror(rc));
	rc = p->base_is_ours ? make_bases(p, e) : 0;
	if (rc == 0)
		rc = cgroup_driver_new(p, cluster, p->unified[0] ? &hybrid_ops : &cgroup1_ops,
				       &dialect, &d, e);
	if (rc == 0)
		rc = make_own(d, e);
	if (rc == 0) {
		*out = &d->driver;
		return 0;
	}
	if (d) {
		unmake(d, d->inner, &(struct err){0});
		remove_parent(d);
		cgroup_close(&d->driver);
	} else if (p->base_is_ours) {
		remove_bases(p);
	}
	return rc;
}
