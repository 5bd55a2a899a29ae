/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_DIRECTORY_H
#define LAUNCHER_SYSTEM_DIRECTORY_H

/*
 * Directories as descriptors, for a process that may do more than those who write beside it. A path
 * is text, which others can give another meaning between two uses. So the way to a directory is
 * gone one name at a time from /, and each step has to belong to root or the caller and be closed
 * to the writing of others; below a directory of somebody else, everything is reached from its
 * descriptor, never through a link, and what was opened is what is looked at.
 *
 * Closed: of root or the caller, not writable by all, and for root not by a group but root's. (A
 * caller who is not root may have a umask of 002: his group's writing is his own matter.)
 */

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "decision/base/err.h"

bool directory_is_closed(const struct stat *st);

/* What a directory is for that is opened. */
enum directory_use {
	DIRECTORY_OWN,	  /* its names are ours: it has to be closed */
	DIRECTORY_SHARED, /* or root's and sticky, as /tmp: nobody can replace what is ours in it */
};

/*
 * Open an absolute path. Links on the way count as far as they, too, are of root or the caller.
 * Return the descriptor; -ENOENT: it is missing, in whole or in part; -EPERM names the directory
 * that somebody else can write, and whose it is.
 */
int directory_open(const char *path, enum directory_use use, struct err *e);

/* The same, DIRECTORY_OWN, and what is missing is made: parents 0755, itself with `mode`. */
int directory_make(const char *path, mode_t mode, struct err *e);

/* Open what is below an open directory: a path without links, "." and "..". */
int directory_open_below(int at, const char *path, int flags, struct err *e);

/*
 * Make `name` in an open, closed directory, with mode and owner, or take it as it is there: if it
 * belongs to `uid`, or to the caller and is closed; then it is given to `uid`. Return its
 * descriptor.
 */
int directory_make_at(int at, const char *name, mode_t mode, uid_t uid, gid_t gid, struct err *e);

/*
 * Remove a file, or a directory with all that is in it, however deep; what is gone already is fine.
 * Never through a link, never into another file system, and out of a directory of another user
 * never into one of a third. -ENOTEMPTY: somebody keeps writing there.
 */
int directory_remove_at(int at, const char *name, struct err *e);

/* The same for an absolute path; its parent is taken as DIRECTORY_SHARED. */
int directory_remove(const char *path, struct err *e);

#endif
