/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/first_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

#define DATE "2026-11-30 15:51:23.123 "
#define QUIET                                                                             \
	"NOTE: Picked up JDK_JAVA_OPTIONS: @/state/jvm.options -XX:+UseSerialGC\n"        \
	"WARNING: Using incubator modules: jdk.incubator.vector\n"                        \
	"SLF4J: Failed to load class \"org.slf4j.impl.StaticLoggerBinder\".\n"            \
	"OpenJDK 64-Bit Server VM warning: Sharing is only supported for boot loader\n"   \
	"[0.021s][error][cds] An error has occurred while processing the archive\n" DATE  \
	"WARN Utils: Your hostname, vm, resolves to a loopback address: 127.0.0.1\n" DATE \
	"INFO Worker: Started daemon with process name: 15291@vm\n" DATE                  \
	"WARN NativeCodeLoader: Unable to load native-hadoop library\n"
#define END                                                          \
	DATE "INFO ShutdownHookManager: Shutdown hook called\n" DATE \
	     "ERROR Inbox: Ignoring error\n"                         \
	     "java.lang.IllegalStateException: Shutdown in progress\n"
#define FRAMES                                                       \
	"\tat org.apache.spark.util.Utils$.bind(Utils.scala:2287)\n" \
	"\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
#define UNCAUGHT DATE "ERROR SparkUncaughtExceptionHandler: Uncaught exception in thread "

