/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_ROOTS_H
#define LAUNCHER_SYSTEM_ROOTS_H

/*
 * Where a command looks and works, other than where it would by itself: the global options. NULL:
 * by itself.
 */

#include <stdbool.h>

struct roots {
	const char *topology;	 /* hwloc XML or synthetic text instead of this machine */
	const char *cgroup_root; /* where the groups are made */
	const char *state_dir;	 /* state, logs and scratch */
	bool verbose;		 /* say more on standard error */
};

#endif
