/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "containers/cgroup/engine_trees.h"
#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "containers/process/mark.h"
#include "containers/process/spawn.h"
#include "decision/base/cleanup.h"

enum {
	BATCH = 64,
	TURN_MS = 100,
	DYING_MS = 5,
};

/* ---- who is in a group */

/* The descriptor and the path of our base in the hierarchy of a controller, "" for v2's. */
static int base_of(const struct cgroup_driver *d, const char *controller, const char **path)
{
	enum controller c = 0;

	if (!controller[0]) {
		*path = d->placement.unified[0] ? d->placement.unified : d->placement.base[0];
		return d->unified;
	}
	while (c + 1 < CONTROLLER_COUNT && strcmp(controller, controller_name(c, 1)) != 0)
		c++;
	*path = d->placement.base[c];
	return d->base[c];
}

int cgroup_pids_at(int base, const char *procs, pid_t *pids, size_t size, struct err *e)
{
	cleanup_fclose FILE *file = control_open_lines(base, procs);
	char line[32];
	uint64_t pid;
	int count = 0;

	if (!file)
		return err_errno(e, -errno, "cannot read %s", CONTROL_NAME(base, procs));
	while (fgets(line, sizeof(line), file)) {
		if (!control_number(line, &pid) || pid > INT32_MAX || pid == 0)
			continue; /* 0: a process of another pid namespace */
		if ((size_t)count < size)
			pids[count] = (pid_t)pid;
		count++;
	}
	return count;
}

/* Those of a group and of what is below it in one hierarchy. */
static int list_pids(const struct cgroup_driver *d, int base, const char *path, pid_t *pids,
		     size_t size, struct err *e)
{
	struct subtree all;
	int count = 0, r = subtree_list_at(d, base, path, &all, e);

	for (unsigned i = 0; r >= 0 && i < all.count; i++) {
		size_t used = (size_t)count < size ? (size_t)count : size;

		r = cgroup_pids_at(base, SUBGROUP_FILE(&all.groups[i], "cgroup.procs"),
				   pids ? pids + used : NULL, size - used, e);
		if (i && subtree_is_gone(r))
			r = 0;
		count += r;
	}
	return r < 0 ? r : count;
}

int cgroup_list_at(int base, const char *procs, struct pid_list *list, struct err *e)
{
	cleanup_fclose FILE *file = control_open_lines(base, procs);
	char line[32];
	uint64_t pid;

	if (!file)
		return err_errno(e, -errno, "cannot read %s", CONTROL_NAME(base, procs));
	while (fgets(line, sizeof(line), file)) {
		if (!control_number(line, &pid) || pid > INT32_MAX || pid == 0)
			continue; /* 0: a process of another pid namespace */
		if (list->count == list->size) {
			size_t size = list->size ? 2 * list->size : 256;
			pid_t *more = reallocarray(list->pids, size, sizeof(*more));

			if (!more)
				return err_errno(e, -ENOMEM, "listing the processes in %s",
						 CONTROL_NAME(base, procs));
			list->pids = more;
			list->size = size;
		}
		list->pids[list->count++] = (pid_t)pid;
	}
	return 0;
}

/* The same of a group and of what is below it. */
static int list_all(const struct cgroup_driver *d, int base, const char *path,
		    struct pid_list *list, struct err *e)
{
	struct subtree all;
	int r = subtree_list_at(d, base, path, &all, e);

	for (unsigned i = 0; r >= 0 && i < all.count; i++) {
		r = cgroup_list_at(base, SUBGROUP_FILE(&all.groups[i], "cgroup.procs"), list, e);
		if (i && subtree_is_gone(r))
			r = 0;
	}
	return r;
}

static bool ends_with(const char *path, const char *end, size_t size)
{
	size_t length = strlen(path);

	return length >= size && !memcmp(path + length - size, end, size);
}

/*
 * In /proc a group's path begins at the top of its hierarchy, the base's at a mount point: they end
 * alike, unless what is mounted is not the top. Somebody else's tree may have groups that are
 * called as ours are.
 */
bool cgroup_path_has_process(const struct cgroup_driver *d, const char *path, pid_t pid,
			     const char *controller)
{
	char own[2 * LAYOUT_PATH], suffix[SUBTREE_PATH + 1];
	cleanup_free char *text = proc_read_all(pid, "cgroup");
	cleanup_pids struct pid_list listed = {0};
	const char *base;
	int dir = base_of(d, controller, &base);
	size_t size;

	if (!text || !cgroup_own_path(text, controller, own, sizeof(own)))
		return false;
	snprintf(suffix, sizeof(suffix), "/%s", path);
	size = strlen(suffix);
	for (const char *found = own; (found = strstr(found, suffix)); found++)
		if ((!found[size] || found[size] == '/') &&
		    ends_with(base, own, (size_t)(found - own)))
			return true;
	if (!strstr(own, suffix) || list_all(d, dir, path, &listed, &(struct err){0}) < 0)
		return false;
	for (size_t i = 0; i < listed.count; i++)
		if (listed.pids[i] == pid)
			return true;
	return false;
}

