/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_CAPTURE_H
#define LAUNCHER_SYSTEM_CAPTURE_H

/*
 * Run a short-lived program (java -version, Spark's launcher, python3 -c …) and read what it
 * prints.
 */

#include "containers/proc/printed.h"
#include "decision/base/err.h"
#include "launcher/system/cluster.h"

/*
 * Run argv[0] (an absolute path) as the workers' user of `as` (NULL: as the caller), from /, in a
 * session and with keys of its own and without new privileges, with stdin from /dev/null, and keep
 * what it prints; `p` has the memory for stdout. More than that on stdout, or no end within
 * timeout_ms: -EFBIG or -ETIMEDOUT. It ends when the program does: whom it leaves behind, and the
 * program itself where we are ended by a signal meanwhile, is killed. Return the exit status,
 * 128 + n for signal n, or negative errno.
 */
int capture(const struct cluster *as, const char *const *argv, const char *const *envp,
	    unsigned timeout_ms, struct printed *p, struct err *e);

#endif
