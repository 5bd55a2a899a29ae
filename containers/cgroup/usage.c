/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/cgroup/usage.h"

#include <errno.h>
#include <fcntl.h>

#include "containers/cgroup/cpus.h"
#include "containers/cgroup/engine_trees.h"
#include "containers/cgroup/slice_unit.h"
#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

enum {
	PAGE = 4096,		  /* a seq_file's buffer; larger ones give no less */
	THREADS_MAX = 4096,	  /* some 30 ms of /proc */
	CHARGE_BATCH = 64 * 4096, /* MEMCG_CHARGE_BATCH: what may be missing to a limit */
};

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

/* The same of the groups below in one hierarchy. */
static int count_below(const struct cgroup_driver *d, int base, const char *group)
{
	struct subtree all;
	int lines = 0, r = subtree_list(d, base, group, &all, &(struct err){0});

	for (unsigned i = 1; r == 0 && i < all.count; i++) {
		cleanup_close int fd = openat(base, SUBGROUP_FILE(&all.groups[i], "cgroup.procs"),
					      O_RDONLY | O_CLOEXEC);
		int n = fd < 0 ? -errno : count_lines(fd);

		if (n < 0 && !subtree_is_gone(n))
			return n;
		lines += n < 0 ? 0 : n;
	}
	return r < 0 ? r : lines;
}

/*
 * A v1 group's list of processes is kept by the kernel for a second after it was last read through
 * the same descriptor (CGROUP_PIDLIST_DESTROY_DELAY, cgroup-v1.c), so that one read at every tick
 * would say the same for ever: it is opened anew. The v2 tree beside v1 has no such list, but only
 * those processes that the caller had the right to put there: all, or none.
 */
static int count_processes(const struct cgroup_driver *d, const struct open_group *g)
{
	cleanup_close int fd = -1;
	int base = d->unified, count = g->processes < 0 ? 0 : count_lines(g->processes), below = 0;

	if (count >= 0 && base >= 0)
		below = count_below(d, base, g->name);
	if (d->version->attach && count >= 0 && count + below == 0) {
		base = d->base[CONTROLLER_CPU];
		fd = openat(base, GROUP_FILE(d, g->name, "cgroup.procs"), O_RDONLY | O_CLOEXEC);
		count = fd < 0 ? -errno : count_lines(fd);
		below = count < 0 ? 0 : count_below(d, base, g->name);
	}
	return count < 0 || below < 0 ? (count < 0 ? count : below) : count + below;
}

/* The moment, CPU time so far and processes; 0 CPU time where nothing counts it. */
static int read_usage(struct cgroup_driver *d, const char *group, const struct open_group *g,
		      struct sample *out, struct err *e)
{
	char text[1024];
	int n = 0;

	*out = (struct sample){.at_ns = clock_now_ns()};
	if (g->usage >= 0) {
		n = control_reread_record(g->usage, text, sizeof(text));
		out->cpu_usage_us = n < 0 ? 0 : d->version->usage_us(text);
	}
	if (n >= 0)
		n = count_processes(d, g);
	if (n < 0) {
		group_forget(d, group); /* it may have been made anew behind our back */
		return err_errno(e, n, "cannot read CPU time and processes of %s", group);
	}
	out->processes = (unsigned)n;
	return 0;
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
	struct cgroup_driver *d = cgroup_of(driver);
	struct open_group *g;
	struct sample s;
	int r = group_find(d, group, &g, e);

	if (r == 0 && g->usage < 0)
		return err_set(e, -EOPNOTSUPP,
			       "nothing here counts the CPU time of %s: mount the cpuacct "
			       "controller, or set rebalance.mode: off",
			       group);
	if (r == 0)
		r = read_usage(d, group, g, &s, e);
	if (r < 0)
		return r;
	read_pressure(g, &s);
	*out = s;
	return 0;
}

/* ---- memory */

/*
 * Anonymous memory by node, from the line `name`: v2's "anon N0=BYTES N1=…", v1's
 * "hierarchical_anon=PAGES N0=PAGES N1=…", whose first number is the sum of the others. A line grows
 * with the nodes; v2's is the first of thirty.
 */
static void sample_nodes(FILE *file, const char *name, uint64_t unit, const struct cpuset *nodes,
			 struct sample *out)
{
	cleanup_free char *line = NULL;
	size_t room = 0, size = strlen(name);

