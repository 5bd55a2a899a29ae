/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroup v2: plain files below a directory descriptor. Controllers are enabled from the base down,
 * one level at a time, and what that changed above our groups is taken back with the last cluster.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "containers/cgroup/cgroup.h"
#include "containers/cgroup/process.h"
#include "containers/cgroup/slice_unit.h"
#include "containers/proc/control_file.h"
#include "containers/where/scope.h"
#include "decision/base/cleanup.h"

/*
 * What cleave enabled for the children of the base is noted on the group `cleave` itself, so that
 * the last cluster to go can take it back. Since Linux 5.7; before, controllers stay enabled, which
 * changes nothing for anybody.
 */
#define ENABLED_MARK "user.cleave.enabled"

static const enum controller wanted[] = {CONTROLLER_MEMORY, CONTROLLER_CPUSET, CONTROLLER_CPU,
					 CONTROLLER_IO};
enum { WANTED = sizeof(wanted) / sizeof(wanted[0]) };

static int base_dir(const struct cgroup_driver *d)
{
	return d->base[CONTROLLER_CPUSET];
}

/* Whether the cluster's own group is a unit of systemd's. */
static bool is_units(const struct cgroup_driver *d)
{
	return d->placement.kind == PLACEMENT_SCOPE || d->placement.kind == PLACEMENT_SLICES;
}

/* ---- groups */

static int make(struct cgroup_driver *d, const char *path, struct err *e)
{
	char file[CGROUP_FILE], type[64];
	int r;

	if (mkdirat(base_dir(d), path, 0755) && errno != EEXIST) {
		err_errno(e, -errno, "cannot make group %s/%s", d->placement.base[0], path);
		return refusal_explain(d->placement.base[0], e);
	}
	/* A parent that had processes when cpuset or cpu were enabled turned threaded, silently. */
	r = control_read(base_dir(d), group_join(path, "cgroup.type", file), type, sizeof(type), e);
	if (r < 0)
		return r;
	if (strcmp(type, "domain"))
		return err_set(
			e, -EBUSY,
			"group %s/%s is \"%s\" where \"domain\" is needed: a group above it has "
			"processes of its own; use another --cgroup-root",
			d->placement.base[0], path, type);
	return 0;
}

static int make_group(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	return d->placement.kind == PLACEMENT_SLICES
		       ? slice_unit_make(d, g, e)
		       : make(d, group_path(d, g->name, (char[CGROUP_PATH]){0}), e);
}

static int unmake(struct cgroup_driver *d, const char *path, struct err *e)
{
	if (!path[0]) /* a scope: systemd removes it */
		return 0;
	if (d->placement.kind == PLACEMENT_SLICES)
		return slice_unit_unmake(d, path, e);
	if (unlinkat(base_dir(d), path, AT_REMOVEDIR) && errno != ENOENT)
		return err_errno(e, -errno,
				 "cannot remove group %s/%s (processes or groups in it?)",
				 d->placement.base[0], path);
	return 0;
}

/*
 * Turn the controllers on for the groups below `path`; `list` gets those that were off, with
 * blanks, also on failure.
 */
static int enable(struct cgroup_driver *d, const char *path, char *list, size_t size, struct err *e)
{
	char file[CGROUP_FILE], text[512], word[32];

	group_join(path, "cgroup.subtree_control", file);
	list[0] = '\0';
	for (unsigned i = 0; i < WANTED; i++) {
		const char *name = controller_name(wanted[i], 2);
		int r = control_read(base_dir(d), file, text, sizeof(text), e);

		if (r >= 0 && control_has_word(text, name))
			continue;
		snprintf(word, sizeof(word), "+%s", name);
		if (r >= 0)
			r = control_write(base_dir(d), file, word, e);
		if (r == -EBUSY)
			err_set(e, r,
				"%s/%s is not to be written while the group holds processes: move "
				"them to a group of their own in it, or use another --cgroup-root",
				d->placement.base[0], file);
		else if (r < 0)
			refusal_explain(d->placement.base[0], e);
		if (r == 0) {
			snprintf(list + strlen(list), size - strlen(list), " %s", name);
			r = control_read(base_dir(d), file, text, sizeof(text), e);
		}
		if (r >= 0 && !control_has_word(text, name))
			r = err_set(e, -EIO, "%s was written to %s/%s and is not in it", word,
				    d->placement.base[0], file);
		if (r < 0 && wanted[i] != CONTROLLER_IO) /* io only adds limits that few ask for */
			return err_wrap(e, "enabling %s below %s%s%s", name, d->placement.base[0],
					path[0] ? "/" : "", path);
	}
	return 0;
}

