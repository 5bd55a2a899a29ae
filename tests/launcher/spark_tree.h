/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_SPARK_TREE_H
#define TESTS_LAUNCHER_SPARK_TREE_H

/* A cluster of two slices for tests: values only, below the test's directory. */

#include "launcher/spark/spark.h"

struct spark_tree {
	struct cluster cluster;
	struct profile profile;
	struct plan plan;
	struct spark spark;
	struct spark_cluster all; /* points to the others */
};

/* A cluster whose directories are below `top`, not made. The caller frees it. */
struct spark_tree *spark_tree_new(const char *top);

/* Of a cluster, that its workers run as the caller. */
const struct cluster *spark_tree_caller(void);

/* Whether this is one of the words. */
bool spark_tree_has(const struct argv *argv, const char *word);

/* Where the real Spark is (build/spark, or $SPARK_HOME), or NULL. */
const char *spark_tree_home(void);

/* Make the directory `path` with its parents, and in it an executable file, or abort. */
void spark_tree_program(const char *path, const char *file, const char *text);

/*
 * Make TOP/spark of the names that spark_resolve() looks at, and TOP/jdk/bin/java of `java`: a
 * Spark 4.1 of which nothing can run. spark_tree_java is a JDK 21 that spark_resolve() takes.
 */
extern const char spark_tree_java[];
void spark_tree_fake(const char *top, const char *java, char home[PROFILE_PATH],
		     char jdk[PROFILE_PATH]);

/* Whether one of the notes that were made has this text. */
bool spark_tree_notes_have(const struct argv *notes, const char *text);

#endif
