/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_PLAN_SETTING_H
#define DECISION_PLAN_SETTING_H

/*
 * What Spark reads for cores, memory, addresses, directories, Java, Python and whom to talk to, and
 * whose it is: one list for all doors that lead to a setting (profile, shell, spark-env.sh,
 * spark-defaults.conf, the words of `run`, -D in a string of JVM options). What is not in it is the
 * user's and passes. Sources: Spark's SparkSubmitArguments.scala, SparkSubmitOptionParser.java,
 * AbstractCommandBuilder.java, Utils.scala (getConfiguredLocalDirs, localIpAddress),
 * {Master,Worker}Arguments.scala, SparkEnv.scala, python/pyspark/util.py, bin/ and
 * conf/spark-env.sh.template.
 */

#include <stdbool.h>

enum setting_rule {
	SETTING_OURS,	   /* refused or dropped at each door */
	SETTING_PLANNED,   /* likewise; but words of `run` may have it where the slices have room */
	SETTING_MASTER,	   /* likewise; but words of `run` may lead to a Spark elsewhere */
	SETTING_DEAD,	   /* likewise; of words of `run` it is said that it has no effect */
	SETTING_PAGES,	   /* ours where security.ui closes Spark's pages */
	SETTING_DEFAULT,   /* cleave has a default of its own: profile and words may have another */
	SETTING_NO_DRIVER, /* what only daemons read, as a property: without effect, said */
	/* Variables that pass: */
	SETTING_DAEMONS,	/* to daemons, of the shell of `up`, too */
	SETTING_DAEMON_OPTIONS, /* likewise, as far as daemons may have these JVM options */
	SETTING_PYTHON,		/* a program: passes if it can be executed */
	SETTING_OPTIONS,	/* a string of JVM options: passes if it has no property of ours */
	SETTING_PLACE,		/* cleave looks there, and has its own for what it starts */
	SETTING_SCRIPTS,	/* only Spark's sbin/ scripts read it: without effect */
};

struct setting {
	const char *name; /* or the begin of names if it ends in '*' */
	enum setting_rule rule;
	const char *why; /* "memory.heap sets it" */
};

/*
 * The entry of a property or of a variable, NULL for what is not in the list. A property
 * spark.executorEnv.NAME is what NAME is, where that is ours.
 */
const struct setting *setting_of_property(const char *key);
const struct setting *setting_of_variable(const char *name);

/* Whether a profile may have it: NULL, or why not. */
const char *setting_refuse_property(const char *key);
const char *setting_refuse_variable(const char *name);

/*
 * Whether a JVM may have this option beside those that cleave gives it: NULL, or why not. An option
 * -Dspark.NAME=VALUE is a property, and wins over files of properties that have it not.
 */
enum setting_jvm { SETTING_OF_EXECUTORS, SETTING_OF_DRIVERS, SETTING_OF_DAEMONS };
const char *setting_refuse_option(const char *option, enum setting_jvm jvm);

#endif