	do
		if (getline(&line, &room, file) < 0)
			return;
	while (strncmp(line, name, size) || !strchr(" =", line[size]));
	for (const char *c = line + strcspn(line, " \n"); *c == ' '; c += strcspn(c, " \n")) {
		unsigned node;
		uint64_t value;
		int used = 0;

		c++;
		if (sscanf(c, "N%u=%n", &node, &used) != 1 || !used || node >= CPUSET_MAX ||
		    !control_number(c + used, &value))
			continue;
		out->anon_bytes += value * unit;
		if (cpuset_has(nodes, node))
			out->anon_local_bytes += value * unit;
	}
}

/* v1 counts a kill in the group of the killed only; in v2 those above have it, too. */
static void count_killed_below(const struct cgroup_driver *d, struct open_group *g)
{
	const int base = d->base[CONTROLLER_MEMORY];
	struct killed_below now[GROUPS_BELOW];
	struct subtree all;
	unsigned count = 0;

	if (subtree_list(d, base, g->name, &all, &(struct err){0}) < 0)
		return;
	for (unsigned i = 1; i < all.count; i++) {
		uint64_t id = all.groups[i].id, before = 0;
		char text[256];

		if (control_read(base, SUBGROUP_FILE(&all.groups[i], d->version->memory_events),
				 text, sizeof(text), &(struct err){0}) < 0)
			continue;
		now[count].id = id;
		now[count].killed = control_value(text, "oom_kill", 0);
		for (unsigned k = 0; k < g->below_count; k++)
			if (g->below[k].id == id)
				before = g->below[k].killed;
		g->killed_below += now[count].killed > before ? now[count].killed - before : 0;
		count++;
	}
	memcpy(g->below, now, count * sizeof(now[0]));
	g->below_count = count;
}

/*
 * Whether the group has been out of memory since it was last asked. One above it tells of itself in
 * the same way, but then this one need not have come near its own limit (memory.failcnt, which would
 * say it, stays 0 on Linux 6.18).
 */
static bool was_out_of_memory(const struct cgroup_driver *d, const struct open_group *g)
{
	const int base = d->base[CONTROLLER_MEMORY];
	const char *highest = "memory.max_usage_in_bytes";
	uint64_t events, limit, used;
	struct err ignored;

	if (g->ooms < 0 || read(g->ooms, &events, sizeof(events)) < 0 ||
	    control_read_number(base, GROUP_FILE(d, g->name, d->version->memory_max), &limit,
				&ignored) < 0 ||
	    control_read_number(base, GROUP_FILE(d, g->name, highest), &used, &ignored) < 0)
		return false;
	control_write(base, GROUP_FILE(d, g->name, highest), "0", &ignored); /* begin anew */
	return limit != UINT64_MAX && used + CHARGE_BATCH >= limit;
}

/*
 * With those in groups below, and it does not go back when one of them goes. Who was killed in one
 * that is gone before anybody looked is known by the event only, and counts as one.
 */
static uint64_t count_killed(const struct cgroup_driver *d, struct open_group *g, uint64_t own)
{
	if (!d->version->attach || !d->placement.engine[0])
		return own;
	count_killed_below(d, g);
	if (was_out_of_memory(d, g) && own + g->killed_below == g->killed)
		g->killed_below++;
	return g->killed = own + g->killed_below;
}

static int sample_memory(const struct cgroup_driver *d, struct open_group *g, struct sample *out,
			 struct err *e)
{
	const struct cgroup_version *v = d->version;
	uint64_t unit = v->numa_unit ? v->numa_unit : (uint64_t)sysconf(_SC_PAGESIZE);
	cleanup_fclose FILE *by_node = NULL;
	char text[1024]; /* the counters of memory.events, or of memory.oom_control */
	uint64_t max = UINT64_MAX;
	struct err ignored;
	int r = control_read_number(d->base[CONTROLLER_MEMORY],
				    GROUP_FILE(d, g->name, v->memory_usage), &out->memory_bytes, e);

	if (r == 0)
		r = control_read_number(d->base[CONTROLLER_MEMORY],
					GROUP_FILE(d, g->name, v->memory_max), &max, e);
	if (r < 0)
		return r;
	out->memory_max_bytes = max == UINT64_MAX ? 0 : max;
	/* A kernel for real time has no oom_control; v1 does not count "high". */
	if (control_read(d->base[CONTROLLER_MEMORY], GROUP_FILE(d, g->name, v->memory_events), text,
			 sizeof(text), &ignored) >= 0) {
		out->oom_kills = count_killed(d, g, control_value(text, "oom_kill", 0));
		out->throttled = control_value(text, "high", 0);
	}
	/* Only kernels with NUMA have it. */
	by_node = control_open_lines(d->base[CONTROLLER_MEMORY],
				     GROUP_FILE(d, g->name, "memory.numa_stat"));
	if (by_node)
		sample_nodes(by_node, v->numa_anon, unit, &g->nodes, out);
	return 0;
}

