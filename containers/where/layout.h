/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_LAYOUT_H
#define CONTAINERS_WHERE_LAYOUT_H

/*
 * Where each controller is mounted and where the caller sits in it: read from /proc/self/cgroup and
 * /proc/self/mountinfo, controller by controller, because v1, v2 and mixtures of both are all in
 * use. Pure parsing of texts; cgroup_layout_read() fetches them below a movable root.
 */

#include <stdbool.h>
#include <stddef.h>

#include "decision/base/err.h"

enum controller {
	CONTROLLER_CPUSET,
	CONTROLLER_CPU,
	CONTROLLER_CPUACCT, /* v1 only; v2 counts CPU time everywhere */
	CONTROLLER_MEMORY,
	CONTROLLER_IO, /* v1: blkio */
	CONTROLLER_COUNT
};

enum { LAYOUT_PATH = 512 };

/* One hierarchy as the caller sees it. */
struct hierarchy {
	int version;		 /* 1 or 2; 0: not mounted (or the controller is off) */
	char mount[LAYOUT_PATH]; /* mount point */
	char root[LAYOUT_PATH];	 /* what is mounted there: "" the whole, or "/a" of it */
	char own[LAYOUT_PATH];	 /* the caller's own group below it: "" or "/a/b" */
	bool is_unmounted;	 /* version 0, but the kernel has it in version 1 */
	bool is_read_only;	 /* the mount, or all of the hierarchy */
	bool is_hidden;		 /* the caller's group is not at its place there */
	bool has_no_prefix;	 /* version 1: its files are "cpus", "mems" … without "cpuset." */
};

struct cgroup_layout {
	struct hierarchy unified; /* the v2 tree, with or without controllers */
	/* Version 2 exactly if the controller is in no v1 hierarchy and v2 has it. */
	struct hierarchy controllers[CONTROLLER_COUNT];
};

/*
 * Parse the three texts. `v2_controllers` is the cgroup.controllers of the v2 mount ("" if there is
 * none): what this machine has in v2, whether or not the caller's own group was given it. A group
 * outside of what is mounted here (another cgroup namespace) counts as the mount's root. Lines that
 * cannot be used are passed over; where no other shows a cgroup mount, return -EBADMSG for what is
 * no line of mountinfo, -ENAMETOOLONG for paths from LAYOUT_PATH bytes on.
 */
int cgroup_layout_parse(const char *self_cgroup, const char *mountinfo, const char *v2_controllers,
			struct cgroup_layout *out, struct err *e);

/*
 * The same from proc/self/… and the cgroup mount below `root`, a directory descriptor ("/" or a
 * recorded tree).
 */
int cgroup_layout_read(int root, struct cgroup_layout *out, struct err *e);

/* One mount of a hierarchy; `root` is "" for the whole of it. The texts are the caller's. */
struct cgroup_mount {
	int version;
	const char *root, *point, *options;
};

/*
 * The lines of cgroup mounts in mountinfo below `root`, however many other mounts there are; the
 * caller's to free(). NULL: it cannot be read.
 */
char *cgroup_mountinfo_read(int root, struct err *e);

/* The next cgroup mount of that text, which is cut into pieces; false: the end. */
bool cgroup_mount_next(char **text, struct cgroup_mount *out);

/*
 * Between the path of a group where it is mounted and that from the top of its hierarchy, both ways.
 * false: it is not in this mount, or the path does not fit.
 */
bool cgroup_mount_from_top(const struct cgroup_mount *m, const char *path, char *out, size_t size);
bool cgroup_mount_to_path(const struct cgroup_mount *m, const char *from_top, char *out,
			  size_t size);

/*
 * Cut a group's path where cleave's own part of it begins ("/cleave/NAME…", "/cleave-NAME.scope…",
 * "/system-cleave_NAME.slice…"): a process of ours asks for what is above all of cleave's groups.
 */
void cgroup_path_above_cleave(char *path);

/*
 * The group of a process in the hierarchy of controller `name` ("" for v2's), from its
 * /proc/PID/cgroup. NULL if there is no such line.
 */
const char *cgroup_own_path(const char *proc_cgroup, const char *name, char *path, size_t size);

/* The names that groups of ours have: GROUP_HOST, GROUP_SUPERVISOR, "slice-N". */
bool group_name_is_ours(const char *name);

/*
 * End one blank-separated field of mountinfo, in which blanks are spelt \040, and decode it in
 * place. Return what follows, NULL at the end.
 */
char *mount_field(char *field);

/* "cpuset" …; the name in version 1 differs for io. */
const char *controller_name(enum controller c, int version);

#endif
