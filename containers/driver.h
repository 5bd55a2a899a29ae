/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_DRIVER_H
#define CONTAINERS_DRIVER_H

/*
 * One small interface over cgroup v2, cgroup v1 and plain CPU affinity. A driver owns the groups of
 * one cluster: the direct children of the cluster's own group ("slice-0" …, "host", "supervisor").
 * Every effect is read back: success means that the kernel says so. Nothing outside the cluster's
 * group is written, except what enabling a controller for it needs. A container engine may make
 * groups below them: to a caller what is in those is in the group.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision/base/cpuset.h"
#include "decision/base/err.h"
#include "decision/plan/observation.h"
#include "decision/plan/plan.h"
#include "decision/plan/profile.h"
#include "decision/plan/sample.h"
#include "decision/reconcile/op.h"

/* What a driver adds to the environment of each process; its children inherit it. */
#define GROUP_VARIABLE "CLEAVE_GROUP"

/* What a group is made with. (Not "struct group": that is <grp.h>'s.) */
struct group_spec {
	const char *name;
	struct cpuset cpus, nodes;  /* neither empty */
	unsigned weight;	    /* 1 … 10000, v2's scale */
	struct slice_memory memory; /* max, high, low, swap; 0 max: no limit */
	const struct profile_io *io;
	unsigned io_count;
};

/* A process to be born in a group. Descriptors are borrowed; -1 means /dev/null. */
struct spawn {
	const char *group;
	const char *file; /* absolute path */
	char *const *argv;
	char *const *envp;
	const char *directory;
	int in, out, err;
	uid_t uid; /* (uid_t)-1: unchanged; else uid, gid and its supplementary groups are set */
	gid_t gid;
	const char *user; /* for initgroups, NULL: none */
	bool no_new_privileges;
	bool new_session;	   /* setsid: out of reach of the terminal's signals */
	bool takes_terminal;	   /* of the new session: which of in, out, err is one */
	bool dies_with_us;	   /* killed when we are (PR_SET_PDEATHSIG), however we end */
	bool is_callers;	   /* a command of the caller's: his umask and limits are kept */
	enum memory_policy policy; /* of the child; strict and none: local first-touch */
	struct cpuset nodes;	   /* for preferred and interleave */
};

/* A process that is in one of our groups and was not started by us, nor by one that was. */
struct stranger {
	pid_t pid;
	uid_t uid;     /* real; (uid_t)-1: it has ended since */
	char name[32]; /* in printable ASCII */
	bool stays; /* in the group, and ends with it: it is the workers' user's, or cannot be moved */
};

enum { STRANGERS_LISTED = 8 };

struct strangers {
	unsigned count, listed; /* the others are not among the items */
	struct stranger items[STRANGERS_LISTED];
};

struct driver;

