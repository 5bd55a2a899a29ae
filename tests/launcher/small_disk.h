/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_SMALL_DISK_H
#define TESTS_LAUNCHER_SMALL_DISK_H

/* A file system that is easily full, seen by the calling process and its children only. */

#include "decision/base/err.h"

/*
 * Mount a tmpfs with `options` ("size=64k,nr_inodes=20") at the directory `path`, in a mount
 * namespace of its own, which the process enters: it ends with the process. -EPERM without the
 * right to.
 */
int small_disk_mount(const char *path, const char *options, struct err *e);

/*
 * A file at `path` that takes all space that is left, or (SMALL_DISK_INODES) as many empty
 * ones as can be made; and all of them away again.
 */
enum small_disk_what { SMALL_DISK_SPACE, SMALL_DISK_INODES };
void small_disk_fill(const char *path, enum small_disk_what what);
void small_disk_free(const char *path);

#endif
