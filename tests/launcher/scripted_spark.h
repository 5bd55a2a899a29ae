#ifndef TESTS_LAUNCHER_SCRIPTED_SPARK_H
#define TESTS_LAUNCHER_SCRIPTED_SPARK_H

/* A Spark 4.1 and a JDK 21 that spark_resolve() takes: names and a shell script. Nothing of it can run. */

#include "decision/plan/profile.h"

/* Make them in the test's directory. */
void scripted_spark_make(char home[PROFILE_PATH], char jdk[PROFILE_PATH]);

#endif
