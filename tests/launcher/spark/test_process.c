/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/spark/room.h"

#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

/* The word behind `option`, or NULL. */
static const char *after(const struct argv *w, const char *option)
{
	for (size_t i = 0; i + 1 < w->count; i++)
		if (strcmp(w->items[i], option) == 0)
			return w->items[i + 1];
	return NULL;
}

START_TEST(words_are_an_environment)
{
	cleanup_argv struct argv w = {0};

	ck_assert_int_eq(argv_put(&w, "A", "1"), 0);
	ck_assert_int_eq(argv_put(&w, "AB", "2"), 0);
	ck_assert_int_eq(argv_putf(&w, "A", "%d", 3), 0);
	ck_assert_uint_eq(w.count, 2);
	ck_assert_str_eq(argv_value(&w, "A"), "3");
	ck_assert_str_eq(argv_value(&w, "AB"), "2");
	ck_assert_ptr_null(argv_value(&w, "B"));
	argv_drop(&w, "A=");
	ck_assert_uint_eq(w.count, 1);
	ck_assert_str_eq(w.items[0], "AB=2");
	ck_assert_ptr_null(w.items[1]);
	argv_drop(&w, "A");
	ck_assert_uint_eq(w.count, 0);
}
END_TEST

START_TEST(master)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_process struct process p = {0};
	struct err e;

	setenv("SPARK_DAEMON_MEMORY", "99g", 1); /* nothing of the caller's gets in */
	setenv("_JAVA_OPTIONS", "-Xmx1m", 1);
	ck_assert_int_eq(spark_master_process(&t->all, &p, &e), 0);
	ck_assert_str_eq(p.argv.items[0], "/opt/jdk/bin/java");
	ck_assert_str_eq(after(&p.argv, "-cp"), "/opt/spark/jars/*");
	ck_assert(spark_tree_has(&p.argv, "-Xmx384m"));
	ck_assert(spark_tree_has(&p.argv, "-XX:-UsePerfData"));
	ck_assert(spark_tree_has(&p.argv, "-Djava.io.tmpdir=/t/data/tree/master/tmp"));
	ck_assert_str_eq(after(&p.argv, "org.apache.spark.deploy.master.Master"), "--host");
	ck_assert_str_eq(after(&p.argv, "--host"), "127.0.0.1");
	ck_assert_str_eq(after(&p.argv, "--port"), "7077");
	ck_assert_str_eq(after(&p.argv, "--webui-port"), "8080");
	ck_assert_str_eq(after(&p.argv, "--properties-file"), "/t/state/tree/spark.conf");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_LOCAL_IP"), "127.0.0.1");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_SCALA_VERSION"), "2.13");
	ck_assert_str_eq(argv_value(&p.env, "JAVA_HOME"), "/opt/jdk");
	ck_assert_ptr_null(argv_value(&p.env, "SPARK_DAEMON_MEMORY"));
	ck_assert_ptr_null(argv_value(&p.env, "_JAVA_OPTIONS"));
	ck_assert_str_eq(p.directory, "/t/data/tree/master/work");
	ck_assert_str_eq(p.log, "/t/data/tree/log/master.log");
}
END_TEST