/* What Spark 4.1.0 and JDK 17 … 25 wrote, and what its cause is. */
static const struct {
	const char *log, *cause, *last; /* the last line that is shown */
	unsigned count;
	bool is_fatal;
} recorded[] = {
	{"Unrecognized VM option 'NoSuch'\n"
	 "Error: Could not create the Java Virtual Machine.\n"
	 "Error: A fatal exception has occurred. Program will exit.\n",
	 "Unrecognized VM option 'NoSuch'",
	 "Error: A fatal exception has occurred. Program will exit.", 3, true},
	{QUIET "Invalid maximum heap size: -Xmx1z\n"
	       "Error: Could not create the Java Virtual Machine.\n",
	 "Invalid maximum heap size: -Xmx1z", "Error: Could not create the Java Virtual Machine.",
	 2, true},
	{"Error occurred during initialization of VM\n"
	 "Multiple garbage collectors selected\n",
	 "Multiple garbage collectors selected", "Multiple garbage collectors selected", 2, true},
	{"Error occurred during initialization of VM\n"
	 "Could not reserve enough space for 67108864KB object heap\n",
	 "Could not reserve enough space for 67108864KB object heap",
	 "Could not reserve enough space for 67108864KB object heap", 2, true},
	{"NOTE: Picked up JDK_JAVA_OPTIONS: @/nope/x\nError: could not open `/nope/x'\n",
	 "Error: could not open `/nope/x'", "Error: could not open `/nope/x'", 1, false},
	{"Error: Could not find or load main class org.apache.spark.deploy.worker.Worker\n"
	 "Caused by: java.lang.ClassNotFoundException: org.apache.spark.deploy.worker.Worker\n",
	 "java.lang.ClassNotFoundException: org.apache.spark.deploy.worker.Worker",
	 "Caused by: java.lang.ClassNotFoundException: org.apache.spark.deploy.worker.Worker", 2,
	 true},
	{"Error: Unable to initialize main class org.apache.spark.deploy.worker.Worker\n"
	 "Caused by: java.lang.NoClassDefFoundError: scala/PartialFunction\n",
	 "java.lang.NoClassDefFoundError: scala/PartialFunction",
	 "Caused by: java.lang.NoClassDefFoundError: scala/PartialFunction", 2, true},
	{"Error: LinkageError occurred while loading main class a.B\n"
	 "\tjava.lang.UnsupportedClassVersionError: a/B has been compiled by a more recent "
	 "version\n",
	 "java.lang.UnsupportedClassVersionError: a/B has been compiled by a more recent version",
	 "java.lang.UnsupportedClassVersionError: a/B has been compiled by a more recent version",
	 2, false},
	{QUIET "Exception in thread \"main\" java.lang.UnsupportedOperationException: getSubject "
	       "is not supported\n" FRAMES,
	 "java.lang.UnsupportedOperationException: getSubject is not supported",
	 "Exception in thread \"main\" java.lang.UnsupportedOperationException: getSubject is not "
	 "supported",
	 1, true},
	{QUIET UNCAUGHT "Thread[main,5,main]\n"
			"java.lang.NoClassDefFoundError: io/netty/channel/EventLoopGroup\n" FRAMES
			"Caused by: java.lang.ClassNotFoundException: "
			"io.netty.channel.EventLoopGroup\n" FRAMES "\t... 8 more\n" END,
	 "java.lang.ClassNotFoundException: io.netty.channel.EventLoopGroup",
	 "Caused by: java.lang.ClassNotFoundException: io.netty.channel.EventLoopGroup", 3, true},
	{QUIET UNCAUGHT "Thread[#1,main,5,main]\n"
			"java.net.BindException: Address already in use: Service 'sparkMaster' "
			"failed after 0 retries\n",
	 "java.net.BindException: Address already in use: Service 'sparkMaster' failed after 0 "
	 "retries",
	 "java.net.BindException: Address already in use: Service 'sparkMaster' failed after 0 "
	 "retries",
	 2, true},
	{QUIET UNCAUGHT "Thread[main,5,main]\n"
			"java.nio.channels.UnresolvedAddressException\n" FRAMES
			"\tSuppressed: java.util.concurrent.CompletionException: Rethrowing\n"
			"\t\tat a.B\n",
	 "java.nio.channels.UnresolvedAddressException",
	 "java.nio.channels.UnresolvedAddressException", 2, true},
	{QUIET DATE "ERROR Utils: Failed to create directory /proc/nope\n"
		    "java.nio.file.NoSuchFileException: /proc/nope\n" FRAMES DATE
		    "ERROR Worker: Failed to create work directory /proc/nope\n" END,
	 "Utils: Failed to create directory /proc/nope",
	 "java.nio.file.NoSuchFileException: /proc/nope", 2, false},
	/* Several causes: the innermost. */
	{"a.FirstException: one\n" FRAMES "Caused by: b.SecondException: two\n" FRAMES
	 "Caused by: c.ThirdException: three\n" FRAMES,
	 "c.ThirdException: three", "Caused by: c.ThirdException: three", 2, false},
	{"#\n# There is insufficient memory for the Java Runtime Environment to continue.\n"
	 "# Native memory allocation (mmap) failed to map 262144 bytes.\n"
	 "# An error report file with more information is saved as:\n# /tmp/hs_err_pid1.log\n",
	 "There is insufficient memory for the Java Runtime Environment to continue.",
	 "An error report file with more information is saved as:", 3, false},
	{"OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x7f, 4096, 0) failed; "
	 "error='Not enough space' (errno=12)\n",
	 "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x7f, 4096, 0) failed; "
	 "error='Not enough space' (errno=12)",
	 "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x7f, 4096, 0) failed; "
	 "error='Not enough space' (errno=12)",
	 1, false},
	{"#\n# A fatal error has been detected by the Java Runtime Environment:\n#\n"
	 "#  SIGBUS (0x7) at pc=0x00007f, pid=1, tid=2\n#\n",
	 "SIGBUS (0x7) at pc=0x00007f, pid=1, tid=2", "SIGBUS (0x7) at pc=0x00007f, pid=1, tid=2",
	 2, false},
	{"26/11/30 15:51:15 ERROR Executor: Exception in task 0.0\n"
	 "java.lang.OutOfMemoryError: Java heap space\n" FRAMES "26/11/30 15:51:15 INFO A: b\n",
	 "Executor: Exception in task 0.0", "java.lang.OutOfMemoryError: Java heap space", 2,
	 false},
	{"2026-11-30 15:51:15 [main] ERROR A: in a thread's brackets\n",
	 "A: in a thread's brackets", "2026-11-30 15:51:15 [main] ERROR A: in a thread's brackets",
	 1, false},
	{"Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n"
	 "ModuleNotFoundError: No module named 'x'\n",
	 "ModuleNotFoundError: No module named 'x'", "ModuleNotFoundError: No module named 'x'", 2,
	 false},
	{"/opt/spark/bin/spark-class: line 71: /jdk/bin/java: No such file or directory\n",
	 "/opt/spark/bin/spark-class: line 71: /jdk/bin/java: No such file or directory",
	 "/opt/spark/bin/spark-class: line 71: /jdk/bin/java: No such file or directory", 1, false},
	/* None: the last that are not noise. */
	{"one\ntwo\n" QUIET "three\n" END, "", "three", 3, false},
	/* Told to end: what it says is no cause. */
	{QUIET DATE "ERROR Worker: RECEIVED SIGNAL TERM\n" DATE "ERROR A: b\n", "",
	 "2026-11-30 15:51:23.123 INFO Worker: Started daemon with process name: 15291@vm", 3,
	 false},
	/* A warning's exception is no cause where there is an error, and all that there is else. */
	{DATE "WARN Worker: Failed to connect to master 127.0.0.1:7077\n"
	      "org.apache.spark.SparkException: Exception thrown in awaitResult:\n" FRAMES
	      "Caused by: java.io.IOException: Failed to connect to /127.0.0.1:7077\n" FRAMES
	      "Caused by: java.net.ConnectException: Connection refused\n" FRAMES DATE
	      "INFO Worker: Retrying connection to master (attempt # 1)\n" DATE
	      "ERROR Worker: All masters are unresponsive! Giving up.\r\n" END,
	 "Worker: All masters are unresponsive! Giving up.",
	 DATE "ERROR Worker: All masters are unresponsive! Giving up.", 1, false},
	{DATE "WARN Worker: Failed to connect to master 127.0.0.1:7077\n"
	      "org.apache.spark.SparkException: Exception thrown in awaitResult:\n" FRAMES
	      "Caused by: java.net.ConnectException: Connection refused\n" FRAMES DATE
	      "INFO Worker: Retrying connection to master (attempt # 1)\n",
	 "java.net.ConnectException: Connection refused",
	 "Caused by: java.net.ConnectException: Connection refused", 2, false},
	{DATE "INFO Master: I have been elected\n"
	      "Exception in thread \"main\" java.lang.IllegalStateException: x\n",
	 "java.lang.IllegalStateException: x",
	 "Exception in thread \"main\" java.lang.IllegalStateException: x", 1, true},
	/* A word in a sentence is no level, and no error an error in passing. */
	{DATE "INFO A: ERROR in a message\nthe ERROR of somebody\nNo Error: here\n", "",
	 "No Error: here", 3, false},
	{"", "", NULL, 0, false},
	{"\n\r\n#\n", "", NULL, 0, false},
};

