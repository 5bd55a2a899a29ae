/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_JAVA_H
#define LAUNCHER_SPARK_JAVA_H

/*
 * What a JVM says of itself, and which Spark runs on which Java. Values only: nothing is started
 * or looked at here.
 */

#include "launcher/spark/spark.h"

/*
 * What a JVM is asked for by `-XshowSettings:properties -version`: it prints its system properties
 * on stderr, "    NAME = VALUE" each, in every JDK since 7.
 */
struct java {
	char home[PROFILE_PATH]; /* java.home, which in JDK 8 ends with /jre; "": it did not say */
	char version[JAVA_TEXT]; /* java.version: 17.0.15, 1.8.0_392, 21-ea */
	char vendor[JAVA_TEXT];	 /* java.vendor, or java.vm.name where it has none; as it came */
	int release;		 /* the feature release, 17 or 8; 0: no JVM's answer */
};

/*
 * Read that answer by its labels, whatever stands between. Where no property says it, the release
 * is taken from the line of `version "17.0.15"`.
 */
void java_read(const char *text, struct java *out);

/* 17 of "17.0.15", 8 of "1.8.0_392", as before JDK 9; 0 for none. */
int java_feature_release(const char *version);

/*
 * Whether this Spark can run on this Java (java_version and java_full, hadoop): -ENOEXEC, naming
 * `from`, the Java, what stands against it and which ones this Spark takes.
 */
int java_check(const char *from, const struct spark *s, struct err *e);

#endif
