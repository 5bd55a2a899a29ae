#include "containers/cgroup/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"
#include "decision/base/cleanup.h"

static struct cgroup_driver *of(struct driver *d)
{
	return (struct cgroup_driver *)d;
}

char *cgroup_path(const struct cgroup_driver *d, const char *group, char path[CGROUP_PATH])
{
	snprintf(path, CGROUP_PATH, "%s%s%.*s", d->inner, d->inner[0] && group[0] ? "/" : "",
		 NAME_MAX_BYTES, group);
	return path;
}

char *cgroup_file(const struct cgroup_driver *d, const char *group, const char *file,
		  char path[CGROUP_PATH + 64])
{
	char name[CGROUP_PATH];

	cgroup_path(d, group, name);
	snprintf(path, CGROUP_PATH + 64, "%s%s%.60s", name, name[0] ? "/" : "", file);
	return path;
}

bool cgroup_name_is_ours(const char *name)
{
	uint64_t number;

	if (!strcmp(name, GROUP_HOST) || !strcmp(name, GROUP_SUPERVISOR))
		return true;
	return !strncmp(name, "slice-", 6) && control_number(name + 6, &number) &&
	       number < SLICES_MAX && !strpbrk(name, " \t\n");
}

static int open_base(const char *path, int *out, struct err *e)
{
	*out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? err_errno(e, -errno, "cannot open %s", path) : 0;
}

int cgroup_driver_new(const struct placement *p, const char *cluster, const struct driver_ops *ops,
		      const struct dialect *dialect, struct cgroup_driver **out, struct err *e)
{
	struct cgroup_driver *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_errno(e, -ENOMEM, "opening the groups of %s", cluster);
	d->driver.ops = ops;
	d->dialect = dialect;
	d->placement = *p;
	d->unified = d->above = d->own = -1;
	snprintf(d->cluster, sizeof(d->cluster), "%s", cluster);
	if (p->kind != PLACEMENT_SCOPE)
		snprintf(d->inner, sizeof(d->inner), "cleave/%.*s", NAME_MAX_BYTES, cluster);
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		d->base[c] = -1;
	rc = placement_format(p, d->driver.location, sizeof(d->driver.location), e);
	for (unsigned c = 0; rc == 0 && c < CONTROLLER_COUNT; c++)
		if (p->base[c][0])
			rc = open_base(p->base[c], &d->base[c], e);
	if (rc == 0 && p->kind != PLACEMENT_CGROUP1)
		rc = open_base(p->base[CONTROLLER_CPUSET], &d->unified, e);
	else if (rc == 0 && p->unified[0])
		rc = open_base(p->unified, &d->unified, e);
	if (rc < 0) {
		cgroup_close(&d->driver);
		return rc;
	}
	*out = d;
	return 0;
}

/* ---- kept descriptors */

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void group_close(struct open_group *g)
{
	const int fds[] = {g->cpus, g->effective, g->weight, g->usage, g->processes, g->pressure};

	if (!g->name[0])
		return;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close_if_open(fds[i]);
	g->name[0] = '\0';
}

static int open_file(struct cgroup_driver *d, enum controller c, const char *group,
		     const char *file, int flags, int *out, struct err *e)
{
	char path[CGROUP_PATH + 64];

	cgroup_file(d, group, file, path);
	*out = openat(d->base[c], path, flags | O_CLOEXEC);
	if (*out < 0)
		return err_errno(e, -errno, "cannot open %s",
				 control_path(d->base[c], path, (char[CONTROL_PATH]){0}));
	return 0;
}

/* Of the v2 tree, which has them also where the controllers are in v1. */
static void open_optional(struct cgroup_driver *d, struct open_group *g)
{
	char path[CGROUP_PATH + 64];

	if (d->unified < 0)
		return;
	g->processes = openat(d->unified, cgroup_file(d, g->name, "cgroup.procs", path),
			      O_RDONLY | O_CLOEXEC);
	g->pressure = openat(d->unified, cgroup_file(d, g->name, "cpu.pressure", path),
			     O_RDONLY | O_CLOEXEC);
}

static int group_open(struct cgroup_driver *d, const char *name, struct open_group *g,
		      struct err *e)
{
	const struct dialect *l = d->dialect;
	char path[CGROUP_PATH + 64];
	int rc;

