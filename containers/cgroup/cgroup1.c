/* SPDX-License-Identifier: Apache-2.0 */
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
#include "containers/cgroup/process.h"
#include "containers/cgroup/subtree.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

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
	int r = cgroup_get_subsys_mount_point(name, &mount);

	if (r || strncmp(base, mount, strlen(mount))) {
		err_set(e, -ENOENT, "libcgroup finds %s at %s, and the group is below %s", name,
			r ? cgroup_strerror(r) : mount, base);
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

/*
 * Why the kernel does not show what libcgroup was to do. `r` is its answer: 0 also for what it did
 * not do, then the error is `code`.
 */
static int libcgroup_failed(int r, int code, const char *instead, struct err *e)
{
	int error = r == ECGOTHER ? cgroup_get_last_errno() : 0;

	if (!r)
		return err_set(e, code, "libcgroup reports success, but %s", instead);
	return err_set(e, error ? -error : -EIO, "%s", cgroup_strerror(r));
}

static int attach(void *context, pid_t child, struct err *e)
{
	const struct cgroup_member *m = context;
	struct cgroup_driver *d = m->driver;
	char path[CGROUP_PATH];

	group_path(d, m->group, path);
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		struct cgroup *group;
		int r;

		if (d->base[c] < 0)
			continue;
		group = handle(d, c, path, e);
		if (!group)
			return e->code;
		r = cgroup_attach_task_pid(group, child);
		cgroup_free(&group);
		if (cgroup_has_process(d, m->group, child, controller_name(c, 1)))
			continue;
		libcgroup_failed(r, -EIO, "it is not in it", e);
		return err_wrap(e, "cannot put pid %d into %s/%s", child, d->placement.base[c],
				path);
	}
	return 0;
}

/* ---- groups in all hierarchies */

static int make(struct cgroup_driver *d, const char *path, struct err *e)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		struct cgroup *group;
		int r;

		if (d->base[c] < 0 || control_exists(d->base[c], path))
			continue;
		group = handle(d, c, path, e);
		if (!group)
			return e->code;
		r = cgroup_create_cgroup(group, 1);
		cgroup_free(&group);
		if (control_exists(d->base[c], path))
			continue;
		libcgroup_failed(r, -EIO, "it is not there", e);
		err_wrap(e, "cannot make group %s/%s", d->placement.base[c], path);
		return refusal_explain(d->placement.base[c], e);
	}
	if (d->unified >= 0 && mkdirat(d->unified, path, 0755) && errno != EEXIST) {
		err_errno(e, -errno, "cannot make group %s/%s", d->placement.unified, path);
		return refusal_explain(d->placement.unified, e);
	}
	return 0;
}

static int make_group(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	return make(d, group_path(d, g->name, (char[CGROUP_PATH]){0}), e);
}

static int unmake(struct cgroup_driver *d, const char *path, struct err *e)
{
	for (enum controller c = 0; c < CONTROLLER_COUNT; c++) {
		char procs[CGROUP_FILE], pid[32];
		struct cgroup *group;
		int r;

		if (d->base[c] < 0 || !control_exists(d->base[c], path))
			continue;
		/* libcgroup would move what is left in it to the group above. */
		group_join(path, "cgroup.procs", procs);
		if (control_read(d->base[c], procs, pid, sizeof(pid), &(struct err){0}) != 0)
			return err_set(e, -EBUSY, "group %s/%s still has processes",
				       d->placement.base[c], path);
		group = handle(d, c, path, e);
		if (!group)
			return e->code;
		r = cgroup_delete_cgroup_ext(group, CGFLAG_DELETE_EMPTY_ONLY);
		cgroup_free(&group);
		/*
		 * Errors after success, and successes that deleted a part: only this is the truth.
		 */
		if (!control_exists(d->base[c], path))
			continue;
		libcgroup_failed(r, -EBUSY, "it is there", e);
		return err_wrap(e, "cannot remove group %s/%s", d->placement.base[c], path);
	}
	if (d->unified >= 0 && unlinkat(d->unified, path, AT_REMOVEDIR) && errno != ENOENT)
		return err_errno(e, -errno, "cannot remove group %s/%s", d->placement.unified,
				 path);
	return 0;
}

