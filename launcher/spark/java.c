/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/java.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decision/base/cleanup.h"

/* ---- what a JVM prints */

/* The value behind "NAME = ", the first there is; "" if there is none or it has no room. */
static void read_property(const char *text, const char *name, char *to, size_t size)
{
	size_t named = strlen(name);

	to[0] = '\0';
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = text + strspn(text, " \t");
		size_t length;

		if (strncmp(at, name, named) != 0 || strncmp(at + named, " = ", 3) != 0)
			continue;
		at += named + 3;
		length = strcspn(at, "\r\n");
		if (length < size) {
			memcpy(to, at, length);
			to[length] = '\0';
		}
		return;
	}
}

int java_feature_release(const char *version)
{
	char *end = NULL;
	long release = isdigit((unsigned char)*version) ? strtol(version, &end, 10) : 0;

	if (release == 1 && *end == '.')
		release = strtol(end + 1, NULL, 10);
	return release > 0 && release < 1000 ? (int)release : 0;
}

void java_read(const char *text, struct java *out)
{
	static const char quoted[] = "version \"";
	const char *at = strstr(text, quoted);

	*out = (struct java){0};
	read_property(text, "java.home", out->home, sizeof(out->home));
	read_property(text, "java.version", out->version, sizeof(out->version));
	read_property(text, "java.vendor", out->vendor, sizeof(out->vendor));
	if (!out->vendor[0])
		read_property(text, "java.vm.name", out->vendor, sizeof(out->vendor));
	if (!out->version[0] && at) {
		at += strlen(quoted);
		snprintf(out->version, sizeof(out->version), "%.*s", (int)strcspn(at, "\"\r\n"),
			 at);
	}
	out->release = java_feature_release(out->version);
}

/* ---- which Spark runs on which Java */

/*
 * What Spark's own documents say (docs/index.md of each version, "Spark runs on Java …"), and below
 * which update they call a Java deprecated: 8u201 (3.3), 8u362 (3.4, SPARK-40303), 8u371 (3.5,
 * SPARK-43379), 25.0.3 (4.2 and 4.3, SPARK-56815). Java 21 is in them since 4.0 (SPARK-43831), 25
 * since 4.2 (SPARK-56815); 3.5 starts on 21, which its documents do not say. The oldest Python is
 * python_requires of each pyspark package.
 */
static const struct documented {
	int spark[2], python[2];
	int javas[4]; /* 0: no more */
	int of, update;
	const char *why; /* the update */
} documented[] = {
	{{3, 3}, {3, 7}, {8, 11, 17}, 8, 201, "Spark's documents call older ones deprecated"},
	{{3, 4}, {3, 7}, {8, 11, 17}, 8, 362, "Spark's documents call older ones deprecated"},
	{{3, 5}, {3, 8}, {8, 11, 17}, 8, 371, "Spark's documents call older ones deprecated"},
	{{4, 0}, {3, 9}, {17, 21}, 0, 0, NULL},
	{{4, 1}, {3, 10}, {17, 21}, 0, 0, NULL},
	{{4, 2},
	 {3, 10},
	 {17, 21, 25},
	 25,
	 3,
	 "older ones may corrupt data under G1 (JDK-8377811)"},
	{{4, 3},
	 {3, 11},
	 {17, 21, 25},
	 25,
	 3,
	 "older ones may corrupt data under G1 (JDK-8377811)"},
};
enum { DOCUMENTED = sizeof(documented) / sizeof(*documented) };