	*g = (struct open_group){.cpus = -1,
				 .effective = -1,
				 .weight = -1,
				 .usage = -1,
				 .processes = -1,
				 .pressure = -1};
	snprintf(g->name, sizeof(g->name), "%s", name);
	rc = open_file(d, CONTROLLER_CPUSET, name, "cpuset.cpus", O_RDWR, &g->cpus, e);
	if (rc == 0)
		rc = open_file(d, CONTROLLER_CPUSET, name, l->cpus_effective, O_RDONLY,
			       &g->effective, e);
	if (rc == 0)
		rc = open_file(d, CONTROLLER_CPU, name, l->weight, O_RDWR, &g->weight, e);
	if (rc == 0 && d->base[l->usage_controller] >= 0)
		rc = open_file(d, l->usage_controller, name, l->usage, O_RDONLY, &g->usage, e);
	if (rc == 0)
		rc = control_read_cpuset(d->base[CONTROLLER_CPUSET],
					 cgroup_file(d, name, l->mems_effective, path), &g->nodes,
					 e);
	if (rc < 0) {
		group_close(g);
		return rc;
	}
	open_optional(d, g);
	return 0;
}

int cgroup_find(struct cgroup_driver *d, const char *name, struct open_group **out, struct err *e)
{
	struct open_group *place = NULL;
	int rc;

	if (!cgroup_name_is_ours(name))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", name, d->cluster);
	for (unsigned i = 0; i < SLICES_MAX + 2; i++) {
		if (!strcmp(d->groups[i].name, name)) {
			*out = &d->groups[i];
			return 0;
		}
		if (!place && !d->groups[i].name[0])
			place = &d->groups[i];
	}
	if (!place)
		return err_set(e, -ENOSPC, "cluster %s has more than %d groups", d->cluster,
			       SLICES_MAX + 2);
	rc = group_open(d, name, place, e);
	if (rc == 0)
		*out = place;
	return rc;
}

void cgroup_forget(struct cgroup_driver *d, const char *name)
{
	for (unsigned i = 0; i < SLICES_MAX + 2; i++)
		if (!strcmp(d->groups[i].name, name))
			group_close(&d->groups[i]);
}

/* ---- CPUs and weight: the hot path */

/*
 * v2 accepts CPUs that the parent lacks and ignores them; v1 narrows on hot-unplug. Only the
 * effective set counts.
 */
static int check_effective(const struct open_group *g, const struct cpuset *asked,
			   struct cpuset *effective, struct err *e)
{
	char text[CPUSET_TEXT];
	int n = control_reread_record(g->effective, text, sizeof(text));

	if (n < 0)
		return err_errno(e, n, "cannot read the effective CPUs of %s", g->name);
	if (cpuset_parse(text, effective, e) < 0)
		return err_wrap(e, "effective CPUs of %s", g->name);
	if (!cpuset_is_equal(asked, effective)) {
		struct cpuset lost = cpuset_and_not(asked, effective);

		return err_set(
			e, -ERANGE,
			"%s was given CPUs %.200s but runs on %.200s: CPUs %.200s are offline "
			"or not in the group above",
			g->name, CPUSET_STRING(asked), CPUSET_STRING(effective),
			CPUSET_STRING(&lost));
	}
	return 0;
}

int cgroup_set_cpus(struct driver *driver, const char *group, const struct cpuset *cpus,
		    struct cpuset *effective, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	char text[CPUSET_TEXT], path[CGROUP_PATH + 64];
	struct cpuset now;
	struct open_group *g;
	int rc;

	if (cpuset_is_empty(cpus))
		return err_set(e, -EINVAL, "%s would be left without a CPU", group);
	rc = cgroup_find(d, group, &g, e);
	if (rc < 0)
		return rc;
	if (d->placement.kind == PLACEMENT_THROW_AWAY && ftruncate(g->cpus, 0))
		return err_errno(e, -errno, "cannot empty cpuset.cpus of %s", group);
	rc = control_rewrite(g->cpus, cgroup_file(d, group, "cpuset.cpus", path),
			     cpuset_format(cpus, text, sizeof(text)), e);
	if (rc == 0)
		rc = check_effective(g, cpus, &now, e);
	if (rc == 0 && effective)
		*effective = now;
	return rc;
}

int cgroup_read_weight(struct cgroup_driver *d, const struct open_group *g, unsigned *out,
		       struct err *e)
{
	uint64_t value;
	char text[64];
	int n = control_reread_record(g->weight, text, sizeof(text));

	if (n < 0)
		return err_errno(e, n, "cannot read %s of %s", d->dialect->weight, g->name);
	if (!control_number(text, &value))
		return err_set(e, -EBADMSG, "%s of %s holds \"%s\" where a number should be",
			       d->dialect->weight, g->name, text);
	*out = d->dialect->weight_from_kernel(value);
	return 0;
}

