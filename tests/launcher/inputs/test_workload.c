/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is seen of an application and of event logs: each kind, and everything that a file can be
 * instead of what it should be.
 */

#include "launcher/inputs/workload.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/inputs/inputs.h"
#include "launcher/system/files.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

static struct facts facts;
static struct err e;

static char *path_of(const char *name)
{
	static char path[PROFILE_PATH + NAME_MAX_BYTES];

	snprintf(path, sizeof(path), "%s/%s", test_directory(), name);
	return path;
}

static void write_bytes(const char *name, const void *data, size_t size)
{
	ck_assert_msg(file_replace(path_of(name), data, size, 0600, &e) == 0, "%s", e.msg);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(path_of(name), 0700), 0);
}

#define ck_seen(wanted, text)                                                                 \
	ck_assert_msg(facts.workload == (wanted) && strcmp(facts.workload_from, (text)) == 0, \
		      "%s: %s", workload_type_name(facts.workload), facts.workload_from)

/* ---- the application */

static void look_at(const char *first, const char *second, const char *third)
{
	char *const words[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second,
			       (char *)(uintptr_t)third, NULL};

	facts = (struct facts){0};
	workload_of_application(words, &facts);
}

START_TEST(a_program_is_what_it_uses)
{
	static const struct {
		enum workload_type type;
		const char *text, *why;
	} programs[] = {
		{WORKLOAD_SQL,
		 "from pyspark.sql import SparkSession\n"
		 "spark = SparkSession.builder.getOrCreate()\nimport mine\nmine.main(spark)\n",
		 "SparkSession"},
		{WORKLOAD_SQL, "spark.sql('select 1').show()\n", "sql()"},
		{WORKLOAD_SQL,
		 "df = spark.read.parquet(p)\nspark.sparkContext.setLogLevel('ERROR')\n"
		 "df.groupBy('a').agg(f.sum('b')).write.parquet(q)\n",
		 "agg()"},
		/* It has a session, and does all its work without. */
		{WORKLOAD_WORDCOUNT,
		 "from pyspark.sql import SparkSession\n"
		 "spark = SparkSession.builder.getOrCreate()\n"
		 "lines = spark.read.text(sys.argv[1]).rdd.map(lambda r: r[0])\n"
		 "lines.flatMap(split).map(lambda x: (x, 1)).reduceByKey(add).collect()\n",
		 "reduceByKey"},
		{WORKLOAD_WORDCOUNT,
		 "from pyspark import SparkContext\nsc = SparkContext()\n"
		 "sc.textFile(p).map(f).count()\n",
		 "textFile"},
		{WORKLOAD_STREAMING,
		 "from pyspark.sql import SparkSession\n"
		 "spark.readStream.format('rate').load().writeStream.start()\n",
		 "readStream"},
		{WORKLOAD_STREAMING,
		 "from pyspark.streaming import StreamingContext\n"
		 "ssc.socketTextStream(h, p).flatMap(f).map(g).reduceByKey(add).pprint()\n",
		 "StreamingContext"},
		{WORKLOAD_KMEANS,
		 "from pyspark.ml.clustering import KMeans\nfrom pyspark.sql import SparkSession\n"
		 "KMeans().setK(2).fit(spark.read.format('libsvm').load(p))\n",
		 "KMeans"},
		{WORKLOAD_KMEANS, "from pyspark.ml.regression import LinearRegression\n",
		 "pyspark.ml"},
		{WORKLOAD_NAIVE_BAYES,
		 "from pyspark.mllib.classification import NaiveBayes\nsc.textFile(p).map(f)\n",
		 "NaiveBayes"},
	};
	char why[PLAN_TEXT];

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		write_text("app.py", programs[i].text);
		look_at(path_of("app.py"), "--class", "x.KMeans");
		snprintf(why, sizeof(why), "app.py uses %s", programs[i].why);
		ck_seen(programs[i].type, why);
	}
	write_text("app.R", "library(SparkR)\nsparkR.session()\n# spark.kmeans(df)\n");
	look_at("--name", "x", path_of("app.R"));
	ck_seen(WORKLOAD_SQL, "app.R uses SparkR");
}
END_TEST

