/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_GROUP_H
#define CONTAINERS_CGROUP_GROUP_H

/*
 * A cluster's groups behind directory descriptors, one a controller (all the same in v2): how they
 * are named, which descriptors are kept, and what the two cgroup versions do differently. Paths are
 * relative to the base: "cleave", "cleave/NAME", "cleave/NAME/slice-0"; in a scope, which is the
 * cluster's own group itself, just "slice-0"; as units of systemd's "UNIT/UNIT" (unit.h).
 */

#include "containers/driver.h"
#include "containers/proc/owner.h"
#include "containers/where/placement.h"
#include "containers/where/unit.h"

enum {
	CGROUP_INNER = UNIT_NAME, /* the longest is a unit's */
	CGROUP_PATH = CGROUP_INNER + UNIT_NAME + 1,
	CGROUP_FILE = CGROUP_PATH + 64,
	CGROUP_GROUPS = SLICES_MAX + 2, /* the host's and the supervisor's */
	GROUPS_BELOW = 64,		/* an engine's, in one of ours */
};

/* A group that an engine made below one of ours, by its inode, and how many were killed in it. */
struct killed_below {
	uint64_t id, killed;
};

/* One group with what the hot path needs kept open. */
struct open_group {
	char name[NAME_MAX_BYTES + 1]; /* "": a free place */
	int cpus, effective, weight, usage;
	int processes; /* cgroup.procs of the v2 tree; -1: none */
	int pressure;  /* cpu.pressure; -1: none, or this kernel does not keep it */
	struct cpuset nodes;
	int ooms; /* v1: an eventfd that counts times out of memory, here or below; -1: none */
	/* v1, of those killed: all that were told; in groups below, gone ones too; as last seen. */
	uint64_t killed, killed_below;
	unsigned below_count;
	struct killed_below below[GROUPS_BELOW];
};

struct cgroup_driver;

/* What differs between the cgroup versions. */
struct cgroup_version {
	const char *cpus_effective, *mems_effective, *weight, *usage, *threads; /* file names */
	const char *memory_usage, *memory_max, *memory_events;
	enum controller usage_controller;
	uint64_t numa_unit;    /* of memory.numa_stat, in bytes; 0: pages */
	const char *numa_anon; /* its line of anonymous memory, groups below included */
	/* Between v2's scale of weights and the kernel's; NULL: they are the same. */
	uint64_t (*weight_to_kernel)(unsigned weight);
	unsigned (*weight_from_kernel)(uint64_t value);
	uint64_t (*usage_us)(const char *text);
	int (*make)(struct cgroup_driver *d, const struct group_spec *g, struct err *e);
	int (*unmake)(struct cgroup_driver *d, const char *path, struct err *e);
	/* What cleave made above the cluster's own group goes, where nobody else uses it. */
	void (*unmake_above)(struct cgroup_driver *d);
	int (*limit)(struct cgroup_driver *d, const struct group_spec *g, struct err *e);
	/* Give the cluster's own group all CPUs of the group above again. */
	int (*widen)(struct cgroup_driver *d, struct err *e);
	/* v1: spawn_into.attach; NULL: none needed. `context` is a struct cgroup_member. */
	int (*attach)(void *context, pid_t child, struct err *e);
	/* That of driver_ops. */
	int (*bring_back)(struct driver *d, const char *group, struct err *e);
};

struct cgroup_member {
	struct cgroup_driver *driver;
	const char *group;
};

struct cgroup_driver {
	struct driver driver;
	struct driver_ops ops; /* what is common, and what the version adds */
	const struct cgroup_version *version;
	struct placement placement;
	char cluster[NAME_MAX_BYTES + 1];
	struct users users;
	enum driver_intent intent;
	char inner[CGROUP_INNER];   /* own group: "cleave/NAME", a unit's, "" for a scope */
	int base[CONTROLLER_COUNT]; /* directories; -1: no such controller */
	int unified;		    /* base in the v2 tree: kill, clone3, pressure; -1: none */
	struct open_group groups[CGROUP_GROUPS];
	int above,
		own; /* effective CPUs of the group above, and of the cluster's; -1: not yet open */
	/*
	 * With an engine: base from the top of its hierarchy; and where the freezer of v1 has it,
	 * once the engine has made it there.
	 */
	char top[2 * LAYOUT_PATH], freezer[2 * LAYOUT_PATH];
	bool has_origin;
	/* Where the caller was before cgroup_enter(). */
	char origin[CONTROLLER_COUNT + 1][2 * LAYOUT_PATH];
};

static inline struct cgroup_driver *cgroup_of(struct driver *d)
{
	return (struct cgroup_driver *)d;
}

/* ERR_WRONG unless the name is a group's of ours: no path leads out of the cluster's own group. */
int group_check_name(const struct cgroup_driver *d, const char *name, struct err *e);

/* The group that an entry of the cluster's own one is; false: it is none of ours. */
bool group_of_entry(const struct cgroup_driver *d, const char *entry,
		    char name[NAME_MAX_BYTES + 1]);

/* "path/file", or "file" for path "". */
char *group_join(const char *path, const char *file, char out[CGROUP_FILE]);

/* "inner/group", or "inner" for group "". */
char *group_path(const struct cgroup_driver *d, const char *group, char path[CGROUP_PATH]);

/* "inner/group/file", for the functions of control_file.h below a base. */
char *group_file(const struct cgroup_driver *d, const char *group, const char *file,
		 char path[CGROUP_FILE]);
#define GROUP_FILE(d, group, file) group_file((d), (group), (file), (char[CGROUP_FILE]){0})

/*
 * Write a limit in bytes and check that it is in force, to within one page. `value` UINT64_MAX is
 * `none`: "max" (v2) or -1 (v1).
 */
int group_write_bytes(const struct cgroup_driver *d, enum controller c, const char *group,
		      const char *file, uint64_t value, const char *none, struct err *e);

/*
 * The group with its descriptors, opened if it was not; its name is checked. group_forget(): close
 * it; it may have been made anew behind our back.
 */
int group_find(struct cgroup_driver *d, const char *name, struct open_group **out, struct err *e);
void group_forget(struct cgroup_driver *d, const char *name);
void group_forget_all(struct cgroup_driver *d);

/* From kept descriptors: a cpulist, and the weight on v2's scale. */
int group_reread_cpus(int fd, const char *group, struct cpuset *out, struct err *e);
int group_reread_weight(const struct cgroup_driver *d, const struct open_group *g, unsigned *out,
			struct err *e);

#endif
