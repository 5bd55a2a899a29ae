/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_PLACEMENT_H
#define CONTAINERS_WHERE_PLACEMENT_H

/*
 * Where the groups of a cluster live: a decision over recorded facts, without an effect. The groups
 * are made below `base`/cleave/NAME in each hierarchy, in a scope that systemd delegates, or as its
 * slice units in `base` (containers/README.md, "Where the groups live").
 */

#include <stdbool.h>
#include <sys/types.h>

#include "containers/where/layout.h"
#include "containers/where/refusal.h"
#include "decision/base/err.h"
#include "decision/plan/profile.h"

/* What a placement is decided from. */
struct placement_facts {
	struct cgroup_layout layout;
	uid_t uid;
	bool systemd; /* it is the service manager (sd_booted(3): /run/systemd/system is there) */
	bool user_manager;		    /* the caller has one: /run/user/UID/systemd/private */
	char user_controllers[LAYOUT_PATH]; /* cgroup.controllers of user@UID.service */
	bool may_write[CONTROLLER_COUNT];   /* make groups below `own` of each controller */
	bool may_write_unified;
	char own_controllers[LAYOUT_PATH]; /* cgroup.controllers of the caller's v2 group */
	bool root_of_v2; /* the caller's v2 group has no parent: it may have processes */
	bool v2_enabled; /* its subtree_control has cpuset, cpu and memory already */
	/* The caller's v2 group stands for the one that --cgroup-root names, which was read. */
	bool is_given;
	/*
	 * The group above both the caller's own and that one, or his manager's, to which he may move
	 * no process, so that he can start none below the latter; "": he may.
	 */
	char apart[2 * LAYOUT_PATH];
	/* A file that lets too few groups be made below that group; "": none does. */
	char full[3 * LAYOUT_PATH];
	/* A file of v1's that slices need and that is not there; "": there are all. */
	char lacks[CONTROLLER_COUNT][32];
	struct rights rights;
};

enum placement_kind {
	PLACEMENT_AFFINITY, /* no groups */
	PLACEMENT_SCOPE,    /* systemd's, v2 */
	PLACEMENT_CGROUP2,  /* base/cleave/NAME in the v2 tree */
	PLACEMENT_CGROUP1,  /* the same in each v1 hierarchy, and in the v2 tree if there is one */
	PLACEMENT_SLICES,   /* slice units of systemd's, v2: for an engine that has its driver */
};

struct placement {
	enum placement_kind kind;
	bool user_manager; /* scope and slices: of the user's manager */
	bool base_is_ours; /* --cgroup-root NAME: base itself goes with the last cluster */
	/* The cgroup driver of the container engine that makes groups below ours; "": none. */
	char engine[16];
	char base[CONTROLLER_COUNT][2 * LAYOUT_PATH]; /* absolute; "": no such controller */
	char unified[2 * LAYOUT_PATH]; /* v1: base in the v2 tree, "" if there is none */
};

/* What --cgroup-root names: nothing is given, a group in every v1 hierarchy, a v2 directory. */
enum root_kind { ROOT_NONE, ROOT_NAME, ROOT_CGROUP2 };

/* Ask the file system. ERR_WRONG for a path that is not there, or not in a mounted cgroup2. */
int placement_root(const char *cgroup_root, enum root_kind *out, struct err *e);

/* Read the facts below `root` ("/" or a recorded tree). */
int placement_facts_read(int root, uid_t uid, struct placement_facts *out, struct err *e);

/*
 * As if the caller sat in the group of the cgroup2 directory `path`, which --cgroup-root names:
 * what is asked of its own v2 group is asked of that one.
 */
void placement_facts_give(int root, const char *path, struct placement_facts *f);

/*
 * As if the caller sat in the lowest group that is above it in every hierarchy: a container engine
 * takes one path for all of them. ERR_IMPOSSIBLE where a mount does not show that group.
 */
int placement_facts_align(int root, struct placement_facts *f, struct err *e);

/*
 * Decide. `cgroup_root` belongs to `root`; `engine` is as in struct driver_request, and the facts
 * then are aligned. Errors: ERR_IMPOSSIBLE for missing controllers;
 * ERR_FAILED without the right to make groups; the sentence names what is missing and the command
 * or drop-in that grants it.
 */
int placement_decide(const struct placement_facts *f, enum backend backend, const char *engine,
		     enum root_kind root, const char *cgroup_root, struct placement *out,
		     struct err *e);

/*
 * Try what placement_decide() has allowed: make an empty group, and remove it. Only a try can tell
 * what a security module forbids. Nothing is tried where systemd is to make the groups.
 */
int placement_try(const struct placement *p, struct err *e);

/* Where our groups begin in one hierarchy: above all of cleave's own. */
void placement_base(const struct hierarchy *h, char base[2 * LAYOUT_PATH]);

/* Whether a list of v2's controllers has those without which a slice has no walls. */
bool placement_has_required(const char *controllers);

/* The group in the v2 tree that systemd makes the caller's units in: …/system.slice. */
void placement_manager_group(const struct placement_facts *f, char path[2 * LAYOUT_PATH]);

/*
 * One line for the state file, and back. Blanks, backslashes and newlines in paths are spelt as in
 * mountinfo. -ENAMETOOLONG if it does not fit; ERR_WRONG for a line that placement_format() cannot
 * have written.
 */
int placement_format(const struct placement *p, char *text, size_t size, struct err *e);
int placement_parse(const char *text, struct placement *out, struct err *e);

/*
 * What systemd-run is executed with for the scope of a cluster: words that end with NULL, borrowed
 * from `out` and constants. The process it becomes does nothing but keep the scope alive.
 */
struct scope_command {
	char unit[64];
	char unit_option[80];
	const char *argv[16];
};
void placement_scope_command(const char *cluster, bool user_manager, struct scope_command *out);

#endif
