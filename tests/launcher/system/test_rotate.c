/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/small_disk.h"

static char top[512];
static int dir = -1;

static void begin(const char *test)
{
	snprintf(top, sizeof(top), "%s/%s", test_directory(), test);
	ck_assert_int_eq(mkdir(top, 0700), 0);
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

/* As a daemon's: it is kept open, and what is written goes to its end. */
static int open_log(const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static off_t size_of(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ? -1 : st.st_size;
}

START_TEST(a_full_log_begins_anew)
{
	cleanup_close int log = -1, old = -1;
	char text[32] = "";
	struct err e;

	begin("full");
	ck_assert_int_eq(log_rotate(dir, "log", geteuid(), &e), 0); /* none */
	log = open_log("log");
	ck_assert_int_eq(ftruncate(log, ROTATE_MAX_BYTES - 20), 0);
	ck_assert_int_eq(log_rotate(dir, "log", geteuid(), &e), 0);
	say(log, "the last words of the old one");
	ck_assert_int_eq(log_rotate(dir, "log", geteuid(), &e), 1);
	say(log, "the first of the new one");
	ck_assert_int_eq(size_of("log"), 24);
	ck_assert_int_eq(size_of("log.1"), ROTATE_KEPT_BYTES);
	old = openat(dir, "log.1", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(old, text, 29, ROTATE_KEPT_BYTES - 29), 29);
	ck_assert_str_eq(text, "the last words of the old one");
	ck_assert_int_eq(ftruncate(log, ROTATE_MAX_BYTES), 0); /* and again */
	say(log, "again");
	ck_assert_int_eq(log_rotate(dir, "log", geteuid(), &e), 1);
	ck_assert_int_eq(size_of("log"), 0);
	close(dir);
}
END_TEST

/* What another user could put there is not touched, nor what a link leads to. */
START_TEST(what_is_no_log_of_ours)
{
	cleanup_close int log = -1;
	struct stat st;
	struct err e;

	begin("links");
	log = open_log("target");
	ck_assert_int_eq(ftruncate(log, ROTATE_MAX_BYTES), 0);
	ck_assert_int_eq(symlinkat("target", dir, "link"), 0);
	ck_assert_int_eq(log_rotate(dir, "link", geteuid(), &e), 0);
	ck_assert_int_eq(log_rotate(dir, "target", geteuid() + 1, &e), -EPERM);
	ck_assert_int_eq(linkat(dir, "target", dir, "other", 0), 0);
	ck_assert_int_eq(log_rotate(dir, "target", geteuid(), &e), -EPERM);
	ck_assert_int_eq(mkfifoat(dir, "fifo", 0600), 0);
	ck_assert_int_eq(log_rotate(dir, "fifo", geteuid(), &e), 0);
	ck_assert_int_eq(fstat(log, &st), 0);
	ck_assert_int_eq(st.st_size, ROTATE_MAX_BYTES);
	/* A link in place of the old one goes, what it leads to stays. */
	ck_assert_int_eq(unlinkat(dir, "other", 0), 0);
	ck_assert_int_eq(symlinkat("fifo", dir, "target.1"), 0);
	ck_assert_int_eq(log_rotate(dir, "target", geteuid(), &e), 1);
	ck_assert_int_eq(fstatat(dir, "target.1", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISREG(st.st_mode));
	close(dir);
}
END_TEST

/* Its end is kept where that can be; but it never becomes longer than twice its bound. */
START_TEST(a_full_disk)
{
	cleanup_close int log = -1;
	struct err e;

	begin("disk");
	close(dir);
	if (small_disk_mount(top, "size=1m", &e))
		test_skip("%s", e.msg);
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log = open_log("log");
	small_disk_fill(top, SMALL_DISK_SPACE);
	ck_assert_int_eq(ftruncate(log, ROTATE_MAX_BYTES), 0); /* a hole */
	ck_assert_int_eq(log_rotate(dir, "log", geteuid(), &e), -ENOSPC);
	ck_assert_int_eq(size_of("log"), ROTATE_MAX_BYTES);
	ck_assert_int_eq(size_of("log.1"), -1);
	ck_assert_int_eq(ftruncate(log, 2 * ROTATE_MAX_BYTES), 0);
	ck_assert_int_eq(log_rotate(dir, "log", geteuid(), &e), 1);
	ck_assert_int_eq(size_of("log"), 0);
	close(dir);
}
END_TEST

TEST_MAIN("rotate",
	  test_case("rotate", a_full_log_begins_anew, what_is_no_log_of_ours, a_full_disk))