/* ---- limits */

/*
 * Before Linux 5.11 what is below a group is charged to it only if this says so, and once there is a
 * group below it cannot be said any more.
 */
static int charge_below(struct cgroup_driver *d, const char *group, struct err *e)
{
	const int dir = d->base[CONTROLLER_MEMORY];
	const char *file = "memory.use_hierarchy";
	uint64_t now = 1;
	int r = control_read_number(dir, GROUP_FILE(d, group, file), &now, e);

	if (r == 0 && !now)
		r = control_write(dir, GROUP_FILE(d, group, file), "1", e);
	return r == -ENOENT ? 0 : r;
}

static int limit_memory(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	const enum controller c = CONTROLLER_MEMORY;
	const struct slice_memory *m = &g->memory;
	int r = d->placement.engine[0] ? charge_below(d, g->name, e) : 0;

	if (r == 0)
		r = group_write_bytes(d, c, g->name, "memory.limit_in_bytes", m->max_bytes, "-1",
				      e);
	/* memsw counts memory and swap; kernels booted with swapaccount=0 do not have it. */
	if (r == 0 &&
	    control_exists(d->base[c], GROUP_FILE(d, g->name, "memory.memsw.limit_in_bytes")))
		return group_write_bytes(d, c, g->name, "memory.memsw.limit_in_bytes",
					 m->max_bytes + m->swap_bytes, "-1", e);
	if (r < 0 || m->swap_bytes)
		return r;
	return control_write(d->base[c], GROUP_FILE(d, g->name, "memory.swappiness"), "0", e);
}

static int limit_device(struct cgroup_driver *d, const char *group, const struct profile_io *io,
			struct err *e)
{
	const struct {
		const char *file;
		uint64_t value;
	} limits[] = {
		{"blkio.throttle.read_bps_device", io->read_bps},
		{"blkio.throttle.write_bps_device", io->write_bps},
		{"blkio.throttle.read_iops_device", io->read_iops},
		{"blkio.throttle.write_iops_device", io->write_iops},
	};
	char text[PROFILE_WORD + 32], now[CONTROL_TEXT];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const char *file = limits[i].file;
		int r;

		if (!limits[i].value)
			continue;
		snprintf(text, sizeof(text), "%s %" PRIu64, io->device, limits[i].value);
		r = control_write(d->base[CONTROLLER_IO], GROUP_FILE(d, group, file), text, e);
		if (r == 0)
			r = control_read(d->base[CONTROLLER_IO], GROUP_FILE(d, group, file), now,
					 sizeof(now), e);
		if (r < 0)
			return r;
		if (control_value(now, io->device, 0) != limits[i].value)
			return err_set(e, -EIO, "%s of %s was set to \"%s\" and reads \"%.100s\"",
				       file, group, text, now);
	}
	return 0;
}

static int limit(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	int r = g->memory.max_bytes ? limit_memory(d, g, e) : 0;

	if (r == 0 && g->io_count && d->base[CONTROLLER_IO] < 0)
		return err_impossible(e, "io limits need the blkio controller, which is not "
					 "available here: remove `io` from the profile");
	/* Documentation/admin-guide/cgroup-v1/blkio-controller.rst, "Hierarchical Cgroups" */
	if (r == 0 && g->io_count && d->placement.engine[0])
		return err_impossible(e, "io limits do not reach containers in cgroup v1: remove "
					 "`io` from the profile, or set backend: cgroup");
	for (unsigned i = 0; r == 0 && i < g->io_count; i++)
		r = limit_device(d, g->name, &g->io[i], e);
	return r;
}

/* ---- the cluster's own group */