int cgroup_set_weight(struct driver *driver, const char *group, unsigned weight, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	char text[32], path[CGROUP_PATH + 64];
	struct open_group *g;
	unsigned now = 0;
	int rc = cgroup_find(d, group, &g, e);

	if (rc < 0)
		return rc;
	if (weight < 1 || weight > WEIGHT_MAX)
		return err_set(e, -EINVAL, "weight %u of %s is not in 1 … %d", weight, group,
			       WEIGHT_MAX);
	if (d->placement.kind == PLACEMENT_THROW_AWAY && ftruncate(g->weight, 0))
		return err_errno(e, -errno, "cannot empty %s of %s", d->dialect->weight, group);
	snprintf(text, sizeof(text), "%" PRIu64, d->dialect->weight_to_kernel(weight));
	rc = control_rewrite(g->weight, cgroup_file(d, group, d->dialect->weight, path), text, e);
	if (rc == 0)
		rc = cgroup_read_weight(d, g, &now, e);
	if (rc == 0 && now != weight)
		rc = err_set(e, -EIO, "%s of %s was set to %u and reads %u", d->dialect->weight,
			     group, weight, now);
	return rc;
}

int cgroup_write_bytes(int dir, const char *path, uint64_t value, const char *none, struct err *e)
{
	uint64_t now = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "%" PRIu64, value);
	rc = control_write(dir, path, value == UINT64_MAX ? none : text, e);
	if (rc == 0)
		rc = control_read_number(dir, path, &now, e);
	if (rc < 0)
		return rc;
	if (value == UINT64_MAX ? now != UINT64_MAX : now > value || value - now >= page)
		return err_set(e, -EIO, "%s was set to %s and reads %" PRIu64,
			       control_path(dir, path, (char[CONTROL_PATH]){0}),
			       value == UINT64_MAX ? none : text, now);
	return 0;
}

/* ---- a group's life */

static bool is_populated(struct cgroup_driver *d, const char *group)
{
	pid_t pid;

	return cgroup_pids(&d->driver, group, &pid, 1, &(struct err){0}) > 0;
}

/* Nodes before the first process, and never afterwards: a later write would migrate pages. */
static int set_nodes(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	char text[CPUSET_TEXT], path[CGROUP_PATH + 64];
	int dir = d->base[CONTROLLER_CPUSET];
	struct cpuset now;
	int rc = control_write(dir, cgroup_file(d, g->name, "cpuset.mems", path),
			       cpuset_format(&g->nodes, text, sizeof(text)), e);

	if (rc == 0)
		rc = control_read_cpuset(
			dir, cgroup_file(d, g->name, d->dialect->mems_effective, path), &now, e);
	if (rc == 0 && !cpuset_is_equal(&now, &g->nodes))
		rc = err_set(e, -ERANGE,
			     "%s was given memory nodes %.100s but has %.100s: the others have no "
			     "memory or are not in the group above",
			     g->name, CPUSET_STRING(&g->nodes), CPUSET_STRING(&now));
	return rc;
}

static int set_up(struct cgroup_driver *d, const struct group_spec *g, struct err *e)
{
	char text[CPUSET_TEXT], path[CGROUP_PATH + 64];
	int rc = set_nodes(d, g, e);

	/* v1 shows no effective set before both are written; so write here, check below. */
	if (rc == 0)
		rc = control_write(d->base[CONTROLLER_CPUSET],
				   cgroup_file(d, g->name, "cpuset.cpus", path),
				   cpuset_format(&g->cpus, text, sizeof(text)), e);
	if (rc == 0)
		rc = cgroup_set_cpus(&d->driver, g->name, &g->cpus, NULL, e);
	if (rc == 0)
		rc = cgroup_set_weight(&d->driver, g->name, g->weight, e);
	return rc == 0 ? d->dialect->limit(d, g, e) : rc;
}

int cgroup_create(struct driver *driver, const struct group_spec *g, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	char path[CGROUP_PATH];
	int rc;

	if (!cgroup_name_is_ours(g->name))
		return err_wrong(e, "\"%.40s\" is no name of a group of cleave's", g->name);
	if (cpuset_is_empty(&g->cpus) || cpuset_is_empty(&g->nodes))
		return err_set(e, -EINVAL, "%s has no %s", g->name,
			       cpuset_is_empty(&g->cpus) ? "CPUs" : "memory nodes");
	if (is_populated(d, g->name))
		return err_set(e, -EEXIST, "group %s of cluster %s exists and has processes",
			       g->name, d->cluster);
	rc = d->dialect->make(d, cgroup_path(d, g->name, path), e);
	if (rc == 0)
		rc = set_up(d, g, e);
	if (rc < 0) {
		cgroup_forget(d, g->name);
		d->dialect->unmake(d, path, &(struct err){0});
		return err_wrap(e, "creating %s", g->name);
	}
	return 0;
}

