/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/process/affinity.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/proc/owner.h"
#include "containers/proc/process.h"
#include "containers/process/mark.h"
#include "containers/process/spawn.h"
#include "containers/where/layout.h"
#include "decision/base/cleanup.h"

enum {
	PASSES = 16,
	KILL_TURN_MS = 20,
	/*
	 * How long a walk waits, in all, for those that are just executing a program; one that is
	 * asked often only for young ones, for it may be them who want us to wait.
	 */
	EXEC_TURN_MS = 2,
	EXEC_TURNS = 10,
	EXEC_TURNS_NOW = 250,
	EXEC_YOUNG_S = 10,
	/* What a walk has found is good for other questions: of all groups at one tick, say. */
	SHARED_MS = 200,
};

/* A process with a mark of this cluster. */
struct member {
	struct proc_stat stat; /* as it was found */
	char group[NAME_MAX_BYTES + 1];
};

/* A list of them. */
struct members {
	struct member *items;
	size_t count, room;
};

struct affinity_driver {
	struct driver driver;
	char cluster[NAME_MAX_BYTES + 1];
	struct users users;
	struct observed_group groups[SLICES_MAX + 2]; /* name "": a free place */
	struct members members;			      /* as of the last walk … */
	uint64_t walked_at_ns;			      /* … or 0: none, or things have changed */
};

static struct affinity_driver *of(struct driver *d)
{
	return (struct affinity_driver *)d;
}

static struct observed_group *find(struct affinity_driver *d, const char *name)
{
	for (unsigned i = 0; i < SLICES_MAX + 2; i++)
		if (!strcmp(d->groups[i].name, name))
			return &d->groups[i];
	return NULL;
}

static int need(struct affinity_driver *d, const char *name, struct observed_group **out,
		struct err *e)
{
	*out = group_name_is_ours(name) ? find(d, name) : NULL;
	return *out ? 0 : err_set(e, -ENOENT, "cluster %s has no group %.40s", d->cluster, name);
}

static void set_group(struct observed_group *g, const char *name, const struct cpuset *cpus,
		      const struct cpuset *nodes)
{
	*g = (struct observed_group){
		.cpus = *cpus, .requested = *cpus, .nodes = *nodes, .weight = WEIGHT_DEFAULT};
	snprintf(g->name, sizeof(g->name), "%s", name);
}

/* ---- whose process is it */

static struct member *add_member(struct members *list, const struct proc_stat *stat,
				 const char *group)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct member *items = reallocarray(list->items, room, sizeof(*items));

		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	list->items[list->count] = (struct member){.stat = *stat};
	snprintf(list->items[list->count].group, sizeof(list->items[0].group), "%s", group);
	return &list->items[list->count++];
}

/*
 * A group that this driver has not made: another supervisor did. Take over what the mark of one of
 * its processes says, "GROUP:CPUS:NODES". Return whether it is of that form.
 */
static bool adopt(struct affinity_driver *d, const char *mark, pid_t pid,
		  char name[NAME_MAX_BYTES + 1])
{
	const char *first = strchr(mark, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	struct observed_group *g = find(d, "");
	struct cpuset in_force, nodes;
	char cpus[CPUSET_TEXT];
	struct err ignored;

	if (!second || first - mark > NAME_MAX_BYTES || second - first > CPUSET_TEXT)
		return false;
	snprintf(name, NAME_MAX_BYTES + 1, "%.*s", (int)(first - mark), mark);
	snprintf(cpus, sizeof(cpus), "%.*s", (int)(second - first - 1), first + 1);
	if (!group_name_is_ours(name))
		return false;
	if (find(d, name))
		return true;
	if (!g || cpuset_parse(cpus, &in_force, &ignored) ||
	    cpuset_parse(second + 1, &nodes, &ignored))
		return false;
	/* What is in force may have changed since it was started. */
	syscall(SYS_sched_getaffinity, pid, sizeof(in_force.words), in_force.words);
	set_group(g, name, &in_force, &nodes);
	return true;
}

static bool is_young(const struct proc_stat *s)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return s->start_ticks / (uint64_t)sysconf(_SC_CLK_TCK) + EXEC_YOUNG_S >
	       (uint64_t)now.tv_sec;
}