static void disable(struct cgroup_driver *d, const char *list)
{
	for (unsigned i = 0; i < WANTED; i++) {
		const char *name = controller_name(wanted[i], 2);
		char word[32];

		snprintf(word, sizeof(word), "-%s", name);
		if (control_has_word(list, name))
			control_write(base_dir(d), "cgroup.subtree_control", word,
				      &(struct err){0}); /* EBUSY: somebody else uses it by now */
	}
}

static char *mark_path(const struct cgroup_driver *d, char path[3 * LAYOUT_PATH])
{
	snprintf(path, 3 * LAYOUT_PATH, "%s/cleave", d->placement.base[0]);
	return path;
}

/* ---- limits */

static int limit_bytes(struct cgroup_driver *d, const char *group, const char *file, uint64_t bytes,
		       struct err *e)
{
	return group_write_bytes(d, CONTROLLER_MEMORY, group, file, bytes, "max", e);
}

/*
 * The sum of memory.low of the groups below `path`; one that has none, or has gone meanwhile,
 * counts nothing.
 */
static int sum_low(int base, const char *path, uint64_t *sum, struct err *e)
{
	cleanup_closedir DIR *list = control_list(base, path);
	struct dirent *entry;

	if (!list)
		return err_errno(e, -errno, "cannot list %s", path);
	*sum = 0;
	while ((entry = readdir(list))) {
		char file[300];
		uint64_t low;

		snprintf(file, sizeof(file), "%s/memory.low", entry->d_name);
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR &&
		    control_read_number(dirfd(list), file, &low, &(struct err){0}) == 0 &&
		    low != UINT64_MAX)
			*sum += low;
	}
	return 0;
}

/*
 * Protection counts only as far as every group above has it: give each the sum of its children's.
 * A unit's own file is systemd's.
 */
static int raise_low(struct cgroup_driver *d, struct err *e)
{
	uint64_t sum;
	int r = 0;

	if (is_units(d))
		return 0;
	r = sum_low(base_dir(d), d->inner, &sum, e);
	if (r == 0)
		r = limit_bytes(d, "", "memory.low", sum, e);
	if (r == 0)
		r = sum_low(base_dir(d), "cleave", &sum, e);
	return r == 0 ? limit_bytes(d, "..", "memory.low", sum, e) : r;
}

static int limit_device(struct cgroup_driver *d, const char *group, const struct profile_io *io,
			struct err *e)
{
	const struct {
		const char *key;
		uint64_t value;
	} limits[] = {{"rbps", io->read_bps},
		      {"wbps", io->write_bps},
		      {"riops", io->read_iops},
		      {"wiops", io->write_iops}};
	char text[PROFILE_WORD + 160], now[8192];
	int r, used = snprintf(text, sizeof(text), "%s", io->device);

	if (!control_exists(d->base[CONTROLLER_IO], GROUP_FILE(d, group, "io.max")))
		return err_impossible(e,
				      "io limits need the io controller, which is not enabled for "
				      "%s: remove `io` from the profile",
				      group);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].value)
			used += snprintf(text + used, sizeof(text) - (size_t)used, " %s=%" PRIu64,
					 limits[i].key, limits[i].value);
	r = control_write(d->base[CONTROLLER_IO], GROUP_FILE(d, group, "io.max"), text, e);
	if (r == 0)
		r = control_read(d->base[CONTROLLER_IO], GROUP_FILE(d, group, "io.max"), now,
				 sizeof(now), e);
	if (r < 0)
		return r;
	if (!strstr(now, io->device))
		return err_set(e, -EIO, "io.max of %s was set to \"%s\" and reads \"%.100s\"",
			       group, text, now);
	return 0;
}

/* low before max before high: none of them is below the usage of an empty group. */
static int limit(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	const enum controller c = CONTROLLER_MEMORY;
	const struct slice_memory *m = &g->memory;
	int r = 0;

	if (m->low_bytes) {
		r = limit_bytes(d, g->name, "memory.low", m->low_bytes, e);
		if (r == 0)
			r = raise_low(d, e);
	}
	if (r == 0 && m->max_bytes)
		r = limit_bytes(d, g->name, "memory.max", m->max_bytes, e);
	if (r == 0 && m->high_bytes)
		r = limit_bytes(d, g->name, "memory.high", m->high_bytes, e);
	/* Kernels without swap accounting have no such file, and tree_missing() says so. */
	if (r == 0 && m->max_bytes &&
	    control_exists(d->base[c], GROUP_FILE(d, g->name, "memory.swap.max")))
		r = limit_bytes(d, g->name, "memory.swap.max", m->swap_bytes, e);
	/*
	 * Since 4.19: a worker without its executor, or half of Python, is worse than a dead slice.
	 */
	if (r == 0 && !strncmp(g->name, "slice-", 6) &&
	    control_exists(d->base[c], GROUP_FILE(d, g->name, "memory.oom.group")))
		r = control_write(d->base[c], GROUP_FILE(d, g->name, "memory.oom.group"), "1", e);
	for (unsigned i = 0; r == 0 && i < g->io_count; i++)
		r = limit_device(d, g->name, &g->io[i], e);
	return r;
}

