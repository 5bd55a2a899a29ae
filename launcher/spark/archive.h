/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_ARCHIVE_H
#define LAUNCHER_SPARK_ARCHIVE_H

/*
 * The archive of loaded classes (class data sharing) from which every JVM of a Spark starts: the
 * class paths of Master, Workers, executors and drivers begin alike, so one archive does for all.
 * It is made once for each JDK, Spark and user, by a training run, and lies in the cache
 * (launcher/system/cache.h) as uid-UID.BYTES.jsa: a JVM dies of one that was cut, so the name says
 * how long it is.
 *
 * A JVM runs with the rights of its user, and what is in an archive is its code. So one is made and
 * used by the same user only, and where root made it for a user, it is root's file.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "launcher/spark/spark.h"

enum archive_kind {
	ARCHIVE_NONE,	 /* this JDK has none */
	ARCHIVE_DYNAMIC, /* JEP 350 (JDK 13): classes, over the JDK's own archive */
	ARCHIVE_AOT,	 /* JEP 514, 515 (JDK 25): classes linked, and profiles of methods */
};

/* The best that this JDK can. */
enum archive_kind archive_kind(const struct spark *s);

struct archive {
	enum archive_kind kind;
	int java_version; /* of the JDK that it is for */
	char path[PROFILE_PATH];
	uint64_t bytes;
};

/*
 * Find what processes of `uid` can start from. -ENOENT: there is none yet. Other errors say why
 * there cannot be one: the JDK, the cache, a training that failed less than a day ago, a Spark that
 * was replaced since `s` was resolved (-ESTALE).
 */
int archive_find(const struct spark *s, uid_t uid, struct archive *out, struct err *e);

/*
 * Append the options that make a JVM start from it. It says nothing and starts all the same where
 * the archive does not fit.
 */
void archive_words(const struct archive *a, struct argv *out);

/*
 * The words of the archive that JVMs of `uid` start from, each in double quotes with backslashes as
 * java(1)'s @argfiles and Spark's SPARK_SUBMIT_OPTS read them, with `separator` between them; ""
 * where there is no archive, or the profile wants none. *text is the caller's to free().
 */
int archive_text(const struct spark_cluster *c, uid_t uid, char separator, char **text,
		 size_t *size, struct err *e);

/*
 * Bring the file that daemons and executors read these options from, STATE/NAME/jvm.options, up to
 * date: empty where there is no archive, or the profile wants none, or it cannot be written anew.
 * Before each start of a daemon or an application: the archive may have been removed or cut.
 */
int archive_offer(const struct spark_cluster *c, struct err *e);

/* ---- making one */

/* A training run under way. */
struct archive_training {
	int entry, lock; /* of the cache; the lock is held until archive_end() */
	enum archive_kind kind;
	struct strings launch;	   /* of spark-submit */
	char output[PROFILE_PATH]; /* where the JVM writes it */
};

/*
 * Begin: lock it, see that there is room; spark_training_process() is what to run then. -EALREADY:
 * there is one, or none is wanted; -EBUSY: another process makes it; other errors as of
 * archive_find(), -ENOSPC.
 */
int archive_begin(const struct spark_cluster *c, struct archive_training *t, struct err *e);

/* It went well, and so did spark_trial_process(): put it into the cache, and offer it. */
int archive_publish(const struct spark_cluster *c, const struct archive_training *t, struct err *e);

/*
 * End: remove what the training wrote, give up the lock. `why`: it failed for a reason that will be
 * the same for a while, which is written down; NULL: it did not, or was interrupted.
 */
void archive_end(const struct spark_cluster *c, struct archive_training *t, const char *why);

/* The Python of the training run (training.c): its word is a directory for its data. */
extern const char archive_training_program[];

#endif
