/*
 * Cgroup v2: plain files below a directory descriptor; a throw-away directory that looks the same,
 * for tests.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/control_file.h"
#include "containers/where/scope.h"
#include "decision/base/cleanup.h"

/*
 * What cleave enabled for the children of the base is noted on the group `cleave` itself, so that
 * the last cluster to go can take it back. Since Linux 5.7; before, controllers stay enabled, which
 * changes nothing for anybody.
 */
#define ENABLED_MARK "user.cleave.enabled"

static const enum controller wanted[] = {CONTROLLER_MEMORY, CONTROLLER_CPUSET, CONTROLLER_CPU,
					 CONTROLLER_IO};
enum { WANTED = sizeof(wanted) / sizeof(wanted[0]) };

static bool is_throw_away(const struct cgroup_driver *d)
{
	return d->placement.kind == PLACEMENT_THROW_AWAY;
}

static int base_dir(const struct cgroup_driver *d)
{
	return d->base[CONTROLLER_CPUSET];
}

/* ---- throw-away trees: the control files that the kernel would show, with its initial values */

static const char *const fake_files[][2] = {
	{"cgroup.procs", ""},
	{"cgroup.controllers", "cpuset cpu io memory"},
	{"cgroup.subtree_control", ""},
	{"cgroup.events", "populated 0\nfrozen 0\n"},
	{"cpuset.cpus", ""},
	{"cpuset.mems", ""},
	{"cpu.weight", "100\n"},
	{"cpu.stat", "usage_usec 0\n"},
	{"memory.current", "0\n"},
	{"memory.max", "max\n"},
	{"memory.high", "max\n"},
	{"memory.low", "0\n"},
	{"memory.swap.max", "max\n"},
	{"memory.oom.group", "0\n"},
	{"memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"},
	{"memory.numa_stat", ""},
	{"io.max", ""},
};
/*
 * In the kernel these follow cpuset.cpus and .mems; here they are links to them. A test may put
 * files in their place.
 */
static const char *const fake_links[][2] = {
	{"cpuset.cpus.effective", "cpuset.cpus"},
	{"cpuset.mems.effective", "cpuset.mems"},
};
enum {
	FAKE_FILES = sizeof(fake_files) / sizeof(fake_files[0]),
	FAKE_LINKS = sizeof(fake_links) / sizeof(fake_links[0]),
};

static int fake_group(int base, const char *path, struct err *e)
{
	char file[CGROUP_PATH + 64];

	for (unsigned i = 0; i < FAKE_FILES; i++) {
		int fd, rc;

		snprintf(file, sizeof(file), "%s/%s", path, fake_files[i][0]);
		fd = openat(base, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return err_errno(e, -errno, "cannot make %s", file);
		rc = control_rewrite(fd, file, fake_files[i][1], e);
		close(fd);
		if (rc < 0)
			return rc;
	}
	for (unsigned i = 0; i < FAKE_LINKS; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, fake_links[i][0]);
		if (symlinkat(fake_links[i][1], base, file) && errno != EEXIST)
			return err_errno(e, -errno, "cannot make %s", file);
	}
	return 0;
}

/*
 * The kernel's files vanish with their group; here they are removed first. Only those that
 * fake_group() makes.
 */
static void unfake_group(int base, const char *path)
{
	char file[CGROUP_PATH + 64];

	for (unsigned i = 0; i < FAKE_FILES + FAKE_LINKS; i++) {
		snprintf(file, sizeof(file), "%s/%s", path,
			 i < FAKE_FILES ? fake_files[i][0] : fake_links[i - FAKE_FILES][0]);
		unlinkat(base, file, 0);
	}
}

/* ---- groups */

