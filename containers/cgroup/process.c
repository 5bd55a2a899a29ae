/*
 * Processes of a cgroup driver: which are in a group, how one is born there, how the caller enters
 * and leaves.
 */

#include <errno.h>
#include <fcntl.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/control_file.h"
#include "containers/process/spawn.h"
#include "decision/base/cleanup.h"

static struct cgroup_driver *of(struct driver *d)
{
	return (struct cgroup_driver *)d;
}

bool cgroup_has_process(const struct cgroup_driver *d, const char *group, pid_t pid,
			const char *controller)
{
	char file[64], text[8192], own[2 * LAYOUT_PATH], suffix[CGROUP_PATH + 16];
	const char *found;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	if (control_read(AT_FDCWD, file, text, sizeof(text), &(struct err){0}) < 0 ||
	    !cgroup_own_path(text, controller, own, sizeof(own)))
		return false;
	if (d->placement.kind == PLACEMENT_SCOPE)
		snprintf(suffix, sizeof(suffix), "/cleave-%s.scope/%s", d->cluster, group);
	else
		snprintf(suffix, sizeof(suffix), "/cleave/%s/%s", d->cluster, group);
	found = strstr(own, suffix);
	return found && (found[strlen(suffix)] == '\0' || found[strlen(suffix)] == '/');
}

int cgroup_pids_in(struct cgroup_driver *d, enum controller c, const char *group, pid_t *pids,
		   size_t size, struct err *e)
{
	char path[CGROUP_PATH + 64], line[32];
	int dir = d->base[c];
	int fd = openat(dir, cgroup_file(d, group, "cgroup.procs", path), O_RDONLY | O_CLOEXEC);
	cleanup_fclose FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	uint64_t pid;
	int count = 0;

	if (!file) {
		int rc = err_errno(e, -errno, "cannot read %s",
				   control_path(dir, path, (char[CONTROL_PATH]){0}));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (fgets(line, sizeof(line), file)) {
		if (!control_number(line, &pid) || pid > INT32_MAX || pid == 0)
			continue; /* 0: a process of another pid namespace */
		if ((size_t)count < size)
			pids[count] = (pid_t)pid;
		count++;
	}
	return count;
}

int cgroup_pids(struct driver *driver, const char *group, pid_t *pids, size_t size, struct err *e)
{
	return cgroup_pids_in(of(driver), CONTROLLER_CPUSET, group, pids, size, e);
}

static int join_v2(void *context, pid_t child, struct err *e)
{
	const struct cgroup_member *m = context;
	char path[CGROUP_PATH + 64], pid[16];
	int rc;

	snprintf(pid, sizeof(pid), "%d", child);
	/*
	 * Only who may write to a group above both may move a process in v2. Beside v1, which has
	 * the walls, v2 is a help that can be missed.
	 */
	rc = control_write(m->driver->unified,
			   cgroup_file(m->driver, m->group, "cgroup.procs", path), pid, e);
	if ((rc == -EACCES || rc == -EPERM) && m->driver->dialect->attach)
		return 0;
	if (rc == 0 && !cgroup_has_process(m->driver, m->group, child, ""))
		rc = err_set(e, -EIO, "pid %d was put into %s and is not there", child, m->group);
	return rc;
}

int cgroup_spawn(struct driver *driver, const struct spawn *s, pid_t *pid, int *pidfd,
		 struct err *e)
{
	struct cgroup_driver *d = of(driver);
	struct cgroup_member member = {d, s->group};
	cleanup_close int dir = -1;
	char path[CGROUP_PATH];
	struct spawn_into into = {
		.attach = d->dialect->attach,
		.join = join_v2,
		.context = &member,
		.wall = WALL_CPUSET,
	};

	if (d->placement.kind == PLACEMENT_THROW_AWAY)
		return err_wrong(e, "%s is a plain directory: no process can enter its groups",
				 d->placement.base[CONTROLLER_CPUSET]);
	if (!cgroup_name_is_ours(s->group))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", s->group, d->cluster);
	if (d->unified >= 0) {
		dir = openat(d->unified, cgroup_path(d, s->group, path),
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return err_errno(e, -errno, "cannot open group %s of cluster %s", s->group,
					 d->cluster);
	}
	into.cgroup2 = dir;
	return spawn_process(s, &into, pid, pidfd, e);
}

/*
 * Remember the caller's own groups; if it is in one of cleave's already (adoption), then what is
 * above them.
 */
static int remember_origin(struct cgroup_driver *d, struct err *e)
{
	struct cgroup_layout layout;
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = root < 0 ? err_errno(e, -errno, "cannot open /")
			  : cgroup_layout_read(root, &layout, e);

	if (root >= 0)
		close(root);
	for (unsigned c = 0; rc == 0 && c <= CONTROLLER_COUNT; c++) {
		struct hierarchy *h =
			c < CONTROLLER_COUNT ? &layout.controllers[c] : &layout.unified;

		cgroup_path_above_cleave(h->own);
		d->origin[c][0] = '\0';
		if (h->version && !(h->version == 2 && c < CONTROLLER_COUNT))
			snprintf(d->origin[c], sizeof(d->origin[c]), "%s%s", h->mount, h->own);
	}
	return rc;
}

static int move_self(int dir, const char *path, struct err *e)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return control_write(dir, path, pid, e);
}

static int leave(struct cgroup_driver *d, struct err *e)
{
	for (unsigned c = 0; c <= CONTROLLER_COUNT; c++) {
		char path[2 * LAYOUT_PATH + 16];
		int rc;

		if (!d->origin[c][0])
			continue;
		snprintf(path, sizeof(path), "%s/cgroup.procs", d->origin[c]);
		rc = move_self(AT_FDCWD, path, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * The supervisor's leaf is for machines without systemd; in a scope of its own slices it would die
 * with them, and in a plain directory there is nothing to enter.
 */
int cgroup_enter(struct driver *driver, const char *group, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	struct cgroup_member self = {d, group};
	int rc;

	if (d->placement.kind == PLACEMENT_SCOPE || d->placement.kind == PLACEMENT_THROW_AWAY)
		return 0;
	if (!group)
		return leave(d, e);
	if (!cgroup_name_is_ours(group))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", group, d->cluster);
	rc = remember_origin(d, e);
	if (rc == 0 && d->dialect->attach)
		rc = d->dialect->attach(&self, getpid(), e);
	if (rc == 0 && d->unified >= 0)
		rc = join_v2(&self, getpid(), e);
	return rc;
}
