/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/eventfd.h>

#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

/* ---- names and paths */

int group_check_name(const struct cgroup_driver *d, const char *name, struct err *e)
{
	return group_name_is_ours(name)
		       ? 0
		       : err_wrong(e, "\"%.40s\" is no group of cluster %s", name, d->cluster);
}

bool group_of_entry(const struct cgroup_driver *d, const char *entry, char name[NAME_MAX_BYTES + 1])
{
	char cluster[NAME_MAX_BYTES + 1];

	if (d->placement.kind == PLACEMENT_SLICES)
		return unit_parse(entry, cluster, name) && name[0];
	snprintf(name, NAME_MAX_BYTES + 1, "%.*s", NAME_MAX_BYTES, entry);
	return group_name_is_ours(entry);
}

char *group_join(const char *path, const char *file, char out[CGROUP_FILE])
{
	snprintf(out, CGROUP_FILE, "%s%s%.60s", path, path[0] ? "/" : "", file);
	return out;
}

char *group_path(const struct cgroup_driver *d, const char *group, char path[CGROUP_PATH])
{
	char unit[UNIT_NAME];

	if (d->placement.kind == PLACEMENT_SLICES && group[0])
		group = unit_of_group(d->cluster, d->placement.user_manager, group, unit);
	snprintf(path, CGROUP_PATH, "%s%s%.*s", d->inner, d->inner[0] && group[0] ? "/" : "",
		 UNIT_NAME, group);
	return path;
}

char *group_file(const struct cgroup_driver *d, const char *group, const char *file,
		 char path[CGROUP_FILE])
{
	return group_join(group_path(d, group, (char[CGROUP_PATH]){0}), file, path);
}

/* ---- control files */

int group_write_bytes(const struct cgroup_driver *d, enum controller c, const char *group,
		      const char *file, uint64_t value, const char *none, struct err *e)
{
	uint64_t now = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%" PRIu64, value);
	if (value != UINT64_MAX)
		none = text;
	r = control_write(d->base[c], GROUP_FILE(d, group, file), none, e);
	if (r == 0)
		r = control_read_number(d->base[c], GROUP_FILE(d, group, file), &now, e);
	if (r < 0)
		return r;
	if (value == UINT64_MAX ? now != UINT64_MAX : now > value || value - now >= page)
		return err_set(e, -EIO, "%s was set to %s and reads %" PRIu64,
			       CONTROL_NAME(d->base[c], GROUP_FILE(d, group, file)), none, now);
	return 0;
}

/* ---- kept descriptors */

static void group_close(struct open_group *g)
{
	const int fds[] = {g->cpus,	 g->effective, g->weight, g->usage,
			   g->processes, g->pressure,  g->ooms};

	for (size_t i = 0; g->name[0] && i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	g->killed = g->killed_below = 0;
	g->below_count = 0;
	g->name[0] = '\0';
}

/*
 * Once out of memory, a container ends and its group goes with the count of those that were killed.
 * The kernel tells of it also those who asked about a group above (Documentation/admin-guide/
 * cgroup-v1/memory.rst, "OOM Control").
 */
static int open_ooms(const struct cgroup_driver *d, const char *name)
{
	const int dir = d->base[CONTROLLER_MEMORY];
	cleanup_close int count = -1, control = -1;
	struct err ignored;
	char text[32];

	if (dir < 0 || !d->placement.engine[0] || !d->version->attach)
		return -1;
	count = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	control = openat(dir, GROUP_FILE(d, name, d->version->memory_events), O_RDONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d %d", count, control);
	if (count < 0 || control < 0 ||
	    control_write(dir, GROUP_FILE(d, name, "cgroup.event_control"), text, &ignored) < 0)
		return -1;
	return take_fd(count);
}

static int group_open(const struct cgroup_driver *d, const char *name, struct open_group *g,
		      struct err *e)
{
	const struct cgroup_version *v = d->version;
	const int cpuset = d->base[CONTROLLER_CPUSET], usage = d->base[v->usage_controller];
	const struct {
		int *fd, dir;
		const char *file;
		int flags;
		bool may_lack;
	} files[] = {
		{&g->cpus, cpuset, "cpuset.cpus", O_RDWR, false},
		{&g->effective, cpuset, v->cpus_effective, O_RDONLY, false},
		{&g->weight, d->base[CONTROLLER_CPU], v->weight, O_RDWR, false},
		{&g->usage, usage, v->usage, O_RDONLY, usage < 0},
		/* The v2 tree has these also where the controllers are in v1. */
		{&g->processes, d->unified, "cgroup.procs", O_RDONLY, true},
		{&g->pressure, d->unified, "cpu.pressure", O_RDONLY, true},
	};
	int r = 0;

	snprintf(g->name, sizeof(g->name), "%s", name);
	g->ooms = open_ooms(d, name);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[CGROUP_FILE];

		*files[i].fd = openat(files[i].dir, group_file(d, name, files[i].file, path),
				      files[i].flags | O_CLOEXEC);
		if (*files[i].fd < 0 && !files[i].may_lack && r == 0)
			r = err_errno(e, -errno, "cannot open %s",
				      CONTROL_NAME(files[i].dir, path));
	}
	if (r == 0)
		r = control_read_cpuset(d->base[CONTROLLER_CPUSET],
					GROUP_FILE(d, name, v->mems_effective), &g->nodes, e);
	if (r < 0)
		group_close(g);
	return r;
}

int group_find(struct cgroup_driver *d, const char *name, struct open_group **out, struct err *e)
{
	struct open_group *place = NULL;
	int r = group_check_name(d, name, e);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < CGROUP_GROUPS; i++) {
		if (!strcmp(d->groups[i].name, name)) {
			*out = &d->groups[i];
			return 0;
		}
		if (!place && !d->groups[i].name[0])
			place = &d->groups[i];
	}
	if (!place)
		return err_set(e, -ENOSPC, "cluster %s has more than %d groups", d->cluster,
			       CGROUP_GROUPS);
	r = group_open(d, name, place, e);
	if (r == 0)
		*out = place;
	return r;
}

void group_forget(struct cgroup_driver *d, const char *name)
{
	for (unsigned i = 0; i < CGROUP_GROUPS; i++)
		if (!strcmp(d->groups[i].name, name))
			group_close(&d->groups[i]);
}

void group_forget_all(struct cgroup_driver *d)
{
	for (unsigned i = 0; i < CGROUP_GROUPS; i++)
		group_close(&d->groups[i]);
}

int group_reread_cpus(int fd, const char *group, struct cpuset *out, struct err *e)
{
	char text[CPUSET_TEXT];
	int n = control_reread_record(fd, text, sizeof(text));

	if (n < 0)
		return err_errno(e, n, "cannot read the CPUs of %s", group);
	return cpuset_parse(text, out, e) < 0 ? err_wrap(e, "CPUs of %s", group) : 0;
}

int group_reread_weight(const struct cgroup_driver *d, const struct open_group *g, unsigned *out,
			struct err *e)
{
	const struct cgroup_version *v = d->version;
	uint64_t value;
	char text[64];
	int n = control_reread_record(g->weight, text, sizeof(text));

	if (n < 0)
		return err_errno(e, n, "cannot read %s of %s", v->weight, g->name);
	if (!control_number(text, &value))
		return err_set(e, -EBADMSG, "%s of %s holds \"%s\" where a number should be",
			       v->weight, g->name, text);
	*out = v->weight_from_kernel ? v->weight_from_kernel(value) : (unsigned)value;
	return 0;
}
