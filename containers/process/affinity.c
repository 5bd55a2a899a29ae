/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/process/affinity.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "containers/process/spawn.h"
#include "containers/where/layout.h"
#include "decision/base/cleanup.h"

#define MARK GROUP_VARIABLE "="

enum {
	PASSES = 16,
	EXEC_TURNS = 20, /* of a millisecond */
	KILL_TURN_MS = 20,
};

struct affinity_driver {
	struct driver driver;
	char cluster[NAME_MAX_BYTES + 1];
	struct observed_group groups[SLICES_MAX + 2]; /* name "": a free place */
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

/*
 * The value of our variable in a process's environment, which is read into `text` (PROC_TEXT_MAX
 * bytes). NULL: none, or not readable. While a process executes another program its environment is
 * empty for a moment; so is that of kernel threads, which have no executable, always.
 */
static const char *mark_of(const struct affinity_driver *d, pid_t pid, char *text)
{
	char exe[64], link[8];
	size_t size = strlen(d->cluster);
	int n = 0;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	for (unsigned turn = 0; turn < EXEC_TURNS; turn++) {
		n = proc_read_text(pid, "environ", text, PROC_TEXT_MAX);
		if (n || readlink(exe, link, sizeof(link)) < 0)
			break;
		poll(NULL, 0, 1);
	}
	for (const char *item = text; n > 0 && item < text + n; item += strlen(item) + 1) {
		const char *value = item + strlen(MARK);

		if (!strncmp(item, MARK, strlen(MARK)) && !strncmp(value, d->cluster, size) &&
		    value[size] == '/')
			return value + size + 1;
	}
	return NULL;
}

static bool mark_is_of(const char *mark, const char *group)
{
	size_t size = strlen(group);

	return !strncmp(mark, group, size) && mark[size] == ':';
}

/* A walk over the living processes with a mark of the cluster's. */
struct search {
	const struct affinity_driver *driver;
	DIR *processes;
	char *text;	  /* environment of the one found last */
	const char *mark; /* in it */
};

static int search_begin(struct search *s, const struct affinity_driver *d, struct err *e)
{
	*s = (struct search){.driver = d, .text = malloc(PROC_TEXT_MAX)};
	s->processes = s->text ? proc_list(0) : NULL;
	return s->processes ? 0 : err_errno(e, -errno, "cannot list /proc");
}

static void search_end(struct search *s)
{
	if (s->processes)
		closedir(s->processes);
	free(s->text);
}
#define cleanup_search __attribute__((cleanup(search_end)))

/* The next process of `group` (NULL: of any); 0: there is none. */
static pid_t search_next(struct search *s, const char *group)
{
	struct proc_stat stat;
	pid_t pid;

	while ((pid = proc_next(s->processes))) {
		s->mark = mark_of(s->driver, pid, s->text);
		if (s->mark && (!group || mark_is_of(s->mark, group)) &&
		    proc_stat_read(pid, &stat) == 0 && proc_is_alive(&stat))
			break;
	}
	return pid;
}

static int affinity_pids(struct driver *driver, const char *group, pid_t *pids, size_t size,
			 struct err *e)
{
	cleanup_search struct search s;
	int count = 0, r = search_begin(&s, of(driver), e);
	pid_t pid;

	for (; r == 0 && (pid = search_next(&s, group)); count++)
		if ((size_t)count < size)
			pids[count] = pid;
	return r < 0 ? r : count;
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
		cleanup_search struct search s;
		int changed = 0, r = search_begin(&s, d, e);
		pid_t pid;