START_TEST(worker)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_process struct process p = {0};
	struct err e;

	strings_add(&t->profile.spark.env, "HADOOP_CONF_DIR");
	strings_add(&t->profile.spark.env, "/etc/hadoop");
	strings_add(&t->profile.spark.env, "SPARK_LOCAL_IP");
	strings_add(&t->profile.spark.env, "0.0.0.0"); /* cleave's own wins */
	strings_add(&t->profile.spark.env, "JDK_JAVA_OPTIONS");
	strings_add(&t->profile.spark.env, "-Dmine=1");
	t->plan.slices[1].memory.off_heap_bytes = (5 << 20) + 1;
	ck_assert_int_eq(spark_worker_process(&t->all, 1, &p, &e), 0);
	ck_assert_str_eq(after(&p.argv, "--host"), "127.0.0.11");
	ck_assert_str_eq(after(&p.argv, "--cores"), "4");
	ck_assert_str_eq(after(&p.argv, "--memory"), "1001M"); /* the Master counts heap */
	ck_assert_str_eq(after(&p.argv, "--work-dir"), "/t/data/tree/slice-1/work");
	ck_assert(spark_tree_has(&p.argv,
				 "-Dspark.worker.resourcesFile=/t/state/tree/slice-1.resources"));
	ck_assert_str_eq(after(&p.argv, "-Dspark.worker.resource.not-0.amount=4"),
			 "org.apache.spark.deploy.worker.Worker");
	ck_assert_str_eq(p.argv.items[p.argv.count - 1], "spark://127.0.0.1:7077");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_LOCAL_IP"), "127.0.0.11");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_LOCAL_DIRS"), "/t/data/tree/slice-1/scratch");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_EXECUTOR_ATTRIBUTE_SLICE"), "1");
	ck_assert_str_eq(argv_value(&p.env, "HADOOP_CONF_DIR"), "/etc/hadoop");
	ck_assert_str_eq(argv_value(&p.env, "TMPDIR"), "/t/data/tree/slice-1/tmp");
	ck_assert_str_eq(argv_value(&p.env, "JDK_JAVA_OPTIONS"),
			 "-XX:-UsePerfData '-Djava.io.tmpdir=/t/data/tree/slice-1/tmp' "
			 "'@/t/state/tree/jvm.options' -Dmine=1");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_CONF_DIR"), "/nonexistent-cleave-conf");
}
END_TEST

START_TEST(worker_of_another_master)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_process struct process p = {0};
	struct err e;

	string_copy(t->profile.spark.join, "spark://big:7077");
	string_copy(t->profile.memory.scratch.path, "/fast");
	ck_assert_int_eq(spark_worker_process(&t->all, 0, &p, &e), 0);
	ck_assert_str_eq(p.argv.items[p.argv.count - 1], "spark://big:7077");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_LOCAL_DIRS"), "/fast/cleave-tree-slice-0");
}
END_TEST

START_TEST(long_paths_are_refused)
{
	char top[PROFILE_PATH - 24];
	cleanup_free struct spark_tree *t = NULL;
	struct process p;
	struct err e;

	memset(top, 'x', sizeof(top));
	top[0] = '/';
	top[sizeof(top) - 1] = '\0';
	t = spark_tree_new(top);
	ck_assert_int_eq(spark_worker_process(&t->all, 0, &p, &e), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(e.msg, "--state-dir"));
}
END_TEST

/* main's argv is not const, string literals are. */
static int submit_of(const struct spark_tree *t, const char *const *conf, const char *const *words,
		     struct process *p, struct err *e)
{
	return spark_submit_process(&t->all, (char *const *)conf, (char *const *)words, p, e);
}

