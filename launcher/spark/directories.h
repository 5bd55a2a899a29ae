/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_DIRECTORIES_H
#define LAUNCHER_SPARK_DIRECTORIES_H

/*
 * What each directory of a cluster is for, and whether it can do that. It is tried, with the rights
 * of who will use it, rather than concluded from the name of a file system; nothing of it stays.
 *
 *   STATE/NAME           files, the control socket
 *   DATA/NAME            logs
 *   tmp and own          files, and code: the JVM maps the native libraries of netty, zstd, lz4 and
 *                        snappy from java.io.tmpdir; mounted noexec, Spark's first shuffle never ends
 *   work                 files: jars, executors' output
 *   scratch              files: shuffles, spills; below memory.scratch.path where that is set
 *
 * That there is little room is no error: how much an application takes nobody knows.
 */

#include "launcher/spark/spark.h"

/* Of a cluster whose directories are made. ERR_FAILED: what cannot be done, where, and why. */
int directories_try(const struct spark_cluster *c, struct err *e);

/* Of one by itself, for logs, work and java.io.tmpdir; as the caller. */
int directories_try_one(const char *path, struct err *e);

enum spark_directory { SPARK_STATE, SPARK_DATA, SPARK_SCRATCH, SPARK_DIRECTORIES };

/* One of a cluster that need not be there: as far as it can be told before. */
struct directory_look {
	char path
		[PROFILE_PATH]; /* it, or the nearest one above that is there; "": none is wanted */
	int result;		/* 0, or that of `error` */
	struct err error;
	uint64_t free_bytes, bytes;
	uint64_t free_files, files; /* files 0: this file system does not count them */
};

/* `c` has its paths and user. */
void directories_look(const struct cluster *c, const struct profile *p,
		      struct directory_look out[SPARK_DIRECTORIES]);

#endif
