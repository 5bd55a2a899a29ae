/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/strangers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "containers/cgroup/process.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "containers/process/mark.h"
#include "decision/base/cleanup.h"

enum {
	ANCESTORS_MAX = 64,
	EXEC_TURNS = 50, /* of a millisecond, for a whole group: as long as an exec may take */
};

/* ---- who is there */

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The names of the hierarchies that have our groups, as in /proc/PID/cgroup. */
static unsigned hierarchies(const struct cgroup_driver *d, const char *names[CONTROLLER_COUNT + 1])
{
	unsigned count = 0;

	for (enum controller c = 0; d->version->attach && c < CONTROLLER_COUNT; c++)
		if (d->base[c] >= 0)
			names[count++] = controller_name(c, 1);
	if (d->unified >= 0)
		names[count++] = "";
	return count;
}

/* Those of a group in any hierarchy, sorted, each once. */
static int list_members(const struct cgroup_driver *d, const char *group, struct pid_list *out,
			struct err *e)
{
	const char *names[CONTROLLER_COUNT + 1];
	unsigned count = hierarchies(d, names);
	size_t kept = 0;

	for (unsigned i = 0; i < count; i++) {
		int r = cgroup_pids_of(d, names[i], group, out, e);

		if (r < 0 && r != -ENOENT && r != -ENODEV)
			return r;
	}
	if (out->count)
		qsort(out->pids, out->count, sizeof(*out->pids), compare_pids);
	for (size_t i = 0; i < out->count; i++)
		if (!kept || out->pids[kept - 1] != out->pids[i])
			out->pids[kept++] = out->pids[i];
	out->count = kept;
	return 0;
}

/* ---- whose it is */

struct question {
	const struct cgroup_driver *driver;
	const pid_t *members; /* sorted */
	size_t count;
	char *text; /* PROC_TEXT_MAX bytes */
	struct stat program;
	unsigned turns; /* left to wait for those that are executing a program */
};

static bool is_in_group(const struct question *q, pid_t pid)
{
	return bsearch(&pid, q->members, q->count, sizeof(pid), compare_pids) != NULL;
}

static bool is_this_program(const struct question *q, pid_t pid)
{
	char exe[64];
	struct stat st;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	return stat(exe, &st) == 0 && st.st_ino == q->program.st_ino &&
	       st.st_dev == q->program.st_dev;
}

static bool is_ours(struct question *q, const struct proc_stat *s)
{
	const char *cluster = q->driver->cluster;
	struct proc_stat at;
	enum unmarked why, ignored;

	do {
		if (mark_read(s->pid, cluster, q->text, &why) || why == UNMARKED_HIDDEN ||
		    is_this_program(q, s->pid))
			return true;
		at = *s;
		for (unsigned i = 0; i < ANCESTORS_MAX && is_in_group(q, at.parent); i++) {
			if (mark_read(at.parent, cluster, q->text, &ignored))
				return true;
			if (proc_stat_read(at.parent, &at))
				break;
		}
		if (mark_read(s->session, cluster, q->text, &ignored))
			return true;
		/* It may be the first program of one that we have just started. */
		if (why == UNMARKED_EXECUTING && q->turns)
			poll(NULL, 0, 1);
	} while (why == UNMARKED_EXECUTING && q->turns && q->turns--);
	return why == UNMARKED_EXECUTING;
}

/* ---- moving them out */

static bool is_in_any(const struct cgroup_driver *d, const char *group, pid_t pid)
{
	const char *names[CONTROLLER_COUNT + 1];
	unsigned count = hierarchies(d, names);

	for (unsigned i = 0; i < count; i++)
		if (cgroup_has_process(d, group, pid, names[i]))
			return true;
	return false;
}

/* In each hierarchy where it is in the group, to where the caller has come from. */
static void move_out(const struct cgroup_driver *d, const char *group, struct stranger *s,
		     uint64_t start_ticks)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	char path[2 * LAYOUT_PATH + 16], pid[16];
	struct proc_stat now;

	/* Its number, which the kernel takes here, is held by the descriptor. */
	if (fd < 0 || proc_stat_read(s->pid, &now) || now.start_ticks != start_ticks)
		return; /* it has ended by itself */
	snprintf(pid, sizeof(pid), "%d", s->pid);
	for (unsigned c = 0; c <= CONTROLLER_COUNT; c++) {
		const char *name = c < CONTROLLER_COUNT ? controller_name(c, 1) : "";

		if (!d->origin[c][0] || !cgroup_has_process(d, group, s->pid, name))
			continue;
		snprintf(path, sizeof(path), "%s/cgroup.procs", d->origin[c]);
		control_write(AT_FDCWD, path, pid, &(struct err){0}); /* what counts is read back */
	}
	s->stays = is_in_any(d, group, s->pid);
}

/* ---- both */

/* What others have called it, for people. */
static void copy_name(char to[sizeof(((struct stranger *)NULL)->name)], const char *name)
{
	size_t i = 0;

	for (; name[i] && i + 1 < sizeof(((struct stranger *)NULL)->name); i++)
		to[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
	to[i] = '\0';
}

enum action { SHOW, EXPEL };

/*
 * One of the workers' user, who can put nothing into our groups, was most likely born in this one
 * and has hidden it: outside it would be free of the slice's walls, and of its end.
 */
static bool may_go(const struct cgroup_driver *d, const struct stranger *s)
{
	return s->uid != d->users.workers || d->users.workers == d->users.caller;
}

/*
 * The engine's runtime, on its way to become the first program of a container, or Podman's conmon,
 * which waits for one beside it.
 */
static bool is_engines(const struct cgroup_driver *d, const struct proc_stat *s)
{
	return d->placement.engine[0] && (!strncmp(s->name, "runc", 4) ||
					  !strcmp(s->name, "crun") || !strcmp(s->name, "conmon"));
}

static int find_strangers(struct cgroup_driver *d, const char *group, enum action action,
			  struct strangers *out, struct err *e)
{
	cleanup_free char *text = malloc(PROC_TEXT_MAX);
	cleanup_pids struct pid_list members = {0};
	struct question q = {.driver = d, .text = text, .turns = EXEC_TURNS};
	int r;

	*out = (struct strangers){0};
	if (group_check_name(d, group, e))
		return e->code;
	r = text ? list_members(d, group, &members, e)
		 : err_errno(e, -ENOMEM, "listing the processes of %s", group);
	if (r == 0 && members.count && stat("/proc/self/exe", &q.program))
		r = err_errno(e, -errno, "/proc/self/exe");
	if (r < 0)
		return r;
	q.members = members.pids;
	q.count = members.count;
	for (size_t i = 0; i < members.count; i++) {
		struct stranger s = {.pid = members.pids[i]};
		struct proc_stat stat;

		if (proc_stat_read(s.pid, &stat) || !proc_is_alive(&stat) || is_engines(d, &stat) ||
		    is_ours(&q, &stat))
			continue;
		s.uid = proc_user(s.pid);
		copy_name(s.name, stat.name);
		s.stays = !may_go(d, &s);
		if (action == EXPEL && !s.stays)
			move_out(d, group, &s, stat.start_ticks);
		out->count++;
		if (out->listed < STRANGERS_LISTED)
			out->items[out->listed++] = s;
	}
	return 0;
}

int cgroup_strangers(struct driver *d, const char *group, struct strangers *out, struct err *e)
{
	return find_strangers(cgroup_of(d), group, SHOW, out, e);
}

int cgroup_expel(struct driver *driver, const char *group, struct strangers *out, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	int r = cgroup_remember_origin(d, e);

	return r == 0 ? find_strangers(d, group, EXPEL, out, e) : r;
}
