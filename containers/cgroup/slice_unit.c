/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/slice_unit.h"

#include <errno.h>

#include "containers/proc/control_file.h"
#include "containers/where/systemd.h"
#include "decision/base/cleanup.h"

static int base_dir(const struct cgroup_driver *d)
{
	return d->base[CONTROLLER_CPUSET];
}

static const char *unit_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int run_systemctl(const struct cgroup_driver *d, const char *verb, const char *unit,
			 struct unit_command *command, struct err *e)
{
	unit_systemctl(verb, unit, d->placement.user_manager, command);
	return systemd_execute(command->argv, e);
}

/* The job has ended when systemctl returns, that of busctl has not. */
static int start(const struct cgroup_driver *d, const char *unit, const struct group_spec *g,
		 struct unit_command *command, struct err *e)
{
	char controllers[UNIT_NAME];
	int r;

	unit_make_command(unit, d->placement.user_manager, g, command);
	r = systemd_execute(command->argv, e);
	/* The host group has processes of its own, so it cannot have controllers for others. */
	if (r == 0 && g && !strncmp(g->name, "slice-", 6)) {
		unit_controllers_command(unit, d->placement.user_manager, &g->nodes, command);
		r = systemd_execute(command->argv, e);
		unit = unit_of_controllers(unit, controllers); /* after what it is in */
	}
	return r == 0 ? run_systemctl(d, "start", unit, command, e) : r;
}

int slice_unit_make(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	cleanup_free struct unit_command *command = malloc(sizeof(*command));
	char path[CGROUP_PATH];
	const char *unit = unit_of(group_path(d, g ? g->name : "", path));
	int r;

	if (!command)
		return err_errno(e, -ENOMEM, "cannot make %s", unit);
	if (!g && control_exists(base_dir(d), path))
		return 0;
	r = start(d, unit, g, command, e);
	if (r < 0) { /* one of a dead cluster has the name */
		run_systemctl(d, "stop", unit, command, &(struct err){0});
		r = start(d, unit, g, command, e);
	}
	if (r < 0)
		return err_wrap(e, "systemd did not make %s", unit);
	if (!control_exists(base_dir(d), path))
		return err_set(e, -EIO, "systemd made %s, but there is no group %s", unit,
			       CONTROL_NAME(base_dir(d), path));
	return 0;
}

int slice_unit_unmake(struct cgroup_driver *d, const char *path, struct err *e)
{
	cleanup_free struct unit_command *command = malloc(sizeof(*command));
	char file[CGROUP_FILE], text[256];
	int r;

	if (!command)
		return err_errno(e, -ENOMEM, "cannot stop %s", path);
	r = control_read(base_dir(d), group_join(path, "cgroup.events", file), text, sizeof(text),
			 e);
	if (r < 0)
		return r == -ENOENT || r == -ENODEV ? 0 : r;
	/* systemctl would end them, at its leisure. */
	if (control_value(text, "populated", 0))
		return err_set(e, -EBUSY, "cannot remove group %s: there are processes in it",
			       CONTROL_NAME(base_dir(d), path));
	r = run_systemctl(d, "stop", unit_of(path), command, e);
	return r == 0 || !control_exists(base_dir(d), path) ? 0 : r;
}

void slice_unit_keep_whole(struct cgroup_driver *d, const char *group)
{
	char path[CGROUP_FILE], text[16];
	struct err ignored;

	if (strncmp(group, "slice-", 6) || d->intent == DRIVER_OBSERVE)
		return;
	group_file(d, group, "memory.oom.group", path);
	if (control_read(d->base[CONTROLLER_MEMORY], path, text, sizeof(text), &ignored) > 0 &&
	    text[0] == '0')
		control_write(d->base[CONTROLLER_MEMORY], path, "1", &ignored);
}
