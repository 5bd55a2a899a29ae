/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/room.h"

#include <ctype.h>
#include <errno.h>

#include "decision/base/cleanup.h"
#include "launcher/system/capture.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static void make_fake(char home[PROFILE_PATH], char jdk[PROFILE_PATH], const char *java)
{
	char top[PROFILE_PATH];

	snprintf(top, sizeof(top), "%s/fake", test_directory());
	spark_tree_fake(top, java, home, jdk);
}

/* Resolve with a given Spark and JDK; the sentence is in `e`. */
static int resolve(const char *home, const char *jdk, struct spark *out, struct err *e)
{
	static struct profile p;

	profile_default(&p);
	string_copy(p.spark.home, home);
	string_copy(p.jvm.home, jdk);
	return spark_resolve(&p, spark_tree_caller(), out, e);
}

/* A java that prints `version` for -version, and does `otherwise` as Spark's launcher. */
static void make_java(char home[PROFILE_PATH], char jdk[PROFILE_PATH], const char *version,
		      const char *otherwise)
{
	char java[512];

	snprintf(
		java, sizeof(java),
		"#!/bin/sh\nPATH=/usr/bin:/bin\ncase $2 in -version) echo '%s' >&2;; *) %s;; esac\n",
		version, otherwise);
	make_fake(home, jdk, java);
}

START_TEST(java_versions)
{
	static const char launch[] =
		"printf '\\n\\0\\njava\\0-cp\\0/x\\0org.apache.spark.deploy.worker.Worker\\0'";
	static const struct {
		const char *print;
		int release; /* 0: it is none */
	} cases[] = {
		{"openjdk version \"17.0.15\" 2025-04-15", 17},
		{"java version \"1.8.0_392\"", 8},
		{"openjdk version \"21-ea\" 2023-09-19", 21},
		{"NOTE: Picked up\nopenjdk version \"25\"", 25},
		{"bash: java: not found", 0},
		{"version \"-3\"", 0},
		{"version \"99999999999999999999\"", 0},
		{"", 0},
	};
	char home[PROFILE_PATH], jdk[PROFILE_PATH], old[64];
	struct spark s;
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r;

		make_java(home, jdk, cases[i].print, launch);
		r = resolve(home, jdk, &s, &e);
		snprintf(old, sizeof(old), "is Java %d, but", cases[i].release);
		if (cases[i].release >= 17)
			ck_assert_msg(!r && s.java_version == cases[i].release, "case %zu", i);
		else
			ck_assert_msg(r < 0 && strstr(e.msg,
						      cases[i].release ? old : "failed (status 0)"),
				      "case %zu: %s", i, r ? e.msg : "");
	}
}
END_TEST

START_TEST(no_such_home)
{
	struct spark s;
	struct err e;

	ck_assert_int_eq(resolve("/nonexistent/spark", "/usr", &s, &e), -ENOENT);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_ptr_nonnull(strstr(e.msg, "spark.home: no Spark at /nonexistent/spark"));
}
END_TEST

START_TEST(home_without_jars)
{
	char path[PROFILE_PATH], home[PROFILE_PATH];
	struct spark s;
	struct err e;

	snprintf(home, sizeof(home), "%s/empty", test_directory());
	snprintf(path, sizeof(path), "%s/empty/jars", test_directory());
	spark_tree_program(path, "spark-corelike_2.13-4.1.0.jar", "");
	ck_assert_int_lt(resolve(home, "/usr", &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "no jars/spark-core_*.jar"));
	ck_assert_ptr_nonnull(strstr(e.msg, home));
	ck_assert_ptr_nonnull(strstr(e.msg, "set spark.home"));
}
END_TEST

START_TEST(java_too_old)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	struct spark s;
	struct err e;

	make_fake(home, jdk, "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n");
	ck_assert_int_lt(resolve(home, jdk, &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "is Java 11, but Spark 4.1.0 needs Java 17 or newer"));
	ck_assert_ptr_nonnull(strstr(e.msg, "jvm.home"));
}
END_TEST

START_TEST(java_that_is_none)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	struct spark s;
	struct err e;

	make_fake(home, jdk, "#!/bin/sh\necho broken; exit 3\n");
	ck_assert_int_lt(resolve(home, jdk, &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "failed (status 3): broken"));
	ck_assert_int_lt(resolve(home, "/nonexistent", &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "jvm.home: cannot execute /nonexistent/bin/java"));
}
END_TEST

/* A launcher that prints what it should not: an error each time, never a half-read command. */
START_TEST(launcher_answers)
{
	static const struct {
		const char *print, *message;
	} cases[] = {
		{"echo nothing", "gave no command line: nothing"},
		{"printf '\\n\\0\\n'", "gave no command line"},
		{"printf '\\n\\0\\njava\\0-cp\\0/x'", "gave no command line"},
		{"printf '\\n\\0\\norg.apache.spark.deploy.worker.Worker\\0'", "gave no command"},
		{"head -c 100000 /dev/zero", "printed more than"},
		{"printf '\\n\\0\\n'; for i in $(seq 500); do printf 'word-of-the-command\\0'; done",
		 "move Spark"},
		{"exit 4", "gave no command line"},
	};
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	struct spark s;
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make_java(home, jdk, "version \"17\"", cases[i].print);
		ck_assert_int_lt(resolve(home, jdk, &s, &e), 0);
		ck_assert_msg(strstr(e.msg, cases[i].message), "case %zu: %s", i, e.msg);
	}
}
END_TEST

