/*
 * backend: affinity: no groups, so no limits and no weights; processes get an affinity mask and a
 * memory policy. Which process belongs to which slice is kept where it survives us: in the
 * environment of the process, which its children inherit: CLEAVE_GROUP=CLUSTER/GROUP:CPUS:NODES (as
 * they were when it was started).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/process/spawn.h"
#include "decision/base/cleanup.h"

#define MARK GROUP_VARIABLE "="

enum {
	ENVIRONMENT_MAX =
		2
		<< 20, /* the kernel's bound on arguments and environment: a quarter of an 8 MB stack */
	MEMBERS_MAX = 4096,
	PASSES = 16,
	EXEC_TURNS = 20, /* of a millisecond */
};

struct affinity_group {
	char name[NAME_MAX_BYTES + 1]; /* "": a free place */
	struct cpuset cpus, nodes;
};

struct affinity_driver {
	struct driver driver;
	char cluster[NAME_MAX_BYTES + 1];
	struct affinity_group groups[SLICES_MAX + 2];
};

static struct affinity_driver *of(struct driver *d)
{
	return (struct affinity_driver *)d;
}

static struct affinity_group *find(struct affinity_driver *d, const char *name)
{
	for (unsigned i = 0; i < SLICES_MAX + 2; i++)
		if (!strcmp(d->groups[i].name, name))
			return &d->groups[i];
	return NULL;
}

static int need(struct affinity_driver *d, const char *name, struct affinity_group **out,
		struct err *e)
{
	*out = cgroup_name_is_ours(name) ? find(d, name) : NULL;
	return *out ? 0 : err_set(e, -ENOENT, "cluster %s has no group %.40s", d->cluster, name);
}

/* ---- whose process is it */

/*
 * While a process executes another program its environment is empty for a moment; so is that of
 * kernel threads, which have no executable, always. Return its length, or negative.
 */
static int read_environment(pid_t pid, char *text)
{
	char path[64], link[8];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	for (unsigned turn = 0; turn < EXEC_TURNS; turn++) {
		cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
		int n = fd < 0 ? -errno : control_reread(fd, text, ENVIRONMENT_MAX);
		char exe[64];

		snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
		if (n || readlink(exe, link, sizeof(link)) < 0)
			return n;
		poll(NULL, 0, 1);
	}
	return 0;
}

/*
 * The value of our variable in a process's environment. `text` holds ENVIRONMENT_MAX bytes. NULL:
 * none, or not readable.
 */
static const char *mark_of(const struct affinity_driver *d, pid_t pid, char *text)
{
	size_t size = strlen(d->cluster);
	int n;

	n = read_environment(pid, text);
	for (const char *item = text; n > 0 && item < text + n; item += strlen(item) + 1) {
		const char *value = item + strlen(MARK);

		if (!strncmp(item, MARK, strlen(MARK)) && !strncmp(value, d->cluster, size) &&
		    value[size] == '/')
			return value + size + 1;
	}
	return NULL;
}