static int make(struct cgroup_driver *d, const char *path, struct err *e)
{
	char file[CGROUP_PATH + 64], type[64];
	int rc;

	if (mkdirat(base_dir(d), path, 0755) && errno != EEXIST)
		return err_errno(e, -errno, "cannot make group %s/%s", d->placement.base[0], path);
	if (is_throw_away(d))
		return fake_group(base_dir(d), path, e);
	/* A parent that had processes when cpuset or cpu were enabled turned threaded, silently. */
	snprintf(file, sizeof(file), "%s/cgroup.type", path);
	rc = control_read(base_dir(d), file, type, sizeof(type), e);
	if (rc < 0)
		return rc;
	if (strcmp(type, "domain"))
		return err_set(
			e, -EBUSY,
			"group %s/%s is \"%s\" where \"domain\" is needed: a group above it has "
			"processes of its own; use another --cgroup-root",
			d->placement.base[0], path, type);
	return 0;
}

static int unmake(struct cgroup_driver *d, const char *path, struct err *e)
{
	if (!path[0]) /* a scope: systemd removes it */
		return 0;
	if (is_throw_away(d))
		unfake_group(base_dir(d), path);
	if (unlinkat(base_dir(d), path, AT_REMOVEDIR) && errno != ENOENT)
		return err_errno(e, -errno,
				 "cannot remove group %s/%s (processes or groups in it?)",
				 d->placement.base[0], path);
	return 0;
}

/* Turn one controller on for the groups below `path`; say whether it was off. */
static int enable_one(struct cgroup_driver *d, const char *path, enum controller c, bool *was_off,
		      struct err *e)
{
	const char *name = controller_name(c, 2);
	char file[CGROUP_PATH + 64], text[512], word[32];
	int rc;

	*was_off = false;
	snprintf(file, sizeof(file), "%s%scgroup.subtree_control", path, path[0] ? "/" : "");
	rc = control_read(base_dir(d), file, text, sizeof(text), e);
	if (rc < 0 || control_has_word(text, name))
		return rc < 0 ? rc : 0;
	snprintf(word, sizeof(word), "+%s", name);
	rc = control_write(base_dir(d), file, word, e);
	if (rc == 0)
		rc = control_read(base_dir(d), file, text, sizeof(text), e);
	if (rc < 0)
		return rc;
	if (!control_has_word(text, name))
		return err_set(e, -EIO, "%s was written to %s/%s and is not in it", word,
			       d->placement.base[0], file);
	*was_off = true;
	return 0;
}

/* All controllers for the groups below `path`; `list` gets those that were off, with blanks. */
static int enable(struct cgroup_driver *d, const char *path, char *list, size_t size, struct err *e)
{
	list[0] = '\0';
	for (unsigned i = 0; i < WANTED && !is_throw_away(d); i++) {
		bool was_off;
		int rc = enable_one(d, path, wanted[i], &was_off, e);

		if (rc == 0 && was_off)
			snprintf(list + strlen(list), size - strlen(list), " %s",
				 controller_name(wanted[i], 2));
		if (rc == 0 ||
		    wanted[i] == CONTROLLER_IO) /* io only adds limits that few ask for */
			continue;
		return err_wrap(e, "enabling %s below %s%s%s", controller_name(wanted[i], 2),
				d->placement.base[0], path[0] ? "/" : "", path);
	}
	return 0;
}

static void disable(struct cgroup_driver *d, const char *list)
{
	for (unsigned i = 0; i < WANTED; i++) {
		const char *name = controller_name(wanted[i], 2);
		char word[32];

		snprintf(word, sizeof(word), "-%s", name);
		if (control_has_word(list, name))
			control_write(base_dir(d), "cgroup.subtree_control", word,
				      &(struct err){0}); /* EBUSY: somebody else uses it by now */
	}
}

static char *mark_path(const struct cgroup_driver *d, char path[3 * LAYOUT_PATH])
{
	snprintf(path, 3 * LAYOUT_PATH, "%s/cleave", d->placement.base[0]);
	return path;
}

