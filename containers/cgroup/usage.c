/*
 * What the straggler monitor and the watch on drift read at every tick: kept descriptors, one
 * pread() a file, nothing allocated. And the threads that are runnable, which only /proc knows.
 */

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

enum {
	PAGE = 4096,	    /* a seq_file's buffer; larger ones give no less */
	THREADS_MAX = 4096, /* some 30 ms of /proc */
};

static struct cgroup_driver *of(struct driver *d)
{
	return (struct cgroup_driver *)d;
}

/* ---- usage */

/*
 * Lines of a list of pids. Return how many, or negative. A seq_file gives less than a page only
 * where the next line does not fit, or at its end.
 */
static int count_lines(int fd)
{
	char text[PAGE];
	off_t at = 0;
	int lines = 0;

	for (;;) {
		ssize_t n = pread(fd, text, sizeof(text), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : lines;
		for (const char *c = text; (c = memchr(c, '\n', (size_t)(text + n - c))); c++)
			lines++;
		if ((size_t)n < sizeof(text) / 2)
			return lines;
		at += n;
	}
}

/*
 * A v1 group's list of processes is kept by the kernel for a second after it was last read through
 * the same descriptor (CGROUP_PIDLIST_DESTROY_DELAY, cgroup-v1.c), so that one read at every tick
 * would say the same for ever: it is opened anew. The v2 tree beside v1 has no such list, but only
 * those processes that the caller had the right to put there: all, or none.
 */
static int count_processes(struct cgroup_driver *d, const struct open_group *g)
{
	cleanup_close int fd = -1;
	char path[CGROUP_PATH + 64];
	int count = g->processes < 0 ? 0 : count_lines(g->processes);

	if (count || !d->dialect->attach)
		return count;
	fd = openat(d->base[CONTROLLER_CPU], cgroup_file(d, g->name, "cgroup.procs", path),
		    O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : count_lines(fd);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", in µs (Documentation/accounting/psi.rst). */
static void read_pressure(struct open_group *g, struct sample *out)
{
	char text[256];
	const char *total;
	int n;

	if (g->pressure < 0)
		return;
	n = control_reread_record(g->pressure, text, sizeof(text));
	if (n == -EOPNOTSUPP) { /* psi=0: not asked again */
		close(g->pressure);
		g->pressure = -1;
	}
	total = n < 0 ? NULL : strstr(text, "total=");
	if (total && control_number(total + strlen("total="), &out->pressure_us))
		out->known |= SAMPLE_PRESSURE;
}

int cgroup_usage(struct driver *driver, const char *group, struct sample *out, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	struct open_group *g;
	char text[1024];
	struct sample s;
	int n, rc = cgroup_find(d, group, &g, e);

	if (rc < 0)
		return rc;
	if (g->usage < 0)
		return err_set(e, -EOPNOTSUPP,
			       "nothing here counts the CPU time of %s: mount the cpuacct "
			       "controller, or set rebalance.mode: off",
			       group);
	s = (struct sample){.at_ns = clock_now_ns()};
	n = control_reread_record(g->usage, text, sizeof(text));
	if (n >= 0) {
		s.cpu_usage_us = d->dialect->usage_us(text);
		n = count_processes(d, g);
	}
	if (n < 0) {
		cgroup_forget(d, group);
		return err_errno(e, n, "cannot read CPU time and processes of %s", group);
	}
	s.processes = (unsigned)n;
	read_pressure(g, &s);
	*out = s;
	return 0;
}

/* ---- what somebody else may have written */

static int reread_cpuset(int fd, const char *group, struct cpuset *out, struct err *e)
{
	char text[CPUSET_TEXT];
	int n = control_reread_record(fd, text, sizeof(text));

	if (n < 0)
		return err_errno(e, n, "cannot read the CPUs of %s", group);
	return cpuset_parse(text, out, e) < 0 ? err_wrap(e, "CPUs of %s", group) : 0;
}

int cgroup_look(struct driver *driver, const char *group, struct observed_group *out, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	struct open_group *g;
	unsigned weight;
	int rc = cgroup_find(d, group, &g, e);

	if (rc < 0)
		return rc;
	rc = reread_cpuset(g->cpus, group, &out->asked, e);
	if (rc == 0)
		rc = reread_cpuset(g->effective, group, &out->cpus, e);
	if (rc == 0)
		rc = cgroup_read_weight(d, g, &weight, e);
	if (rc < 0) {
		cgroup_forget(d, group);
		return rc;
	}
	snprintf(out->name, sizeof(out->name), "%s", group);
	out->nodes = g->nodes;
	out->weight = weight;
	out->memory_max_bytes = 0;
	out->populated = false;
	return 0;
}

/* ---- what the groups can have */

static int open_effective(struct cgroup_driver *d, const char *path, int *out, struct err *e)
{
	char file[CGROUP_PATH + 64];

	snprintf(file, sizeof(file), "%s%s%s", path, path[0] ? "/" : "",
		 d->dialect->cpus_effective);
	*out = openat(d->base[CONTROLLER_CPUSET], file, O_RDONLY | O_CLOEXEC);
	return *out < 0 ? err_errno(e, -errno, "cannot open %s of cluster %s", file, d->cluster)
			: 0;
}

static int open_online(int *out, struct err *e)
{
	*out = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	return *out < 0 ? err_errno(e, -errno, "cannot see which CPUs are online") : 0;
}

/*
 * A --cgroup-root that cleave made is narrowed like the groups in it, so what counts is above it. A
 * throw-away tree has no group above: the machine is, and nothing is narrower.
 */
static int open_above(struct cgroup_driver *d, struct err *e)
{
	const char *path = d->placement.base_is_ours ? ".." : "";
	int rc = d->above < 0 ? open_effective(d, path, &d->above, e) : 0;

	if (rc == -ENOENT && d->placement.kind == PLACEMENT_THROW_AWAY) {
		rc = open_online(&d->above, e);
		return rc == 0 ? open_online(&d->own, e) : rc;
	}
	return rc == 0 && d->own < 0 ? open_effective(d, d->inner, &d->own, e) : rc;
}

int cgroup_allowed(struct driver *driver, struct cpuset *cpus, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	struct cpuset above, own;
	int widened = 0, rc = open_above(d, e);

	if (rc == 0)
		rc = reread_cpuset(d->above, "the group above", &above, e);
	if (rc == 0)
		rc = reread_cpuset(d->own, d->cluster, &own, e);
	if (rc == 0 && !cpuset_is_subset(&above, &own)) {
		widened = d->dialect->widen(d, &(struct err){0}) == 0;
		rc = reread_cpuset(d->own, d->cluster, &own, e);
	}
	if (rc < 0)
		return rc;
	*cpus = cpuset_and(&above, &own);
	return widened;
}

/* ---- runnable threads */

/* Field 3 of /proc/TID/stat (proc(5)): R is on a CPU or waits for one. */
static bool is_running(const char *tid)
{
	char path[64], text[2048];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", tid);
	if (control_read(AT_FDCWD, path, text, sizeof(text), &(struct err){0}) < 0)
		return false; /* it has ended */
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] == 'R';
}

int cgroup_runnable(struct driver *driver, const char *group, unsigned *out, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	const char *threads = d->dialect->attach ? "tasks" : "cgroup.threads";
	char path[CGROUP_PATH + 64], line[32];
	cleanup_fclose FILE *file = NULL;
	unsigned count = 0;
	int fd;

	if (!cgroup_name_is_ours(group))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", group, d->cluster);
	fd = openat(d->base[CONTROLLER_CPU], cgroup_file(d, group, threads, path),
		    O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file) {
		int rc = err_errno(e, -errno, "cannot read %s of %s", threads, group);

		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (unsigned seen = 0; seen < THREADS_MAX && fgets(line, sizeof(line), file); seen++) {
		line[strcspn(line, "\n")] = '\0';
		count += is_running(line);
	}
	*out = count;
	return 0;
}