int cgroup_sample(struct driver *driver, const char *group, struct sample *out, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	struct open_group *g;
	struct sample s;
	int r = group_find(d, group, &g, e);

	if (r == 0)
		r = read_usage(d, group, g, &s, e);
	if (r == 0)
		r = sample_memory(d, g, &s, e);
	if (r == 0)
		*out = s;
	return r;
}

/* ---- what somebody else may have written */

/* What one group below runs on, if not on the same CPUs, counts for all. */
static int look_below(struct cgroup_driver *d, const char *group, struct observed_group *seen,
		      struct err *e)
{
	const struct cpuset own = seen->cpus;
	struct subtree all;
	int r = subtree_list(d, d->base[CONTROLLER_CPUSET], group, &all, e);

	if (r < 0)
		return r;
	cpus_find_other(d, &all, &own, &seen->cpus);
	seen->is_frozen = engine_trees_is_frozen(d, group, &all);
	return 0;
}

int cgroup_look(struct driver *driver, const char *group, struct observed_group *out, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	struct observed_group seen;
	struct open_group *g;
	int r = group_find(d, group, &g, e);

	if (r < 0)
		return r;
	seen = (struct observed_group){.nodes = g->nodes};
	snprintf(seen.name, sizeof(seen.name), "%s", group);
	r = group_reread_cpus(g->cpus, group, &seen.requested, e);
	if (r == 0)
		r = group_reread_cpus(g->effective, group, &seen.cpus, e);
	if (r == 0)
		r = group_reread_weight(d, g, &seen.weight, e);
	if (r == 0 && d->placement.engine[0])
		r = look_below(d, group, &seen, e);
	if (r == 0 && d->placement.kind == PLACEMENT_SLICES)
		slice_unit_keep_whole(d, group);
	if (r < 0)
		group_forget(d, group); /* it may have been made anew behind our back */
	else
		*out = seen;
	return r;
}

/* ---- what the groups can have */

static int open_effective(struct cgroup_driver *d, const char *path, int *fd, struct err *e)
{
	char file[CGROUP_FILE];

	if (*fd >= 0)
		return 0;
	*fd = openat(d->base[CONTROLLER_CPUSET], group_join(path, d->version->cpus_effective, file),
		     O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_errno(e, -errno, "cannot open %s of cluster %s", file, d->cluster) : 0;
}

int cgroup_allowed(struct driver *driver, struct cpuset *cpus, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	struct cpuset above, own;
	int widened = 0, r;

	/* A --cgroup-root that cleave made is narrowed like the groups in it: above it counts. */
	r = open_effective(d, d->placement.base_is_ours ? ".." : "", &d->above, e);
	if (r == 0)
		r = open_effective(d, d->inner, &d->own, e);
	if (r == 0)
		r = group_reread_cpus(d->above, "the group above", &above, e);
	if (r == 0)
		r = group_reread_cpus(d->own, d->cluster, &own, e);
	if (r == 0 && !cpuset_is_subset(&above, &own)) {
		widened = d->version->widen(d, &(struct err){0}) == 0;
		r = group_reread_cpus(d->own, d->cluster, &own, e);
	}
	if (r < 0)
		return r;
	*cpus = cpuset_and(&above, &own);
	return widened;
}

/* ---- runnable threads */

int cgroup_runnable(struct driver *driver, const char *group, unsigned *out, struct err *e)
{
	struct cgroup_driver *d = cgroup_of(driver);
	const char *threads = d->version->threads;
	const int base = d->base[CONTROLLER_CPU];
	unsigned count = 0, seen = 0;
	struct subtree all;
	int r = group_check_name(d, group, e);

	if (r)
		return r;
	r = subtree_list(d, base, group, &all, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < all.count; i++) {
		cleanup_fclose FILE *file =
			control_open_lines(base, SUBGROUP_FILE(&all.groups[i], threads));
		struct proc_stat s;
		char line[32];
		uint64_t tid;

		if (!file && i && subtree_is_gone(-errno))
			continue;
		if (!file)
			return err_errno(e, -errno, "cannot read %s of %s", threads, group);
		/* R is on a CPU or waits for one. */
		for (; seen < THREADS_MAX && fgets(line, sizeof(line), file); seen++)
			count += control_number(line, &tid) && tid <= INT32_MAX &&
				 proc_stat_read((pid_t)tid, &s) == 0 && s.state == 'R';
	}
	*out = count;
	return 0;
}