/* The parent `cleave` goes with the last cluster: while there is another one in it, rmdir fails. */
static void remove_parent(struct cgroup_driver *d)
{
	char list[64] = "", path[3 * LAYOUT_PATH];
	ssize_t n = getxattr(mark_path(d, path), ENABLED_MARK, list, sizeof(list) - 1);

	list[n > 0 ? n : 0] = '\0';
	if (unlinkat(base_dir(d), "cleave", AT_REMOVEDIR) && is_throw_away(d)) {
		/*
		 * A plain directory is never empty while its files are there: ask for the clusters
		 * instead.
		 */
		struct stat st;

		if (fstatat(base_dir(d), "cleave", &st, 0) || st.st_nlink > 2)
			return;
		unfake_group(base_dir(d), "cleave");
		unlinkat(base_dir(d), "cleave", AT_REMOVEDIR);
	}
	if (!control_exists(base_dir(d), "cleave"))
		disable(d, list);
}

/* ---- limits */

static int limit_one(struct cgroup_driver *d, const char *group, const char *file, uint64_t bytes,
		     struct err *e)
{
	char path[CGROUP_PATH + 64];

	return cgroup_write_bytes(base_dir(d), cgroup_file(d, group, file, path), bytes, "max", e);
}

/*
 * The sum of memory.low of the groups below `path`; one that has none, or has gone meanwhile,
 * counts nothing.
 */
static int sum_low(int base, const char *path, uint64_t *sum, struct err *e)
{
	int fd = openat(base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return err_errno(e, -errno, "cannot list %s", path);
	*sum = 0;
	while ((entry = readdir(dir))) {
		char file[300];
		uint64_t low;

		snprintf(file, sizeof(file), "%s/memory.low", entry->d_name);
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR &&
		    control_read_number(fd, file, &low, &(struct err){0}) == 0 && low != UINT64_MAX)
			*sum += low;
	}
	closedir(dir);
	return 0;
}

/*
 * Protection counts only as far as every group above has it: give each the sum of its children's.
 */