/* Who was seen is who he was, and ours. */
static bool is_member(const struct affinity_driver *d, const struct proc_stat *seen)
{
	struct proc_stat now;

	return proc_stat_read(seen->pid, &now) == 0 && proc_is_alive(&now) &&
	       now.start_ticks == seen->start_ticks && proc_is_of(seen->pid, &d->users) &&
	       !proc_is_elevated(seen->pid);
}

/*
 * Look at one process, whose environment is read into `text`. If it is just executing a program it
 * goes to `later`. Strangers are told by their user first, which costs a tenth of their environment.
 */
static int look_at(struct affinity_driver *d, int proc, pid_t pid, char *text,
		   struct members *later)
{
	char group[NAME_MAX_BYTES + 1];
	struct proc_stat stat;
	enum unmarked why;
	const char *mark;

	if (!proc_may_be_of(proc, pid, &d->users))
		return 0;
	mark = mark_read(pid, d->cluster, text, &why);
	if ((!mark && why != UNMARKED_EXECUTING) || proc_stat_read(pid, &stat))
		return 0;
	if (!mark)
		return add_member(later, &stat, "") ? 0 : -ENOMEM;
	if (!is_member(d, &stat) || !adopt(d, mark, pid, group))
		return 0;
	return add_member(&d->members, &stat, group) ? 0 : -ENOMEM;
}

static void free_members(struct members *list)
{
	free(list->items);
}
#define cleanup_members __attribute__((cleanup(free_members)))

/* WALK_SHARED: what was found just now will do. */
enum walk { WALK_SHARED, WALK_NOW };

/*
 * Those that were executing a program, once more until they have, or the patience of the whole walk
 * has ended.
 */
static int look_again(struct affinity_driver *d, int proc, char *text, struct members *later,
		      enum walk how)
{
	const unsigned turns = how == WALK_NOW ? EXEC_TURNS_NOW : EXEC_TURNS;

	for (unsigned turn = 0; later->count && turn < turns; turn++) {
		cleanup_members struct members still = {0};

		poll(NULL, 0, EXEC_TURN_MS);
		for (size_t i = 0; i < later->count; i++) {
			const struct proc_stat *s = &later->items[i].stat;

			if ((how == WALK_NOW || is_young(s)) &&
			    look_at(d, proc, s->pid, text, &still))
				return -ENOMEM;
		}
		free(later->items);
		*later = still;
		still = (struct members){0};
	}
	return 0;
}

/* Find the living members. */
static int walk(struct affinity_driver *d, enum walk how, struct err *e)
{
	cleanup_closedir DIR *processes = NULL;
	cleanup_members struct members later = {0};
	cleanup_free char *text = NULL;
	int r = 0;
	pid_t pid;

	if (how == WALK_SHARED && d->walked_at_ns &&
	    clock_now_ns() - d->walked_at_ns < SHARED_MS * CLOCK_MS)
		return 0;
	text = malloc(PROC_TEXT_MAX);
	processes = text ? proc_list(0) : NULL;
	if (!processes)
		return err_errno(e, -errno, "cannot list /proc");
	d->members.count = 0;
	d->walked_at_ns = 0;
	while (!r && (pid = proc_next(processes)))
		r = look_at(d, dirfd(processes), pid, text, &later);
	if (!r)
		r = look_again(d, dirfd(processes), text, &later, how);
	if (r)
		return err_errno(e, r, "listing the processes of %s", d->cluster);
	d->walked_at_ns = clock_now_ns();
	return 0;
}

/* The next member of `group` from *i on; NULL: there is none. */
static const struct member *next_of(const struct affinity_driver *d, const char *group, size_t *i)
{
	while (*i < d->members.count) {
		const struct member *m = &d->members.items[(*i)++];

		if (!strcmp(m->group, group))
			return m;
	}
	return NULL;
}