int cgroup_remove(struct driver *driver, const char *group, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	char path[CGROUP_PATH];

	if (!cgroup_name_is_ours(group))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", group, d->cluster);
	cgroup_forget(d, group);
	return d->dialect->unmake(d, cgroup_path(d, group, path), e);
}

int cgroup_destroy(struct driver *driver, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	char path[CGROUP_PATH];

	for (unsigned i = 0; i < SLICES_MAX + 2; i++)
		group_close(&d->groups[i]);
	return d->dialect->unmake(d, cgroup_path(d, "", path), e);
}

void cgroup_close(struct driver *driver)
{
	struct cgroup_driver *d = of(driver);

	for (unsigned i = 0; i < SLICES_MAX + 2; i++)
		group_close(&d->groups[i]);
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		close_if_open(d->base[c]);
	close_if_open(d->unified);
	close_if_open(d->above);
	close_if_open(d->own);
	free(d);
}

/* ---- what is there */

static int observe_one(struct cgroup_driver *d, const char *name, struct observed_group *out,
		       struct err *e)
{
	char path[CGROUP_PATH + 64];
	struct open_group *g;
	uint64_t max = UINT64_MAX;
	int rc = cgroup_find(d, name, &g, e);

	if (rc < 0)
		return rc;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->nodes = g->nodes;
	rc = control_read_cpuset(d->base[CONTROLLER_CPUSET],
				 cgroup_file(d, name, "cpuset.cpus", path), &out->asked, e);
	if (rc == 0)
		rc = control_read_cpuset(d->base[CONTROLLER_CPUSET],
					 cgroup_file(d, name, d->dialect->cpus_effective, path),
					 &out->cpus, e);
	if (rc == 0)
		rc = cgroup_read_weight(d, g, &out->weight, e);
	if (rc == 0 && d->base[CONTROLLER_MEMORY] >= 0)
		rc = control_read_number(d->base[CONTROLLER_MEMORY],
					 cgroup_file(d, name, d->dialect->memory_max, path), &max,
					 e);
	out->memory_max_bytes = max == UINT64_MAX ? 0 : max;
	out->populated = is_populated(d, name);
	return rc;
}

/* A group of which a crash left only some hierarchies' parts: remove it, it has no process. */
static bool is_remnant(struct cgroup_driver *d, const char *name)
{
	struct observed_group ignored;

	cgroup_forget(d, name);
	return observe_one(d, name, &ignored, &(struct err){0}) == -ENOENT &&
	       !is_populated(d, name);
}

int cgroup_observe(struct driver *driver, struct observation *out, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	char path[CGROUP_PATH];
	cleanup_close int fd =
		openat(d->base[CONTROLLER_CPUSET], d->inner[0] ? cgroup_path(d, "", path) : ".",
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return err_errno(e, -errno, "cannot list the groups of cluster %s", d->cluster);
	(void)take_fd(fd); /* closedir() closes it */
	out->count = 0;
	while (rc == 0 && (entry = readdir(dir))) {
		if (!cgroup_name_is_ours(entry->d_name) || out->count >= SLICES_MAX + 2)
			continue;
		rc = observe_one(d, entry->d_name, &out->groups[out->count], e);
		if (rc == 0)
			out->count++;
		else if (is_remnant(d, entry->d_name))
			rc = cgroup_remove(driver, entry->d_name, e);
	}
	closedir(dir);
	return rc;
}

int cgroup_sample(struct driver *driver, const char *group, struct sample *out, struct err *e)
{
	struct cgroup_driver *d = of(driver);
	struct sample s = {0};
	struct open_group *g;
	char text[1024];
	int n, rc = cgroup_find(d, group, &g, e);

	if (rc < 0)
		return rc;
	s.at_ns = clock_now_ns();
	n = g->usage < 0 ? 0 : control_reread_record(g->usage, text, sizeof(text));
	if (n < 0) {
		cgroup_forget(d, group); /* the group may have been made anew behind our back */
		return err_errno(e, n, "cannot read the CPU time of %s", group);
	}
	s.cpu_usage_us = g->usage < 0 ? 0 : d->dialect->usage_us(text);
	rc = d->dialect->sample_memory(d, group, &g->nodes, &s, e);
	if (rc < 0)
		return rc;
	n = cgroup_pids(driver, group, NULL, 0, e);
	if (n < 0)
		return n;
	s.processes = (unsigned)n;
	*out = s;
	return 0;
}