static int raise_low(struct cgroup_driver *d, struct err *e)
{
	char own[CGROUP_PATH], file[CGROUP_PATH + 64];
	const char *above[] = {cgroup_path(d, "", own), "cleave"};

	if (d->placement.kind == PLACEMENT_SCOPE) /* the scope's file is systemd's */
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t sum = 0;
		int rc = sum_low(base_dir(d), above[i], &sum, e);

		snprintf(file, sizeof(file), "%s/memory.low", above[i]);
		if (rc == 0)
			rc = cgroup_write_bytes(base_dir(d), file, sum, "max", e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int limit_io(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	char path[CGROUP_PATH + 64], text[PROFILE_WORD + 160], now[8192];

	cgroup_file(d, g->name, "io.max", path);
	if (g->io_count && !control_exists(base_dir(d), path))
		return err_impossible(e,
				      "io limits need the io controller, which is not enabled for "
				      "%s: remove `io` from the profile",
				      g->name);
	for (unsigned i = 0; i < g->io_count; i++) {
		const struct profile_io *io = &g->io[i];
		const struct {
			const char *key;
			uint64_t value;
		} limits[] = {{"rbps", io->read_bps},
			      {"wbps", io->write_bps},
			      {"riops", io->read_iops},
			      {"wiops", io->write_iops}};
		int rc, used = snprintf(text, sizeof(text), "%s", io->device);

		for (unsigned k = 0; k < 4; k++)
			if (limits[k].value)
				used += snprintf(text + used, sizeof(text) - (size_t)used,
						 " %s=%" PRIu64, limits[k].key, limits[k].value);
		rc = control_write(base_dir(d), path, text, e);
		if (rc == 0)
			rc = control_read(base_dir(d), path, now, sizeof(now), e);
		if (rc < 0)
			return rc;
		if (!strstr(now, io->device))
			return err_set(e, -EIO,
				       "io.max of %s was set to \"%s\" and reads \"%.100s\"",
				       g->name, text, now);
	}
	return 0;
}

/* low before max before high: none of them is below the usage of an empty group. */
static int limit(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	const struct slice_memory *m = &g->memory;
	char path[CGROUP_PATH + 64];
	int rc = 0;

	if (m->low_bytes) {
		rc = limit_one(d, g->name, "memory.low", m->low_bytes, e);
		if (rc == 0)
			rc = raise_low(d, e);
	}
	if (rc == 0 && m->max_bytes)
		rc = limit_one(d, g->name, "memory.max", m->max_bytes, e);
	if (rc == 0 && m->high_bytes)
		rc = limit_one(d, g->name, "memory.high", m->high_bytes, e);
	/* Kernels without swap accounting have no such file, and driver_missing() says so. */
	if (rc == 0 && m->max_bytes &&
	    control_exists(base_dir(d), cgroup_file(d, g->name, "memory.swap.max", path)))
		rc = limit_one(d, g->name, "memory.swap.max", m->swap_bytes, e);
	/*
	 * Since 4.19: a worker without its executor, or half of Python, is worse than a dead slice.
	 */
	if (rc == 0 && !strncmp(g->name, "slice-", 6) &&
	    control_exists(base_dir(d), cgroup_file(d, g->name, "memory.oom.group", path)))
		rc = control_write(base_dir(d), path, "1", e);
	return rc == 0 ? limit_io(d, g, e) : rc;
}

/* ---- samples */

/* "anon N0=BYTES N1=…" */
static void sample_nodes(const char *text, const struct cpuset *nodes, struct sample *out)
{
	const char *c = !strncmp(text, "anon ", 5) ? text : strstr(text, "\nanon ");
	unsigned node;
	uint64_t value;
	int used;

	if (!c)
		return;
	for (c = strchr(c, ' '); *c == ' '; c += strcspn(c, " \n")) {
		c++;
		used = 0;
		if (sscanf(c, "N%u=%n", &node, &used) != 1 || !used || node >= CPUSET_MAX ||
		    !control_number(c + used, &value))
			continue;
		out->anon_bytes += value;
		if (cpuset_has(nodes, node))
			out->anon_local_bytes += value;
	}
}

static int sample_memory(struct cgroup_driver *d, const char *group, const struct cpuset *nodes,
			 struct sample *out, struct err *e)
{
	char path[CGROUP_PATH + 64], text[CONTROL_TEXT];
	uint64_t max = UINT64_MAX;
	int rc = control_read_number(base_dir(d), cgroup_file(d, group, "memory.current", path),
				     &out->memory_bytes, e);

	if (rc == 0)
		rc = control_read_number(base_dir(d), cgroup_file(d, group, "memory.max", path),
					 &max, e);
	if (rc == 0)
		rc = control_read(base_dir(d), cgroup_file(d, group, "memory.events", path), text,
				  sizeof(text), e);
	if (rc < 0)
		return rc;
	out->memory_max_bytes = max == UINT64_MAX ? 0 : max;
	out->oom_kills = control_value(text, "oom_kill", 0);
	out->throttled = control_value(text, "high", 0);
	/* Only kernels with NUMA have it. */
	if (control_read(base_dir(d), cgroup_file(d, group, "memory.numa_stat", path), text,
			 sizeof(text), &(struct err){0}) >= 0)
		sample_nodes(text, nodes, out);
	return 0;
}

static uint64_t weight_to_kernel(unsigned weight)
{
	return weight;
}

static unsigned weight_from_kernel(uint64_t value)
{
	return value > WEIGHT_MAX ? WEIGHT_MAX : (unsigned)value;
}

static uint64_t usage_us(const char *text)
{
	return control_value(text, "usage_usec", 0);
}

/* A scope's own cpuset.cpus is systemd's (AllowedCPUs=). */
static int widen(struct cgroup_driver *d, struct err *e)
{
	const char *const groups[] = {"cleave", d->inner};
	int rc = d->inner[0] ? 0 : -EPERM;

	for (unsigned i = 0; rc == 0 && i < 2; i++) {
		char file[CGROUP_PATH + 64];

		snprintf(file, sizeof(file), "%s/cpuset.cpus", groups[i]);
		rc = control_write(base_dir(d), file, "\n", e); /* all of the group above */
	}
	return rc;
}

static const struct dialect dialect = {
	.cpus_effective = "cpuset.cpus.effective",
	.mems_effective = "cpuset.mems.effective",
	.weight = "cpu.weight",
	.usage = "cpu.stat",
	.usage_controller = CONTROLLER_CPU,
	.weight_to_kernel = weight_to_kernel,
	.weight_from_kernel = weight_from_kernel,
	.usage_us = usage_us,
	.memory_max = "memory.max",
	.make = make,
	.unmake = unmake,
	.limit = limit,
	.sample_memory = sample_memory,
	.widen = widen,
};

/* ---- the cluster's own group */

/* End the sleeping process; the scope goes when it is empty. It is ours: we made its group. */
static void end_scope(struct cgroup_driver *d)
{
	char pids[1024];

	if (control_write(base_dir(d), SCOPE_PAUSE "/cgroup.kill", "1", &(struct err){0}) == 0)
		return;
	if (control_read(base_dir(d), SCOPE_PAUSE "/cgroup.procs", pids, sizeof(pids),
			 &(struct err){0}) < 0)
		return;
	for (const char *c = pids; *c; c += strcspn(c, "\n"), c += *c == '\n') {
		uint64_t pid;

		if (control_number(c, &pid) && pid > 1 && pid <= INT32_MAX &&
		    cgroup_has_process(d, SCOPE_PAUSE, (pid_t)pid, ""))
			kill((pid_t)pid, SIGKILL);
	}
}

static int destroy(struct driver *driver, struct err *e)
{
	struct cgroup_driver *d = (struct cgroup_driver *)driver;
	char own[CGROUP_PATH];
	int rc;

	if (is_throw_away(d))
		unfake_group(base_dir(d), cgroup_path(d, "", own));
	rc = cgroup_destroy(driver, e);
	if (rc < 0)
		return rc;
	if (d->placement.kind == PLACEMENT_SCOPE)
		end_scope(d);
	else
		remove_parent(d);
	return 0;
}

static const struct driver_ops ops = {
	.name = "cgroup2",
	.create = cgroup_create,
	.set_cpus = cgroup_set_cpus,
	.set_weight = cgroup_set_weight,
	.spawn = cgroup_spawn,
	.kill = cgroup_kill,
	.remove = cgroup_remove,
	.observe = cgroup_observe,
	.sample = cgroup_sample,
	.usage = cgroup_usage,
	.look = cgroup_look,
	.allowed = cgroup_allowed,
	.runnable = cgroup_runnable,
	.enter = cgroup_enter,
	.pids = cgroup_pids,
	.destroy = destroy,
	.close = cgroup_close,
};

static int make_own(struct cgroup_driver *d, struct err *e)
{
	char list[64], ignored[64], path[3 * LAYOUT_PATH];
	int rc;

	if (d->placement.kind == PLACEMENT_SCOPE) {
		rc = scope_make_room(base_dir(d), e);
		return rc == 0 ? enable(d, "", ignored, sizeof(ignored), e) : rc;
	}
	rc = enable(d, "", list, sizeof(list), e);
	if (rc == 0)
		rc = make(d, "cleave", e);
	if (rc < 0)
		disable(d, list);
	else if (list[0])
		setxattr(mark_path(d, path), ENABLED_MARK, list, strlen(list), 0);
	if (rc == 0)
		rc = enable(d, "cleave", ignored, sizeof(ignored), e);
	if (rc == 0)
		rc = make(d, d->inner, e);
	return rc == 0 ? enable(d, d->inner, ignored, sizeof(ignored), e) : rc;
}

int cgroup2_open(const struct placement *p, const char *cluster, struct driver **out, struct err *e)
{
	struct placement place = *p;
	struct cgroup_driver *d = NULL;
	int rc = p->kind == PLACEMENT_SCOPE ? scope_start(&place, cluster, e) : 0;

	if (rc == 0)
		rc = cgroup_driver_new(&place, cluster, &ops, &dialect, &d, e);
	if (rc == 0)
		rc = make_own(d, e);
	if (rc == 0) {
		*out = &d->driver;
		return 0;
	}
	if (d) {
		/* A scope that ran before we came keeps running. */
		if (p->kind != PLACEMENT_SCOPE || !p->base[0][0])
			destroy(&d->driver, &(struct err){0});
		cgroup_close(&d->driver);
	}
	return rc;
}