/*
 * Give the cpuset of `path` all that the group above it has: the CPUs, or the memory nodes. Where
 * it has them nothing is written: nodes of a cpuset with processes below it would migrate their
 * pages.
 */
static int inherit(struct cgroup_driver *d, const char *what, const char *above, const char *path,
		   struct err *e)
{
	char from[CGROUP_FILE], to[CGROUP_FILE], file[32], text[CPUSET_TEXT], now[CPUSET_TEXT];
	int dir = d->base[CONTROLLER_CPUSET], r;

	snprintf(file, sizeof(file), "cpuset.effective_%s", what);
	r = control_read(dir, group_join(above, file, from), text, sizeof(text), e);
	snprintf(file, sizeof(file), "cpuset.%s", what);
	if (r >= 0)
		r = control_read(dir, group_join(path, file, to), now, sizeof(now), e);
	if (r >= 0 && strcmp(text, now) != 0)
		r = control_write(dir, to, text, e);
	return r < 0 ? r : 0;
}

/* From the group above the base, where that is ours, down to the cluster's own. */
static int inherit_down(struct cgroup_driver *d, const char *what, struct err *e)
{
	int r = d->placement.base_is_ours ? inherit(d, what, "..", "", e) : 0;

	if (r == 0)
		r = inherit(d, what, "", "cleave", e);
	return r == 0 ? inherit(d, what, "cleave", d->inner, e) : r;
}