bool cgroup_has_process(const struct cgroup_driver *d, const char *group, pid_t pid,
			const char *controller)
{
	return cgroup_path_has_process(d, group_path(d, group, (char[CGROUP_PATH]){0}), pid,
				       controller);
}

int cgroup_pids_in(const struct cgroup_driver *d, enum controller c, const char *group, pid_t *pids,
		   size_t size, struct err *e)
{
	return list_pids(d, d->base[c], group_path(d, group, (char[CGROUP_PATH]){0}), pids, size,
			 e);
}

int cgroup_pids_of(const struct cgroup_driver *d, const char *controller, const char *group,
		   struct pid_list *list, struct err *e)
{
	const char *path;
	int base = base_of(d, controller, &path);

	return list_all(d, base, group_path(d, group, (char[CGROUP_PATH]){0}), list, e);
}

int cgroup_pids(struct driver *driver, const char *group, pid_t *pids, size_t size, struct err *e)
{
	return cgroup_pids_in(cgroup_of(driver), CONTROLLER_CPUSET, group, pids, size, e);
}

/* The hierarchy that says who is in a group: cpuset's, "" for v2's. */
static const char *deciding(const struct cgroup_driver *d)
{
	return d->version->attach ? controller_name(CONTROLLER_CPUSET, 1) : "";
}

bool cgroup_has(struct driver *driver, const char *group, pid_t pid)
{
	const struct cgroup_driver *d = cgroup_of(driver);

	return cgroup_has_process(d, group, pid, deciding(d)) && proc_is_of(pid, &d->users);
}

/* ---- birth */

static int join_v2(void *context, pid_t child, struct err *e)
{
	const struct cgroup_member *m = context;
	char pid[16];
	int r;

	snprintf(pid, sizeof(pid), "%d", child);
	r = control_write(m->driver->unified, GROUP_FILE(m->driver, m->group, "cgroup.procs"), pid,
			  e);
	/*
	 * Only who may write to a group above both may move a process in v2. Beside v1, which has
	 * the walls, v2 is a help that can be missed.
	 */
	if ((r == -EACCES || r == -EPERM) && m->driver->version->attach)
		return 0;
	if (r == 0 && !cgroup_has_process(m->driver, m->group, child, ""))
		r = err_set(e, -EIO, "pid %d was put into %s and is not there", child, m->group);
	return r;
}

