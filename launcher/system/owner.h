/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_OWNER_H
#define LAUNCHER_SYSTEM_OWNER_H

/*
 * Who can change what is about to be run: a program, what it loads, and every directory and link on
 * the way there.
 *
 * What root runs may be written by root alone: whoever else owns a part of it, or may write it by
 * group or by everybody's bits, is a stranger. Any other user runs what he chose, whoever owns it;
 * there only what everybody may write is a stranger's. In a directory with the sticky bit (/tmp)
 * names belong to who owns them, so its own bits do not count.
 *
 * The walk begins at / and goes down only below what is found good, so no stranger can exchange
 * what was looked at already.
 */

#include <limits.h>
#include <sys/types.h>

#include "decision/base/err.h"

/* What a stranger can write, first on the way. */
struct owner {
	char path[PATH_MAX];
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/*
 * Look for one on the way to `path` and at it, for what `uid` runs. Return 1 if there is (`out` is
 * written), 0 if there is none, negative errno (-ENOENT: there is no such file, and no stranger
 * can make it).
 */
int owner_find_stranger(const char *path, uid_t uid, struct owner *out);

/* The same for a directory and all that is in it, links followed. */
int owner_find_stranger_below(const char *directory, uid_t uid, struct owner *out);

/* "/opt/spark belongs to user alice", "/opt/spark may be written by everybody" … */
enum { OWNER_TEXT = 512 };
char *owner_text(const struct owner *o, uid_t uid, char text[OWNER_TEXT]);

/*
 * As a sentence, behind `what` ("SPARK_HOME", "this cluster's Spark"): what is wrong, and what to
 * do. -EPERM.
 */
int owner_refuse(const struct owner *o, uid_t uid, const char *what, struct err *e);

#endif