/* Written by others, for others: all of them that are of one of three kinds. */
START_TEST(the_examples_of_spark_are_told_apart)
{
	static const struct {
		const char *folder;
		enum workload_type type;
	} folders[] = {
		{"", WORKLOAD_WORDCOUNT},
		{"sql/", WORKLOAD_SQL},
		{"streaming/", WORKLOAD_STREAMING},
		{"sql/streaming/", WORKLOAD_STREAMING},
	};
	char pattern[PROFILE_PATH + 64];

	if (!spark_tree_home())
		test_skip("there is no Spark");
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%s/examples/src/main/python/%s[a-z]*.py",
			 spark_tree_home(), folders[i].folder);
		if (glob(pattern, 0, NULL, &found) != 0)
			test_skip("this Spark has no %s", pattern);
		for (size_t k = 0; k < found.gl_pathc; k++) {
			look_at(found.gl_pathv[k], NULL, NULL);
			ck_assert_msg(facts.workload == folders[i].type, "%s: %s: %s",
				      found.gl_pathv[k], workload_type_name(facts.workload),
				      facts.workload_from);
		}
		globfree(&found);
	}
}
END_TEST

/* What is said about a program is not what it does. */
START_TEST(comments_and_texts_do_not_count)
{
	static const char *const nothing[] = {
		"# from pyspark.ml.clustering import KMeans\n",
		"\"\"\"Like spark.sql(), but with\n'reduceByKey' \"and\" no KMeans.\"\"\"\n",
		"'''spark.readStream'''\n",
		"print('StreamingContext', \"it\\\"s KMeans\", 'a\\\\')\n",
		"x = 'not closed, KMeans\ny = 1 # KMeans",
		"'\\",
		"'''KMeans",
		"myKMeans = KMeans_ = unreduceByKeys = pyspark_sql = 1\n",
		"",
	};
	static char text[] = "'a # b'; KMeans()  # \" spark.sql(\n'''\n# '''; NaiveBayes()\n";
	const char *word;

	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		write_text("app.py", nothing[i]);
		look_at(path_of("app.py"), NULL, NULL);
		ck_seen(WORKLOAD_AUTO, "");
	}
	ck_assert_int_eq(workload_of_code(text, strlen(text), &word), WORKLOAD_NAIVE_BAYES);
	ck_assert_str_eq(word, "NaiveBayes");
	ck_assert_ptr_null(strstr(text, "sql"));
	ck_assert_ptr_nonnull(strstr(text, "; KMeans()  "));
	write_text("app.py", "# KMeans\nsc.textFile('readStream')\n");
	look_at(path_of("app.py"), NULL, NULL);
	ck_seen(WORKLOAD_WORDCOUNT, "app.py uses textFile");
}
END_TEST