struct driver_ops {
	const char *name; /* cgroup2 | cgroup1 | hybrid | affinity */
	int (*create)(struct driver *d, const struct group_spec *group, struct err *e);
	int (*set_cpus)(struct driver *d, const char *group, const struct cpuset *cpus,
			struct cpuset *effective, struct err *e);
	int (*set_weight)(struct driver *d, const char *group, unsigned weight, struct err *e);
	int (*spawn)(struct driver *d, const struct spawn *s, pid_t *pid, int *pidfd,
		     struct err *e);
	/*
	 * SIGKILL everything in the group and wait until it is empty, at most timeout_ms (0: not at
	 * all); then -ETIMEDOUT.
	 */
	int (*kill)(struct driver *d, const char *group, unsigned timeout_ms, struct err *e);
	/*
	 * Remove the empty group, with the empty groups that an engine left below it; it being gone
	 * already is success.
	 */
	int (*remove)(struct driver *d, const char *group, struct err *e);
	int (*observe)(struct driver *d, struct observation *out, struct err *e);
	int (*sample)(struct driver *d, const char *group, struct sample *out, struct err *e);
	/*
	 * What the straggler monitor reads at each tick, some 10 µs: at_ns, cpu_usage_us and
	 * processes of `out`, and pressure_us (then SAMPLE_PRESSURE is in `known`) where the kernel
	 * has it; the rest is 0. NULL: this driver cannot tell, and its slices cannot lend.
	 * -EOPNOTSUPP: no controller here counts CPU time.
	 */
	int (*usage)(struct driver *d, const char *group, struct sample *out, struct err *e);
	/*
	 * What somebody else's writing to one group would change, some 10 µs: name, requested,
	 * cpus, nodes, weight and is_frozen of `out`; the rest is 0. Where one of an engine's
	 * groups below it runs on other CPUs, those are `cpus`; set_cpus() mends it. -ENOENT or
	 * -ENODEV: there is no such group. NULL: there are no files that anybody could write.
	 */
	int (*look)(struct driver *d, const char *group, struct observed_group *out, struct err *e);
	/*
	 * The CPUs that the cluster's groups can have now: those of the group above that are
	 * online, some 10 µs. Where the cluster's own group had lost some of them (cgroup v1: a CPU
	 * that was offline is gone from every group; v2: somebody wrote to it) it is given them
	 * again, and the result is 1; else 0. What cannot be given back is not among `cpus`. NULL:
	 * as tree_allowed().
	 */
	int (*allowed)(struct driver *d, struct cpuset *cpus, struct err *e);
	/*
	 * Threads of the group that run or wait for a CPU: from /proc, about a millisecond a JVM.
	 * Of a group of more than 4096 threads, those among the first 4096.
	 */
	int (*runnable)(struct driver *d, const char *group, unsigned *out, struct err *e);
	/*
	 * Processes of the group that are not in its cpuset: hot-unplug of the last CPU of a cgroup
	 * v1 cpuset moves them to the group above, for good. Put them back; return how many there
	 * were. The group must have a CPU. NULL: it cannot happen.
	 */
	int (*bring_back)(struct driver *d, const char *group, struct err *e);
	/*
	 * Move the calling process into the group; NULL: out again, to where it was when the driver
	 * was opened.
	 */
	int (*enter)(struct driver *d, const char *group, struct err *e);
	/*
	 * What a container engine is to be told as the parent of a container's group, so that the
	 * container is born in `group`: its path from the top of the hierarchy, or the name of a
	 * slice unit, as the engine's cgroup driver has it. NULL: none was
	 * opened for an engine, or there are no groups.
	 */
	int (*parent)(struct driver *d, const char *group, char path[PROFILE_PATH], struct err *e);
	/* The pids in the group, at most `size`; return how many there are. */
	int (*pids)(struct driver *d, const char *group, pid_t *pids, size_t size, struct err *e);
	/*
	 * Whether the process that has this number now is in the group, and one of the caller's or of
	 * the workers' user: asked again once a pidfd holds the number.
	 */
	bool (*has)(struct driver *d, const char *group, pid_t pid);
	/*
	 * Who has been moved into the group by hand. expel(): and move them out, to where the caller
	 * lives; those that stay end with the group. NULL, both: it cannot happen.
	 */
	int (*strangers)(struct driver *d, const char *group, struct strangers *out, struct err *e);
	int (*expel)(struct driver *d, const char *group, struct strangers *out, struct err *e);
	int (*destroy)(struct driver *d, struct err *e); /* see driver_destroy(); does not close */
	void (*close)(struct driver *d);		 /* frees the value; the groups stay */
};

struct driver {
	const struct driver_ops *ops;
	char location[PROFILE_PATH]; /* driver_location() */
	/* Memory nodes of the group above, and of the user's own limits: for slices that are not bound. */
	struct cpuset nodes;
};

/* Whether the groups are made where they are missing, or only looked at: then nothing changes. */
enum driver_intent { DRIVER_MAKE, DRIVER_OBSERVE };

/* Where the groups of a cluster live: what the caller knows. */
struct driver_request {
	enum driver_intent intent;
	const char *cluster;	 /* its name */
	const char *cgroup_root; /* --cgroup-root, NULL: decide from the machine */
	enum backend backend;
	/*
	 * The container engine's cgroup driver, "cgroupfs" or "systemd": it makes groups below
	 * ours. NULL: there is no engine. Once the groups are made, `location` says it.
	 */
	const char *engine_cgroups;
	uid_t user;	      /* who its workers run as */
	const char *location; /* driver_location() when the cluster was made; NULL at first */
};

/*
 * Find or make the cluster's own group with the controllers it needs. On failure nothing is left
 * behind. Errors: ERR_IMPOSSIBLE for missing controllers, ERR_FAILED without the right to make
 * groups: the message names what is missing and the exact command that grants it; -EPERM for one
 * that a stranger has made. With DRIVER_OBSERVE -ENOENT where there is none.
 */
int driver_open(const struct driver_request *request, struct driver **out, struct err *e);

/*
 * Where the groups are, as one line of text for the state file: enough for driver_open() to find
 * them again.
 */
const char *driver_location(const struct driver *d);

/*
 * Remove the cluster's own group and the parents that cleave made and nobody else uses; then close.
 */
int driver_destroy(struct driver *d, struct err *e);

/*
 * Put one op in force: the only executor of ops, whoever decided on them. `to` is the plan and `p`
 * the profile that it was made for; OP_SET_CPUS and OP_SET_WEIGHT do without both (NULL).
 * `effective` (or NULL) gets the CPUs that the kernel gives after OP_SET_CPUS. OP_SET_HOST makes
 * the host group where it is missing. OP_REMOVE kills what is in the group, and is -ETIMEDOUT while
 * that has not ended: do it again.
 */
int driver_execute(struct driver *d, const struct op *op, const struct plan *to,
		   const struct profile *p, struct cpuset *effective, struct err *e);

/*
 * Look at the groups of `p`, as cheaply as at every tick (3 … 10 µs a group): names, CPUs and
 * weights in `seen`, for groups that are there, the rest 0. A driver that cannot look is asked to
 * observe(), which walks through /proc.
 */
int driver_look(struct driver *d, const struct plan *p, struct observation *seen, struct err *e);

#endif