static bool is_alive(pid_t pid)
{
	char path[64], text[1024];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (control_read(AT_FDCWD, path, text, sizeof(text), &(struct err){0}) < 0)
		return false;
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

typedef bool visit(void *context, pid_t pid, const char *mark); /* false: stop */

static int for_each_process(struct affinity_driver *d, visit *visitor, void *context, struct err *e)
{
	cleanup_free char *text = malloc(ENVIRONMENT_MAX);
	DIR *proc = text ? opendir("/proc") : NULL;
	struct dirent *entry;

	if (!proc)
		return err_errno(e, -errno, "cannot list /proc");
	while ((entry = readdir(proc))) {
		uint64_t pid;
		const char *mark;

		if (!control_number(entry->d_name, &pid) || pid > INT32_MAX)
			continue;
		mark = mark_of(d, (pid_t)pid, text);
		if (mark && is_alive((pid_t)pid) && !visitor(context, (pid_t)pid, mark))
			break;
	}
	closedir(proc);
	return 0;
}

static bool mark_is_of(const char *mark, const char *group)
{
	size_t size = strlen(group);

	return !strncmp(mark, group, size) && mark[size] == ':';
}

struct members {
	const char *group;
	pid_t *pids;
	size_t size;
	int count;
};

static bool count_member(void *context, pid_t pid, const char *mark)
{
	struct members *m = context;

	if (!mark_is_of(mark, m->group))
		return true;
	if ((size_t)m->count < m->size)
		m->pids[m->count] = pid;
	m->count++;
	return true;
}

static int affinity_pids(struct driver *driver, const char *group, pid_t *pids, size_t size,
			 struct err *e)
{
	struct members m = {group, pids, size, 0};
	int rc = for_each_process(of(driver), count_member, &m, e);

	return rc < 0 ? rc : m.count;
}

/* ---- CPUs */

/*
 * Set the mask of each thread whose mask is another. Return how many there were; threads that ended
 * do not count.
 */
static int set_threads(pid_t pid, const struct cpuset *cpus)
{
	const size_t size = sizeof(cpus->words); /* bit i of word i / 64, as the kernel has it */
	char path[64];
	struct dirent *entry;
	int changed = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		struct cpuset now = {0};
		uint64_t tid;

		if (!control_number(entry->d_name, &tid))
			continue;
		if (syscall(SYS_sched_getaffinity, (pid_t)tid, size, now.words) < 0 ||
		    cpuset_is_equal(&now, cpus))
			continue;
		if (!syscall(SYS_sched_setaffinity, (pid_t)tid, size, cpus->words))
			changed++;
		else if (errno != ESRCH)
			changed = -errno;
		if (changed < 0)
			break;
	}
	if (dir)
		closedir(dir);
	return changed;
}

/*
 * Threads that were being made while we looked inherit the old mask: repeat until a whole pass
 * finds nothing to do.
 */
static int set_all(struct affinity_driver *d, const char *group, const struct cpuset *cpus,
		   struct err *e)
{
	cleanup_free pid_t *pids = malloc(MEMBERS_MAX * sizeof(*pids));

	if (!pids)
		return err_errno(e, -ENOMEM, "CPUs of %s", group);
	for (unsigned pass = 0; pass < PASSES; pass++) {
		int changed = 0, n = affinity_pids(&d->driver, group, pids, MEMBERS_MAX, e);

		for (int i = 0; i < n && i < MEMBERS_MAX; i++) {
			int rc = set_threads(pids[i], cpus);

			if (rc < 0)
				return err_errno(e, rc, "cannot set the CPUs of pid %d to %.200s",
						 pids[i], CPUSET_STRING(cpus));
			changed += rc;
		}
		if (n <= 0 || !changed)
			return n < 0 ? n : 0;
	}
	return err_set(e, -EAGAIN,
		       "threads of %s keep another CPU mask than %.200s after %d passes", group,
		       CPUSET_STRING(cpus), PASSES);
}

static int affinity_set_cpus(struct driver *driver, const char *group, const struct cpuset *cpus,
			     struct cpuset *effective, struct err *e)
{
	struct affinity_group *g;
	int rc = need(of(driver), group, &g, e);

	if (rc == 0 && cpuset_is_empty(cpus))
		rc = err_set(e, -EINVAL, "%s would be left without a CPU", group);
	if (rc == 0)
		rc = set_all(of(driver), group, cpus, e);
	if (rc < 0)
		return rc;
	g->cpus = *cpus;
	if (effective)
		*effective = *cpus;
	return 0;
}

static int affinity_set_weight(struct driver *driver, const char *group, unsigned weight,
			       struct err *e)
{
	struct affinity_group *g;
	int rc = need(of(driver), group, &g, e);

	if (rc < 0 || weight == WEIGHT_DEFAULT)
		return rc;
	return err_impossible(e,
			      "%s: backend affinity has no CPU weights, which shared loans need: "
			      "use backend: cgroup, or rebalance.loans: exclusive",
			      group);
}

/* ---- a group's life */

