/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_FILES_H
#define LAUNCHER_SYSTEM_FILES_H

/*
 * Whole files: read with a bound, replaced so that a reader, a crash or a full disk sees the old
 * file or the new one.
 */

#include <stddef.h>
#include <sys/types.h>

#include "decision/base/err.h"

/*
 * Read a regular file of at most `max` bytes. *text is NUL-terminated and the caller's to free().
 * -ENOENT as it is.
 */
int file_read(const char *path, size_t max, char **text, size_t *size, struct err *e);

/* The same of `name` in an open directory, which is not a link. */
int file_read_at(int at, const char *name, size_t max, char **text, size_t *size, struct err *e);

/* Whose a new file is: (uid_t)-1 the caller's. */
struct file_owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};
#define FILE_OF_CALLER(mode) (&(const struct file_owner){(mode), (uid_t)-1, (gid_t)-1})

/*
 * Write PATH.new, a file that was not there, fsync, rename over PATH, fsync the directory. On
 * failure the old file stays and PATH.new is gone.
 */
int file_replace(const char *path, const void *data, size_t size, mode_t mode, struct err *e);
int file_replace_at(int at, const char *name, const void *data, size_t size,
		    const struct file_owner *owner, struct err *e);

#endif