static int affinity_pids(struct driver *driver, const char *group, pid_t *pids, size_t size,
			 struct err *e)
{
	const struct affinity_driver *d = of(driver);
	const struct member *m;
	int count = 0, r = walk(of(driver), WALK_SHARED, e);

	for (size_t i = 0; r == 0 && (m = next_of(d, group, &i)); count++)
		if ((size_t)count < size)
			pids[count] = m->stat.pid;
	return r < 0 ? r : count;
}

static bool affinity_has(struct driver *driver, const char *group, pid_t pid)
{
	const struct affinity_driver *d = of(driver);
	cleanup_free char *text = malloc(PROC_TEXT_MAX);
	size_t size = strlen(group);
	enum unmarked why;
	const char *mark = text ? mark_read(pid, d->cluster, text, &why) : NULL;

	return mark && !strncmp(mark, group, size) && mark[size] == ':' &&
	       proc_is_of(pid, &d->users) && !proc_is_elevated(pid);
}

/* ---- CPUs */

/*
 * Set the mask of each thread whose mask is another. Return how many there were; threads that ended
 * do not count.
 */
static int set_threads(pid_t pid, const struct cpuset *cpus)
{
	const size_t size = sizeof(cpus->words); /* bit i of word i / 64, as the kernel has it */
	cleanup_closedir DIR *threads = proc_list(pid);
	int changed = 0;
	pid_t tid;

	while (threads && (tid = proc_next(threads))) {
		struct cpuset now = {0};

		if (syscall(SYS_sched_getaffinity, tid, size, now.words) < 0 ||
		    cpuset_is_equal(&now, cpus))
			continue;
		if (!syscall(SYS_sched_setaffinity, tid, size, cpus->words))
			changed++;
		else if (errno != ESRCH)
			return -errno;
	}
	return changed;
}

/*
 * Threads that were being made while we looked inherit the old mask: repeat until a whole pass
 * finds nothing to do.
 */
static int set_all(struct affinity_driver *d, const char *group, const struct cpuset *cpus,
		   struct err *e)
{
	for (unsigned pass = 0; pass < PASSES; pass++) {
		const struct member *m;
		int changed = 0, r = walk(d, WALK_NOW, e);

		for (size_t i = 0; r == 0 && (m = next_of(d, group, &i));) {
			int n = is_member(d, &m->stat) ? set_threads(m->stat.pid, cpus) : 0;

			if (n < 0)
				return err_errno(e, n, "cannot set the CPUs of pid %d to %.200s",
						 m->stat.pid, CPUSET_STRING(cpus));
			changed += n;
		}
		if (r < 0 || !changed)
			return r;
	}
	return err_set(e, -EAGAIN,
		       "threads of %s keep another CPU mask than %.200s after %d passes", group,
		       CPUSET_STRING(cpus), PASSES);
}

static int affinity_set_cpus(struct driver *driver, const char *group, const struct cpuset *cpus,
			     struct cpuset *effective, struct err *e)
{
	struct observed_group *g;
	int r = need(of(driver), group, &g, e);

	if (r == 0 && cpuset_is_empty(cpus))
		r = err_set(e, -EINVAL, "%s would be left without a CPU", group);
	if (r == 0)
		r = set_all(of(driver), group, cpus, e);
	if (r < 0)
		return r;
	g->cpus = g->requested = *cpus;
	if (effective)
		*effective = *cpus;
	return 0;
}

static int affinity_set_weight(struct driver *driver, const char *group, unsigned weight,
			       struct err *e)
{
	struct observed_group *g;
	int r = need(of(driver), group, &g, e);

	if (r < 0 || weight == WEIGHT_DEFAULT)
		return r;
	return err_impossible(e,
			      "%s: backend affinity has no CPU weights, which shared loans need: "
			      "use backend: cgroup, or rebalance.loans: exclusive",
			      group);
}

