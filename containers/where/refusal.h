/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_REFUSAL_H
#define CONTAINERS_WHERE_REFUSAL_H

/*
 * Why the kernel does not let this process make groups, each cause with its own way out: "be root" is
 * none for root. Facts that are read once, and a sentence that is judged from them.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision/base/err.h"

/* What a process is. All zero: a user of the first user namespace whom nothing confines. */
struct rights {
	bool is_mapped;	     /* it is in a user namespace (user_namespaces(7)), */
	uid_t outside;	     /* where its uid is this one outside */
	bool lacks_override; /* CAP_DAC_OVERRIDE is not in effect */
	bool is_filtered;    /* system calls are (seccomp(2)) */
	char label[128];     /* by which a security module confines it; "": none does */
};

/* What was not to be done. */
struct refused {
	const char *group; /* where a group should have been made */
	uid_t uid;	   /* by whom */
	bool is_read_only; /* its mount is */
	bool is_hidden;	   /* the group is not there to be seen */
	bool systemd;	   /* it is the service manager, so this may be its protection of a unit */
};

/* Read them below `root` ("/" or a recorded tree); what is not there confines nothing. */
void rights_read(int root, uid_t uid, struct rights *out);

/*
 * Say why no group can be made there, if it is not for an owner's lack of rights that root
 * could mend from outside: then 0, and nothing is said. Of root there is always a reason.
 */
int refusal_judge(const struct rights *f, const struct refused *what, struct err *e);

/*
 * A control file or a directory of `group` was refused, and `e` has the kernel's reason: add what is
 * behind it and the way out, as far as it can be told. Return the code that is there.
 */
int refusal_explain(const char *group, struct err *e);

/*
 * The group, `group` or one above it, that lets no more groups be made below, and the file that says
 * so: cgroup.max.descendants, where there is no room for `groups`, or cgroup.max.depth, for `depth`
 * levels. false: there is none. `mount` is where the hierarchy begins.
 */
bool refusal_find_full(int root, const char *mount, const char *group, unsigned groups,
		       unsigned depth, char *file, size_t size);

#endif