START_TEST(what_is_no_program_tells_nothing)
{
	static const char kind[] = "\nKMeans()\n";
	int fd;

	look_at(path_of("none.py"), NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
	make_directory("directory.py");
	look_at(path_of("directory.py"), NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
	ck_assert_int_eq(mkfifo(path_of("pipe.py"), 0600), 0);
	look_at(path_of("pipe.py"), NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
	look_at("hdfs://host/app.py", NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
	look_at("--verbose", NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
	/* 100 MB of nothing: what comes behind the first MB is not read. */
	fd = open(path_of("large.py"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, 100 << 20), 0);
	ck_assert_int_gt(pwrite(fd, kind, strlen(kind), 2 << 20), 0);
	look_at(path_of("large.py"), NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
	ck_assert_int_gt(pwrite(fd, kind, strlen(kind), 1000), 0);
	look_at(path_of("large.py"), NULL, NULL);
	ck_seen(WORKLOAD_KMEANS, "large.py uses KMeans");
	close(fd);
}
END_TEST

START_TEST(a_class_is_what_its_name_says)
{
	look_at("--class", "org.apache.spark.examples.streaming.JavaNetworkWordCount", "a.jar");
	ck_seen(WORKLOAD_STREAMING,
		"the class is org.apache.spark.examples.streaming.JavaNetworkWordCount");
	look_at("--class=org.apache.spark.examples.JavaWordCount", "a.jar", NULL);
	ck_seen(WORKLOAD_WORDCOUNT, "the class is org.apache.spark.examples.JavaWordCount");
	look_at("--class=org.apache.spark.examples.SparkPi", "a.jar", NULL);
	ck_seen(WORKLOAD_WORDCOUNT, "the class is org.apache.spark.examples.SparkPi");
	look_at("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
		"spark-internal");
	ck_assert_int_eq(facts.workload, WORKLOAD_SQL);
	look_at("--class", "org.apache.spark.examples.ml.NaiveBayesExample", "hdfs://h/a.jar");
	ck_assert_int_eq(facts.workload, WORKLOAD_NAIVE_BAYES);
	look_at("--class", "org.apache.spark.examples.ml.PCAExample", "a.jar");
	ck_assert_int_eq(facts.workload, WORKLOAD_KMEANS);
	look_at("--class", "com.acme.Main", "a.jar");
	ck_seen(WORKLOAD_AUTO, "");
	look_at("a.jar", "--class", "com.acme.KMeans"); /* the application's own words */
	ck_seen(WORKLOAD_AUTO, "");
	look_at("--class", NULL, NULL);
	ck_seen(WORKLOAD_AUTO, "");
}
END_TEST

/* ---- event logs */

#define EVENT(name) "{\"Event\":\"" name "\""
#define STAGE(more)                                                                      \
	EVENT("SparkListenerStageSubmitted")                                             \
	",\"Stage Info\":{\"Stage Name\":\"collect at a.py:1\",\"RDD Info\":[{\"Name\":" \
	"\"MapPartitionsRDD\"}]},\"Properties\":{" more "}}\n"
#define SQL(description)                                                          \
	EVENT("org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart") \
	",\"executionId\":0,\"description\":\"" description "\"}\n"

static const char begin[] = EVENT("SparkListenerLogStart") ",\"Spark Version\":\"4.1.0\"}\n";
static const char rdd[] = STAGE(""), sql[] = SQL("collect at a.py:1") STAGE("");

/* A log, written `age` seconds ago. */
static void write_log(const char *name, const char *text, unsigned age)
{
	const struct timespec times[] = {{.tv_sec = 1000000 - age}, {.tv_sec = 1000000 - age}};
	char whole[8192];

	snprintf(whole, sizeof(whole), "%s%s", begin, text);
	write_text(name, whole);
	ck_assert_int_eq(utimensat(AT_FDCWD, path_of(name), times, 0), 0);
}

static void look_at_logs(const char *enabled, const char *directory)
{
	struct strings conf = {0};

	facts = (struct facts){0};
	if (enabled)
		strings_add(&conf, "spark.eventLog.enabled"), strings_add(&conf, enabled);
	strings_add(&conf, "spark.eventLog.dir"), strings_add(&conf, directory);
	workload_of_event_logs(&conf, &facts);
}

START_TEST(lines_are_what_their_events_say)
{
	static const struct {
		enum workload_type type;
		const char *text;
	} logs[] = {
		{WORKLOAD_AUTO, ""},
		{WORKLOAD_WORDCOUNT, STAGE("\"spark.app.name\":\"sql\"")},
		{WORKLOAD_SQL, STAGE("\"spark.sql.execution.id\":\"0\"")},
		{WORKLOAD_SQL, SQL("collect at a.py:1") STAGE("")},
		/* A plan of many MB, cut. */
		{WORKLOAD_SQL,
		 EVENT("org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart")},
		{WORKLOAD_STREAMING,
		 SQL("start") EVENT("org.apache.spark.sql.streaming."
				    "StreamingQueryListener$QueryStartedEvent")},
		{WORKLOAD_STREAMING, STAGE("\"spark.streaming.internal.batchTime\":\"17\"")},
		{WORKLOAD_KMEANS, STAGE("") SQL("collect at KMeans.scala:302")},
		{WORKLOAD_NAIVE_BAYES, SQL("collect at NaiveBayes.scala:191") STAGE("")},
		/* A user's words are not Spark's. */
		{WORKLOAD_WORDCOUNT, STAGE("\"spark.job.description\":"
					   "\"\\\"spark.sql.execution.id\\\":\"")},
		{WORKLOAD_AUTO, " " STAGE("")},
		{WORKLOAD_AUTO,
		 EVENT("SparkListenerJobStart") ",\"spark.sql.execution.id\":\"0\"}\n"},
		{WORKLOAD_AUTO, "{\"Event\":\"SparkListenerStageSub\n"},
		{WORKLOAD_AUTO, "{\"Event\":"},
	};

	make_directory("kinds");
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		write_log("kinds/log", logs[i].text, 0);
		look_at_logs("true", path_of("kinds"));
		ck_assert_msg(facts.workload == logs[i].type, "%s is seen in %s",
			      workload_type_name(facts.workload), logs[i].text);
	}
}
END_TEST

START_TEST(most_of_the_newest_logs_decide)
{
	char name[64], wanted[PLAN_TEXT];

	make_directory("many");
	snprintf(wanted, sizeof(wanted), "the event log b of %.80s", path_of("many"));
	write_log("many/a", "", 1); /* tells nothing */
	write_log("many/b", rdd, 20);
	look_at_logs("TRUE", path_of("many"));
	ck_seen(WORKLOAD_WORDCOUNT, wanted);
	/* One of each: the newest. */
	write_log("many/c.inprogress", sql, 10);
	snprintf(wanted, sizeof(wanted), "1 of the 2 newest event logs of %.80s, such as %s",
		 path_of("many"), "c.inprogress");
	look_at_logs("true", path_of("many"));
	ck_seen(WORKLOAD_SQL, wanted);
	write_log("many/d", rdd, 30);
	look_at_logs("true", path_of("many"));
	ck_assert_int_eq(facts.workload, WORKLOAD_WORDCOUNT);
	/* Hundreds of old ones do not count, whatever order the directory has. */
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/old-%u", i * 7919 % 300);
		write_log(name, STAGE("\"sql.streaming.queryId\":\"x\""), 1000 + i);
	}
	look_at_logs("true", path_of("many"));
	ck_assert_int_eq(facts.workload, WORKLOAD_WORDCOUNT);
	ck_assert_ptr_nonnull(strstr(facts.workload_from, "2 of the 5 newest"));
}
END_TEST

START_TEST(a_log_may_be_a_directory)
{
	char name[64];

	make_directory("rolling");
	make_directory("rolling/eventlog_v2_app-1");
	for (unsigned i = 10; i < 20; i++) { /* whatever order the directory has */
		snprintf(name, sizeof(name), "rolling/eventlog_v2_app-1/events_%u_app-1", i);
		write_log(name, rdd, 0);
	}
	write_log("rolling/eventlog_v2_app-1/events_9_app-1", sql, 0);
	write_log("rolling/eventlog_v2_app-1/appstatus_app-1", rdd, 0);
	make_directory("rolling/eventlog_v2_app-2"); /* has none yet */
	look_at_logs("true", path_of("rolling"));
	ck_assert_int_eq(facts.workload, WORKLOAD_SQL);
	ck_assert_ptr_nonnull(strstr(facts.workload_from, "the event log app-1 of "));
}
END_TEST

/* Where a log is long, its first and its last jobs are read. */
START_TEST(a_long_log_is_read_at_both_ends)
{
	static const char kind[] = "\n" STAGE("\"spark.sql.execution.id\":\"0\"");
	int fd;

	make_directory("long");
	write_log("long/log", rdd, 0);
	fd = open(path_of("long/log"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 100 << 20), 0);
	ck_assert_int_gt(pwrite(fd, kind, strlen(kind), 50 << 20), 0);
	look_at_logs("true", path_of("long"));
	ck_assert_int_eq(facts.workload, WORKLOAD_WORDCOUNT);
	ck_assert_int_gt(pwrite(fd, kind, strlen(kind), (100 << 20) - 1000), 0);
	look_at_logs("true", path_of("long"));
	ck_assert_int_eq(facts.workload, WORKLOAD_SQL);
	close(fd);
}
END_TEST

START_TEST(what_is_no_log_tells_nothing)
{
	unsigned long long state = test_seed();
	char target[PROFILE_PATH + NAME_MAX_BYTES], url[PROFILE_PATH + 64];
	unsigned char garbage[4096];

	make_directory("outside");
	make_directory("outside/eventlog_v2_x");
	write_log("outside/log", sql, 0);
	write_log("outside/eventlog_v2_x/events_1_x", sql, 0);
	snprintf(url, sizeof(url), "file:%s", path_of("outside"));
	look_at_logs("true", url);
	ck_assert_int_eq(facts.workload, WORKLOAD_SQL);
	/* Off, or elsewhere. */
	look_at_logs("false", url);
	ck_seen(WORKLOAD_AUTO, "");
	look_at_logs(NULL, url);
	ck_seen(WORKLOAD_AUTO, "");
	look_at_logs("true", "hdfs://host/logs");
	ck_seen(WORKLOAD_AUTO, "");
	look_at_logs("true", "logs");
	ck_seen(WORKLOAD_AUTO, "");
	look_at_logs("true", path_of("nowhere"));
	ck_seen(WORKLOAD_AUTO, "");
	look_at_logs("true", path_of("outside/log"));
	ck_seen(WORKLOAD_AUTO, "");
	/* Links, a pipe, and names that say what is not so. */
	make_directory("logs");
	snprintf(target, sizeof(target), "%s", path_of("outside/log"));
	ck_assert_int_eq(symlink(target, path_of("logs/link")), 0);
	snprintf(target, sizeof(target), "%s", path_of("outside/eventlog_v2_x"));
	ck_assert_int_eq(symlink(target, path_of("logs/eventlog_v2_link")), 0);
	make_directory("logs/eventlog_v2_inner");
	snprintf(target, sizeof(target), "%s", path_of("outside/eventlog_v2_x/events_1_x"));
	ck_assert_int_eq(symlink(target, path_of("logs/eventlog_v2_inner/events_1_x")), 0);
	ck_assert_int_eq(mkfifo(path_of("logs/pipe"), 0600), 0);
	make_directory("logs/directory");
	write_log("logs/eventlog_v2_file", sql, 0);
	write_log("logs/.hidden", sql, 0);
	for (unsigned turn = 0; turn < 200; turn++) {
		for (size_t i = 0; i < sizeof(garbage); i++)
			garbage[i] = (unsigned char)test_random(&state);
		write_bytes("logs/garbage", garbage, sizeof(garbage));
		look_at_logs("true", path_of("logs"));
		ck_assert_msg(facts.workload == WORKLOAD_AUTO && !facts.workload_from[0],
			      "seed %lu, turn %u: %s", test_seed(), turn, facts.workload_from);
	}
	/* What Spark 4 does unless it is told otherwise: said. */
	write_log("logs/app.zstd.inprogress", "", 0);
	look_at_logs("true", path_of("logs"));
	ck_assert_int_eq(facts.workload, WORKLOAD_AUTO);
	ck_assert_ptr_nonnull(strstr(facts.workload_from, "spark.eventLog.compress: false"));
	write_log("logs/plain", rdd, 1000);
	look_at_logs("true", path_of("logs"));
	ck_assert_int_eq(facts.workload, WORKLOAD_WORDCOUNT);
}
END_TEST

/* Names are anybody's: none of them reaches a terminal as it is, and long ones are cut. */
START_TEST(names_are_made_harmless)
{
	static const char bad[] = "\033[31m\r\xc2\x9b\x7f\xc3\xbc";
	char name[255], *from = facts.workload_from;

	make_directory("names");
	snprintf(name, sizeof(name), "names/%s", bad);
	write_log(name, sql, 0);
	look_at_logs("true", path_of("names"));
	ck_assert_ptr_nonnull(strstr(from, "event log \\x1b[31m\\x0d\\x9b\\x7f\xc3\xbc of "));
	snprintf(name, sizeof(name), "%s.py", bad);
	write_text(name, "KMeans()\n");
	look_at(path_of(name), NULL, NULL);
	ck_seen(WORKLOAD_KMEANS, "\\x1b[31m\\x0d\\x9b\\x7f\xc3\xbc.py uses KMeans");
	for (unsigned length = 60; length < 90; length++) {
		memset(name, 0, sizeof(name));
		memset(name, 'x', length);
		for (unsigned i = length; i < length + 40; i += 2)
			memcpy(name + i, "\xc3\xbc", 2);
		memcpy(name + length + 40, ".py", 4);
		write_text(name, "KMeans()\n");
		look_at(path_of(name), NULL, NULL);
		ck_assert_ptr_nonnull(strstr(from, "… uses KMeans"));
		for (from = facts.workload_from; (from = strchr(from, '\xc3')); from++)
			ck_assert_int_eq(from[1], '\xbc');
		from = facts.workload_from;
	}
}
END_TEST

/* ---- when it is looked at */

static struct inputs in;

static void read_inputs(const struct roots *roots, char *const *application)
{
	in.application = application;
	ck_assert_msg(inputs_read(roots, &in, &e) == 0, "%s", e.msg);
}

START_TEST(only_what_is_open_is_looked_at)
{
	static const struct roots here,
		other = {.topology = "pack:2 numa:1(memory=16GB) core:4 pu:1"};
	char *words[] = {NULL, NULL};
	struct strings *conf = &in.profile.spark.conf;

	make_directory("inputs");
	write_log("inputs/log", sql, 0);
	ck_assert_int_eq(inputs_profile(NULL, &in, &e), 0);
	strings_add(conf, "spark.eventLog.enabled"), strings_add(conf, "true");
	strings_add(conf, "spark.eventLog.dir"), strings_add(conf, path_of("inputs"));
	write_text("run.py", "KMeans()\n");
	words[0] = path_of("run.py");
	/* The application comes first; then the logs, which are this machine's. */
	read_inputs(&here, words);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_KMEANS);
	read_inputs(&here, NULL);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_SQL);
	read_inputs(&other, NULL);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_AUTO);
	read_inputs(&other, words);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_KMEANS);
	/* A cluster that runs stays what it is. */
	inputs_keep_workload(&in, WORKLOAD_SQL);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_SQL);
	inputs_keep_workload(&in, WORKLOAD_AUTO);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_AUTO);
	ck_assert_str_eq(in.facts.workload_from, "");
	/* What the profile says is so. */
	in.profile.workload.data_format = FORMAT_TEXT;
	read_inputs(&here, words);
	inputs_keep_workload(&in, WORKLOAD_SQL);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_AUTO);
	in.profile.workload.data_format = FORMAT_AUTO;
	in.profile.workload.type = WORKLOAD_GREP;
	read_inputs(&here, words);
	inputs_keep_workload(&in, WORKLOAD_SQL);
	ck_assert_int_eq(in.facts.workload, WORKLOAD_AUTO);
}
END_TEST

TEST_MAIN("workload",
	  test_case("application", a_program_is_what_it_uses, the_examples_of_spark_are_told_apart,
		    comments_and_texts_do_not_count, what_is_no_program_tells_nothing,
		    a_class_is_what_its_name_says),
	  test_case("event logs", lines_are_what_their_events_say, most_of_the_newest_logs_decide,
		    a_log_may_be_a_directory, a_long_log_is_read_at_both_ends,
		    what_is_no_log_tells_nothing, names_are_made_harmless),
	  test_case("inputs", only_what_is_open_is_looked_at))
