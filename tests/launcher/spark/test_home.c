/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/room.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

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

static const char launch[] =
	"printf '\\n\\0\\njava\\0-cp\\0/x\\0org.apache.spark.deploy.worker.Worker\\0'";

/* A java that does `answers` for -version, and `otherwise` as Spark's launcher. */
static void make_java(char home[PROFILE_PATH], char jdk[PROFILE_PATH], const char *answers,
		      const char *otherwise)
{
	char java[2048];

	snprintf(java, sizeof(java),
		 "#!/bin/sh\nPATH=/usr/bin:/bin\nhome=${0%%/bin/java}\ncase \"$*\" in *-version) "
		 "exec >&2; %s;; *) %s;; esac\n",
		 answers, otherwise);
	make_fake(home, jdk, java);
}

START_TEST(java_versions)
{
	static const struct {
		const char *print;
		int release; /* 0: it is none */
	} cases[] = {
		{"    java.version = 17.0.15", 17},
		{"openjdk version \"17.0.15\" 2025-04-15", 17},
		{"java version \"1.8.0_392\"", 8},
		{"    java.version = 1.8.0_392\nopenjdk version \"17\"", 8},
		{"openjdk version \"21-ea\" 2023-09-19", 21},
		{"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\r\n\tjava.version = 21\r", 21},
		{"NOTE: Picked up\nopenjdk version \"25\"", 25},
		{"bash: java: not found", 0},
		{"version \"-3\"", 0},
		{"version \"99999999999999999999\"", 0},
		{"    java.specification.version = 17\n    xjava.version = 17", 0},
		{"", 0},
	};
	char home[PROFILE_PATH], jdk[PROFILE_PATH], old[64], answers[512];
	struct spark s;
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r, release = cases[i].release;

		snprintf(answers, sizeof(answers),
			 "printf '%%s\\n' '%s'; echo \"    java.home = $home\"", cases[i].print);
		make_java(home, jdk, answers, launch);
		r = resolve(home, jdk, &s, &e);
		snprintf(old, sizeof(old), "is Java %d, but", release);
		if (release >= 17 && release < 23)
			ck_assert_msg(!r && s.java_version == release, "case %zu: %s", i,
				      r ? e.msg : "");
		else
			ck_assert_msg(r < 0 && strstr(e.msg, release ? old : "failed (status 0)"),
				      "case %zu: %s", i, r ? e.msg : "");
	}
}
END_TEST

