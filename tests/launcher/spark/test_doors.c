/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a setting is, at each door that leads to it: shell, spark-env.sh, words of `run`, strings of
 * JVM options.
 */

#include "launcher/spark/doors.h"

#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static struct err e;

/* ---- the list */

static const struct {
	const char *name;
	int rule; /* -1: not in the list */
} variables[] = {
	{"SPARK_EXECUTOR_CORES", SETTING_OURS},
	{"SPARK_LOCAL_IP", SETTING_OURS},
	{"SPARK_LOCAL_DIRS", SETTING_OURS},
	{"SPARK_PUBLIC_DNS", SETTING_OURS},
	{"SPARK_REMOTE", SETTING_OURS},
	{"DEPLOY_MODE", SETTING_OURS},
	{"_JAVA_OPTIONS", SETTING_OURS},
	{"SPARK_DAEMON_MEMORY", SETTING_DAEMONS},
	{"SPARK_DIST_CLASSPATH", SETTING_DAEMONS},
	{"SPARK_WORKER_OPTS", SETTING_DAEMON_OPTIONS},
	{"JAVA_TOOL_OPTIONS", SETTING_OPTIONS},
	{"SPARK_WORKER_CORES", SETTING_OURS},
	{"SPARK_NICENESS", SETTING_SCRIPTS},
	{"PYSPARK_PYTHON", SETTING_PYTHON},
	{"SPARK_EXECUTOR_CORES_", -1},
	{"SPARK_EXECUTOR_CORE", -1},
	{"SPARK_DRIVER_MEMORY", -1},
	{"TZ", -1},
};

static void check_variables(size_t i)
{
	const struct setting *s = setting_of_variable(variables[i].name);

	ck_assert_int_eq(s ? (int)s->rule : -1, variables[i].rule);
}

START_TEST(each_variable_has_a_rule)
{
	for (size_t i = 0; i < COUNT(variables); i++)
		check_variables(i);
}
END_TEST

static const struct {
	const char *key;
	int rule;
} keys[] = {
	{"spark.master", SETTING_MASTER},
	{"spark.remote", SETTING_OURS},
	{"spark.authenticate.enableSaslEncryption", SETTING_OURS},
	{"spark.driver.host", SETTING_OURS},
	{"spark.driver.bindAddress", SETTING_OURS},
	{"spark.executor.cores", SETTING_PLANNED},
	{"spark.memory.offHeap.size", SETTING_PLANNED},
	{"spark.local.dir", SETTING_DEAD},
	{"spark.ui.filters", SETTING_PAGES},
	{"spark.speculation", SETTING_DEFAULT},
	{"spark.speculation.quantile", -1},
	{"spark.master.rest.enabled", SETTING_NO_DRIVER},
	{"spark.executorEnv.SPARK_LOCAL_IP", SETTING_OURS},
	{"spark.executorEnv.SPARK_DAEMON_MEMORY", -1},
	{"spark.executorEnv.TZ", -1},
	{"spark.executorEnv.JAVA_HOME", SETTING_OURS},
	{"spark.sql.shuffle.partitions", -1},
};

static void check_keys(size_t i)
{
	const struct setting *s = setting_of_property(keys[i].key);

	ck_assert_int_eq(s ? (int)s->rule : -1, keys[i].rule);
}

START_TEST(each_property_has_a_rule)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		check_keys(i);
}
END_TEST

/* A profile is refused what the other doors leave out, in the same words. */
START_TEST(profiles_have_the_same_list)
{
	ck_assert_str_eq(setting_refuse_variable("SPARK_EXECUTOR_CORES"),
			 setting_refuse_property("spark.executor.cores"));
	ck_assert_str_eq(setting_refuse_property("spark.executorEnv.SPARK_LOCAL_IP"),
			 setting_refuse_variable("SPARK_LOCAL_IP"));
	ck_assert_str_eq(setting_refuse_variable("SPARK_HOME"), "spark.home sets it");
	ck_assert_ptr_null(setting_refuse_variable("SPARK_DAEMON_MEMORY"));
	ck_assert_ptr_null(setting_refuse_variable("PYSPARK_PYTHON"));
	ck_assert_ptr_null(setting_refuse_property("spark.speculation"));
	ck_assert_ptr_null(setting_refuse_property("spark.ui.filters")); /* ui_check()'s */
	ck_assert_ptr_null(setting_refuse_property("spark.worker.cleanup.interval"));
}
END_TEST

