/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONTAINERS_REAL_H
#define TESTS_CONTAINERS_REAL_H

/* Helpers for tests that make real groups and processes. */

#include "containers/driver.h"

/* Open a driver or say in `why` that this machine cannot (no root, no controllers). NULL: skip. */
struct driver *real_open(const struct driver_request *r, char *why, size_t size);

/* A group called `name` on `cpus` and all nodes of the driver. */
struct group_spec real_group(const struct driver *d, const char *name, const char *cpus);

/* What a plan may use of this machine, and what clusters other than `cluster` have of it. */
struct cpuset real_allowed(void);
struct cpuset real_taken(const char *root, const char *cluster, char by[NAME_MAX_BYTES + 1]);

/*
 * Run `script` by /bin/sh in a group, without environment but PATH; its stdout goes to `output` (a
 * descriptor). Return its pid.
 */
pid_t real_spawn(struct driver *d, const char *group, const char *script, int output);

/* The same, waited for; what it wrote is in `text`. Return its exit status. */
int real_run(struct driver *d, const char *group, const char *script, char *text, size_t size);

/* Wait until `fd` says one byte. */
void real_wait_byte(int fd);

/*
 * Whether there is a directory `name` in the cgroup tree, below one called `above` ("": anywhere).
 */
bool real_tree_has(const char *above, const char *name);

/*
 * End what is left in groups below any group called `root`, and remove them: for the end of a
 * program, passed or failed.
 */
void real_clean(const char *root);

/* Assert that a call with `&e` as its last argument succeeds, `e` being the test's own. */
#define real_do(call)                                         \
	do {                                                  \
		int rc_ = (call);                             \
		ck_assert_msg(rc_ >= 0, #call ": %s", e.msg); \
	} while (0)

#endif