/* java.home is what the JVM says: by any way there, and whatever else is said. */
START_TEST(java_homes)
{
	static const struct {
		const char *answers; /* $home: the directory above its bin; $real: of a JDK */
		const char *message; /* NULL: it is $real */
	} cases[] = {
		{"echo 'warning: LC_ALL'; echo \"    java.home = $real\"; echo bye", NULL},
		{"printf '    java.home = %s\\r\\n' \"$real\"", NULL},
		{"echo \"    java.home = $real/\"", NULL},
		{"echo \"    java.home = $real/../jdk\"", NULL},
		{"echo \"java.home = $real\"", NULL},
		{"echo \"    java.home = $real\"; echo \"    java.home = /other\"", NULL},
		{"echo", "named no java.home"},
		{"echo \"    java.home = jdk\"", "named no java.home"},
		{"echo \"    java.home = $real/none\"", "/none: No such file"},
		{"echo \"    java.home = $real/lib\"", "cannot execute "},
		{"echo \"    java.home = $real/file\"", "/bin/java: Not a directory"},
		{"echo \"    java.home = $real/directory\"", "where bin/java is no file"},
		{"echo \"    java.home = $home\"", NULL},
		{"exit 127", "failed (status 127)"},
		{"echo 'jenv: java: command not found'; exit 127",
		 "/shims/java -version failed (status 127): jenv: java: command not found"},
		{"kill -9 $$", "failed (status 137)"},
	};
	char home[PROFILE_PATH], jdk[PROFILE_PATH], program[2048], path[PATH_MAX + 64];
	char shims[PROFILE_PATH], real[PATH_MAX];
	const char *from;
	static struct profile p;
	struct spark s;
	struct err e;

	make_java(home, jdk, "echo '    java.version = 17.0.1'; echo \"    java.home = $home\"",
		  launch);
	ck_assert_ptr_nonnull(realpath(jdk, real));
	snprintf(path, sizeof(path), "%s/directory/bin/java", jdk);
	spark_tree_program(path, "x", "");
	snprintf(path, sizeof(path), "%s", jdk);
	spark_tree_program(path, "file", "");
	snprintf(shims, sizeof(shims), "%s/shims", test_directory());
	profile_default(&p);
	string_copy(p.spark.home, home);
	unsetenv("JAVA_HOME");
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", shims);
	setenv("PATH", path, 1);
	setenv("OF_THE_SHIM", real, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r;

		/* A version manager's: it needs the caller's environment, and lies in no JDK. */
		snprintf(program, sizeof(program),
			 "#!/bin/sh\nreal=$OF_THE_SHIM home=$real\nexec >&2\n"
			 "echo '    java.version = 17.0.1'\n%s\n",
			 cases[i].answers);
		spark_tree_program(shims, "java", program);
		r = spark_resolve(&p, spark_tree_caller(), &s, &e);
		if (cases[i].message) {
			ck_assert_msg(r < 0 && strstr(e.msg, cases[i].message) &&
					      strstr(e.msg, "java on PATH: ") == e.msg,
				      "case %zu: %s", i, r ? e.msg : "");
			continue;
		}
		ck_assert_msg(r == 0, "case %zu: %s", i, e.msg);
		ck_assert_str_eq(s.java_home, real);
		snprintf(path, sizeof(path), "%s/bin/java", real);
		ck_assert_str_eq(s.java, path);
		ck_assert_str_eq(s.java_full, "17.0.1");
		/* As it is mounted into containers. */
		ck_assert_int_eq(spark_find_java(&p, spark_tree_caller(), &s, &from, &e), 0);
		ck_assert_str_eq(s.java_home, "");
		ck_assert_int_eq(spark_lead_java(spark_tree_caller(), from, &s, &e), 0);
		ck_assert_str_eq(s.java_home, real);
		ck_assert_str_eq(s.java, path);
	}
}
END_TEST

/* A shim that leads to itself, or in a circle. */
START_TEST(java_homes_without_end)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	struct spark s;
	struct err e;

	make_java(home, jdk,
		  "echo '    java.version = 17.0.1'; next=$(mktemp -d)/next; "
		  "mkdir -p $next/bin; cp $0 $next/bin/java; echo \"    java.home = $next\"",
		  launch);
	ck_assert_int_eq(resolve(home, jdk, &s, &e), -ELOOP);
	ck_assert_ptr_nonnull(strstr(e.msg, "names one java.home after the other"));
}
END_TEST

/* JDK 8 calls its jre/ so. */
START_TEST(java_home_of_8)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH], path[PATH_MAX + 32], real[PATH_MAX],
		program[2 * PATH_MAX];
	struct spark s;
	struct err e;

	make_java(home, jdk, "", launch);
	snprintf(path, sizeof(path), "%s/lib/modules", jdk);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/jars/spark-core_2.13-4.1.0.jar", home);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/jars", home);
	spark_tree_program(path, "spark-core_2.12-3.5.6.jar", "");
	snprintf(path, sizeof(path), "%s/jre/lib", jdk);
	spark_tree_program(path, "rt.jar", "");
	ck_assert_ptr_nonnull(realpath(jdk, real));
	snprintf(program, sizeof(program),
		 "#!/bin/sh\ncase \"$*\" in *-version) echo '    java.version = 1.8.0_392' >&2; "
		 "echo '    java.home = %s/jre' >&2;; *) %s;; esac\n",
		 real, launch);
	snprintf(path, sizeof(path), "%s/bin", jdk);
	spark_tree_program(path, "java", program);
	snprintf(path, sizeof(path), "%s/jre/bin", jdk);
	spark_tree_program(path, "java", program);
	ck_assert_msg(resolve(home, jdk, &s, &e) == 0, "%s", e.msg);
	snprintf(path, sizeof(path), "%s/jre", real);
	ck_assert_str_eq(s.java_home, path);
	ck_assert_int_eq(s.java_version, 8);
	ck_assert_str_eq(s.version, "3.5.6");
}
END_TEST