/* ---- strings of options */

static const struct {
	const char *options;
	enum setting_jvm jvm;
	const char *kept; /* NULL: as it is */
	const char *note; /* its begin, NULL: none */
} strings_of_options[] = {
	{"-Da=1 -Db=2", SETTING_OF_DRIVERS, NULL, NULL},
	{"", SETTING_OF_DRIVERS, NULL, NULL},
	{"-Da='x y'  -Xmx9g", SETTING_OF_DRIVERS, "-Da='x y' -Xmx9g", NULL},
	{"-Xmx9g -Da=\"x y\"", SETTING_OF_EXECUTORS, "-Da=\"x y\"",
	 "-Xmx9g of x is left out: memory.heap"},
	{"-Xmx9g -Da=1", SETTING_OF_DAEMONS, "-Da=1",
	 "-Xmx9g of x is left out: SPARK_DAEMON_MEMORY"},
	{"-XX:+UseG1GC", SETTING_OF_EXECUTORS, "",
	 "-XX:+UseG1GC of x is left out: jvm.gc chooses the collector"},
	{"-XX:+UseG1GC", SETTING_OF_DAEMONS, NULL, NULL},
	{"'-Dspark.executor.cores=1' -Dz", SETTING_OF_DRIVERS, "-Dz",
	 "-Dspark.executor.cores of x is left out: an executor has"},
	{"\"-D\"spark.local.dir=/x", SETTING_OF_DRIVERS, "", "-Dspark.local.dir of x is left out"},
	{"-Dspark.authenticate.secret=hush", SETTING_OF_DAEMONS, "",
	 "-Dspark.authenticate.secret of x is left out: security.authenticate"},
	{"-Dspark.deploy.recoveryMode=FILESYSTEM", SETTING_OF_DAEMONS, NULL, NULL},
	{"-Dspark.authenticate.secret=hush", SETTING_OF_EXECUTORS, "",
	 "-Dspark.authenticate.secret of x is left out"},
	{"-Dspark.ui.reverseProxy=false", SETTING_OF_DAEMONS, "", "-Dspark.ui.reverseProxy of x"},
	{"a\\ b", SETTING_OF_DRIVERS, NULL, NULL},
};

static void check_strings_of_options(size_t i)
{
	cleanup_argv struct argv notes = {0};
	cleanup_free char *kept = NULL;
	const char *wanted = strings_of_options[i].kept ? strings_of_options[i].kept
							: strings_of_options[i].options;

	ck_assert_int_eq(doors_filter_options(strings_of_options[i].options,
					      strings_of_options[i].jvm, "of x", &notes, &kept, &e),
			 0);
	ck_assert_str_eq(kept, wanted);
	ck_assert_uint_eq(notes.count, strings_of_options[i].note != NULL);
	if (notes.count) {
		ck_assert_ptr_eq(strstr(notes.items[0], strings_of_options[i].note),
				 notes.items[0]);
		ck_assert_ptr_null(strstr(notes.items[0], "hush"));
	}
}

START_TEST(options_are_filtered)
{
	for (size_t i = 0; i < COUNT(strings_of_options); i++)
		check_strings_of_options(i);
}
END_TEST

