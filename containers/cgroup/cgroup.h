#ifndef CONTAINERS_CGROUP_CGROUP_H
#define CONTAINERS_CGROUP_CGROUP_H

/*
 * What the cgroup drivers share: a cluster's groups behind directory descriptors, one a controller
 * (all the same in v2), and the operations that differ between the versions only in the names of
 * files. What does differ is a dialect. Paths in here are relative to the base: "cleave",
 * "cleave/NAME", "cleave/NAME/slice-0"; in a scope, which is the cluster's own group itself, just
 * "slice-0".
 */

#include "containers/driver.h"
#include "containers/where/placement.h"

enum { CGROUP_INNER = NAME_MAX_BYTES + 16, CGROUP_PATH = CGROUP_INNER + NAME_MAX_BYTES + 1 };

/* One group with what the hot path needs kept open. */
struct open_group {
	char name[NAME_MAX_BYTES + 1]; /* "": a free place */
	int cpus, effective, weight, usage;
	int processes; /* cgroup.procs of the v2 tree; -1: none */
	int pressure;  /* cpu.pressure; -1: none, or this kernel does not keep it */
	struct cpuset nodes;
};

struct cgroup_driver;

struct dialect {
	const char *cpus_effective, *mems_effective, *weight, *usage; /* file names */
	enum controller usage_controller;
	uint64_t (*weight_to_kernel)(unsigned weight);
	unsigned (*weight_from_kernel)(uint64_t value);
	uint64_t (*usage_us)(const char *text);
	const char *memory_max;
	int (*make)(struct cgroup_driver *d, const char *path, struct err *e);
	int (*unmake)(struct cgroup_driver *d, const char *path, struct err *e);
	int (*limit)(struct cgroup_driver *d, const struct group_spec *g, struct err *e);
	int (*sample_memory)(struct cgroup_driver *d, const char *group, const struct cpuset *nodes,
			     struct sample *out, struct err *e);
	/* Give the cluster's own group all CPUs of the group above again. */
	int (*widen)(struct cgroup_driver *d, struct err *e);
	/* spawn_into.attach; NULL: none needed. `context` is a struct cgroup_member. */
	int (*attach)(void *context, pid_t child, struct err *e);
};

struct cgroup_member {
	struct cgroup_driver *driver;
	const char *group;
};

struct cgroup_driver {
	struct driver driver;
	const struct dialect *dialect;
	struct placement placement;
	char cluster[NAME_MAX_BYTES + 1];
	char inner[CGROUP_INNER];   /* own group below the base: "cleave/NAME", "" for a scope */
	int base[CONTROLLER_COUNT]; /* directories; -1: no such controller */
	int unified;		    /* base in the v2 tree: kill, clone3, pressure; -1: none */
	struct open_group groups[SLICES_MAX + 2];
	int above,
		own; /* effective CPUs of the group above, and of the cluster's; -1: not yet open */
	char origin[CONTROLLER_COUNT + 1]
		   [2 * LAYOUT_PATH]; /* where the caller was before cgroup_enter() */
};

/* An empty driver for a placement, with its bases open. */
int cgroup_driver_new(const struct placement *p, const char *cluster, const struct driver_ops *ops,
		      const struct dialect *dialect, struct cgroup_driver **out, struct err *e);

/* Openers: make the cluster's own group with everything above it. */
int cgroup2_open(const struct placement *p, const char *cluster, struct driver **out,
		 struct err *e);
int cgroup1_open(const struct placement *p, const char *cluster, struct driver **out,
		 struct err *e);
int affinity_open(const char *cluster, struct driver **out, struct err *e);

/* driver_ops that the dialects share. */
int cgroup_create(struct driver *d, const struct group_spec *g, struct err *e);
int cgroup_set_cpus(struct driver *d, const char *group, const struct cpuset *cpus,
		    struct cpuset *effective, struct err *e);
int cgroup_set_weight(struct driver *d, const char *group, unsigned weight, struct err *e);
int cgroup_spawn(struct driver *d, const struct spawn *s, pid_t *pid, int *pidfd, struct err *e);
int cgroup_kill(struct driver *d, const char *group, unsigned timeout_ms, struct err *e);
int cgroup_remove(struct driver *d, const char *group, struct err *e);
int cgroup_observe(struct driver *d, struct observation *out, struct err *e);
int cgroup_sample(struct driver *d, const char *group, struct sample *out, struct err *e);
int cgroup_usage(struct driver *d, const char *group, struct sample *out, struct err *e);
int cgroup_look(struct driver *d, const char *group, struct observed_group *out, struct err *e);
int cgroup_allowed(struct driver *d, struct cpuset *cpus, struct err *e);
int cgroup_runnable(struct driver *d, const char *group, unsigned *out, struct err *e);
int cgroup_enter(struct driver *d, const char *group, struct err *e);
int cgroup_pids(struct driver *d, const char *group, pid_t *pids, size_t size, struct err *e);
int cgroup_destroy(struct driver *d, struct err *e);
void cgroup_close(struct driver *d);

/*
 * The group with its descriptors, opened if it was not. Its name is checked here, so that no path
 * leads out of the cluster's own group. cgroup_forget(): close it; it may have been made anew
 * behind our back.
 */
int cgroup_find(struct cgroup_driver *d, const char *name, struct open_group **out, struct err *e);
void cgroup_forget(struct cgroup_driver *d, const char *name);

/* Its weight on v2's scale, from the kept descriptor. */
int cgroup_read_weight(struct cgroup_driver *d, const struct open_group *g, unsigned *out,
		       struct err *e);

/* "inner/group", or "inner" for group "". */
char *cgroup_path(const struct cgroup_driver *d, const char *group, char path[CGROUP_PATH]);

/* "inner/group/file" for the control file of a group. */
char *cgroup_file(const struct cgroup_driver *d, const char *group, const char *file,
		  char path[CGROUP_PATH + 64]);

/*
 * Whether a process is in our group `group` (or below it) in the hierarchy of `controller` ("" for
 * v2's).
 */
bool cgroup_has_process(const struct cgroup_driver *d, const char *group, pid_t pid,
			const char *controller);

/* cgroup_pids() by what one controller says: in v1 they are separate trees. */
int cgroup_pids_in(struct cgroup_driver *d, enum controller c, const char *group, pid_t *pids,
		   size_t size, struct err *e);

/*
 * Write a limit in bytes and check that it is in force, to within one page. `value` UINT64_MAX is
 * "max" (v2) or -1 (v1).
 */
int cgroup_write_bytes(int dir, const char *path, uint64_t value, const char *none, struct err *e);

/* The names that groups of ours have. */
bool cgroup_name_is_ours(const char *name);

#endif
