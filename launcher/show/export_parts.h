/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_EXPORT_PARTS_H
#define LAUNCHER_SHOW_EXPORT_PARTS_H

/*
 * What the formats of export.h have in common and nobody else needs: the daemons, what they are
 * told, and the comments. Everything is started by Spark's own spark-class, which
 * an image has too, and told by environment and arguments, so that no file of properties is needed.
 */

#include "launcher/show/export.h"

/* Where images of the Apache project have Spark (its kubernetes/dockerfiles/spark/Dockerfile). */
#define EXPORT_IMAGE_SPARK "/opt/spark"
#define EXPORT_IMAGE	   "apache/spark"

/*
 * With an image and a number for the user, the image may not know his name, without which Hadoop's
 * login ends each executor ("Invalid UID, could not determine effective user"; SPARK_USER helps the
 * daemons only; tried with Spark 4.1): it gets the list of this machine.
 */
#define EXPORT_PASSWD "/etc/passwd"

#define EXPORT_SPARK_CLASS  "bin/spark-class"
#define EXPORT_SPARK_SUBMIT "bin/spark-submit"

/* A daemon: the Master or one slice's Worker. */
struct export_part {
	const struct slice *slice;     /* NULL: the Master */
	char name[NAME_MAX_BYTES + 1]; /* master, slice-0 */
	char address[PROFILE_WORD];    /* what it listens on */
	struct cpuset cpus, nodes;
	struct strings words; /* of spark-class: class and arguments, all of them plain */
};

/* With spark.join the Master is elsewhere, and the parts are the slices alone. */
unsigned export_part_count(const struct exported *x);
void export_part(const struct exported *x, unsigned index, struct export_part *out);

/* One line about it, without its end: "slice-0: 15 cores, CPUs 0-14, node 0, …". */
void export_describe(const struct export_part *part, FILE *to);

/* What is to be known of a pair; `value` is valid during the call. */
typedef void export_pair(void *context, const char *key, const char *value);

/*
 * The environment of every daemon, spark.env included, but for SPARK_HOME and JAVA_HOME, which the
 * format chooses; then what is the part's own: SPARK_LOCAL_IP, SPARK_EXECUTOR_ATTRIBUTE_SLICE.
 * Directories are the format's. -ENOMEM.
 */
int export_environment(const struct exported *x, export_pair *put, void *context);
void export_own_environment(const struct export_part *part, export_pair *put, void *context);

/* The properties of an application that uses all slices, spark.conf included. -ENOMEM. */
int export_properties(const struct exported *x, export_pair *put, void *context);

/* spark://HOST:PORT of the Master that Workers and applications go to. */
enum { EXPORT_URL = PROFILE_WORD + 32 };
void export_master_url(const struct exported *x, char url[EXPORT_URL]);

/* Where a slice's shuffle files go if memory.scratch.path says so, and false if it does not. */
bool export_scratch(const struct exported *x, const struct slice *s, char path[2 * PROFILE_PATH]);
bool export_scratch_is_tmpfs(const struct exported *x);

/*
 * Whether a variable or property seems to hold a secret, and is left out: judged by its name and
 * its value, as Spark does where it shows them (Utils.redact, spark.redaction.regex).
 */
bool export_is_secret(const char *key, const char *value);

/* Whether workload.data.path is a directory or file of this machine: its path, else NULL. */
const char *export_data_path(const struct exported *x);

/*
 * Comments, each line of which begins with "# ": which plan this is; then, after what the format
 * says of its own, what none of them has.
 */
void export_head(const struct exported *x, const char *format, FILE *to);
void export_tail(const struct exported *x, FILE *to);

/*
 * spark-submit with its properties, a word a line joined by backslashes, `indent` before each line
 * but the first ("#     "). `before` is what runs it. systemd-run replaces $NAME in its words, so
 * that dollars are doubled.
 */
enum submit_by { SUBMIT_BY_SHELL, SUBMIT_BY_SYSTEMD };
int export_submit(const struct exported *x, enum submit_by by, const char *before,
		  const char *indent, FILE *to);

/* numactl's option for the nodes under memory.policy. */
void export_numactl_option(const struct exported *x, const struct cpuset *nodes, char *option,
			   size_t size);
enum { EXPORT_OPTION = CPUSET_TEXT + 32 };

/* ---- the formats, each in its file */

int export_compose(const struct exported *x, struct export_files *out, struct err *e);
int export_systemd(const struct exported *x, struct export_files *out, struct err *e);
int export_kubernetes(const struct exported *x, struct export_files *out, struct err *e);
int export_numactl(const struct exported *x, struct export_files *out, struct err *e);

#endif
