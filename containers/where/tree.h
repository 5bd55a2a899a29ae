/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_TREE_H
#define CONTAINERS_WHERE_TREE_H

/*
 * What the cgroup tree says of the machine. Its mounts, the caller's place in them and the caller's
 * rights are read once, by tree_read(), and handed down; the questions then read only the files
 * that they are about. No file is written here.
 */

#include "containers/where/limits.h"
#include "containers/where/placement.h"
#include "decision/base/cpuset.h"
#include "decision/base/err.h"
#include "decision/base/strings.h"
#include "decision/plan/profile.h"

struct tree {
	const char *cgroup_root; /* --cgroup-root, borrowed; NULL: decide from the machine */
	enum root_kind root;
	struct placement_facts facts;
};

/* ERR_WRONG for a --cgroup-root that cannot be one. Works without any right to write. */
int tree_read(const char *cgroup_root, struct tree *out, struct err *e);

/*
 * For groups that a container engine makes groups below: placement_facts_align(). What is asked
 * after it is about the place that this leads to.
 */
int tree_align(struct tree *t, struct err *e);

/* placement_decide() by these facts. */
int tree_place(const struct tree *t, enum backend backend, const char *engine,
	       struct placement *out, struct err *e);

/* ERR_IMPOSSIBLE for groups that this build cannot make: those of v1 without libcgroup. */
int tree_check_build(const struct placement *p, struct err *e);

/*
 * Whether the scope of a cluster is where systemd would make it: then its directory is written to
 * all of p->base.
 */
bool tree_find_scope(const struct tree *t, const char *cluster, struct placement *p);

/*
 * The effective CPUs and memory nodes above cleave's own groups: what a plan may use. From cpuset
 * of the group that driver_open() would build in.
 */
int tree_allowed(const struct tree *t, struct cpuset *cpus, struct cpuset *nodes, struct err *e);

/*
 * Whether the kernel balances no load between them, for the same group is in an isolated partition
 * of cpuset v2.
 */
bool tree_is_isolated(const struct tree *t);

/*
 * The least memory limit from the same group up to the root of its hierarchy, in bytes; 0: there is
 * none.
 */
int tree_memory_limit(const struct tree *t, uint64_t *limit_bytes, struct err *e);

/* The limits that the caller was started under, wherever the groups are made. */
int tree_caller_limits(const struct tree *t, struct caller_limits *out, struct err *e);

/* What the groups of clusters say of CPUs. */
struct claims {
	struct cpuset taken; /* home CPUs of clusters that root or the caller has made */
	char taken_by[NAME_MAX_BYTES + 1]; /* one of them */
	/*
	 * In what is delegated to him every user makes groups as he likes: what those of others
	 * claim is not believed, or he could keep everybody from the CPUs. His cluster may be real,
	 * and then he shares them.
	 */
	struct cpuset claimed;
	uid_t claimed_by; /* one of them; nobody's where `claimed` is empty */
	bool has_own;	  /* the cluster that is left out has CPUs, by root or the caller */
};

/* Those of every cleave cluster found in the cgroup tree except `cluster`. */
int tree_claims(const struct tree *t, const char *cluster, struct claims *out, struct err *e);

/* The profile's memory and io keys that no controller here can honour. */
int tree_missing(const struct tree *t, const struct profile *p, struct strings *missing,
		 struct err *e);

/*
 * A name for the tree that all have who look at the same one, whatever they call its mount; "":
 * there is none.
 */
enum { TREE_NAME = 48 };
int tree_name(const struct tree *t, char name[TREE_NAME], struct err *e);

#endif