START_TEST(submit)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_process struct process p = {0};
	static const char *const words[] = {"--conf",  "a=b", "app.py", "--properties-file",
					    "its own", NULL};
	static const char *const conf[] = {"spark.x=1", NULL};
	char python[PROFILE_PATH];
	struct err e;

	setenv("HWLOC_XMLFILE", "/x", 1);
	setenv("_JAVA_OPTIONS", "-Xmx1m", 1);
	setenv("MINE", "kept", 1);
	setenv("SPARK_HOME", "/elsewhere", 1);
	setenv("SPARK_SUBMIT_OPTS", "-Dmine=1", 1);
	snprintf(python, sizeof(python), "%s/my", test_directory());
	spark_tree_program(python, "python", "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n");
	snprintf(python, sizeof(python), "%s/my/python", test_directory());
	setenv("PYSPARK_PYTHON", python, 1);
	if (submit_of(t, conf, words, &p, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_str_eq(p.argv.items[0], "/opt/spark/bin/spark-submit");
	ck_assert_str_eq(p.argv.items[1], "--properties-file");
	ck_assert_str_eq(p.argv.items[2], "/t/state/tree/applications.conf");
	ck_assert_str_eq(p.argv.items[3], "--conf");
	ck_assert_str_eq(p.argv.items[4], "spark.x=1");
	for (size_t i = 0; words[i]; i++)
		ck_assert_str_eq(p.argv.items[5 + i], words[i]);
	ck_assert_uint_eq(p.argv.count, 10);
	ck_assert_ptr_null(argv_value(&p.env, "HWLOC_XMLFILE"));
	ck_assert_ptr_null(argv_value(&p.env, "_JAVA_OPTIONS"));
	ck_assert_str_eq(argv_value(&p.env, "MINE"), "kept");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_HOME"), "/opt/spark");
	/* In front: those of the user's count. */
	ck_assert_str_eq(argv_value(&p.env, "SPARK_SUBMIT_OPTS"),
			 "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
			 "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000 "
			 "-XX:-UsePerfData '-Djava.io.tmpdir=/t/data/tree/host/tmp' -Dmine=1");
	ck_assert_str_eq(argv_value(&p.env, "PYSPARK_PYTHON"), python);
	ck_assert_str_eq(p.directory, "");
}
END_TEST

/* Root's own are not for the workers' user; environment.h has the list. */
START_TEST(submit_as_another_user)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_process struct process p = {0};
	static const char *const words[] = {"app.jar", NULL};
	struct err e;

	t->cluster.uid = t->cluster.gid = geteuid() == 65534 ? 65533 : 65534;
	setenv("KRB5CCNAME", "FILE:/mine", 1);
	setenv("MINE", "not his", 1);
	setenv("HOME", "/mine", 1);
	setenv("PYSPARK_PYTHON", "/usr/bin/env", 1);
	ck_assert_int_eq(submit_of(t, NULL, words, &p, &e), 0);
	ck_assert_ptr_null(argv_value(&p.env, "KRB5CCNAME"));
	ck_assert_ptr_null(argv_value(&p.env, "MINE"));
	ck_assert_str_eq(argv_value(&p.env, "PYSPARK_PYTHON"), "/usr/bin/env");
	ck_assert_str_eq(argv_value(&p.env, "SPARK_LOCAL_DIRS"), "/t/data/tree/host/tmp");
	ck_assert(!argv_value(&p.env, "HOME") || strcmp(argv_value(&p.env, "HOME"), "/mine"));
}
END_TEST

START_TEST(submit_refuses_another_properties_file)
{
	static const char *const refused[][5] = {
		{"--properties-file", "x", "app.py"},
		{"--properties-file=x", "app.py"},
		{"--verbose", "--conf", "a=b", "--properties-file", NULL},
		{"--conf=a=b", "-v", "--properties-file", "x", NULL},
	};
	static const char *const taken[][5] = {
		{"--verbose", "app.py", "--properties-file", "x"},
		{"--class", "--properties-file", "app.jar"}, /* silly, but a value */
		{"--conf", NULL},
	};
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	struct err e;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct process p;

		ck_assert_msg(submit_of(t, NULL, refused[i], &p, &e) < 0, "case %zu", i);
		ck_assert_int_eq(e.exit, ERR_WRONG);
	}
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		cleanup_process struct process p = {0};

		ck_assert_msg(submit_of(t, NULL, taken[i], &p, &e) == 0, "case %zu: %s", i, e.msg);
	}
}
END_TEST

START_TEST(shell)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv w = {0}, notes = {0};
	struct err e;

	unsetenv("PYSPARK_PYTHON");
	unsetenv("SPARK_SUBMIT_OPTS");
	ck_assert_int_eq(spark_shell_environment(&t->all, &w, &notes, &e), 0);
	ck_assert_str_eq(argv_value(&w, "SPARK_CONF_DIR"), "/t/state/tree/env");
	ck_assert_str_eq(argv_value(&w, "SPARK_LOCAL_IP"), "127.0.0.1");
	ck_assert_ptr_null(argv_value(&w, "PATH"));
	ck_assert_str_eq(argv_value(&w, "SPARK_LOCAL_DIRS"), "/t/data/tree/host/tmp");
}
END_TEST