/* Memory nodes are left alone. */
static int widen(struct cgroup_driver *d, struct err *e)
{
	return inherit_down(d, "cpus", e);
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
static void unmake_above(struct cgroup_driver *d)
{
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (d->base[c] >= 0)
			unlinkat(d->base[c], "cleave", AT_REMOVEDIR);
	if (d->unified >= 0)
		unlinkat(d->unified, "cleave", AT_REMOVEDIR);
	if (d->placement.base_is_ours)
		remove_bases(&d->placement);
}

/* ---- processes that hot-unplug has moved out of their cpuset */

/* All its threads, by cgroup.procs. Return 1 if it was elsewhere, 0 if not, or negative. */
static int bring_back_one(struct cgroup_driver *d, const struct subgroup *g,
			  enum controller seen_in, pid_t pid, struct err *e)
{
	const char *witness_name = controller_name(seen_in, 1);
	char text[16];
	int r;

	if (cgroup_path_has_process(d, g->path, pid, "cpuset") ||
	    !cgroup_path_has_process(d, g->path, pid, witness_name))
		return 0;
	snprintf(text, sizeof(text), "%d", pid);
	r = control_write(d->base[CONTROLLER_CPUSET], SUBGROUP_FILE(g, "cgroup.procs"), text, e);
	if (r == -ESRCH) /* it has ended */
		return 0;
	if (r == 0 && !cgroup_path_has_process(d, g->path, pid, "cpuset") &&
	    cgroup_path_has_process(d, g->path, pid, witness_name))
		r = err_set(e, -EIO, "pid %d was put back into the cpuset of %s and is not in it",
			    pid, g->path);
	return r < 0 ? r : 1;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* What is in both lists is not looked at in /proc. */
static int bring_back_to(struct cgroup_driver *d, const struct subgroup *g, enum controller seen_in,
			 struct err *e)
{
	cleanup_pids struct pid_list all = {0}, inside = {0};
	char procs[SUBTREE_FILE];
	int moved = 0, r;

	subtree_file(g, "cgroup.procs", procs);
	r = cgroup_list_at(d->base[seen_in], procs, &all, e);
	if (r == 0)
		r = cgroup_list_at(d->base[CONTROLLER_CPUSET], procs, &inside, e);
	if (r < 0)
		return r;
	if (inside.count)
		qsort(inside.pids, inside.count, sizeof(*inside.pids), compare_pids);
	for (size_t i = 0; i < all.count; i++) {
		if (inside.count && bsearch(&all.pids[i], inside.pids, inside.count,
					    sizeof(*inside.pids), compare_pids))
			continue;
		r = bring_back_one(d, g, seen_in, all.pids[i], e);
		if (r < 0)
			return r;
		moved += r;
	}
	return moved;
}

/* Asked once a second of each slice. */
static int bring_back(struct driver *driver, const char *group, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	const char(*base)[2 * LAYOUT_PATH] = d->placement.base;
	enum controller seen_in = 0;
	struct subtree below;
	int moved = 0, r = group_check_name(d, group, e);

	if (r < 0)
		return r;
	/* A hierarchy other than cpuset's, which hot-unplug has left alone. */
	while (seen_in < CONTROLLER_COUNT &&
	       (d->base[seen_in] < 0 || !strcmp(base[seen_in], base[CONTROLLER_CPUSET])))
		seen_in++;
	if (seen_in == CONTROLLER_COUNT)
		return 0;
	r = subtree_list(d, d->base[seen_in], group, &below, e);
	for (unsigned i = 0; r >= 0 && i < below.count; i++) {
		r = bring_back_to(d, &below.groups[i], seen_in, e);
		if (i && subtree_is_gone(r))
			r = 0;
		moved += r;
	}
	return r < 0 ? r : moved;
}

/* ---- opening */

static const struct cgroup_version version = {
	.cpus_effective = "cpuset.effective_cpus",
	.mems_effective = "cpuset.effective_mems",
	.weight = "cpu.shares",
	.usage = "cpuacct.usage",
	.usage_controller = CONTROLLER_CPUACCT,
	.threads = "tasks",
	.memory_usage = "memory.usage_in_bytes",
	.memory_max = "memory.limit_in_bytes",
	.memory_events = "memory.oom_control",
	.numa_anon = "hierarchical_anon",
	.weight_to_kernel = shares_from_weight,
	.weight_from_kernel = weight_from_shares,
	.usage_us = usage_us,
	.make = make_group,
	.unmake = unmake,
	.unmake_above = unmake_above,
	.limit = limit,
	.widen = widen,
	.attach = attach,
	.bring_back = bring_back,
};

/* --cgroup-root NAME: the base itself, in each hierarchy, before anything is opened. */
static int make_bases(const struct placement *p, struct err *e)
{
	for (unsigned c = 0; p->base_is_ours && c <= CONTROLLER_COUNT; c++) {
		const char *path = c < CONTROLLER_COUNT ? p->base[c] : p->unified;

		if (path[0] && mkdir(path, 0755) && errno != EEXIST) {
			err_errno(e, -errno, "cannot make group %s", path);
			return refusal_explain(path, e);
		}
	}
	return 0;
}

static int make_own(struct cgroup_driver *d, struct err *e)
{
	int r = make(d, "cleave", e);

	if (r == 0)
		r = make(d, d->inner, e);
	/* A cpuset is born empty. */
	if (r == 0)
		r = inherit_down(d, "mems", e);
	return r == 0 ? inherit_down(d, "cpus", e) : r;
}

int cgroup1_open(const struct placement *p, const struct driver_request *request,
		 struct driver **out, struct err *e)
{
	bool observes = request->intent == DRIVER_OBSERVE;
	struct cgroup_driver *d;
	int r = cgroup_init();

	if (r)
		return err_set(e, -EIO, "libcgroup finds no cgroup v1 here: %s",
			       cgroup_strerror(r));
	r = observes ? 0 : make_bases(p, e);
	if (r == 0)
		r = cgroup_new(p, request, &version, &d, e);
	if (r) {
		if (p->base_is_ours && !observes)
			remove_bases(p);
		return r;
	}
	if (!observes)
		r = make_own(d, e);
	if (r < 0) {
		cgroup_destroy(&d->driver, &(struct err){0});
		cgroup_close(&d->driver);
		return r;
	}
	*out = &d->driver;
	return 0;
}
