/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_WHERE_SYSTEMD_H
#define CONTAINERS_WHERE_SYSTEMD_H

/*
 * systemd's own programs (systemd-run, systemctl, busctl), executed without a shell. What they say
 * on stderr is the reason of a failure. `argv` ends with NULL.
 */

#include <stddef.h>
#include <sys/types.h>

#include "decision/base/err.h"

/* Start one in a session of its own, its stderr in `messages`. Return its pid, or negative. */
pid_t systemd_start(const char *const *argv, int messages);

/*
 * Why a program has failed: the first line that it wrote to the other end of `messages`, which does
 * not block, and that is no mere warning; "": nothing was said. `status` is waitpid()'s.
 */
enum { SYSTEMD_MESSAGE = 512 };
char *systemd_complaint(const char *program, int messages, int status, char text[SYSTEMD_MESSAGE]);

/*
 * Execute one and wait for it, at most 10 s; then it is killed. -EIO with what it said where it
 * did not succeed.
 */
int systemd_execute(const char *const *argv, struct err *e);

#endif