static void check(size_t i, const struct first_error *f)
{
	char cause[FIRST_ERROR_LINE];

	first_error_cause(f, cause, sizeof(cause));
	ck_assert_msg(strcmp(cause, recorded[i].cause) == 0, "case %zu: '%s'", i, cause);
	ck_assert_msg(f->count == recorded[i].count, "case %zu: %u lines", i, f->count);
	ck_assert_msg(!f->count || strcmp(f->lines[f->count - 1], recorded[i].last) == 0,
		      "case %zu: '%s'", i, f->lines[f->count - 1]);
	ck_assert_msg(f->is_fatal == recorded[i].is_fatal, "case %zu: fatal %d", i, f->is_fatal);
	ck_assert_msg(f->has_error == (recorded[i].cause[0] != '\0'), "case %zu", i);
}

START_TEST(recorded_logs)
{
	for (size_t i = 0; i < sizeof(recorded) / sizeof(*recorded); i++) {
		struct first_error whole = {0}, bytes = {0};

		first_error_feed(&whole, recorded[i].log, strlen(recorded[i].log));
		first_error_end(&whole);
		check(i, &whole);
		/* However it comes. */
		for (const char *at = recorded[i].log; *at; at++)
			first_error_feed(&bytes, at, 1);
		first_error_end(&bytes);
		check(i, &bytes);
	}
}
END_TEST

/* A line without an end, and what would move a terminal's cursor. */
START_TEST(foreign_bytes)
{
	static const char log[] = "Error: \x1b[2J\xff a\0b\tc \xe2\x80\xae";
	struct first_error f = {0}, byte = {0};
	char cause[64];

	first_error_feed(&byte, "\xd3\n", 2);
	ck_assert_str_eq(byte.lines[0], "\\xd3");
	first_error_feed(&f, log, sizeof(log) - 1);
	ck_assert_uint_eq(f.count, 0);
	first_error_end(&f);
	ck_assert_str_eq(first_error_cause(&f, cause, sizeof(cause)),
			 "Error: \\x1b[2J\\xff a?b c \\u202e");
}
END_TEST

/* A log in a file: from where it is said, both its ends if it is long, and anew if it was emptied. */
START_TEST(files)
{
	char path[] = "/tmp/first-error-XXXXXX";
	cleanup_close int fd = mkstemp(path);
	cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	static char filling[1 << 16];
	struct first_error f = {0};
	off_t from;

	ck_assert_int_ge(fd, 0);
	unlink(path);
	dprintf(fd, "Error: of before\n");
	from = lseek(fd, 0, SEEK_END);
	ck_assert_int_eq(first_error_read(fd, from, &f), 0);
	ck_assert_uint_eq(f.count, 0);
	dprintf(fd, "Error: of this start\n");
	ck_assert_int_eq(first_error_read(fd, from, &f), 0);
	ck_assert_uint_eq(f.read, 1);
	ck_assert_str_eq(f.lines[0], "Error: of this start");
	ck_assert_int_eq(first_error_read(fd, 0, &f), 0);
	ck_assert_str_eq(f.lines[0], "Error: of before");
	ck_assert_int_eq(first_error_read(fd, 1 << 20, &f), 0);
	ck_assert_str_eq(f.lines[0], "Error: of before");
	/* Nothing wrong for 2 MiB, then the end. */
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	memset(filling, 'x', sizeof(filling));
	for (size_t i = 99; i < sizeof(filling); i += 100)
		filling[i] = '\n';
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(pwrite(fd, filling, sizeof(filling), (off_t)i << 16),
				 sizeof(filling));
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 2 << 20);
	dprintf(fd, "\nError: at last\n");
	ck_assert_int_eq(first_error_read(fd, 0, &f), 0);
	ck_assert(f.has_gap);
	ck_assert_str_eq(f.lines[0], "Error: at last");
	ck_assert_int_eq(first_error_read(null, 0, &f), -EINVAL);
}
END_TEST

TEST_MAIN("first_error", test_case("first_error", recorded_logs, foreign_bytes, files))