		while (r == 0 && (pid = search_next(&s, group))) {
			int n = set_threads(pid, cpus);

			if (n < 0)
				return err_errno(e, n, "cannot set the CPUs of pid %d to %.200s",
						 pid, CPUSET_STRING(cpus));
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

/*
 * The environment with our mark in front of it; only the array and the mark are the caller's to
 * free.
 */
static char **marked_environment(char *const *envp, char *mark)
{
	size_t count = 0, used = 0;
	char **out;

	while (envp && envp[count])
		count++;
	out = calloc(count + 2, sizeof(*out));
	if (!out)
		return NULL;
	out[used++] = mark;
	for (size_t i = 0; i < count; i++)
		if (strncmp(envp[i], MARK, strlen(MARK)) != 0)
			out[used++] = envp[i];
	return out;
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
	if (asprintf(&mark, MARK "%s/%s:%s:%s", d->cluster, g->name, CPUSET_STRING(&g->cpus),
		     CPUSET_STRING(&g->nodes)) < 0)
		mark = NULL;
	envp = mark ? marked_environment(s->envp, mark) : NULL;
	if (!envp)
		return err_errno(e, -ENOMEM, "cannot start %s", s->file);
	marked.envp = envp;
	if (cpuset_is_empty(&marked.nodes))
		marked.nodes = g->nodes;
	into.cpus = &g->cpus;
	return spawn_process(&marked, &into, pid, pidfd, e);
}

/*
 * Signal every member through a pidfd: after it was opened the pid cannot become somebody else's
 * any more, so the mark is looked at again. `last` is the pidfd of the last one signalled, -1:
 * none. Return how many members there were.
 */
static int kill_members(struct affinity_driver *d, const char *group, int *last, struct err *e)
{
	cleanup_search struct search s;
	int count = 0, r = search_begin(&s, d, e);
	pid_t pid;

	for (; r == 0 && (pid = search_next(&s, group)); count++) {
		cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		const char *mark = fd < 0 ? NULL : mark_of(d, pid, s.text);

		if (!mark || !mark_is_of(mark, group))
			continue;
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
		if (*last >= 0)
			close(*last);
		*last = take_fd(fd);
	}
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
				       "%d processes of %s are still there %u ms "
				       "after SIGKILL",
				       count, group, timeout_ms);
		poll(&fds, 1, left_ms > KILL_TURN_MS ? KILL_TURN_MS : left_ms);
	}
}

static int affinity_remove(struct driver *driver, const char *group, struct err *e)
{
	struct observed_group *g = find(of(driver), group);
	int n = affinity_pids(driver, group, NULL, 0, e);

	if (n > 0)
		return err_set(e, -EBUSY, "%s still has %d processes", group, n);
	if (g && n == 0)
		g->name[0] = '\0';
	return n;
}

/* ---- what is there */

/*
 * Processes whose group this driver has not made: another supervisor did. Take over what their
 * marks say.
 */
static int adopt(struct affinity_driver *d, struct err *e)
{
	cleanup_search struct search s;
	struct err ignored; /* a mark that is not of our form */
	int r = search_begin(&s, d, e);
	pid_t pid;

	while (r == 0 && (pid = search_next(&s, NULL))) {
		char name[NAME_MAX_BYTES + 1], cpus[CPUSET_TEXT];
		const char *first = strchr(s.mark, ':'),
			   *second = first ? strchr(first + 1, ':') : NULL;
		struct observed_group *g = find(d, "");
		struct cpuset in_force, nodes;

		if (!g || !second || first - s.mark > NAME_MAX_BYTES ||
		    second - first > CPUSET_TEXT)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(first - s.mark), s.mark);
		snprintf(cpus, sizeof(cpus), "%.*s", (int)(second - first - 1), first + 1);
		if (!group_name_is_ours(name) || find(d, name) ||
		    cpuset_parse(cpus, &in_force, &ignored) ||
		    cpuset_parse(second + 1, &nodes, &ignored))
			continue;
		/* What is in force may have changed since it was started. */
		syscall(SYS_sched_getaffinity, pid, sizeof(in_force.words), in_force.words);
		set_group(g, name, &in_force, &nodes);
	}
	return r;
}

static int affinity_observe(struct driver *driver, struct observation *out, struct err *e)
{
	struct affinity_driver *d = of(driver);
	int r = adopt(d, e);

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
	cleanup_search struct search search = {0};
	struct observed_group *g;
	struct sample s = {.at_ns = clock_now_ns()};
	uint64_t ticks = 0;
	pid_t pid;
	int r = need(of(driver), group, &g, e);

	if (r == 0)
		r = search_begin(&search, of(driver), e);
	if (r < 0)
		return r;
	for (; (pid = search_next(&search, group)); s.processes++) {
		uint64_t pages; /* resident: the second word of statm */
		struct proc_stat stat;
		const char *second;
		char statm[256];

		if (proc_stat_read(pid, &stat) == 0)
			ticks += stat.cpu_ticks + stat.waited_ticks;
		if (proc_read_text(pid, "statm", statm, sizeof(statm)) > 0 &&
		    (second = strchr(statm, ' ')) && control_number(second + 1, &pages))
			s.memory_bytes += pages * (uint64_t)sysconf(_SC_PAGESIZE);
	}
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
	cleanup_search struct search s;
	int r = search_begin(&s, of(driver), e);

	if (r == 0 && search_next(&s, NULL))
		return err_set(e, -EBUSY, "%.*s still has processes", (int)strcspn(s.mark, ":"),
			       s.mark);
	return r;
}

static void affinity_close(struct driver *driver)
{
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
	.destroy = affinity_destroy,
	.close = affinity_close,
};

int affinity_open(const char *cluster, struct driver **out, struct err *e)
{
	struct affinity_driver *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_errno(e, -ENOMEM, "opening cluster %s", cluster);
	d->driver.ops = &ops;
	snprintf(d->cluster, sizeof(d->cluster), "%s", cluster);
	snprintf(d->driver.location, sizeof(d->driver.location), "affinity");
	/*
	 * What runs already tells which groups there are: a command on a running cluster makes none
	 * itself.
	 */
	r = adopt(d, e);
	if (r < 0) {
		free(d);
		return r;
	}
	*out = &d->driver;
	return 0;
}
