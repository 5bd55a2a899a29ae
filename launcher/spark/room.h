/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_ROOM_H
#define LAUNCHER_SPARK_ROOM_H

/* What the files of this room share and nobody else needs; spark.h is its face. */

#include <stdio.h>

#include "launcher/spark/spark.h"

enum { MIB = 1 << 20 };

/* The directory of Spark's configuration as daemons and executors see it: nothing in it is read. */
#define SPARK_NO_CONF "/nonexistent-cleave-conf"

/*
 * Who is asked: programs of this machine, as the workers' user; with an engine, those in a
 * container of this kind.
 */
struct spark_asked {
	const struct cluster *cluster;
	struct engine *engine; /* NULL: this machine */
	const struct container_spec *container;
};

/*
 * Fill in of `s` what its Java and its launcher say, and the fingerprint; the rest is there, and
 * `java` may still be a shim. What is known from before is not asked again. `from` is what named
 * its Java. -ENOEXEC, with what to do, where this Spark cannot run on it.
 */
int spark_ask(const struct spark_asked *a, const char *from, struct spark *s, struct err *e);

/* Where this machine's `java` is a shim: the JDK that it leads to, asked as the workers' user. */
int spark_lead_java(const struct cluster *c, const char *from, struct spark *s, struct err *e);

/*
 * What the container of a daemon is made of, in short: it is in the daemon's environment, so that
 * one of another image or with other mounts is seen to be another one.
 */
#define SPARK_CONTAINER "CLEAVE_CONTAINER"
int spark_container_fingerprint(const struct spark_cluster *c, const char *name,
				char out[SPARK_FINGERPRINT], struct err *e);

/* Mount what is of this machine's Spark and Java. */
int spark_add_programs(struct container_spec *spec, const struct spark *s, struct err *e);

/* Below STATE/NAME: /etc/passwd of the containers. */
#define SPARK_PASSWD "passwd"

/* HOME, USER and LOGNAME as that file has them for who runs there, unless spark.env names others. */
void spark_put_container_user(const struct spark_cluster *c, struct argv *env);

/* Whether JVMs of the slices are to start from an archive of classes, once there is one. */
bool spark_offers_archive(const struct spark_cluster *c);

/* As spark_fingerprint(), of a text. */
void spark_text_fingerprint(const char *text, char out[SPARK_FINGERPRINT]);

/*
 * Of spark_resolve(), the parts: this machine's Spark (home and versions; python is filled in) and
 * Java, and what named it: java_home is "" if it lies in no JDK, and has to be asked for its own.
 */
int spark_find_home(const struct profile *p, const struct cluster *c, struct spark *out,
		    struct err *e);
int spark_find_java(const struct profile *p, const struct cluster *c, struct spark *out,
		    const char **from, struct err *e);

/* Take the versions in the names "spark-core_2.13-4.1.0.jar" and "hadoop-client-api-3.4.2.jar". */
void spark_read_jar(const char *name, struct spark *out);

/*
 * What spark-class would execute for spark-submit, as struct spark's `launch` is for a daemon:
 * Spark 3 gives the options that open the JDK's modules to no daemon. Half a second.
 */
int spark_submit_launch(const struct spark_cluster *c, struct strings *out, struct err *e);

/*
 * HOME/jars, all of them: what the class path of every JVM of ours begins with, and all that the archive's
 * has, which has to be the begin of theirs (archive.h). Spark puts the configuration's directory and
 * one jar a second time behind it; JDK 18 … 24 take no archive of a path that has a jar twice.
 */
enum { SPARK_JARS = PROFILE_PATH + 8 };
void spark_jars(const struct spark *s, char jars[SPARK_JARS]);

/* Below STATE/NAME: the properties of applications that `run` starts as the workers' user. */
#define SPARK_APPLICATIONS "applications.conf"

/* Below DATA/NAME/host, beside the workers' user's tmp: that of the caller. */
#define SPARK_OWN_TMP "own"

/* Below STATE/NAME: the options of an archive as java(1)'s @argfile, and the program that trains it. */
#define SPARK_JVM_OPTIONS "jvm.options"
#define SPARK_TRAINING	  "training.py"

/*
 * What was asked as a user of this Spark and JDK (`home`, `java`, `java_home` and `fingerprint` are
 * filled in) before: what Java said of itself and launch, from the cache. False: it has to be
 * asked, and then remembered.
 */
bool spark_launch_recall(struct spark *s, uid_t uid);
void spark_launch_remember(const struct spark *s, uid_t uid);

/* The first executable `name` in PATH that the workers' user may execute; "" if there is none. */
void spark_find_on_path(const struct cluster *c, const char *name, char path[PROFILE_PATH]);

