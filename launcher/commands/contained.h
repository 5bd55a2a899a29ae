/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_CONTAINED_H
#define LAUNCHER_COMMANDS_CONTAINED_H

/*
 * Commands in containers, with the caller's files, terminal and signals: an application of `run`
 * and a command in the host group get a container of their own, which goes when they end; a command
 * in a slice is executed in its Worker's.
 */

#include "containers/driver.h"
#include "launcher/protocol/state.h"
#include "launcher/system/foreground.h"

/*
 * Both wait for the end. Return the command's exit code, 128 + n for signal n; -ENOENT, -EACCES
 * and -ENOEXEC as execve(2) has them; else the engine's errors. `words`: of p->argv, those that the
 * caller wrote; p->env gets what a container needs, PATH above all.
 */
int contained_run(const struct state *s, struct driver *d, struct process *p, char *const *words,
		  struct foreground *f, struct err *e);
int contained_exec(const struct state *s, const char *group, char *const *argv, char *const *envp,
		   struct foreground *f, struct err *e);

/*
 * What the container of a daemon, "slice-0" or "master", has printed, to stdout: 0, also where
 * there is none. LOGS_FOLLOW ends with it.
 */
int contained_logs(const struct state *s, const char *name, enum container_logs how, struct err *e);

#endif