/* A JVM that answers, and lacks a module that a daemon's options add. */
START_TEST(java_without_a_module)
{
	char home[PROFILE_PATH], jdk[PROFILE_PATH];
	struct spark s;
	struct err e;

	make_java(
		home, jdk,
		"case \"$*\" in *-cp*) echo 'Error occurred during initialization of boot layer'; "
		"echo 'Module jdk.incubator.vector not found'; exit 1; esac; "
		"echo '    java.version = 17.0.1'; echo \"    java.home = $home\"",
		launch);
	ck_assert_int_eq(resolve(home, jdk, &s, &e), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(e.msg, "bin/java does not start with the options of Spark "
					    "4.1.0 (status 1): Module jdk.incubator.vector not "
					    "found; set jvm.home to a JDK that has all"));
}
END_TEST

/* What people set JAVA_HOME to. */
START_TEST(what_java_home_is_set_to)
{
	static const struct {
		const char *below; /* of the directory; "=x": as it stands */
		const char *message;
	} cases[] = {
		{"/jdk", NULL},
		{"/jdk/", NULL},
		{"//jdk/.", NULL},
		{"/link", NULL},
		{"/jdk/bin", "has java itself, and no bin/java; set JAVA_HOME to the directory"},
		{"/jdk/bin/java", "/bin/java is a file; set JAVA_HOME"},
		{"=jdk", "jdk is no absolute path; set JAVA_HOME"},
		{"/none", "/none/bin/java: No such file"},
		{"/spark", "/spark/bin/java: No such file"},
	};
	char home[PROFILE_PATH], jdk[PROFILE_PATH], path[PROFILE_PATH + 32], real[PATH_MAX];
	static struct profile p;
	struct spark s;
	struct err e;

	make_java(home, jdk, "echo '    java.version = 17'; echo \"    java.home = $home\"",
		  launch);
	ck_assert_ptr_nonnull(realpath(jdk, real));
	snprintf(path, sizeof(path), "%s/fake/link", test_directory());
	ck_assert_int_eq(symlink(jdk, path), 0);
	profile_default(&p);
	string_copy(p.spark.home, home);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int r;

		if (cases[i].below[0] == '=')
			snprintf(path, sizeof(path), "%s", cases[i].below + 1);
		else
			snprintf(path, sizeof(path), "%s/fake%s", test_directory(), cases[i].below);
		setenv("JAVA_HOME", path, 1);
		r = spark_resolve(&p, spark_tree_caller(), &s, &e);
		if (!cases[i].message)
			ck_assert_msg(r == 0 && strcmp(s.java_home, real) == 0, "case %zu: %s", i,
				      r ? e.msg : s.java_home);
		else
			ck_assert_msg(r < 0 && strstr(e.msg, cases[i].message) &&
					      strstr(e.msg, "JAVA_HOME: cannot execute") == e.msg,
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
		make_java(home, jdk, "echo '    java.version = 17'; echo \"    java.home = $home\"",
			  cases[i].print);
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
	static struct printed printed;
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
	printed = (struct printed){.out = text, .size = size};
	ck_assert_int_eq(capture(NULL, argv, envp, 60000, &printed, &e), 0);
	return printed.length;
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

TEST_MAIN("spark_home",
	  test_case("java", java_versions, java_homes, java_homes_without_end, java_home_of_8,
		    java_without_a_module, what_java_home_is_set_to, java_too_old,
		    java_that_is_none),
	  test_case("home", no_such_home, home_without_jars, found_by_variable),
	  test_case("launcher", launcher_answers, same_as_spark_class))