/* A Python as it calls itself. */
struct python {
	char path[PROFILE_PATH]; /* "": there is none */
	char version[JAVA_TEXT]; /* 3.11.2 */
	char trouble[PYTHON_TROUBLE];
};

/*
 * python3 on the caller's PATH, asked as the workers' user; what it names has to be there and to
 * answer, too. `trouble` says what is wrong with one that is there and cannot be used. -EPERM, with
 * what to do: a stranger could change it (owner.h).
 */
int spark_find_python(const struct cluster *c, struct python *out, struct err *e);

/* The directory of the package pyspark that this Python has; "" if it has none. */
void spark_find_pyspark(const struct cluster *c, const char *python, char home[PROFILE_PATH]);

/*
 * PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON of an application that `who` starts, where they are not
 * set. With spark-submit's `words` (or NULL) of a program in Python there has to be one that runs.
 */
int spark_put_python(const struct spark_cluster *c, const struct cluster *who, char *const *words,
		     struct argv *env, struct err *e);

/* Whether a JVM lies in this directory. */
bool spark_has_java(const char *home);

/*
 * -EPERM, naming `what`, where strangers could change what `uid` would run: a program; what is
 * executed and loaded of a Spark, of which logs may be anybody's; a java, and its java.home where
 * that is known.
 */
int spark_check_owner(const char *what, const char *path, uid_t uid, struct err *e);
int spark_check_home_owner(const char *what, const char *home, uid_t uid, struct err *e);
int spark_check_java_owner(const char *what, const char *java, const char *home, uid_t uid,
			   struct err *e);

/* Whether strangers could change what `uid` would run of this Spark and this JDK: -EPERM. */
int spark_check_owners(const struct spark *s, uid_t uid, struct err *e);

/*
 * What a path is used for: a file that is opened; a directory of SPARK_LOCAL_DIRS; Spark's own
 * directory, which class paths and URLs are made of; the JDK's.
 */
enum spark_path { SPARK_PATH_FILE, SPARK_PATH_LOCAL_DIR, SPARK_PATH_CLASSES, SPARK_PATH_JDK };

/*
 * ERR_WRONG, naming `from` (an option, a profile key, a variable), the path and the byte, where
 * Spark or Java would read another path.
 */
int spark_path_check(const char *from, const char *path, enum spark_path kind, struct err *e);

/* Write a path below the cluster's data directory. */
int spark_data_path(const struct cluster *c, char path[PROFILE_PATH], struct err *e,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Where the slice's worker puts shuffle files: memory.scratch.path, or DATA/NAME/slice-N. */
int spark_scratch(const struct spark_cluster *c, unsigned slice, char path[PROFILE_PATH],
		  struct err *e);

/* The Master that Workers and applications go to: spark.join, or our own. */
enum { MASTER_URL = PROFILE_WORD + 32 };
void spark_master_url(const struct spark_cluster *c, char url[MASTER_URL]);

/*
 * What lets applications keep to some slices (spark_slices_request()). Standalone Spark takes no
 * list of Workers to place executors, but it places them only where the custom resources they ask
 * for are free. So each Worker offers, for every *other* slice i, a resource not-i, and an
 * application that is not to use slice i asks for one not-i an executor: all Workers but slice i's
 * have it. An application that asks for none goes everywhere. Tried on Spark 4.1.0.
 *
 * The most not-i that a Worker offers, and so the most executors that applications started with
 * --slices have on a slice at one time, unless the plan has more. An executor takes at least one
 * slot, so as many as slots always suffice; the ceiling keeps the Master's answer, which lists each
 * of them three times for each pair of slices, below JSON_MAX_BYTES for SLICES_MAX slices.
 */
enum { SPARK_SLICE_EXECUTORS = 32 };

/*
 * What a Worker offers: whole MiB an executor. Heap only: the Master counts spark.executor.memory
 * and no off-heap memory, so more would have room for more executors than the slice has memory for.
 */
unsigned spark_worker_memory_mb(const struct slice *s);

/* The place behind the option at words[at] of spark-submit and its value. */
size_t spark_after_option(char *const *words, size_t at);

/*
 * JVM options of the slice's Worker: how many of each resource it offers, and the file of their
 * addresses. They are on its command line so that a Worker that offers something else is seen to be
 * another one. None in a plan of one slice.
 */
void spark_slices_offer(const struct plan *p, unsigned slice, const char *file, struct argv *argv);

/* What that file holds: JSON, as spark.worker.resourcesFile wants it. */
void spark_slices_write(const struct plan *p, unsigned slice, FILE *file);

#endif
