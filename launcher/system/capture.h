/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_CAPTURE_H
#define LAUNCHER_SYSTEM_CAPTURE_H

/*
 * Run a short-lived program (java -version, Spark's launcher, python3 -c …) and read what it
 * prints.
 */

#include <stddef.h>

#include "decision/base/err.h"
#include "launcher/system/cluster.h"

/*
 * Run argv[0] (an absolute path) as the workers' user of `as` (NULL: as the caller), from /, in a
 * session and with keys of its own and without new privileges, with stdin from /dev/null and both
 * outputs into `text`, which gets a NUL behind its `*length` bytes. More than size - 1 bytes, or
 * no end within timeout_ms: the program is killed with all that it started and -EFBIG or -ETIMEDOUT
 * returned; it also goes when we are ended by a signal meanwhile. Return the exit status, 128 + n
 * for signal n, or negative errno.
 */
int capture(const struct cluster *as, const char *const *argv, const char *const *envp,
	    unsigned timeout_ms, char *text, size_t size, size_t *length, struct err *e);

#endif
