/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONTAINERS_FAKE_ROOT_H
#define TESTS_CONTAINERS_FAKE_ROOT_H

#include "containers/where/placement.h"

/* A root directory with a few files of /proc, /sys and /run, made by a test in its own directory. */

/* One file: its path below the root, and its text. */
struct fake_file {
	const char *path, *text;
};

/* Make root number `number` of this test and open it; the files end with a path of NULL. */
int fake_root(unsigned number, const struct fake_file *files);

/* A machine on which no groups can be made, and what is said there. */
struct failing_machine {
	const char *name;
	struct fake_file files[16];
	unsigned uid;
	bool may_not_write; /* the files themselves belong to whoever runs the test */
	const char *given;  /* --cgroup-root in cgroup2, NULL: none */
	enum err_exit exit;
	const char *words[3], *never; /* in the sentence; not in it */
	const char *not_ok;	      /* a controller of which doctor says no "ok", NULL: none */
};
enum { FAILING_MACHINES = 19 };
extern const struct failing_machine failing_machines[FAILING_MACHINES];

/* Read one, and decide where its groups are: return what that does. */
int failing_machine_place(unsigned number, struct placement_facts *f, struct placement *p,
			  struct err *e);

#endif
