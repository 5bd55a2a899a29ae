/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as Spark's Worker makes them, on the real inotify. */

#include "launcher/spark/executor_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"

static struct executor_watch *watch;
static char work[2][PROFILE_PATH];

static void make(unsigned slice, const char *name)
{
	char path[2 * PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/%s", work[slice], name);
	ck_assert_msg(mkdir(path, 0700) == 0, "%s", path);
}

static void begin(const char *test)
{
	struct err e;

	ck_assert_int_eq(executor_watch_open(&watch, &e), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(work[i], sizeof(work[i]), "%s/%s-%u", test_directory(), test, i);
		ck_assert_int_eq(mkdir(work[i], 0700), 0);
	}
}

static void add(unsigned slice)
{
	struct err e;

	ck_assert_msg(executor_watch_add(watch, slice, work[slice], &e) == 0, "%s", e.msg);
}

static bool is_readable(void)
{
	struct pollfd fd = {.fd = executor_watch_fd(watch), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

/* This one and no other; it may be told twice. */
static void must_tell(unsigned slice, const char *app, const char *executor)
{
	struct executor_start start;
	unsigned count = 0;

	while (executor_watch_next(watch, &start)) {
		ck_assert_uint_eq(start.slice, slice);
		ck_assert_str_eq(start.app, app);
		ck_assert_str_eq(start.executor, executor);
		count++;
	}
	ck_assert_uint_ge(count, 1);
}

static void must_be_silent(void)
{
	struct executor_start start;

	ck_assert(!executor_watch_next(watch, &start));
}

START_TEST(an_executor_is_told_with_its_slice)
{
	begin("told");
	add(0);
	add(1);
	must_be_silent();
	ck_assert(!is_readable());
	make(1, "app-1");
	make(1, "app-1/0");
	ck_assert(is_readable());
	must_tell(1, "app-1", "0");
	make(0, "app-1");
	must_be_silent();
	make(0, "app-1/1");
	must_tell(0, "app-1", "1");
	executor_watch_close(watch);
}
END_TEST

START_TEST(a_second_executor_of_an_old_application_is_told)
{
	begin("second");
	make(0, "app-1");
	make(0, "app-1/0");
	add(0);
	must_be_silent();
	make(0, "app-1/3");
	must_tell(0, "app-1", "3");
	executor_watch_close(watch);
}
END_TEST

START_TEST(what_is_no_application_is_ignored)
{
	begin("other");
	add(0);
	make(0, "driver-1");
	make(0, "driver-1/0");
	must_be_silent();
	executor_watch_close(watch);
}
END_TEST

START_TEST(directories_may_go_and_come_back)
{
	char path[2 * PROFILE_PATH];

	begin("gone");
	add(0);
	for (unsigned round = 0; round < 3000; round++) {
		make(0, "app-1");
		make(0, "app-1/0");
		must_tell(0, "app-1", "0");
		snprintf(path, sizeof(path), "%s/app-1/0", work[0]);
		ck_assert_int_eq(rmdir(path), 0);
		snprintf(path, sizeof(path), "%s/app-1", work[0]);
		ck_assert_int_eq(rmdir(path), 0);
	}
	must_be_silent();
	executor_watch_clear(watch);
	make(0, "app-2");
	must_be_silent();
	add(0);
	make(0, "app-3");
	make(0, "app-3/0");
	must_tell(0, "app-3", "0");
	executor_watch_close(watch);
}
END_TEST

/* Many at once, and names that are none of Spark's: the slice is told, whoever it was. */
START_TEST(more_executors_than_names)
{
	enum { COUNT = EXECUTOR_STARTS + 8 };
	static bool told[COUNT];
	unsigned named = 0, nameless = 0;
	struct executor_start start;
	unsigned long id;

	begin("many");
	add(1);
	make(1, "app-1"); /* what is in it is found when the directory is seen */
	for (unsigned i = 0; i < COUNT; i++) {
		char name[32];

		snprintf(name, sizeof(name), "app-1/%u", i);
		make(1, name);
	}
	while (executor_watch_next(watch, &start)) {
		ck_assert_uint_eq(start.slice, 1);
		nameless += !start.executor[0];
		if (!start.executor[0])
			continue;
		id = strtoul(start.executor, NULL, 10);
		ck_assert_uint_lt(id, COUNT);
		named += !told[id];
		told[id] = true;
	}
	ck_assert_uint_eq(nameless, 1);
	ck_assert_uint_ge(named, EXECUTOR_STARTS);
	make(1, "app-1/a-name-that-is-longer-than-numbers-are");
	ck_assert(executor_watch_next(watch, &start));
	ck_assert_uint_eq(start.slice, 1);
	ck_assert_str_eq(start.executor, "");
	must_be_silent();
	executor_watch_close(watch);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
	struct err e;

	begin("missing");
	ck_assert_int_eq(executor_watch_add(watch, 0, "/nowhere/work", &e), -ENOENT);
	ck_assert_msg(strstr(e.msg, "/nowhere/work") != NULL, "%s", e.msg);
	executor_watch_close(watch);
	executor_watch_close(NULL);
}
END_TEST

TEST_MAIN("executor_watch",
	  test_case("executors", an_executor_is_told_with_its_slice,
		    a_second_executor_of_an_old_application_is_told,
		    what_is_no_application_is_ignored, more_executors_than_names,
		    directories_may_go_and_come_back, a_directory_that_is_not_there_is_an_error))