static uint64_t usage_us(const char *text)
{
	return control_value(text, "usage_usec", 0);
}

/* Empty: all of the group above. A unit's own cpuset.cpus is systemd's (AllowedCPUs=). */
static int widen(struct cgroup_driver *d, struct err *e)
{
	int r = -EPERM;

	if (!is_units(d))
		r = control_write(base_dir(d), GROUP_FILE(d, "..", "cpuset.cpus"), "\n", e);
	return r == 0 ? control_write(base_dir(d), GROUP_FILE(d, "", "cpuset.cpus"), "\n", e) : r;
}

/* ---- the cluster's own group */

/* End the sleeping process; the scope goes when it is empty. It is ours: we made its group. */
static void end_scope(struct cgroup_driver *d)
{
	pid_t pids[64];
	struct err ignored;
	int n;

	if (control_write(base_dir(d), GROUP_FILE(d, SCOPE_PAUSE, "cgroup.kill"), "1", &ignored) ==
	    0)
		return;
	n = cgroup_pids_in(d, CONTROLLER_CPUSET, SCOPE_PAUSE, pids, 64, &ignored);
	for (int i = 0; i < n && i < 64; i++) {
		cleanup_close int fd = cgroup_kill_process(d, SCOPE_PAUSE, pids[i]);

		(void)fd;
	}
}

/*
 * The parent `cleave` goes with the last cluster: while there is another one in it, rmdir fails.
 * With it go the controllers that were off before it.
 */
static void unmake_above(struct cgroup_driver *d)
{
	char list[64] = "", path[3 * LAYOUT_PATH];
	ssize_t n;

	if (d->placement.kind == PLACEMENT_SCOPE)
		end_scope(d);
	if (is_units(d))
		return;
	n = getxattr(mark_path(d, path), ENABLED_MARK, list, sizeof(list) - 1);
	list[n > 0 ? n : 0] = '\0';
	unlinkat(base_dir(d), "cleave", AT_REMOVEDIR);
	if (!control_exists(base_dir(d), "cleave"))
		disable(d, list);
}

static const struct cgroup_version version = {
	.cpus_effective = "cpuset.cpus.effective",
	.mems_effective = "cpuset.mems.effective",
	.weight = "cpu.weight",
	.usage = "cpu.stat",
	.usage_controller = CONTROLLER_CPU,
	.threads = "cgroup.threads",
	.memory_usage = "memory.current",
	.memory_max = "memory.max",
	.memory_events = "memory.events",
	.numa_unit = 1,
	.numa_anon = "anon",
	.usage_us = usage_us,
	.make = make_group,
	.unmake = unmake,
	.unmake_above = unmake_above,
	.limit = limit,
	.widen = widen,
};

static int make_own(struct cgroup_driver *d, struct err *e)
{
	char list[64], ignored[64], path[3 * LAYOUT_PATH];
	int r;

	if (d->placement.kind == PLACEMENT_SCOPE) {
		r = scope_make_room(base_dir(d), e);
		return r == 0 ? enable(d, "", ignored, sizeof(ignored), e) : r;
	}
	if (d->placement.kind == PLACEMENT_SLICES)
		return slice_unit_make(d, NULL, e);
	r = enable(d, "", list, sizeof(list), e);
	if (r == 0)
		r = make(d, "cleave", e);
	if (r < 0)
		disable(d, list);
	else if (list[0])
		setxattr(mark_path(d, path), ENABLED_MARK, list, strlen(list), 0);
	if (r == 0)
		r = enable(d, "cleave", ignored, sizeof(ignored), e);
	if (r == 0)
		r = make(d, d->inner, e);
	return r == 0 ? enable(d, d->inner, ignored, sizeof(ignored), e) : r;
}

int cgroup2_open(const struct placement *p, const struct driver_request *request,
		 struct driver **out, struct err *e)
{
	bool is_scope = p->kind == PLACEMENT_SCOPE;
	bool was_there = is_scope && p->base[0][0]; /* adoption */
	struct placement place = *p;
	struct cgroup_driver *d;
	int r = is_scope && !was_there ? scope_start(&place, request->cluster, e) : 0;

	if (r == 0)
		r = cgroup_new(&place, request, &version, &d, e);
	if (r)
		return r;
	if (request->intent == DRIVER_MAKE)
		r = make_own(d, e);
	if (r < 0) {
		if (!was_there) /* it keeps running */
			cgroup_destroy(&d->driver, &(struct err){0});
		cgroup_close(&d->driver);
		return r;
	}
	*out = &d->driver;
	return 0;
}
