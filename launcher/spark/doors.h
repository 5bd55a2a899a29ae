/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_DOORS_H
#define LAUNCHER_SPARK_DOORS_H

/*
 * The doors through which a setting of Spark's comes that is not written in the profile: the shell,
 * conf/spark-env.sh and conf/spark-defaults.conf of SPARK_CONF_DIR or SPARK_HOME, the words of
 * `run`. One list says whose a setting is (decision/plan/setting.h). What the user did not write
 * for cleave is left out with a note; what he did is refused.
 *
 * Both files are read as the workers' user, through a program that runs as him: he may read them,
 * and spark-env.sh is his to execute, whoever calls cleave.
 */

#include "decision/plan/setting.h"
#include "launcher/spark/spark.h"

/*
 * Take out of an environment what is cleave's, with a note each where it is another value than that
 * of `ours`. `from`: "in the environment", "in FILE". ERR_WRONG for SPARK_SUBMIT_OPTS with a
 * property that is cleave's.
 */
int doors_judge_environment(struct argv *env, const struct argv *ours, const char *from,
			    struct argv *notes, struct err *e);

/*
 * Split a string of JVM options as Spark does (CommandBuilderUtils.parseOptionString). ERR_WRONG: a
 * quote has no end.
 */
int doors_split_options(const char *options, struct argv *out, struct err *e);

/* Leave out the options that this JVM may not have, a note each; *out is the caller's to free. */
int doors_filter_options(const char *options, enum setting_jvm jvm, const char *from,
			 struct argv *notes, char **out, struct err *e);

/* The same of a property's value, if that is a string of options; else a copy. */
int doors_filter_value(const char *key, const char *from, const char *value, struct argv *notes,
		       char **out, struct err *e);

/* ERR_WRONG, behind `from`, where a string of options has one that this JVM may not have. */
int doors_check_options(const char *from, const char *options, enum setting_jvm jvm, struct err *e);

/* ERR_WRONG, where a property's value is a string of options with one that its JVM may not have. */
int doors_check_value(const char *from, const char *key, const char *value, struct err *e);

/*
 * ERR_WRONG where a word of spark-submit sets what is cleave's at every door; what has no effect is
 * noted. Cores and memory are spark_words_check()'s.
 */
int doors_check_words(const struct spark_cluster *c, char *const *words, struct argv *notes,
		      struct err *e);

/* ---- spark-env.sh */

/*
 * What spark-env.sh makes of the environment `before`, as `as`; `before` itself, with no program
 * run, where there is no such file or SPARK_ENV_LOADED says that it has been read. `directory` is
 * that of the configuration. What it printed first is a note. ERR_FAILED for one that ends the
 * shell, does not end, prints without end, or cannot be parsed; -EPERM for one that a stranger
 * could change.
 */
int doors_source(const char *directory, const struct cluster *as, const struct argv *before,
		 struct argv *out, struct argv *notes, struct err *e);

/* Whether an item of an environment is a variable of the user's, and none of a shell's own. */
bool doors_keeps(const char *item);

/* Where the caller's configuration is: SPARK_CONF_DIR, unless that is cleave's own, or HOME/conf. */
void doors_directory(const struct spark *s, char directory[PROFILE_PATH]);

/*
 * Whether a file of the caller's configuration is there, and its path: 1 or 0; -EPERM where a
 * stranger to `uid` could change it.
 */
int doors_find_file(const char *directory, const char *name, uid_t uid, char path[PROFILE_PATH],
		    struct err *e);

/* ---- spark-defaults.conf, as java.util.Properties reads it */

struct property {
	char *key, *value;
	unsigned line; /* where it begins, from 1 */
};
void property_release(struct property *p);
#define cleanup_property __attribute__((cleanup(property_release)))

struct properties {
	const char *at, *end;
	unsigned line;
};

/* The next one: 1, and `out` is the caller's to release; 0 at the end; -ENOMEM. */
int properties_next(struct properties *from, struct property *out);

#endif
