/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_HOST_CPUS_H
#define LAUNCHER_INPUTS_HOST_CPUS_H

/* Which CPUs the kernel of this machine was told to treat apart (README.md). */

#include "decision/machine/topology.h"

/*
 * Fill in isolated, nohz_full and rcu_nocbs of *t, from files below the directory `root` ("/"; its
 * proc and sys). `unified` is where cgroup v2 is mounted, below it; "": nowhere. What is not there,
 * or is no list of CPUs, leaves the empty set.
 */
void host_cpus_read(int root, const char *unified, struct topology *t);

/*
 * The CPUs of rcu_nocbs= on a kernel command line, of `possible` ones; without a list all of them.
 * The last one counts, what is behind "--" is not the kernel's. The text is cut into pieces.
 */
struct cpuset host_cpus_rcu_nocbs(char *command_line, const struct cpuset *possible);

#endif