/* ---- a group's life */

static int affinity_create(struct driver *driver, const struct group_spec *g, struct err *e)
{
	struct affinity_driver *d = of(driver);
	struct observed_group *place = find(d, g->name);

	if (!group_name_is_ours(g->name))
		return err_wrong(e, "\"%.40s\" is no name of a group of cleave's", g->name);
	if (cpuset_is_empty(&g->cpus) || cpuset_is_empty(&g->nodes))
		return err_set(e, -EINVAL, "%s has no %s", g->name,
			       cpuset_is_empty(&g->cpus) ? "CPUs" : "memory nodes");
	if (!place)
		place = find(d, "");
	if (!place)
		return err_set(e, -ENOSPC, "cluster %s has more than %d groups", d->cluster,
			       SLICES_MAX + 2);
	set_group(place, g->name, &g->cpus, &g->nodes);
	return 0;
}

static int affinity_spawn(struct driver *driver, const struct spawn *s, pid_t *pid, int *pidfd,
			  struct err *e)
{
	struct affinity_driver *d = of(driver);
	struct spawn marked = *s;
	struct spawn_into into = {.cgroup2 = -1, .wall = WALL_NONE};
	cleanup_free char *mark = NULL;
	cleanup_free char **envp = NULL;
	struct observed_group *g;
	int r = need(d, s->group, &g, e);

	if (r < 0)
		return r;
	if (asprintf(&mark, GROUP_VARIABLE "=%s/%s:%s:%s", d->cluster, g->name,
		     CPUSET_STRING(&g->cpus), CPUSET_STRING(&g->nodes)) < 0)
		mark = NULL;
	envp = mark ? mark_environment(s->envp, mark) : NULL;
	if (!envp)
		return err_errno(e, -ENOMEM, "cannot start %s", s->file);
	marked.envp = envp;
	if (cpuset_is_empty(&marked.nodes))
		marked.nodes = g->nodes;
	into.cpus = &g->cpus;
	d->walked_at_ns = 0; /* there will be one more */
	return spawn_process(&marked, &into, pid, pidfd, e);
}

/*
 * Signal every member through a pidfd: after it was opened the pid cannot become somebody else's
 * any more, so the member is looked at again. `last` is the pidfd of the last one signalled, -1:
 * none. Return how many members there were.
 */
static int kill_members(struct affinity_driver *d, const char *group, int *last, struct err *e)
{
	const struct member *m;
	int count = 0, r = walk(d, WALK_NOW, e);

	for (size_t i = 0; r == 0 && (m = next_of(d, group, &i)); count++) {
		cleanup_close int fd = (int)syscall(SYS_pidfd_open, m->stat.pid, 0);

		if (fd < 0 || !is_member(d, &m->stat) ||
		    !affinity_has(&d->driver, group, m->stat.pid))
			continue;
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
		if (*last >= 0)
			close(*last);
		*last = take_fd(fd);
	}
	d->walked_at_ns = 0;
	return r < 0 ? r : count;
}

static int affinity_kill(struct driver *driver, const char *group, unsigned timeout_ms,
			 struct err *e)
{
	uint64_t end_ns = clock_now_ns() + timeout_ms * CLOCK_MS;

	for (;;) {
		cleanup_close int last = -1;
		int count = kill_members(of(driver), group, &last, e);
		int left_ms = clock_left_ms(end_ns);
		struct pollfd fds = {.fd = last, .events = POLLIN};

		if (count <= 0)
			return count;
		if (left_ms <= 0)
			return err_set(e, -ETIMEDOUT,
				       "%d processes of %s are still there after SIGKILL", count,
				       group);
		poll(&fds, 1, left_ms > KILL_TURN_MS ? KILL_TURN_MS : left_ms);
	}
}

static int affinity_remove(struct driver *driver, const char *group, struct err *e)
{
	struct observed_group *g = find(of(driver), group);
	int n = walk(of(driver), WALK_NOW, e);

	if (n == 0)
		n = affinity_pids(driver, group, NULL, 0, e);
	if (n > 0)
		return err_set(e, -EBUSY, "%s still has %d processes", group, n);
	if (g && n == 0)
		g->name[0] = '\0';
	return n;
}

