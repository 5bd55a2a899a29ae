/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as Spark's Worker makes them, on the real inotify. */

#include "launcher/watch/executor_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"

static struct executor_watch *watch;
static char work[2][PROFILE_PATH];
static uint64_t now_ns;

static const uint64_t second = 1000000000;

static void make(unsigned slice, const char *name)
{
	char path[2 * PROFILE_PATH];

	snprintf(path, sizeof(path), "%s/%s", work[slice], name);
	ck_assert_msg(mkdir(path, 0700) == 0, "%s", path);
}

static void begin(const char *test)
{
	struct err e;

	now_ns = 100 * second;
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
	struct pollfd fd = {.fd = executor_watch_fd(watch, now_ns), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

/* This one and no other; it may be told twice. */
static void must_tell(unsigned slice, const char *app, const char *executor)
{
	struct executor_start start;
	unsigned count = 0;

	while (executor_watch_next(watch, now_ns, &start)) {
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

	ck_assert(!executor_watch_next(watch, now_ns, &start));
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
		now_ns += second;
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

/* Names that Spark gives nothing are no starts, whatever they are in. */
START_TEST(names_that_are_none_of_sparks)
{
	static const char *const names[] = {"app-x",
					    "app-",
					    "app-1a",
					    "app-1/x",
					    "app-1/0x",
					    "app-1/-",
					    "app-1/1234567890123456",
					    "driver-2",
					    "2"};

	begin("names");
	add(0);
	make(0, "app-1");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make(0, names[i]);
	make(0, "app-x/0");
	must_be_silent();
	executor_watch_close(watch);
}
END_TEST

/* What is told of a flood: the slice, once, beside as many names as are allowed. */
static unsigned must_flood(unsigned slice, unsigned nameless)
{
	struct executor_start start;
	unsigned named = 0;

	for (int turns = 0; turns < 1000; turns++, now_ns += second / 50)
		while (executor_watch_next(watch, now_ns, &start)) {
			ck_assert_uint_eq(start.slice, slice);
			named += start.executor[0] != '\0';
			if (start.executor[0])
				continue;
			ck_assert_uint_gt(nameless, 0);
			nameless--;
		}
	ck_assert_uint_eq(nameless, 0);
	return named;
}

/* More than are told by name: the slice is told once, and later ones have names again. */
START_TEST(more_executors_than_names)
{
	begin("many");
	add(1);
	make(1, "app-1"); /* what is in it is found when the directory is seen */
	for (unsigned i = 0; i < EXECUTOR_STARTS + 8; i++) {
		char name[32];

		snprintf(name, sizeof(name), "app-1/%u", i);
		make(1, name);
	}
	ck_assert_uint_ge(must_flood(1, 1), 2 * SLICES_MAX);
	now_ns += 200 * second;
	make(1, "app-1/1000");
	must_tell(1, "app-1", "1000");
	executor_watch_close(watch);
}
END_TEST

/*
 * The user of the workers makes directories in a loop: reading stops for a while each time, what is
 * told of it is one start, and an executor that comes later is seen.
 */
START_TEST(a_flood_of_applications)
{
	struct executor_start start;
	char name[32];

	begin("flood");
	add(0);
	add(1);
	for (unsigned i = 0; i < 6000; i++) {
		snprintf(name, sizeof(name), "app-%u", 10000 + i);
		make(0, name);
	}
	while (executor_watch_next(watch, now_ns, &start))
		;
	ck_assert_int_eq(executor_watch_fd(watch, now_ns), -1);
	ck_assert(!is_readable());
	ck_assert_uint_gt(executor_watch_deadline(watch, now_ns), now_ns);
	ck_assert_uint_lt(executor_watch_deadline(watch, now_ns), now_ns + second / 10);
	now_ns = executor_watch_deadline(watch, now_ns);
	ck_assert(is_readable());
	must_flood(0, 0); /* it was told */
	ck_assert_uint_eq(executor_watch_deadline(watch, now_ns), UINT64_MAX);
	now_ns += 20 * second;
	make(1, "app-1");
	make(1, "app-1/0");
	must_tell(1, "app-1", "0");
	make(0, "app-1");
	make(0, "app-1/0");
	must_tell(0, "app-1", "0");
	executor_watch_close(watch);
}
END_TEST

/* The kernel's queue overflows: whose events were lost is not known. */
START_TEST(a_flood_that_the_kernel_cuts)
{
	struct executor_start start;
	unsigned told[2] = {0, 0};
	char name[32];

	begin("queue");
	add(0);
	add(1);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		make(0, name);
	}
	for (int turns = 0; turns < 1000; turns++, now_ns += second / 50)
		while (executor_watch_next(watch, now_ns, &start)) {
			ck_assert_str_eq(start.executor, "");
			told[start.slice]++;
		}
	ck_assert_uint_eq(told[0], 1);
	ck_assert_uint_eq(told[1], 1);
	executor_watch_close(watch);
}
END_TEST

/* Old applications of which there are many: the latest are watched. */
START_TEST(the_latest_of_many_old_ones)
{
	char name[32];

	begin("latest");
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "app-20260101%06u-0000", i * 7919 % 200);
		make(0, name);
	}
	add(0);
	must_be_silent();
	make(0, "app-20260101000199-0000/7");
	must_tell(0, "app-20260101000199-0000", "7");
	make(0, "app-20260101000000-0000/7"); /* the oldest */
	must_be_silent();
	executor_watch_close(watch);
}
END_TEST

/* Links lead nowhere: neither that of the work directory nor one in it. */
START_TEST(links_are_not_followed)
{
	char link[2 * PROFILE_PATH], elsewhere[2 * PROFILE_PATH];
	struct err e;

	begin("links");
	snprintf(link, sizeof(link), "%s/link", test_directory());
	ck_assert_int_eq(symlink(work[1], link), 0);
	ck_assert_int_lt(executor_watch_add(watch, 1, link, &e), 0);
	add(0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/app-1", work[0]);
	ck_assert_int_eq(symlink(work[1], elsewhere), 0);
	make(1, "0");
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

TEST_MAIN("executor_watch", test_case("executors", an_executor_is_told_with_its_slice,
				      a_second_executor_of_an_old_application_is_told,
				      what_is_no_application_is_ignored, more_executors_than_names,
				      names_that_are_none_of_sparks, a_flood_of_applications,
				      a_flood_that_the_kernel_cuts, the_latest_of_many_old_ones,
				      links_are_not_followed, directories_may_go_and_come_back,
				      a_directory_that_is_not_there_is_an_error))