/* Libraries are loaded from temporary directories: the workers' user's is not for others. */
START_TEST(shell_beside_another_user)
{
	cleanup_free struct spark_tree *t = spark_tree_new("/t");
	cleanup_argv struct argv w = {0}, notes = {0};
	struct err e;

	t->cluster.uid = geteuid() + 1;
	ck_assert_int_eq(spark_shell_environment(&t->all, &w, &notes, &e), 0);
	ck_assert_str_eq(argv_value(&w, "SPARK_LOCAL_DIRS"), "/t/data/tree/host/" SPARK_OWN_TMP);
	ck_assert_ptr_null(strstr(argv_value(&w, "SPARK_SUBMIT_OPTS"), "host/tmp"));
}
END_TEST

/* ---- files */

static char *read_state(const struct spark_tree *t, const char *file, mode_t mode)
{
	char path[2 * PROFILE_PATH];
	struct stat st;
	size_t size;
	struct err e;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", t->cluster.state, file);
	if (file_read(path, 1 << 20, &text, &size, &e))
		ck_abort_msg("%s", e.msg);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_uint_eq(strlen(text), size);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = text;
	size_t length = strlen(line);

	while ((at = strstr(at, line))) {
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
		at++;
	}
	return false;
}

static struct spark_tree *tree_in_directory(const char *name)
{
	char top[PROFILE_PATH];
	struct spark_tree *t;
	struct err e;

	snprintf(top, sizeof(top), "%s/%s", test_directory(), name);
	ck_assert_int_eq(mkdir(top, 0755), 0);
	t = spark_tree_new(top);
	ck_assert_int_eq(cluster_make(&t->cluster, &e), 0);
	return t;
}

