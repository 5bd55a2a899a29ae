/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What event logs say of collectors: lines as Spark 4.1 writes them, and what another user may have
 * put there instead.
 */

#include <errno.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "launcher/measure/eventlog.h"
#include "tests/harness.h"

static struct eventlog events;
static char top[512];

static void setup(void)
{
	static unsigned number;

	snprintf(top, sizeof(top), "%s/%u", test_directory(), number++);
	ck_assert_int_eq(mkdir(top, 0777), 0);
	events.count = 0;
}

static FILE *create(const char *name)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	return file;
}

/* A line as Spark writes it, without what is not read. */
static void put_task(FILE *file, const char *executor, const char *gc_ms)
{
	fprintf(file,
		"{\"Event\":\"SparkListenerTaskEnd\",\"Stage ID\":0,\"Task Info\":{\"Task ID\":7,"
		"\"Executor ID\":\"%s\",\"Host\":\"127.0.0.10\"},\"Task Executor Metrics\":"
		"{\"JVMHeapMemory\":1,\"MinorGCTime\":3,\"TotalGCTime\":%s},\"Task Metrics\":{}}\n",
		executor, gc_ms);
}

static bool line(const char *text)
{
	return eventlog_line(&events, text, strlen(text));
}

static void read_to(double *seconds)
{
	struct err e;

	ck_assert_msg(eventlog_read(top, seconds, &e) == 0, "%s", e.msg);
}

/* The counters count from the JVM's begin: the largest of each executor, the driver's left out. */
START_TEST(the_largest_of_each_executor)
{
	double seconds = 0;
	FILE *file;

	setup();
	file = create("app-1");
	fputs("{\"Event\":\"SparkListenerLogStart\",\"Spark Version\":\"4.1.0\"}\n", file);
	put_task(file, "0", "120");
	put_task(file, "1", "80");
	put_task(file, "0", "250");
	put_task(file, "0", "240");
	put_task(file, "driver", "9000");
	fputs("{\"Event\":\"SparkListenerStageExecutorMetrics\",\"Executor ID\":\"1\",\"Stage "
	      "ID\":0,\"Executor Metrics\":{\"TotalGCTime\":100}}\n",
	      file);
	fputs("{\"Event\":\"SparkListenerStageExecutorMetrics\",\"Executor ID\":\"driver\",\"Stage "
	      "ID\":0,\"Executor Metrics\":{\"TotalGCTime\":5000}}\n",
	      file);
	fclose(file);
	read_to(&seconds);
	ck_assert_double_eq_tol(seconds, 0.35, 1e-9);
}
END_TEST

/* Two applications, one of them in two parts; the executors of both are called 0. */
START_TEST(rolling_logs_are_directories)
{
	char path[1024];
	double seconds = 0;
	FILE *file;

	setup();
	file = create("app-1");
	put_task(file, "0", "1000");
	fclose(file);
	snprintf(path, sizeof(path), "%s/eventlog_v2_app-2", top);
	ck_assert_int_eq(mkdir(path, 0777), 0);
	file = create("eventlog_v2_app-2/events_1_app-2");
	put_task(file, "0", "100");
	fclose(file);
	file = create("eventlog_v2_app-2/events_2_app-2");
	put_task(file, "0", "300");
	fclose(file);
	file = create("eventlog_v2_app-2/appstatus_app-2");
	put_task(file, "0", "99000");
	fclose(file);
	read_to(&seconds);
	ck_assert_double_eq_tol(seconds, 1.3, 1e-9);
}
END_TEST

START_TEST(nothing_told_is_not_zero)
{
	double seconds = 0;
	FILE *file;

	setup();
	read_to(&seconds);
	ck_assert(seconds < 0);
	file = create("app-1.zstd");
	fputs("(\265/\375 no text", file);
	fclose(file);
	read_to(&seconds);
	ck_assert(seconds < 0);
	/* What was collected in no time is. */
	file = create("app-2");
	put_task(file, "0", "0");
	fclose(file);
	read_to(&seconds);
	ck_assert_double_eq(seconds, 0);
}
END_TEST

