/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_SHELL_H
#define CONTAINERS_PROC_SHELL_H

/*
 * What an application leaves behind, and whether it ends well, is not to depend on whose shell
 * started which of its processes: the daemons come from one `up`, each driver from a `run` of its
 * own. So all of them get one umask, 022, and of the limits that end a JVM (open files, threads,
 * address space, data, size of a file) what the hard limit has room for, which anybody may take
 * (setrlimit(2)).
 *
 * In a child, before it executes: async-signal-safe, and no error is a reason not to go on.
 */
void shell_leave(void);

#endif