/*
 * What spark-class itself would execute, as bash sees it: its last word before exec, by a java that
 * prints its argv.
 */
static size_t ask_spark_class(const char *home, const struct spark *s, char *text, size_t size)
{
	char java_home[64 + PROFILE_PATH], jars[SPARK_JARS + 64], path[PROFILE_PATH],
		submit[PROFILE_PATH + 32];
	char program[4 * PROFILE_PATH];
	const char *argv[] = {submit, "org.apache.spark.deploy.worker.Worker", NULL};
	const char *envp[] = {java_home,
			      "PATH=/usr/bin:/bin",
			      "SPARK_CONF_DIR=" SPARK_NO_CONF,
			      "SPARK_LAUNCHER_OPTS=-XX:-UsePerfData", /* nothing in /tmp */
			      jars,
			      NULL};
	size_t length = 0;
	struct err e;

	/*
	 * The launcher names JAVA_HOME's java in the command: let that one print what it is given.
	 */
	snprintf(program, sizeof(program),
		 "#!/bin/sh\ncase \"$*\" in *launcher.Main*) exec '%s' \"$@\";; esac\n"
		 "printf '%%s\\n' \"$@\"\n",
		 s->java);
	snprintf(path, sizeof(path), "%s/printer/bin", test_directory());
	spark_tree_program(path, "java", program);
	snprintf(java_home, sizeof(java_home), "JAVA_HOME=%s/printer", test_directory());
	snprintf(jars, sizeof(jars), "SPARK_DAEMON_CLASSPATH=%s/jars/*", s->home);
	snprintf(submit, sizeof(submit), "%s/bin/spark-class", home);
	ck_assert_int_eq(capture(NULL, argv, envp, 60000, text, size, &length, &e), 0);
	return length;
}

/* The real Spark: our command is spark-class's own, less what cleave sets. */
START_TEST(same_as_spark_class)
{
	const char *home = spark_tree_home();
	char text[32768], ours[32768] = "", *line, *rest;
	cleanup_free char *real = NULL;
	static struct profile p;
	struct spark s;
	struct err e;
	size_t used = 0;

	if (!home)
		test_skip("no Spark at build/spark");
	profile_default(&p);
	real = realpath(home, NULL);
	ck_assert(real && string_copy(p.spark.home, real) == 0);
	if (spark_resolve(&p, spark_tree_caller(), &s, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_int_ge(s.java_version, 17);
	ck_assert(isdigit(s.version[0]) && strchr(s.version, '.'));
	ck_assert_str_eq(s.scala_version, "2.13");
	strings_for_each(word, &s.launch) if (word != strings_get(&s.launch, 0)) used +=
		(size_t)snprintf(ours + used, sizeof(ours) - used, "%s\n", word);
	ask_spark_class(p.spark.home, &s, text, sizeof(text));
	/* Take away what cleave takes away: -Xmx, the main class. */
	used = 0;
	for (line = text; *line; line = rest) {
		rest = strchr(line, '\n') + 1;
		rest[-1] = '\0';
		if (strncmp(line, "-Xmx", 4) == 0 || strstr(line, ".deploy.worker.Worker"))
			continue;
		ck_assert_msg(strncmp(ours + used, line, strlen(line)) == 0 &&
				      ours[used + strlen(line)] == '\n',
			      "spark-class has %s, cleave %s", line, ours + used);
		used += strlen(line) + 1;
	}
	ck_assert_uint_eq(strlen(ours), used);
}
END_TEST

START_TEST(found_by_variable)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	static struct profile p;
	struct spark s;
	struct err e;

	make_fake(home, jdk, "#!/bin/sh\necho broken; exit 3\n");
	profile_default(&p);
	setenv("SPARK_HOME", "/nonexistent/variable", 1);
	setenv("JAVA_HOME", jdk, 1);
	ck_assert_int_lt(spark_resolve(&p, spark_tree_caller(), &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "SPARK_HOME: no Spark at /nonexistent/variable"));
	setenv("SPARK_HOME", home, 1);
	ck_assert_int_lt(spark_resolve(&p, spark_tree_caller(), &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "JAVA_HOME: "));
	setenv("JAVA_HOME", "", 1);
	setenv("PATH", "/nonexistent", 1);
	ck_assert_int_lt(spark_resolve(&p, spark_tree_caller(), &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "no java is on PATH"));
	setenv("SPARK_HOME", "", 1);
	ck_assert_int_lt(spark_resolve(&p, spark_tree_caller(), &s, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "no Spark: spark.home is auto"));
}
END_TEST

TEST_MAIN("spark_home", test_case("java", java_versions, java_too_old, java_that_is_none),
	  test_case("home", no_such_home, home_without_jars, found_by_variable),
	  test_case("launcher", launcher_answers, same_as_spark_class))
