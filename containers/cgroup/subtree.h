/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_CGROUP_SUBTREE_H
#define CONTAINERS_CGROUP_SUBTREE_H

/*
 * A group of ours with the groups below it: those of a container engine, one for each container,
 * and what it makes in them. Without an engine there are none, and no directory is read. They come
 * and go: one that has vanished since it was listed is no error.
 */

#include <errno.h>

#include "containers/cgroup/group.h"

enum {
	SUBTREE_MAX = GROUPS_BELOW + 1,
	SUBTREE_PATH = CGROUP_PATH + 256, /* below the base: docker-<64 digits>.scope/… */
	SUBTREE_FILE = SUBTREE_PATH + 64,
};

struct subgroup {
	uint64_t id; /* its inode, which no other group gets */
	char path[SUBTREE_PATH];
};

struct subtree {
	unsigned count; /* the group itself, which need not exist, is the first */
	struct subgroup groups[SUBTREE_MAX]; /* each before those below it */
};

/* `path` and all groups below it in one hierarchy. -E2BIG, -ENAMETOOLONG. */
int subtree_list_at(const struct cgroup_driver *d, int base, const char *path, struct subtree *out,
		    struct err *e);

/* The same for a group of ours by its name. */
int subtree_list(const struct cgroup_driver *d, int base, const char *group, struct subtree *out,
		 struct err *e);

/* "path/file". */
char *subtree_file(const struct subgroup *g, const char *file, char out[SUBTREE_FILE]);
#define SUBGROUP_FILE(g, file) subtree_file((g), (file), (char[SUBTREE_FILE]){0})

/* Whether a result says that a group has vanished. */
static inline bool subtree_is_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

#endif
