#ifndef TESTS_LAUNCHER_SPARK_TREE_H
#define TESTS_LAUNCHER_SPARK_TREE_H

/* A cluster of two slices for the tests of Spark's side: values only, below the test's directory. */

#include "launcher/spark/spark.h"

struct spark_tree {
	struct cluster cluster;
	struct profile profile;
	struct plan plan;
	struct spark spark;
	struct spark_cluster all; /* points to the others */
};

/* Fill in a cluster whose directories are below `top`; nothing is made. On the heap; the caller frees it. */
struct spark_tree *spark_tree_new(const char *top);

/* Whether this is one of the words. */
bool spark_tree_has(const struct argv *argv, const char *word);

/* Where the real Spark is (build/spark, or $SPARK_HOME), or NULL. */
const char *spark_tree_home(void);

/* Make the directory `path`, its parents too, and in it a file with `text`, executable. Abort on failure. */
void spark_tree_program(const char *path, const char *file, const char *text);

/* Make TOP/spark of the names that spark_resolve() looks at, and TOP/jdk/bin/java of `java`. */
void spark_tree_fake(const char *top, const char *java, char home[PROFILE_PATH],
		     char jdk[PROFILE_PATH]);

#endif