START_TEST(what_is_no_such_event_is_passed_by)
{
	setup();
	ck_assert(!line(""));
	ck_assert(!line("TotalGCTime"));
	ck_assert(!line("{\"TotalGCTime\":5}"));
	ck_assert(!line("{\"Event\":7,\"TotalGCTime\":5}"));
	ck_assert(!line("{\"Event\":\"SparkListenerTaskEnd\",\"Task Info\":[],\"Task Executor "
			"Metrics\":{\"TotalGCTime\":5}}"));
	ck_assert(!line("{\"Event\":\"SparkListenerTaskEnd\",\"Task Info\":{\"Executor ID\":\"0\"},"
			"\"Task Executor Metrics\":{\"TotalGCTime\":-5}}"));
	ck_assert(!line("{\"Event\":\"SparkListenerTaskEnd\",\"Task Info\":{\"Executor ID\":\"0\"},"
			"\"Task Executor Metrics\":{\"TotalGCTime\":\"5\"}}"));
	ck_assert(!line("{\"Event\":\"SparkListenerTaskEnd\",\"Task Info\":{\"Executor "
			"ID\":\"4294967296\"},\"Task Executor Metrics\":{\"TotalGCTime\":5}}"));
	/* As it is when the disk was full. */
	ck_assert(!line("{\"Event\":\"SparkListenerTaskEnd\",\"Task Executor "
			"Metrics\":{\"TotalGCTi"));
	ck_assert_uint_eq(events.count, 0);
}
END_TEST

/* A line that is too long is not kept, and the next one is read. */
START_TEST(long_lines_are_passed_by)
{
	double seconds = 0;
	FILE *file;

	setup();
	file = create("app-1");
	fputs("{\"Event\":\"SparkListenerSQLExecutionStart\",\"plan\":\"TotalGCTime", file);
	for (unsigned i = 0; i < EVENTLOG_LINE; i++)
		fputc('x', file);
	fputs("\"}\n", file);
	put_task(file, "0", "70");
	fclose(file);
	read_to(&seconds);
	ck_assert_double_eq_tol(seconds, 0.07, 1e-9);
}
END_TEST

START_TEST(executors_and_applications_are_bounded)
{
	char name[32];
	struct err e;
	double seconds;

	setup();
	for (unsigned i = 0; i < EVENTLOG_EXECUTORS + 10; i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"Event\":\"SparkListenerStageExecutorMetrics\",\"Executor ID\":\"%u\","
			 "\"Executor Metrics\":{\"TotalGCTime\":1}}",
			 i);
		ck_assert(line(text) == (i < EVENTLOG_EXECUTORS));
	}
	ck_assert_uint_eq(events.count, EVENTLOG_EXECUTORS);
	for (unsigned i = 0; i <= EVENTLOG_APPLICATIONS; i++) {
		snprintf(name, sizeof(name), "app-%u", i);
		fclose(create(name));
	}
	ck_assert_int_eq(eventlog_read(top, &seconds, &e), -E2BIG);
}
END_TEST

/* The directory is another user's: links, pipes and directories are not what they seem. */
START_TEST(links_and_pipes_are_passed_by)
{
	char path[1024], target[1024];
	double seconds = 0;
	FILE *file;

	setup();
	snprintf(target, sizeof(target), "%s-secret", top);
	file = fopen(target, "w");
	ck_assert_ptr_nonnull(file);
	put_task(file, "0", "1000");
	fclose(file);
	snprintf(path, sizeof(path), "%s/app-1", top);
	ck_assert_int_eq(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/app-2", top);
	ck_assert_int_eq(mkfifo(path, 0666), 0);
	snprintf(path, sizeof(path), "%s/app-3", top);
	ck_assert_int_eq(symlink(top, path), 0);
	read_to(&seconds);
	ck_assert(seconds < 0);
}
END_TEST

TEST_MAIN("eventlog",
	  test_case("eventlog", the_largest_of_each_executor, rolling_logs_are_directories,
		    nothing_told_is_not_zero, what_is_no_such_event_is_passed_by,
		    long_lines_are_passed_by, executors_and_applications_are_bounded,
		    links_and_pipes_are_passed_by))