static int version_compare(const int a[3], const int b[3])
{
	for (unsigned i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* "4.1.0", "4.0.0-SNAPSHOT", "3.5": what is not there is 0. */
static void version_read(const char *text, int out[3])
{
	memset(out, 0, 3 * sizeof(*out));
	sscanf(text, "%4d.%4d.%4d", &out[0], &out[1], &out[2]);
}

static const struct documented *find_documented(const int spark[3])
{
	for (size_t i = 0; i < DOCUMENTED; i++)
		if (documented[i].spark[0] == spark[0] && documented[i].spark[1] == spark[1])
			return &documented[i];
	return NULL;
}

/* "8, 11 or 17". */
enum { JAVAS_TEXT = 64 };
static char *name_javas(const struct documented *d, char text[JAVAS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < 4 && d->javas[i]; i++)
		used += (size_t)snprintf(text + used, JAVAS_TEXT - used, "%s%d",
					 i == 0			      ? ""
					 : i == 3 || !d->javas[i + 1] ? " or "
								      : ", ",
					 d->javas[i]);
	return text;
}

/* The oldest that can load this Spark's classes; 4.0's release notes: "drop JDK 8/11". */
static int oldest_java(const int spark[3])
{
	return spark[0] >= 4 ? 17 : 8;
}

/*
 * The first Java that this Spark is known to fail on, and why; 0: none is known.
 *
 * Subject.getSubject() throws since Java 23, and Hadoop's clients before 3.4.3 call it when the
 * first daemon starts (HADOOP-19212; seen with Spark 4.1.0, Hadoop 3.4.2, on JDK 25). Java 21 has
 * another constructor of direct buffers than Spark before 3.5 looks for in every JVM (Platform,
 * SPARK-42369; seen with 3.3.4 and 3.4.4 on JDK 21).
 */
static int first_that_fails(const struct spark *s, const int spark[3], char why[ERR_TEXT])
{
	static const int with_buffers[3] = {3, 5, 0}, with_subject[3] = {3, 4, 3};
	int hadoop[3];

	if (version_compare(spark, with_buffers) < 0) {
		snprintf(why, ERR_TEXT,
			 "it looks for a constructor of direct buffers that they have no more");
		return 21;
	}
	version_read(s->hadoop, hadoop);
	/* One without Hadoop's jars: by its release, of which 4.1 is the last with such a client. */
	if (s->hadoop[0] ? version_compare(hadoop, with_subject) < 0
			 : spark[0] < 4 || (spark[0] == 4 && spark[1] < 2)) {
		snprintf(why, ERR_TEXT,
			 "its Hadoop client%s%s calls Subject.getSubject(), which "
			 "they refuse",
			 s->hadoop[0] ? " " : "", s->hadoop);
		return 23;
	}
	return 0;
}

int java_check(const char *from, const struct spark *s, struct err *e)
{
	char why[ERR_TEXT], javas[JAVAS_TEXT] = "";
	const struct documented *d;
	int spark[3], first;

	version_read(s->version, spark);
	d = find_documented(spark);
	if (d)
		name_javas(d, javas);
	if (s->java_version < oldest_java(spark))
		return err_set(e, -ENOEXEC,
			       "%s: %s is Java %d, but Spark %s needs Java %d or newer%s%s; set "
			       "jvm.home",
			       from, s->java, s->java_version, s->version, oldest_java(spark),
			       d ? ": it runs on " : "", javas);
	first = first_that_fails(s, spark, why);
	if (first && s->java_version >= first)
		return err_set(e, -ENOEXEC,
			       "%s: %s is Java %d, but Spark %s cannot run on Java %d or newer: "
			       "%s; set jvm.home to a Java%s%s",
			       from, s->java, s->java_version, s->version, first, why,
			       d ? " " : " that is older", javas);
	return 0;
}

/* 392 of "1.8.0_392" and of "8u392", 3 of "25.0.3"; 0 of "25". */
static int update_of(const char *version)
{
	const char *at = strpbrk(version, "_u");
	int numbers[3];

	if (at)
		return (int)strtol(at + 1, NULL, 10);
	version_read(version, numbers);
	return numbers[2];
}

bool spark_java_remark(const struct spark *s, char remark[ERR_TEXT])
{
	const struct documented *d;
	char javas[JAVAS_TEXT];
	int spark[3];

	remark[0] = '\0';
	version_read(s->version, spark);
	d = find_documented(spark);
	if (!d) {
		snprintf(remark, ERR_TEXT,
			 "Spark %s is %s than what cleave knows (%d.%d to %d.%d): whether it runs "
			 "on Java %d is not known",
			 s->version,
			 spark[0] < documented[0].spark[0] || (spark[0] == documented[0].spark[0] &&
							       spark[1] < documented[0].spark[1])
				 ? "older"
				 : "newer",
			 documented[0].spark[0], documented[0].spark[1],
			 documented[DOCUMENTED - 1].spark[0], documented[DOCUMENTED - 1].spark[1],
			 s->java_version);
		return true;
	}
	if (s->java_version == d->of && s->java_full[0] && update_of(s->java_full) < d->update) {
		snprintf(remark, ERR_TEXT, "Java %s at %.400s is older than %s%d: %s", s->java_full,
			 s->java_home, d->of == 8 ? "8u" : "25.0.", d->update, d->why);
		return true;
	}
	for (unsigned i = 0; i < 4 && d->javas[i]; i++)
		if (d->javas[i] == s->java_version)
			return false;
	snprintf(remark, ERR_TEXT,
		 "Spark %s is documented for Java %s, not for Java %d at %.400s: it may "
		 "fail (jvm.home)",
		 s->version, name_javas(d, javas), s->java_version, s->java_home);
	return true;
}

bool spark_python_remark(const struct spark *s, char remark[ERR_TEXT])
{
	const struct documented *d;
	int spark[3], python[3], oldest[3] = {0};

	remark[0] = '\0';
	version_read(s->version, spark);
	version_read(s->python_version, python);
	d = find_documented(spark);
	if (!d || !python[0])
		return false;
	oldest[0] = d->python[0];
	oldest[1] = d->python[1];
	if (version_compare(python, oldest) >= 0)
		return false;
	snprintf(remark, ERR_TEXT,
		 "the pyspark of Spark %s is for Python %d.%d or newer, and %.400s is %s: "
		 "applications in Python may fail (PYSPARK_PYTHON)",
		 s->version, oldest[0], oldest[1], s->python, s->python_version);
	return true;
}