START_TEST(options_are_split_as_a_shell_does)
{
	cleanup_argv struct argv w = {0};
	struct argv none = {0};

	ck_assert_int_eq(doors_split_options(" -Da='x \"y' -Db=\"p'q\"\\ r\t-Dc ", &w, &e), 0);
	ck_assert_uint_eq(w.count, 3);
	ck_assert_str_eq(w.items[0], "-Da=x \"y");
	ck_assert_str_eq(w.items[1], "-Db=p'q r");
	ck_assert_str_eq(w.items[2], "-Dc");
	ck_assert_int_lt(doors_split_options("-Da='x", &none, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_str_eq(e.msg, "a quote has no end in the JVM options -Da='x");
	argv_release(&none);
}
END_TEST

/* ---- the shell */

START_TEST(an_environment_is_judged)
{
	cleanup_argv struct argv env = {0}, ours = {0}, notes = {0};

	argv_put(&env, "SPARK_EXECUTOR_CORES", "1");
	argv_put(&env, "SPARK_LOCAL_IP", "127.0.0.1"); /* as ours: nothing to say */
	argv_put(&env, "SPARK_LOCAL_DIRS", "/elsewhere");
	argv_put(&env, "SPARK_REMOTE", "sc://host/;token=hush");
	argv_put(&env, "SPARK_TESTING", ""); /* set, and nothing */
	argv_put(&env, "SPARK_DRIVER_MEMORY", "2g");
	argv_put(&ours, "SPARK_LOCAL_IP", "127.0.0.1");
	argv_put(&ours, "SPARK_LOCAL_DIRS", "/ours");
	ck_assert_int_eq(doors_judge_environment(&env, &ours, "in the environment", &notes, &e), 0);
	ck_assert_uint_eq(env.count, 1);
	ck_assert_str_eq(env.items[0], "SPARK_DRIVER_MEMORY=2g");
	ck_assert_uint_eq(notes.count, 3);
	ck_assert_str_eq(notes.items[0],
			 "SPARK_EXECUTOR_CORES in the environment is left out: an executor has an "
			 "equal part of its slice's slots; spark.executors and spark.slots_per_cpu "
			 "set it");
	ck_assert_str_eq(notes.items[1], "SPARK_LOCAL_DIRS in the environment is left out: "
					 "memory.scratch.path sets it");
	ck_assert(spark_tree_notes_have(
		&notes, "SPARK_REMOTE in the environment is left out: it leads to a "
			"Spark Connect server"));
	ck_assert(!spark_tree_notes_have(&notes, "hush"));
	argv_put(&env, "JAVA_TOOL_OPTIONS", "-Xmx1g -Dspark.executor.cores=1");
	ck_assert_int_lt(doors_judge_environment(&env, &ours, "in the environment", &notes, &e), 0);
	ck_assert_ptr_eq(strstr(e.msg, "JAVA_TOOL_OPTIONS in the environment: "
				       "-Dspark.executor.cores: an executor has"),
			 e.msg);
	argv_drop(&env, "JAVA_TOOL_OPTIONS=");
	argv_put(&env, "SPARK_SUBMIT_OPTS", "-Dspark.executor.cores=1");
	ck_assert_int_lt(doors_judge_environment(&env, &ours, "in the environment", &notes, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_ptr_eq(strstr(e.msg, "SPARK_SUBMIT_OPTS in the environment: "
				       "-Dspark.executor.cores: an executor has"),
			 e.msg);
}
END_TEST

/* ---- words */

static const struct {
	const char *words[5];
	enum ui_access ui;
	const char *refused; /* the begin of the sentence, NULL: taken */
	const char *note;    /* NULL: none */
} words_of_run[] = {
	{{"--conf", "spark.sql.x=1", "app"}, UI_ACL, NULL, NULL},
	{{"--conf", "spark.authenticate=false", "app"},
	 UI_OPEN,
	 "--conf spark.authenticate: security.authenticate sets it",
	 NULL},
	{{"--conf=spark.driver.host=0.0.0.0", "app"},
	 UI_OPEN,
	 "--conf spark.driver.host: spark.master.address sets it; remove it",
	 NULL},
	{{"-c", "spark.driver.bindAddress=0.0.0.0", "app"},
	 UI_OPEN,
	 "-c spark.driver.bindAddress: spark.master.address sets it",
	 NULL},
	{{"--conf", "spark.ui.filters=", "app"},
	 UI_ACL,
	 "--conf spark.ui.filters: security.ui",
	 NULL},
	{{"--conf", "spark.ui.filters=", "app"}, UI_OPEN, NULL, NULL},
	{{"--conf", "spark.ui.enabled=false", "app"}, UI_ACL, NULL, NULL},
	{{"--conf", "spark.executorEnv.SPARK_LOCAL_IP=0.0.0.0", "app"},
	 UI_OPEN,
	 "--conf spark.executorEnv.SPARK_LOCAL_IP: spark.first_address",
	 NULL},
	{{"--remote", "sc://x", "app"},
	 UI_OPEN,
	 "--remote spark.remote: cleave sets spark.master",
	 NULL},
	{{"--deploy-mode", "cluster", "app"},
	 UI_OPEN,
	 "--deploy-mode: cleave runs drivers in the "
	 "host group",
	 NULL},
	{{"--deploy-mode", "client", "app"}, UI_OPEN, NULL, NULL},
	{{"--driver-java-options", "-Dspark.executor.cores=1", "app"},
	 UI_OPEN,
	 "--driver-java-options spark.driver.extraJavaOptions: -Dspark.executor.cores: an",
	 NULL},
	{{"--conf", "spark.executor.extraJavaOptions=-XX:+UseG1GC", "app"},
	 UI_OPEN,
	 "--conf spark.executor.extraJavaOptions: -XX:+UseG1GC: jvm.gc chooses the collector",
	 NULL},
	{{"--master", "local[2]", "app"}, UI_OPEN, NULL, NULL},
	{{"--conf", "spark.local.dir=/x", "app"},
	 UI_OPEN,
	 NULL,
	 "--conf spark.local.dir has no effect: memory.scratch.path sets it"},
	{{"app", "--conf", "spark.authenticate=false"}, UI_OPEN, NULL, NULL},
};

static void check_words_of_run(size_t i)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv notes = {0};
	int r;

	t->profile.security.ui = words_of_run[i].ui;
	r = doors_check_words(&t->all, (char *const *)words_of_run[i].words, &notes, &e);
	ck_assert_msg((r < 0) == (words_of_run[i].refused != NULL), "%s", r ? e.msg : "taken");
	if (words_of_run[i].refused) {
		ck_assert_int_eq(e.exit, ERR_WRONG);
		ck_assert_msg(strstr(e.msg, words_of_run[i].refused) == e.msg, "%s", e.msg);
	}
	ck_assert_uint_eq(notes.count, words_of_run[i].note != NULL);
	if (notes.count)
		ck_assert_str_eq(notes.items[0], words_of_run[i].note);
}

START_TEST(words_are_judged)
{
	for (size_t i = 0; i < COUNT(words_of_run); i++)
		check_words_of_run(i);
}
END_TEST

/* ---- spark-env.sh */

static char directory[PROFILE_PATH];

static void write_conf(const char *file, const char *text)
{
	char path[2 * PROFILE_PATH];

	snprintf(directory, sizeof(directory), "%s/conf", test_directory());
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	unlink(path);
	spark_tree_program(directory, file, text);
}

static int source(const char *text, struct argv *out, struct argv *notes)
{
	cleanup_argv struct argv before = {0};

	write_conf("spark-env.sh", text);
	argv_put(&before, "PATH", "/usr/bin:/bin");
	argv_put(&before, "KEPT", "a b\nc");
	argv_put(&before, "GOES", "1");
	argv_put(&before, "BASH_FUNC_f%%", "() { :; }");
	return doors_source(directory, spark_tree_caller(), &before, out, notes, &e);
}

START_TEST(spark_env_is_sourced)
{
	cleanup_argv struct argv out = {0}, notes = {0};

	ck_assert_msg(
		source("echo noise; echo more >&2\nNEW='x y'\nKEPT=\"$KEPT.\"\nunset GOES\n"
		       "set -- 1 2; mark=1\nf() { :; }\nQ='it'\\''s'\n[ -f /none ] && . /none",
		       &out, &notes) == 0,
		"%s", e.msg);
	ck_assert_str_eq(argv_value(&out, "NEW"), "x y");
	ck_assert_str_eq(argv_value(&out, "KEPT"), "a b\nc.");
	ck_assert_str_eq(argv_value(&out, "Q"), "it's");
	ck_assert_ptr_null(argv_value(&out, "GOES"));
	ck_assert_str_eq(argv_value(&out, "SPARK_CONF_DIR"), directory);
	ck_assert_ptr_null(argv_value(&out, "SPARK_ENV_LOADED"));
	ck_assert_ptr_null(argv_value(&out, "SHLVL"));
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_ptr_nonnull(strstr(notes.items[0], "spark-env.sh printed: noise"));
	ck_assert_ptr_nonnull(strstr(notes.items[1], "spark-env.sh printed: more"));
}
END_TEST

START_TEST(spark_env_that_was_read_is_not_read)
{
	cleanup_argv struct argv before = {0}, out = {0}, notes = {0};

	write_conf("spark-env.sh", "exit 7\n");
	argv_put(&before, "SPARK_ENV_LOADED", "1");
	ck_assert_int_eq(doors_source(directory, spark_tree_caller(), &before, &out, &notes, &e),
			 0);
	ck_assert_uint_eq(out.count, 1);
	argv_release(&out);
	out = (struct argv){0};
	argv_drop(&before, "SPARK_ENV_LOADED=");
	argv_put(&before, "A", "1");
	ck_assert_int_eq(
		doors_source("/nonexistent", spark_tree_caller(), &before, &out, &notes, &e), 0);
	ck_assert_uint_eq(out.count, 1);
}
END_TEST

static const struct {
	const char *text, *why;
} bad_files[] = {
	{"exit 0\n",
	 "ended before its last line (status 0), and Spark's programs source it: it may "
	 "not call exit or exec, or fail under set -e"},
	{"echo why >&2; exit 3\n", "(status 3)"},
	{"set -e\nfalse\nA=1\n", "(status 1)"},
	{"exec true\n", "(status 0)"},
	{"kill -9 $$\n", "(status 137)"},
	{"if then\n", "cannot be parsed: "},
	{"A='x\n", "cannot be parsed: "},
	{"while :; do echo 0123456789012345678901234567890123456789; done\n",
	 "/bin/bash printed more than 262143 bytes"},
	{"echo hush-secret; printf '\\0%064d\\0' 0; exit\n", "(status 0)"},
};

static void check_bad_files(size_t i)
{
	cleanup_argv struct argv out = {0}, notes = {0};

	ck_assert_int_lt(source(bad_files[i].text, &out, &notes), 0);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_msg(strstr(e.msg, bad_files[i].why) != NULL, "%s", e.msg);
	ck_assert_ptr_nonnull(strstr(e.msg, "/conf/spark-env.sh"));
	ck_assert_ptr_null(strchr(e.msg, '\n'));
	ck_assert_uint_eq(out.count, 0);
}

START_TEST(a_bad_spark_env_is_one_sentence)
{
	for (size_t i = 0; i < COUNT(bad_files); i++)
		check_bad_files(i);
}
END_TEST

START_TEST(what_strangers_can_change_is_not_read)
{
	cleanup_argv struct argv out = {0}, before = {0}, notes = {0};
	cleanup_free struct spark_tree *t = spark_tree_new(test_directory());
	char path[2 * PROFILE_PATH];

	write_conf("spark-env.sh", "A=1\n");
	snprintf(path, sizeof(path), "%s/spark-env.sh", directory);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(doors_source(directory, spark_tree_caller(), &before, &out, &notes, &e),
			 -EPERM);
	ck_assert_ptr_nonnull(strstr(e.msg, "may be written by everybody"));
	ck_assert_int_eq(unlink(path), 0);
	write_conf("spark-defaults.conf", "spark.x 1\n");
	snprintf(path, sizeof(path), "%s/spark-defaults.conf", directory);
	ck_assert_int_eq(chmod(path, 0666), 0);
	snprintf(t->spark.home, sizeof(t->spark.home), "%s", test_directory());
	unsetenv("SPARK_CONF_DIR");
	ck_assert_int_eq(spark_take_defaults(&t->cluster, &t->spark, &t->profile, &notes, &e),
			 -EPERM);
}
END_TEST

/* ---- of daemons */

static struct spark_tree *tree_with(const char *env)
{
	struct spark_tree *t = spark_tree_new("/t");

	write_conf("spark-env.sh", env);
	snprintf(t->spark.home, sizeof(t->spark.home), "%s", test_directory());
	unsetenv("SPARK_CONF_DIR");
	unsetenv("SPARK_ENV_LOADED");
	unsetenv("HADOOP_HOME");
	return t;
}

static const char *after(const struct argv *w, const char *option)
{
	for (size_t i = 0; i + 1 < w->count; i++)
		if (strcmp(w->items[i], option) == 0)
			return w->items[i + 1];
	return NULL;
}

START_TEST(daemons_have_what_was_set_for_them)
{
	cleanup_free struct spark_tree *t = tree_with(
		"export SPARK_DIST_CLASSPATH='/h/*' TZ=Asia/Tokyo\nSPARK_LOCAL_IP=0.0.0.0\n"
		"SPARK_WORKER_OPTS='-Dw=1 -Dspark.authenticate=false'\nSPARK_LOG_DIR=/x\n"
		"JAVA_HOME=/other\nPATH=$PATH:/more\nZ=from-file\n");
	cleanup_argv struct argv notes = {0};
	cleanup_process struct process master = {0}, worker = {0};

	setenv("SPARK_DAEMON_MEMORY", "1g", 1);
	setenv("SPARK_DAEMON_JAVA_OPTS", "-Da='b c' -XX:+UseG1GC -Xmx9g", 1);
	setenv("HADOOP_CONF_DIR", "/etc/hadoop", 1);
	setenv("SPARK_EXECUTOR_CORES", "1", 1); /* of applications */
	setenv("TZ", "Asia/Tokyo", 1);		/* of the shell: not of daemons, but of the file */
	setenv("MINE", "1", 1);
	strings_add(&t->profile.spark.env, "Z");
	strings_add(&t->profile.spark.env, "profile");
	ck_assert_msg(spark_take_environment(&t->profile, &t->cluster, &t->spark, &notes, &e) == 0,
		      "%s", e.msg);
	ck_assert_str_eq(strings_value(&t->spark.env, "TZ"), "Asia/Tokyo");
	ck_assert_ptr_null(strings_value(&t->spark.env, "MINE"));
	ck_assert_ptr_null(strings_value(&t->spark.env, "PATH"));
	ck_assert_ptr_null(strings_value(&t->spark.env, "SPARK_LOG_DIR"));
	ck_assert_ptr_null(strings_value(&t->spark.env, "SPARK_LOCAL_IP"));
	ck_assert_ptr_null(strings_value(&t->spark.env, "Z"));
	ck_assert(spark_tree_notes_have(&notes, "SPARK_LOCAL_IP in "));
	ck_assert(spark_tree_notes_have(&notes, "spark-env.sh is left out: spark.first_address"));
	ck_assert(spark_tree_notes_have(&notes, "-Xmx9g of SPARK_DAEMON_JAVA_OPTS ("));
	ck_assert(spark_tree_notes_have(&notes, "-Dspark.authenticate of SPARK_WORKER_OPTS ("));
	ck_assert(spark_tree_notes_have(&notes, "JAVA_HOME in "));
	ck_assert_uint_eq(notes.count, 4);
	ck_assert_int_eq(spark_master_process(&t->all, &master, &e), 0);
	ck_assert_int_eq(spark_worker_process(&t->all, 1, &worker, &e), 0);
	ck_assert_str_eq(after(&master.argv, "-cp"), "/opt/spark/jars/*:/etc/hadoop:/h/*");
	ck_assert_str_eq(after(&worker.argv, "-cp"), "/opt/spark/jars/*:/etc/hadoop:/h/*");
	ck_assert(spark_tree_has(&master.argv, "-Xmx1024m"));
	ck_assert(spark_tree_has(&master.argv, "-Da=b c"));
	ck_assert(spark_tree_has(&master.argv, "-XX:+UseG1GC"));
	ck_assert(!spark_tree_has(&master.argv, "-XX:+UseSerialGC"));
	ck_assert(!spark_tree_has(&master.argv, "-Dw=1"));
	ck_assert(spark_tree_has(&worker.argv, "-Dw=1"));
	ck_assert_str_eq(argv_value(&worker.env, "SPARK_DIST_CLASSPATH"), "/h/*");
	ck_assert_str_eq(argv_value(&worker.env, "SPARK_LOCAL_IP"), "127.0.0.11");
	ck_assert_str_eq(argv_value(&worker.env, "TZ"), "Asia/Tokyo");
	ck_assert_str_eq(argv_value(&worker.env, "Z"), "profile");
}
END_TEST

/* Executors inherit them from their Worker, whose own collector is another. */
START_TEST(options_for_each_jvm_are_for_executors_too)
{
	cleanup_free struct spark_tree *t =
		tree_with("JAVA_TOOL_OPTIONS='-Dx=1 -XX:+UseG1GC -Dspark.ui.filters='\n");
	cleanup_argv struct argv notes = {0};

	ck_assert_int_eq(spark_take_environment(&t->profile, &t->cluster, &t->spark, &notes, &e),
			 0);
	ck_assert_str_eq(strings_value(&t->spark.env, "JAVA_TOOL_OPTIONS"), "-Dx=1");
	ck_assert_uint_eq(notes.count, 2);
	ck_assert(spark_tree_notes_have(&notes, "-XX:+UseG1GC of JAVA_TOOL_OPTIONS ("));
	ck_assert(spark_tree_notes_have(&notes, "-Dspark.ui.filters of JAVA_TOOL_OPTIONS ("));
}
END_TEST

/* From whatever shell `up` is called: else it would restart the daemons. */
START_TEST(daemons_are_the_same_from_each_shell)
{
	cleanup_free struct spark_tree *t = tree_with("B=2\nexport A=1 TZ=UTC LANG=C.UTF-8\nC=3\n");
	cleanup_argv struct argv notes = {0};
	struct strings first;

	ck_assert_int_eq(spark_take_environment(&t->profile, &t->cluster, &t->spark, &notes, &e),
			 0);
	first = t->spark.env;
	ck_assert_uint_eq(first.count, 10);
	setenv("TZ", "UTC", 1);
	setenv("A", "1", 1);
	setenv("MORE", "1", 1);
	setenv("PATH", "/mine:/usr/bin:/bin", 1);
	ck_assert_int_eq(spark_take_environment(&t->profile, &t->cluster, &t->spark, &notes, &e),
			 0);
	ck_assert(strings_is_equal(&first, &t->spark.env));
	ck_assert_uint_eq(notes.count, 0);
}
END_TEST

static const struct {
	const char *value;
	unsigned mb;	 /* 0: refused */
	const char *why; /* a part of the sentence */
} heaps[] = {
	{"512m", 512, NULL},
	{"1g", 1024, NULL},
	{"2G", 2048, NULL},
	{"1048576k", 1024, NULL},
	{"134217728", 128, NULL},
	{"", 384, NULL},
	{"63m", 0, "SPARK_DAEMON_MEMORY: 63m is less than 64 MB"},
	{"0", 0, "found 0, and a size is expected, as 512m or 1g"},
	{"512mb", 0, "found 512mb, and a size is expected"},
	{"-1g", 0, "found -1g"},
	{"lots", 0, "found lots"},
	{"5x", 0, "found 5x"},
	{"99999999999999999999g", 0, "found 9999999"},
	{"999999999999t", 0, "is more than can be counted"},
};

static void check_heaps(size_t i)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	uint64_t bytes = 0;
	int r;

	strings_add(&t->profile.spark.env, "SPARK_DAEMON_MEMORY");
	strings_add(&t->profile.spark.env, heaps[i].value);
	r = spark_daemon_heap(&t->profile, &t->spark, &bytes, &e);
	ck_assert_int_eq(r == 0, heaps[i].mb > 0);
	ck_assert_uint_eq(bytes, (uint64_t)heaps[i].mb << 20);
	if (r)
		ck_assert_msg(strstr(e.msg, heaps[i].why) != NULL, "%s", e.msg);
}

START_TEST(the_heap_of_daemons_is_a_size)
{
	for (size_t i = 0; i < COUNT(heaps); i++)
		check_heaps(i);
}
END_TEST

TEST_MAIN("doors",
	  test_case("list", each_variable_has_a_rule, each_property_has_a_rule,
		    profiles_have_the_same_list),
	  test_case("options", options_are_filtered, options_are_split_as_a_shell_does),
	  test_case("shell", an_environment_is_judged), test_case("words", words_are_judged),
	  test_case("spark_env", spark_env_is_sourced, spark_env_that_was_read_is_not_read,
		    a_bad_spark_env_is_one_sentence, what_strangers_can_change_is_not_read),
	  test_case("daemons", daemons_have_what_was_set_for_them,
		    options_for_each_jvm_are_for_executors_too,
		    daemons_are_the_same_from_each_shell, the_heap_of_daemons_is_a_size))