static void check_directory(const char *top, const char *name, mode_t mode)
{
	char path[2 * PROFILE_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_msg(stat(path, &st) == 0 && S_ISDIR(st.st_mode), "%s", path);
	ck_assert_msg((st.st_mode & 07777) == mode, "%s has mode %o", path, st.st_mode);
}

START_TEST(prepare)
{
	cleanup_free struct spark_tree *t = tree_in_directory("prepare");
	cleanup_free char *secret = NULL, *again = NULL, *daemons = NULL, *apps = NULL, *log = NULL;
	cleanup_free char *resources = NULL, *options = NULL, *training = NULL;
	char line[256];
	struct err e;

	strings_add(&t->profile.spark.conf, "spark.sql.shuffle.partitions");
	strings_add(&t->profile.spark.conf, "8");
	strings_add(&t->profile.spark.conf, "odd key:=");
	strings_add(&t->profile.spark.conf, " back\\slash\nline");
	strings_add(&t->profile.spark.conf, "spark.executor.extraJavaOptions");
	strings_add(&t->profile.spark.conf, "-Dmine=1");
	strings_add(&t->profile.spark.conf, "spark.executor.logs.rolling.maxSize");
	strings_add(&t->profile.spark.conf, "1000000");
	strings_add(&t->plan.slices[0].jvm_options, "-XX:+UseParallelGC");
	umask(0);
	if (spark_prepare(&t->all, &e))
		ck_abort_msg("%s", e.msg);
	secret = read_state(t, "secret", 0600);
	ck_assert_uint_eq(strlen(secret), 64);
	daemons = read_state(t, "spark.conf", 0600);
	apps = read_state(t, "applications.conf", 0600);
	resources = read_state(t, "slice-0.resources", 0600);
	log = read_state(t, "log4j2.properties", 0644);
	snprintf(line, sizeof(line), "spark.authenticate.secret=%s", secret);
	ck_assert(has_line(daemons, line) && has_line(apps, line));
	ck_assert(has_line(daemons, "spark.port.maxRetries=0"));
	/* Executors' logs are bounded, and the last word is the profile's. */
	ck_assert(has_line(daemons, "spark.executor.logs.rolling.strategy=size"));
	ck_assert(has_line(daemons, "spark.executor.logs.rolling.maxRetainedFiles=1"));
	ck_assert(has_line(strstr(daemons, "rolling.maxSize=16777216"),
			   "spark.executor.logs.rolling.maxSize=1000000"));
	ck_assert_ptr_null(strstr(daemons, "spark.sql.shuffle.partitions"));
	ck_assert(!strstr(apps, "spark.port.maxRetries")); /* two drivers may run */
	ck_assert(!strstr(
		apps, "spark.ui.showConsoleProgress")); /* `run` decides, Spark for its shells */
	ck_assert(has_line(apps, "spark.master=spark://127.0.0.1:7077"));
	ck_assert(has_line(apps, "spark.cores.max=7"));
	ck_assert(has_line(apps, "spark.executor.memory=1000m")); /* the smallest slice's */
	ck_assert(has_line(apps, "spark.sql.shuffle.partitions=8"));
	ck_assert(has_line(apps, "odd\\ key\\:\\==\\ back\\\\slash\\nline"));
	ck_assert(has_line(apps, "spark.executor.extraJavaOptions=-XX:-UsePerfData "
				 "-XX:+UseParallelGC -Dmine=1"));
	ck_assert_ptr_nonnull(strstr(resources, "\"not-1\""));
	options = read_state(t, "jvm.options", 0644);
	ck_assert_str_eq(options, ""); /* no archive yet */
	training = read_state(t, "training.py", 0644);
	ck_assert_ptr_nonnull(strstr(training, "local-cluster"));
	check_directory(t->cluster.data, "train/tmp", 0700);
	check_directory(t->cluster.data, "slice-1/scratch", 0700);
	check_directory(t->cluster.data, "slice-0/work", 0700);
	check_directory(t->cluster.data, "master/tmp", 0700);
	check_directory(t->cluster.data, "host/tmp", 0700);
	check_directory(t->cluster.data, "", 0711);
	/* Again: everything is there, the secret stays. */
	ck_assert_int_eq(spark_prepare(&t->all, &e), 0);
	again = read_state(t, "secret", 0600);
	ck_assert_str_eq(again, secret);
}
END_TEST

/* Each has an equal part of its slice; the profile's own limit of cores is taken into account. */
START_TEST(prepare_for_several_executors)
{
	cleanup_free struct spark_tree *t = tree_in_directory("several");
	cleanup_free char *all = NULL, *few = NULL, *joined = NULL;
	cleanup_process struct process p = {0};
	struct err e;

	for (unsigned i = 0; i < 2; i++) {
		t->plan.slices[i].executors = 2;
		t->plan.slices[i].slots = 6;
		t->plan.slices[i].memory.off_heap_bytes = 64 << 20;
	}
	ck_assert_int_eq(spark_prepare(&t->all, &e), 0);
	all = read_state(t, "applications.conf", 0600);
	ck_assert(has_line(all, "spark.cores.max=12"));
	ck_assert(has_line(all, "spark.executor.cores=3"));
	ck_assert(has_line(all, "spark.executor.memory=500m"));
	ck_assert(has_line(all, "spark.memory.offHeap.size=33554432"));
	ck_assert_int_eq(spark_worker_process(&t->all, 1, &p, &e), 0);
	ck_assert_str_eq(after(&p.argv, "--cores"), "6");
	ck_assert_str_eq(after(&p.argv, "--memory"), "1000M"); /* of 1001 */
	strings_add(&t->profile.spark.conf, "spark.cores.max");
	strings_add(&t->profile.spark.conf, "7");
	ck_assert_int_eq(spark_prepare(&t->all, &e), 0);
	few = read_state(t, "applications.conf", 0600);
	ck_assert(has_line(few, "spark.cores.max=6"));
	ck_assert(!strstr(few, "spark.cores.max=7"));
	string_copy(t->profile.spark.join, "spark://big:7077");
	ck_assert_int_eq(spark_prepare(&t->all, &e), 0);
	joined = read_state(t, "applications.conf", 0600);
	ck_assert(has_line(joined, "spark.cores.max=7"));
	/* Where one would be enough. */
	t->plan.slices[0].memory.heap_bytes = 899 << 20;
	ck_assert_int_lt(spark_prepare(&t->all, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_str_eq(e.msg,
			 "an executor would get 449 MB of heap, below Spark's minimum of 450 "
			 "MB: choose fewer partition.slices or spark.executors, or raise "
			 "memory.limit or memory.heap");
}
END_TEST

START_TEST(prepare_refuses_more_executors_than_can_be_watched)
{
	cleanup_free struct spark_tree *t = tree_in_directory("watched");
	struct err e;

	t->plan.slice_count = 33;
	for (unsigned i = 0; i < 33; i++) {
		t->plan.slices[i] = t->plan.slices[1];
		t->plan.slices[i].executors = t->plan.slices[i].slots = 64;
		t->plan.slices[i].memory.heap_bytes = UINT64_C(64) << 30;
	}
	ck_assert_int_lt(spark_prepare(&t->all, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_str_eq(e.msg, "spark.executors: 64 in each of 33 slices are more executors than "
				"cleave can watch, 2048: write fewer");
}
END_TEST

START_TEST(prepare_without_secret)
{
	cleanup_free struct spark_tree *t = tree_in_directory("open");
	cleanup_free char *daemons = NULL;
	struct err e;

	t->profile.security.authenticate = false;
	ck_assert_int_eq(spark_prepare(&t->all, &e), 0);
	daemons = read_state(t, "spark.conf", 0600);
	ck_assert_ptr_null(strstr(daemons, "authenticate"));
}
END_TEST

START_TEST(prepare_refuses)
{
	cleanup_free struct spark_tree *t = tree_in_directory("refused");
	char path[2 * PROFILE_PATH];
	struct err e;

	t->plan.slices[1].memory.heap_bytes = 449 << 20;
	ck_assert_int_lt(spark_prepare(&t->all, &e), 0);
	ck_assert_int_eq(e.exit, ERR_IMPOSSIBLE);
	ck_assert_ptr_nonnull(strstr(e.msg, "449 MB"));
	t->plan.slices[1].memory.heap_bytes = 450 << 20;
	strings_add(&t->profile.spark.conf, "spark.x");
	strings_add(&t->profile.spark.conf, "spark.master"); /* a value: fine */
	ck_assert_int_eq(spark_prepare(&t->all, &e), 0);
	strings_add(&t->profile.spark.conf, "spark.master");
	strings_add(&t->profile.spark.conf, "local");
	ck_assert_int_lt(spark_prepare(&t->all, &e), 0);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_ptr_nonnull(strstr(
		e.msg,
		"spark.conf: spark.master: cleave sets it to the cluster's own master; remove it"));
	/* A file where a directory should be. */
	t->profile.spark.conf = (struct strings){0};
	snprintf(path, sizeof(path), "%s/host/tmp", t->cluster.data);
	ck_assert_int_eq(rmdir(path), 0);
	spark_tree_program(test_directory(), "file", "");
	snprintf(path, sizeof(path), "%s/file", test_directory());
	string_copy(t->profile.memory.scratch.path, path);
	ck_assert_int_lt(spark_prepare(&t->all, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "memory.scratch.path: "));
}
END_TEST

TEST_MAIN("spark_process", test_case("words", words_are_an_environment),
	  test_case("commands", master, worker, worker_of_another_master, long_paths_are_refused,
		    submit, submit_as_another_user, submit_refuses_another_properties_file, shell,
		    shell_beside_another_user),
	  test_case("files", prepare, prepare_for_several_executors,
		    prepare_refuses_more_executors_than_can_be_watched, prepare_without_secret,
		    prepare_refuses))