int cgroup_spawn(struct driver *driver, const struct spawn *s, pid_t *pid, int *pidfd,
		 struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	struct cgroup_member member = {d, s->group};
	cleanup_close int dir = -1;
	cleanup_free char *mark = NULL;
	cleanup_free char **envp = NULL;
	struct spawn marked = *s;
	char path[CGROUP_PATH];
	struct spawn_into into = {
		.attach = d->version->attach,
		.join = join_v2,
		.context = &member,
		.wall = WALL_CPUSET,
	};
	int r = group_check_name(d, s->group, e);

	if (r < 0)
		return r;
	/* In v2 a group has either processes or groups with controllers. */
	if (d->placement.engine[0] && !d->version->attach && !strncmp(s->group, "slice-", 6))
		return err_set(e, -EBUSY,
			       "%s cannot be started in %s itself, which is for the engine's "
			       "containers",
			       s->file, s->group);
	if (d->unified >= 0) {
		dir = openat(d->unified, group_path(d, s->group, path),
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return err_errno(e, -errno, "cannot open group %s of cluster %s", s->group,
					 d->cluster);
	}
	into.cgroup2 = dir;
	if (asprintf(&mark, GROUP_VARIABLE "=%s/%s", d->cluster, s->group) < 0)
		mark = NULL;
	envp = mark ? mark_environment(s->envp, mark) : NULL;
	if (!envp)
		return err_errno(e, -ENOMEM, "cannot start %s", s->file);
	marked.envp = envp;
	return spawn_process(&marked, &into, pid, pidfd, e);
}

/* ---- the caller itself */

/*
 * Remember the caller's own groups; if it is in one of cleave's already (adoption), then what is
 * above them.
 */
int cgroup_remember_origin(struct cgroup_driver *d, struct err *e)
{
	struct cgroup_layout layout;
	cleanup_close int root = -1;
	int r;

	if (d->has_origin)
		return 0;
	root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = root < 0 ? err_errno(e, -errno, "cannot open /") : cgroup_layout_read(root, &layout, e);

	for (unsigned c = 0; r == 0 && c <= CONTROLLER_COUNT; c++) {
		struct hierarchy *h =
			c < CONTROLLER_COUNT ? &layout.controllers[c] : &layout.unified;

		cgroup_path_above_cleave(h->own);
		d->origin[c][0] = '\0';
		if (h->version && !(h->version == 2 && c < CONTROLLER_COUNT))
			snprintf(d->origin[c], sizeof(d->origin[c]), "%s%s", h->mount, h->own);
	}
	d->has_origin = r == 0;
	return r;
}

static int leave(struct cgroup_driver *d, struct err *e)
{
	char path[2 * LAYOUT_PATH + 16], pid[16];
	int r = 0;

	snprintf(pid, sizeof(pid), "%d", getpid());
	for (unsigned c = 0; r == 0 && c <= CONTROLLER_COUNT; c++) {
		if (!d->origin[c][0])
			continue;
		snprintf(path, sizeof(path), "%s/cgroup.procs", d->origin[c]);
		r = control_write(AT_FDCWD, path, pid, e);
	}
	return r;
}

/*
 * The supervisor's leaf is for machines without systemd; in a unit of its own slices it would die
 * with them.
 */
int cgroup_enter(struct driver *driver, const char *group, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	struct cgroup_member self = {d, group};
	int r;

	if (d->placement.kind == PLACEMENT_SCOPE || d->placement.kind == PLACEMENT_SLICES)
		return 0;
	if (!group)
		return leave(d, e);
	r = group_check_name(d, group, e);
	if (r == 0)
		r = cgroup_remember_origin(d, e);
	if (r == 0 && d->version->attach)
		r = d->version->attach(&self, getpid(), e);
	if (r == 0 && d->unified >= 0)
		r = join_v2(&self, getpid(), e);
	return r;
}

/* ---- the end */

int cgroup_kill_process(const struct cgroup_driver *d, const char *group, pid_t pid)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 || !cgroup_has_process(d, group, pid, deciding(d)) ||
	    syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0))
		return -1;
	return take_fd(fd);
}

/* Kill one batch and wait until the first of them is gone, or for a turn. */
static void kill_batch(const struct cgroup_driver *d, const char *group, const pid_t *pids,
		       int count, int timeout_ms)
{
	struct pollfd fds[BATCH];
	unsigned n = 0;

	for (int i = 0; i < count && i < BATCH; i++) {
		int fd = cgroup_kill_process(d, group, pids[i]);

		if (fd >= 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	/* With no descriptor this is a pause: pids that are dying already, or cannot be opened. */
	poll(fds, n, n || timeout_ms < DYING_MS ? timeout_ms : DYING_MS);
	for (unsigned i = 0; i < n; i++)
		close(fds[i].fd);
}

/*
 * The threads of a process that has died count until the last of them is through: v2 lists nobody any
 * more, and yet the group cannot be removed (EBUSY). With some hundred threads, as a JVM has, that
 * takes a moment.
 */
static bool is_ending(const struct cgroup_driver *d, const char *group)
{
	char text[256];

	return !d->version->attach &&
	       control_read(d->unified, GROUP_FILE(d, group, "cgroup.events"), text, sizeof(text),
			    &(struct err){0}) > 0 &&
	       control_value(text, "populated", 0);
}

/* Not by cgroup.kill: containers/README.md, "cgroup v2". */
int cgroup_kill(struct driver *driver, const char *group, unsigned timeout_ms, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	uint64_t end_ns = clock_now_ns() + timeout_ms * CLOCK_MS;
	pid_t pids[BATCH];
	int n = group_check_name(d, group, e);

	if (n < 0)
		return n;
	for (;;) {
		int left_ms = clock_left_ms(end_ns);

		n = cgroup_pids(driver, group, pids, BATCH, e);
		if (n < 0 || (n == 0 && !is_ending(d, group)))
			return n == -ENOENT ? 0 : n;
		if (d->placement.engine[0])
			engine_trees_thaw(d, group);
		kill_batch(d, group, pids, n,
			   left_ms < 0	       ? 0
			   : left_ms < TURN_MS ? left_ms
					       : TURN_MS);
		if (left_ms <= 0)
			break;
	}
	if (n == 0)
		return err_set(e, -ETIMEDOUT, "threads of %s are still ending", group);
	return err_set(e, -ETIMEDOUT, "%d processes of %s are still there after SIGKILL, pid %d", n,
		       group, pids[0]);
}
