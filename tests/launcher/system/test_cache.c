/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cache is, who could have written there, and what is too much of it. */

#include "launcher/system/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

enum { SOMEBODY = 12345, NOBODY_ELSE = 54321 };

static char top[PATH_MAX - 64]; /* of a test, without links; XDG_CACHE_HOME */

static void begin(void)
{
	cleanup_free char *real = realpath(test_directory(), NULL);

	ck_assert_ptr_nonnull(real);
	snprintf(top, sizeof(top), "%s/test-%d", real, (int)getpid());
	ck_assert_int_eq(mkdir(top, 0700), 0);
	setenv("XDG_CACHE_HOME", top, 1);
	umask(022);
}

static const char *in_top(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	return stat(in_top(name), &st) ? 0 : st.st_mode & 07777;
}

static void must_open(const char *name, char path[PROFILE_PATH])
{
	struct err e;
	int fd = cache_open(name, path, &e);

	ck_assert_msg(fd >= 0, "%s", e.msg);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

/* Refused with `code`, a sentence that has `part`, no path and no descriptor. */
static void must_refuse(const char *name, int code, const char *part)
{
	unsigned before = test_count_descriptors();
	char path[PROFILE_PATH] = "as it was";
	struct err e = {0};
	int fd = cache_open(name, path, &e);

	ck_assert_msg(fd == code, "%d, not %d: %s", fd, code, e.msg);
	ck_assert_msg(strstr(e.msg, part), "%s", e.msg);
	ck_assert_str_eq(path, "as it was");
	ck_assert_uint_eq(test_count_descriptors(), before);
}

/* ---- which files */

START_TEST(ours_is_what_nobody_else_can_write)
{
	static const struct {
		uid_t uid;
		mode_t mode;
		bool is_ours;
	} cases[] = {
		{0, 0644, true},
		{0, 0755, true},
		{0, 0664, false},
		{0, 0646, false},
		{0, 0777, false},
		{SOMEBODY, 0600, true},
		{SOMEBODY, 0644, true},
		{SOMEBODY, 0620, false},
		{NOBODY_ELSE, 0600, false},
		{NOBODY_ELSE, 0644, false},
	};

	if (geteuid())
		test_skip("needs root to be another user");
	ck_assert_int_eq(seteuid(SOMEBODY), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct stat st = {.st_uid = cases[i].uid, .st_mode = S_IFREG | cases[i].mode};

		ck_assert_msg(cache_is_ours(&st) == cases[i].is_ours, "case %zu", i);
	}
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* ---- where it is */

START_TEST(an_entry_is_made_and_found_again)
{
	char path[PROFILE_PATH], again[PROFILE_PATH];
	unsigned before;

	begin();
	umask(077); /* what root makes, workers of another user have to read */
	before = test_count_descriptors();
	must_open("one", path);
	must_open("one", again);
	ck_assert_uint_eq(test_count_descriptors(), before);
	ck_assert_str_eq(path, in_top("cleave/one"));
	ck_assert_str_eq(again, path);
	ck_assert_uint_eq(mode_of("cleave"), geteuid() ? 0700 : 0755);
	ck_assert_uint_eq(mode_of("cleave/one"), geteuid() ? 0700 : 0755);
}
END_TEST

START_TEST(modes_that_somebody_has_set_stay)
{
	char path[PROFILE_PATH];

	begin();
	must_open("one", path);
	ck_assert_int_eq(chmod(in_top("cleave"), 0700), 0);
	must_open("two", path);
	ck_assert_uint_eq(mode_of("cleave"), 0700);
}
END_TEST

START_TEST(the_cache_directory_itself_may_be_missing)
{
	char path[PROFILE_PATH];

	begin();
	setenv("XDG_CACHE_HOME", in_top("later/"), 1);
	must_open("one", path);
	ck_assert_str_eq(path, in_top("later/cleave/one"));
	setenv("XDG_CACHE_HOME", in_top("none/of/these"), 1);
	must_refuse("one", -ENOENT, "none/of");
	ck_assert_int_lt(access(in_top("none"), F_OK), 0);
}
END_TEST

START_TEST(without_a_variable_it_is_the_users)
{
	begin();
	if (geteuid() == 0 && setresuid(SOMEBODY, SOMEBODY, SOMEBODY))
		ck_abort_msg("setresuid");
	unsetenv("HOME");
	setenv("XDG_CACHE_HOME", "relative", 1); /* basedir-spec: "should consider invalid" */
	must_refuse("one", -ENOENT, "neither XDG_CACHE_HOME nor HOME");
	setenv("HOME", "relative", 1);
	must_refuse("one", -ENOENT, "neither XDG_CACHE_HOME nor HOME");
	setenv("HOME", "/nonexistent", 1);
	must_refuse("one", -ENOENT, "/nonexistent");
}
END_TEST

START_TEST(home_is_where_a_user_has_it)
{
	char path[PROFILE_PATH];

	begin();
	/* The program's own directory is closed to others: one beside it. */
	if (geteuid() == 0) {
		snprintf(top, sizeof(top), "/tmp/cleave-test-home-%d", (int)getpid());
		ck_assert_int_eq(mkdir(top, 0700), 0);
		ck_assert_int_eq(chown(top, SOMEBODY, SOMEBODY), 0);
		ck_assert_int_eq(seteuid(SOMEBODY), 0);
	}
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", top, 1);
	must_open("one", path);
	ck_assert_str_eq(path, in_top(".cache/cleave/one"));
	ck_assert_uint_eq(mode_of(".cache/cleave"), 0700);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(in_top(".cache/cleave")), 0);
	ck_assert_int_eq(rmdir(in_top(".cache")), 0);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	rmdir(top);
}
END_TEST

START_TEST(long_and_odd_names)
{
	char deep[PROFILE_PATH + 64];
	size_t length;

	begin();
	must_refuse("", -EINVAL, "no name");
	must_refuse("..", -EINVAL, "no name");
	must_refuse(".hidden", -EINVAL, "no name");
	must_refuse("a/b", -EINVAL, "no name");
	length = (size_t)snprintf(deep, sizeof(deep), "%s", top);
	while (length < PROFILE_PATH) {
		memcpy(deep + length, "/d", 3);
		length += 2;
	}
	setenv("XDG_CACHE_HOME", deep, 1);
	must_refuse("one", -ENAMETOOLONG, "cache directory");
	/* One that is there, and leaves no room for the entry. */
	deep[PROFILE_PATH - 9] = '\0';
	if (deep[PROFILE_PATH - 10] == '/')
		deep[PROFILE_PATH - 10] = '\0';
	for (char *slash = deep + strlen(top); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ck_assert(mkdir(deep, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	ck_assert_int_eq(mkdir(deep, 0700), 0);
	setenv("XDG_CACHE_HOME", deep, 1);
	must_refuse("0123456789abcdef", -ENAMETOOLONG, "0123456789abcdef");
}
END_TEST

/* ---- who could write there */

START_TEST(a_directory_that_others_can_write_is_refused)
{
	char path[PROFILE_PATH];

	begin();
	must_open("one", path);
	ck_assert_int_eq(chmod(in_top("cleave/one"), 0775), 0);
	must_refuse("one", -EPERM, "0775");
	ck_assert_int_eq(chmod(in_top("cleave/one"), 01777), 0); /* sticky: of ours, no */
	must_refuse("one", -EPERM, "1777");
	ck_assert_int_eq(chmod(in_top("cleave"), 0757), 0);
	must_refuse("two", -EPERM, "0757");
	ck_assert_int_eq(chmod(in_top("cleave"), 0755), 0);
	ck_assert_int_eq(chmod(top, 0772), 0);
	must_refuse("two", -EPERM, "0772");
	ck_assert_int_lt(access(in_top("cleave/two"), F_OK), 0);
}
END_TEST

START_TEST(a_directory_of_somebody_else_is_refused)
{
	char path[PROFILE_PATH];

	if (geteuid())
		test_skip("needs root for files of other users");
	begin();
	must_open("one", path);
	ck_assert_int_eq(chown(in_top("cleave/one"), SOMEBODY, 0), 0);
	must_refuse("one", -EPERM, "user 12345");
	ck_assert_int_eq(chown(in_top("cleave"), SOMEBODY, 0), 0);
	must_refuse("two", -EPERM, "user 12345");
	ck_assert_int_eq(chown(in_top("cleave"), 0, 0), 0);
	ck_assert_int_eq(mkdir(in_top("home"), 0755), 0);
	ck_assert_int_eq(chown(in_top("home"), SOMEBODY, 0), 0);
	/* Root in somebody's home: nothing is made there. */
	setenv("XDG_CACHE_HOME", in_top("home/.cache"), 1);
	must_refuse("one", -EPERM, "home in");
	ck_assert_int_lt(access(in_top("home/.cache"), F_OK), 0);
	ck_assert_int_eq(symlink("/tmp", in_top("home/link")), 0);
	setenv("XDG_CACHE_HOME", in_top("home/link/made-by-a-link"), 1);
	must_refuse("one", -EPERM, "home in"); /* a link of his leads nowhere */
	ck_assert_int_lt(access("/tmp/made-by-a-link", F_OK), 0);
	/* Root's own is no user's. */
	setenv("XDG_CACHE_HOME", top, 1);
	ck_assert_int_eq(chmod(top, 0755), 0);
	ck_assert_int_eq(seteuid(SOMEBODY), 0);
	ck_assert_int_lt(cache_open("one", path, &(struct err){0}), 0);
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(in_a_sticky_directory_the_next_one_decides)
{
	char path[PROFILE_PATH];

	if (geteuid())
		test_skip("needs root for files of other users");
	begin();
	ck_assert_int_eq(chmod(top, 01777), 0);
	must_open("one", path);
	ck_assert_int_eq(chown(in_top("cleave"), SOMEBODY, 0), 0);
	must_refuse("one", -EPERM, "user 12345");
	/* A sticky directory of a user's: he can replace what is in it. */
	ck_assert_int_eq(chown(in_top("cleave"), 0, 0), 0);
	ck_assert_int_eq(chown(top, SOMEBODY, 0), 0);
	must_refuse("one", -EPERM, "mode 1777");
}
END_TEST

START_TEST(links_are_followed_before_the_way_is_checked_only)
{
	char path[PROFILE_PATH];

	begin();
	ck_assert_int_eq(mkdir(in_top("real"), 0700), 0);
	ck_assert_int_eq(symlink("real", in_top("link")), 0);
	setenv("XDG_CACHE_HOME", in_top("link"), 1);
	must_open("one", path);
	ck_assert_str_eq(path, in_top("real/cleave/one"));
	/* cleave's own are no links. */
	setenv("XDG_CACHE_HOME", top, 1);
	ck_assert_int_eq(symlink("real/cleave", in_top("cleave")), 0);
	must_refuse("one", -ENOTDIR, "cleave");
	setenv("XDG_CACHE_HOME", in_top("real"), 1);
	ck_assert_int_eq(symlink("one", in_top("real/cleave/two")), 0);
	must_refuse("two", -ENOTDIR, "two");
	/* One that leads nowhere is not made where it leads. */
	ck_assert_int_eq(symlink("elsewhere", in_top("dangling")), 0);
	setenv("XDG_CACHE_HOME", in_top("dangling"), 1);
	must_refuse("one", -ENOTDIR, "dangling");
	ck_assert_int_lt(access(in_top("elsewhere"), F_OK), 0);
}
END_TEST

START_TEST(a_file_in_the_way)
{
	begin();
	close(open(in_top("cleave"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_refuse("one", -ENOTDIR, "cleave");
	setenv("XDG_CACHE_HOME", in_top("cleave"), 1);
	must_refuse("one", -ENOTDIR, "cleave");
	setenv("XDG_CACHE_HOME", in_top("cleave/below"), 1);
	must_refuse("one", -ENOTDIR, "below");
}
END_TEST

/* ---- too much */

static int open_entry(unsigned number)
{
	char name[32], path[PROFILE_PATH];
	struct err e;
	int fd;

	snprintf(name, sizeof(name), "entry-%u", number);
	fd = cache_open(name, path, &e);
	ck_assert_msg(fd >= 0, "%s", e.msg);
	return fd;
}

static bool has_entry(unsigned number)
{
	char name[64];

	snprintf(name, sizeof(name), "cleave/entry-%u", number);
	return access(in_top(name), F_OK) == 0;
}

/* A second apart, in 2001; the first is the oldest. */
static void make_entries(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct timespec times[2] = {{.tv_sec = 1000000000 + i}, {.tv_sec = 1000000000 + i}};
		cleanup_close int fd = open_entry(i);
		int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		ck_assert_int_ge(file, 0);
		close(file);
		ck_assert_int_eq(futimens(fd, times), 0);
	}
}

START_TEST(the_least_recently_used_goes)
{
	int fd;

	begin();
	make_entries(CACHE_ENTRIES);
	fd = open_entry(0);
	cache_used(fd);
	close(fd);
	for (unsigned i = 0; i < CACHE_ENTRIES; i++)
		ck_assert_msg(has_entry(i), "%u", i);
	close(open(in_top("cleave/no-entry"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	fd = open_entry(CACHE_ENTRIES);
	cache_used(fd);
	close(fd);
	for (unsigned i = 0; i <= CACHE_ENTRIES; i++)
		ck_assert_msg(has_entry(i) == (i != 1), "%u", i);
}
END_TEST

START_TEST(the_one_in_use_stays)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	int fd;

	begin();
	make_entries(CACHE_ENTRIES + 4);
	/* As if all had been used at the same time: the clock stands still, or was set back. */
	for (unsigned i = 0; i < CACHE_ENTRIES + 4; i++) {
		fd = open_entry(i);
		ck_assert_int_eq(futimens(fd, times), 0);
		close(fd);
	}
	for (unsigned i = 0; i < 2; i++) {
		fd = open_entry(i);
		cache_used(fd);
		close(fd);
		ck_assert(has_entry(i));
	}
}
END_TEST

/* What is no file of ours is not searched for a way to be removed. */
START_TEST(what_cannot_be_removed_is_left)
{
	unsigned before;
	int fd;

	begin();
	make_entries(CACHE_ENTRIES + 1);
	ck_assert_int_eq(mkdir(in_top("cleave/entry-0/directory"), 0700), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_top("cleave/entry-0"),
				   (struct timespec[2]){{.tv_sec = 1}, {.tv_sec = 1}}, 0),
			 0);
	before = test_count_descriptors();
	fd = open_entry(1);
	cache_used(fd);
	close(fd);
	ck_assert_uint_eq(test_count_descriptors(), before);
	ck_assert(has_entry(0) && has_entry(2));
	ck_assert_int_eq(access(in_top("cleave/entry-0/directory"), F_OK), 0);
}
END_TEST

TEST_MAIN("cache", test_case("files", ours_is_what_nobody_else_can_write),
	  test_case("place", an_entry_is_made_and_found_again, modes_that_somebody_has_set_stay,
		    the_cache_directory_itself_may_be_missing, without_a_variable_it_is_the_users,
		    home_is_where_a_user_has_it, long_and_odd_names),
	  test_case("trust", a_directory_that_others_can_write_is_refused,
		    a_directory_of_somebody_else_is_refused,
		    in_a_sticky_directory_the_next_one_decides,
		    links_are_followed_before_the_way_is_checked_only, a_file_in_the_way),
	  test_case("room", the_least_recently_used_goes, the_one_in_use_stays,
		    what_cannot_be_removed_is_left))