static int affinity_create(struct driver *driver, const struct group_spec *g, struct err *e)
{
	struct affinity_driver *d = of(driver);
	struct affinity_group *place = find(d, g->name);

	if (!cgroup_name_is_ours(g->name))
		return err_wrong(e, "\"%.40s\" is no name of a group of cleave's", g->name);
	if (cpuset_is_empty(&g->cpus) || cpuset_is_empty(&g->nodes))
		return err_set(e, -EINVAL, "%s has no %s", g->name,
			       cpuset_is_empty(&g->cpus) ? "CPUs" : "memory nodes");
	if (!place)
		place = find(d, "");
	if (!place)
		return err_set(e, -ENOSPC, "cluster %s has more than %d groups", d->cluster,
			       SLICES_MAX + 2);
	snprintf(place->name, sizeof(place->name), "%s", g->name);
	place->cpus = g->cpus;
	place->nodes = g->nodes;
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
	struct affinity_group *g;
	int rc = need(d, s->group, &g, e);

	if (rc < 0)
		return rc;
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

struct killing {
	const struct affinity_driver *driver;
	const char *group;
	char *text;
	int last; /* pidfd of the last one signalled, -1 */
	int count;
};

static bool kill_member(void *context, pid_t pid, const char *mark)
{
	struct killing *k = context;
	int fd;

	if (!mark_is_of(mark, k->group))
		return true;
	k->count++;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* Look again now that the pid cannot become somebody else's any more. */
	mark = fd < 0 ? NULL : mark_of(k->driver, pid, k->text);
	if (!mark || !mark_is_of(mark, k->group)) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	if (k->last >= 0)
		close(k->last);
	k->last = fd;
	return true;
}

static int affinity_kill(struct driver *driver, const char *group, unsigned timeout_ms,
			 struct err *e)
{
	int64_t end = (int64_t)(clock_now_ns() / CLOCK_MS) + timeout_ms;
	cleanup_free char *text = malloc(ENVIRONMENT_MAX);

	if (!text)
		return err_errno(e, -ENOMEM, "ending %s", group);
	for (;;) {
		struct killing k = {of(driver), group, text, -1, 0};
		int rc = for_each_process(of(driver), kill_member, &k, e);
		int64_t left = end - (int64_t)(clock_now_ns() / CLOCK_MS);
		struct pollfd last = {.fd = k.last, .events = POLLIN};

		if (rc == 0 && k.count && left > 0)
			poll(&last, 1, left > 20 ? 20 : (int)left);
		if (k.last >= 0)
			close(k.last);
		if (rc < 0 || !k.count)
			return rc;
		if (left <= 0)
			return err_set(e, -ETIMEDOUT,
				       "%d processes of %s are still there %u ms "
				       "after SIGKILL",
				       k.count, group, timeout_ms);
	}
}

static int affinity_remove(struct driver *driver, const char *group, struct err *e)
{
	struct affinity_group *g = find(of(driver), group);
	int n = affinity_pids(driver, group, NULL, 0, e);

	if (n > 0)
		return err_set(e, -EBUSY, "%s still has %d processes", group, n);
	if (g && n == 0)
		g->name[0] = '\0';
	return n;
}

/* ---- what is there */

/*
 * A process whose group this driver has not made: another supervisor did. Take over what its mark
 * says.
 */
static bool adopt(void *context, pid_t pid, const char *mark)
{
	struct affinity_driver *d = context;
	char name[NAME_MAX_BYTES + 1], cpus[CPUSET_TEXT];
	const char *first = strchr(mark, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	struct affinity_group *g;
	struct err ignored;

	if (!second || first - mark > NAME_MAX_BYTES || second - first > CPUSET_TEXT)
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)(first - mark), mark);
	snprintf(cpus, sizeof(cpus), "%.*s", (int)(second - first - 1), first + 1);
	if (!cgroup_name_is_ours(name) || find(d, name))
		return true;
	g = find(d, "");
	if (!g || cpuset_parse(cpus, &g->cpus, &ignored) ||
	    cpuset_parse(second + 1, &g->nodes, &ignored))
		return true;
	/* What is in force may have changed since it was started. */
	syscall(SYS_sched_getaffinity, pid, sizeof(g->cpus.words), g->cpus.words);
	snprintf(g->name, sizeof(g->name), "%s", name);
	return true;
}