/* ---- what is there */

static int affinity_observe(struct driver *driver, struct observation *out, struct err *e)
{
	struct affinity_driver *d = of(driver);
	int r = walk(d, WALK_SHARED, e);

	out->count = 0;
	for (unsigned i = 0; r == 0 && i < SLICES_MAX + 2; i++) {
		struct observed_group *g = &d->groups[i];
		int n;

		if (!g->name[0])
			continue;
		n = affinity_pids(driver, g->name, NULL, 0, e);
		if (n < 0)
			return n;
		g->populated = n > 0;
		out->groups[out->count++] = *g;
	}
	return r;
}

static int affinity_sample(struct driver *driver, const char *group, struct sample *out,
			   struct err *e)
{
	struct affinity_driver *d = of(driver);
	struct observed_group *g;
	const struct member *m;
	struct sample s = {.at_ns = clock_now_ns()};
	uint64_t ticks = 0;
	int r = need(d, group, &g, e);

	if (r == 0)
		r = walk(d, WALK_SHARED, e);
	for (size_t i = 0; r == 0 && (m = next_of(d, group, &i));) {
		uint64_t pages; /* resident: the second word of statm */
		struct proc_stat stat;
		const char *second;
		char statm[256];

		if (proc_stat_read(m->stat.pid, &stat) || stat.start_ticks != m->stat.start_ticks)
			continue;
		s.processes++;
		ticks += stat.cpu_ticks + stat.waited_ticks;
		if (proc_read_text(stat.pid, "statm", statm, sizeof(statm)) > 0 &&
		    (second = strchr(statm, ' ')) && control_number(second + 1, &pages))
			s.memory_bytes += pages * (uint64_t)sysconf(_SC_PAGESIZE);
	}
	if (r < 0)
		return r;
	s.cpu_usage_us = ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	*out = s;
	return 0;
}

/* The supervisor is not pinned: there are no walls to be inside of. */
static int affinity_enter(struct driver *driver, const char *group, struct err *e)
{
	struct observed_group *g;

	return group ? need(of(driver), group, &g, e) : 0;
}

static int affinity_destroy(struct driver *driver, struct err *e)
{
	const struct members *there = &of(driver)->members;
	int r = walk(of(driver), WALK_NOW, e);

	if (r == 0 && there->count)
		return err_set(e, -EBUSY, "%s still has processes", there->items[0].group);
	return r;
}

static void affinity_close(struct driver *driver)
{
	free_members(&of(driver)->members);
	free(driver);
}

static const struct driver_ops ops = {
	.name = "affinity",
	.create = affinity_create,
	.set_cpus = affinity_set_cpus,
	.set_weight = affinity_set_weight,
	.spawn = affinity_spawn,
	.kill = affinity_kill,
	.remove = affinity_remove,
	.observe = affinity_observe,
	.sample = affinity_sample,
	.enter = affinity_enter,
	.pids = affinity_pids,
	.has = affinity_has,
	.destroy = affinity_destroy,
	.close = affinity_close,
};

int affinity_open(const char *cluster, uid_t workers, struct driver **out, struct err *e)
{
	struct affinity_driver *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_errno(e, -ENOMEM, "opening cluster %s", cluster);
	d->driver.ops = &ops;
	d->users = (struct users){.caller = geteuid(), .workers = workers};
	snprintf(d->cluster, sizeof(d->cluster), "%s", cluster);
	snprintf(d->driver.location, sizeof(d->driver.location), "affinity");
	/*
	 * What runs already tells which groups there are: a command on a running cluster makes none
	 * itself.
	 */
	r = walk(d, WALK_SHARED, e);
	if (r < 0) {
		affinity_close(&d->driver);
		return r;
	}
	*out = &d->driver;
	return 0;
}