static int affinity_observe(struct driver *driver, struct observation *out, struct err *e)
{
	struct affinity_driver *d = of(driver);
	int rc = for_each_process(d, adopt, d, e);

	out->count = 0;
	for (unsigned i = 0; rc == 0 && i < SLICES_MAX + 2; i++) {
		const struct affinity_group *g = &d->groups[i];
		struct observed_group *o = &out->groups[out->count];
		int n;

		if (!g->name[0])
			continue;
		n = affinity_pids(driver, g->name, NULL, 0, e);
		if (n < 0)
			return n;
		*o = (struct observed_group){.cpus = g->cpus,
					     .nodes = g->nodes,
					     .asked = g->cpus,
					     .weight = WEIGHT_DEFAULT,
					     .populated = n > 0};
		memcpy(o->name, g->name, sizeof(o->name));
		out->count++;
	}
	return rc;
}

/*
 * utime, stime and those of children waited for: fields 14 to 17 of /proc/PID/stat (proc(5)), in
 * clock ticks.
 */
static uint64_t cpu_ticks(pid_t pid)
{
	uint64_t sum = 0, value;
	char path[64], text[2048];
	const char *c;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (control_read(AT_FDCWD, path, text, sizeof(text), &(struct err){0}) < 0)
		return 0;
	c = strrchr(text, ')');
	for (unsigned field = 2; c && field < 17; field++) {
		c = strchr(c + 1, ' ');
		if (c && field + 1 >= 14 && control_number(c + 1, &value))
			sum += value;
	}
	return sum;
}

static uint64_t resident_bytes(pid_t pid)
{
	char path[64], text[256];
	const char *second;
	uint64_t pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (control_read(AT_FDCWD, path, text, sizeof(text), &(struct err){0}) < 0)
		return 0;
	second = strchr(text, ' ');
	return second && control_number(second + 1, &pages)
		       ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
		       : 0;
}

static int affinity_sample(struct driver *driver, const char *group, struct sample *out,
			   struct err *e)
{
	cleanup_free pid_t *pids = malloc(MEMBERS_MAX * sizeof(*pids));
	struct affinity_group *g;
	struct sample s = {0};
	uint64_t ticks = 0;
	int n, rc = need(of(driver), group, &g, e);

	if (rc < 0)
		return rc;
	if (!pids)
		return err_errno(e, -ENOMEM, "sampling %s", group);
	s.at_ns = clock_now_ns();
	n = affinity_pids(driver, group, pids, MEMBERS_MAX, e);
	if (n < 0)
		return n;
	for (int i = 0; i < n && i < MEMBERS_MAX; i++) {
		ticks += cpu_ticks(pids[i]);
		s.memory_bytes += resident_bytes(pids[i]);
	}
	s.cpu_usage_us = ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	s.processes = (unsigned)n;
	*out = s;
	return 0;
}

/* The supervisor is not pinned: there are no walls to be inside of. */
static int affinity_enter(struct driver *driver, const char *group, struct err *e)
{
	struct affinity_group *g;

	return group ? need(of(driver), group, &g, e) : 0;
}

static int affinity_destroy(struct driver *driver, struct err *e)
{
	struct observation *o = malloc(sizeof(*o));
	int rc = o ? affinity_observe(driver, o, e) : err_errno(e, -ENOMEM, "ending the cluster");

	for (unsigned i = 0; rc == 0 && i < o->count; i++)
		if (o->groups[i].populated)
			rc = err_set(e, -EBUSY, "%s still has processes", o->groups[i].name);
	free(o);
	return rc;
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
	int rc;

	if (!d)
		return err_errno(e, -ENOMEM, "opening cluster %s", cluster);
	d->driver.ops = &ops;
	snprintf(d->cluster, sizeof(d->cluster), "%s", cluster);
	snprintf(d->driver.location, sizeof(d->driver.location), "affinity");
	/*
	 * What runs already tells which groups there are: a command on a running cluster makes none
	 * itself.
	 */
	rc = for_each_process(d, adopt, d, e);
	if (rc < 0) {
		free(d);
		return rc;
	}
	*out = &d->driver;
	return 0;
}
