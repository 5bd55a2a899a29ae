/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a directory, what lies below one of somebody else, and trees that go. */

#include "launcher/system/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "tests/harness.h"

enum { USER = 65534, OTHER_USER = 65533, LEVELS = 5000, FILES = 200, RACE_MS = 3000 };

static struct err e;
static char top[PATH_MAX - 256]; /* of a test, without links */

static void begin(void)
{
	cleanup_free char *real = realpath(test_directory(), NULL);

	ck_assert_ptr_nonnull(real);
	ck_assert_int_eq(chmod(real, 0711), 0); /* a user has to come to what is his */
	snprintf(top, sizeof(top), "%s/test-%d", real, (int)getpid());
	ck_assert_int_eq(mkdir(top, 0755), 0);
	umask(022);
}

static const char *in_top(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", top, name);
	return path;
}

static void make(const char *name, mode_t mode, uid_t uid)
{
	ck_assert_int_eq(mkdir(in_top(name), 0700), 0);
	ck_assert_int_eq(chmod(in_top(name), mode), 0);
	ck_assert_int_eq(chown(in_top(name), uid, uid), 0);
}

static void touch(const char *name)
{
	int fd = open(in_top(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
	close(fd);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(in_top(name), &st) == 0;
}

static int open_path(const char *name, enum directory_use use)
{
	int fd = directory_open(in_top(name), use, &e);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* ---- the way */

START_TEST(closed_is_what_nobody_else_can_write)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		bool to_root, to_user;
	} cases[] = {
		{0, 0, 0755, true, true},
		{0, 0, 0775, true, true},
		{0, 50, 0775, false, true},
		{0, 0, 0777, false, false},
		{0, 0, 01777, false, false},
		{USER, USER, 0700, false, true},
		{USER, USER, 0775, false, true},
		{USER, USER, 0757, false, false},
		{OTHER_USER, 0, 0700, false, false},
	};

	if (geteuid())
		test_skip("needs root to be another user");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct stat st = {.st_uid = cases[i].uid,
				  .st_gid = cases[i].gid,
				  .st_mode = S_IFDIR | cases[i].mode};

		ck_assert_msg(directory_is_closed(&st) == cases[i].to_root, "root, case %zu", i);
		ck_assert_int_eq(seteuid(USER), 0);
		ck_assert_msg(directory_is_closed(&st) == cases[i].to_user, "user, case %zu", i);
		ck_assert_int_eq(seteuid(0), 0);
	}
}
END_TEST

START_TEST(a_way_that_others_can_change_is_refused)
{
	if (geteuid())
		test_skip("needs root for directories of other users");
	begin();
	make("user", 0755, USER);
	make("user/ours", 0700, 0);
	ck_assert_int_eq(open_path("user/ours", DIRECTORY_OWN), -EPERM);
	ck_assert_msg(strstr(e.msg, "user in ") && strstr(e.msg, "belongs to user 65534"), "%s",
		      e.msg);
	ck_assert_int_eq(directory_make(in_top("user/ours/more"), 0755, &e), -EPERM);
	ck_assert(!is_there("user/ours/more"));
	make("open", 0777, 0);
	make("open/ours", 0700, 0);
	ck_assert_int_eq(open_path("open/ours", DIRECTORY_SHARED), -EPERM);
	/* In root's sticky one nobody can replace what is ours, but he can come first. */
	make("sticky", 01777, 0);
	make("sticky/ours", 0755, 0);
	make("sticky/his", 0755, USER);
	ck_assert_int_eq(open_path("sticky/ours", DIRECTORY_OWN), 0);
	ck_assert_int_eq(open_path("sticky/his", DIRECTORY_OWN), -EPERM);
	ck_assert_int_eq(directory_make(in_top("sticky/his"), 0755, &e), -EPERM);
	ck_assert_int_eq(open_path("sticky", DIRECTORY_SHARED), 0);
	ck_assert_int_eq(open_path("sticky", DIRECTORY_OWN), -EPERM);
	make("his-sticky", 01777, USER);
	ck_assert_int_eq(open_path("his-sticky", DIRECTORY_SHARED), -EPERM);
	ck_assert_int_eq(open_path("none/of/these", DIRECTORY_OWN), -ENOENT);
	ck_assert_int_eq(directory_open("relative", DIRECTORY_OWN, &e), -EINVAL);
}
END_TEST

START_TEST(links_count_as_far_as_they_are_ours)
{
	char target[PATH_MAX];

	if (geteuid())
		test_skip("needs root for links of other users");
	begin();
	make("real", 0755, 0);
	make("real/below", 0755, 0);
	ck_assert_int_eq(symlink("real", in_top("link")), 0);
	ck_assert_int_eq(symlink("../real/../real/below", in_top("real/up")), 0);
	snprintf(target, sizeof(target), "%s", in_top("real"));
	ck_assert_int_eq(symlink(target, in_top("absolute")), 0);
	ck_assert_int_eq(open_path("link/below", DIRECTORY_OWN), 0);
	ck_assert_int_eq(open_path("link/up/", DIRECTORY_OWN), 0);
	ck_assert_int_eq(open_path("absolute//below/.", DIRECTORY_OWN), 0);
	/* Of somebody else, in a place where he could make it. */
	make("sticky", 01777, 0);
	ck_assert_int_eq(symlink(target, in_top("sticky/his")), 0);
	ck_assert_int_eq(lchown(in_top("sticky/his"), USER, USER), 0);
	ck_assert_int_eq(open_path("sticky/his", DIRECTORY_OWN), -EPERM);
	/* Ours, to where others write. */
	make("user", 0755, USER);
	make("user/ours", 0755, 0);
	ck_assert_int_eq(symlink("user/ours", in_top("to-user")), 0);
	ck_assert_int_eq(open_path("to-user", DIRECTORY_OWN), -EPERM);
	ck_assert_int_eq(symlink("loop", in_top("loop")), 0);
	ck_assert_int_eq(open_path("loop", DIRECTORY_OWN), -ELOOP);
}
END_TEST

START_TEST(what_is_missing_is_made)
{
	struct stat st;
	int fd;

	begin();
	umask(077);
	fd = directory_make(in_top("a/b/c"), 0711, &e);
	ck_assert_msg(fd >= 0, "%s", e.msg);
	close(fd);
	ck_assert_int_eq(stat(in_top("a/b"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(stat(in_top("a/b/c"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_assert_int_eq(chmod(in_top("a/b/c"), 0700), 0);
	fd = directory_make(in_top("a/b/c/"), 0711, &e);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(stat(in_top("a/b/c"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700); /* somebody's choice stays */
	touch("file");
	ck_assert_int_eq(directory_make(in_top("file/below"), 0711, &e), -ENOTDIR);
}
END_TEST

/* ---- below a directory */

START_TEST(below_there_are_no_links)
{
	static const char *const bad[] = {"link",    "link/file",   "d/link",
					  "../test", "d/../file",   "d//file",
					  "",	     "/etc/passwd", "d/."};
	cleanup_close int at = -1;
	int fd;

	begin();
	ck_assert_int_eq(mkdir(in_top("d"), 0700), 0);
	touch("d/file");
	ck_assert_int_eq(symlink("d", in_top("link")), 0);
	ck_assert_int_eq(symlink("file", in_top("d/link")), 0);
	ck_assert_int_eq(mkfifo(in_top("d/fifo"), 0600), 0);
	at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = directory_open_below(at, "d/file", O_RDONLY, &e);
	ck_assert_msg(fd >= 0, "%s", e.msg);
	close(fd);
	fd = directory_open_below(at, "d/fifo", O_RDONLY, &e); /* does not hang */
	ck_assert_int_ge(fd, 0);
	close(fd);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(directory_open_below(at, bad[i], O_RDONLY, &e) < 0, "%s", bad[i]);
}
END_TEST

START_TEST(made_for_a_user)
{
	cleanup_close int at = -1;
	struct stat st;
	int fd;

	if (geteuid())
		test_skip("needs root for directories of other users");
	begin();
	at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < 2; i++) {
		fd = directory_make_at(at, "work", 0700, USER, USER, &e);
		ck_assert_msg(fd >= 0, "%s", e.msg);
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_uint_eq(st.st_uid, USER);
		ck_assert_uint_eq(st.st_mode & 07777, 0700);
		close(fd);
	}
	ck_assert_int_eq(directory_make_at(at, "work", 0700, OTHER_USER, OTHER_USER, &e), -EPERM);
	make("wide", 0777, 0);
	ck_assert_int_eq(directory_make_at(at, "wide", 0700, USER, USER, &e), -EPERM);
	ck_assert_int_eq(symlink("/", in_top("link")), 0);
	ck_assert_int_eq(directory_make_at(at, "link", 0700, USER, USER, &e), -ENOTDIR);
	ck_assert_int_eq(stat("/", &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
}
END_TEST

/* ---- trees that go */

START_TEST(a_tree_goes_with_all_but_what_its_links_show)
{
	begin();
	ck_assert_int_eq(mkdir(in_top("kept"), 0700), 0);
	touch("kept/file");
	ck_assert_int_eq(mkdir(in_top("tree"), 0700), 0);
	ck_assert_int_eq(mkdir(in_top("tree/d"), 0), 0);
	touch("tree/file");
	ck_assert_int_eq(link(in_top("kept/file"), in_top("tree/hard")), 0);
	ck_assert_int_eq(symlink("../kept", in_top("tree/soft")), 0);
	ck_assert_int_eq(mkfifo(in_top("tree/fifo"), 0600), 0);
	ck_assert_msg(directory_remove(in_top("tree"), &e) == 0, "%s", e.msg);
	ck_assert(!is_there("tree") && is_there("kept/file"));
	ck_assert_int_eq(directory_remove(in_top("tree"), &e), 0);
	ck_assert_int_eq(symlink("kept", in_top("soft")), 0);
	ck_assert_int_eq(directory_remove(in_top("soft"), &e), 0);
	ck_assert(!is_there("soft") && is_there("kept/file"));
	ck_assert_int_eq(directory_remove(in_top("none/below"), &e), 0);
}
END_TEST

/* Deeper than a path can be, with a directory of the name that the removal gives. */
START_TEST(a_deep_tree_goes)
{
	unsigned before;
	int at;

	begin();
	ck_assert_int_eq(mkdir(in_top("tree"), 0700), 0);
	ck_assert_int_eq(mkdir(in_top("tree/cleave-removes-0"), 0700), 0);
	touch("tree/cleave-removes-0/file");
	at = open(in_top("tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < LEVELS; i++) {
		int below;

		ck_assert_int_eq(mkdirat(at, "level", 0700), 0);
		below = openat(at, "level", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(below, 0);
		close(at);
		at = below;
	}
	close(openat(at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(at);
	before = test_count_descriptors();
	ck_assert_msg(directory_remove(in_top("tree"), &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(test_count_descriptors(), before);
	ck_assert(!is_there("tree"));
}
END_TEST

START_TEST(what_its_user_could_not_empty_stays)
{
	if (geteuid())
		test_skip("needs root for directories of other users");
	begin();
	make("tree", 0755, 0);
	make("tree/work", 0700, USER);
	make("tree/work/roots", 0755, 0);
	touch("tree/work/roots/file");
	ck_assert_int_eq(directory_remove(in_top("tree"), &e), -EPERM);
	ck_assert_msg(strstr(e.msg, "belongs to another user"), "%s", e.msg);
	ck_assert(is_there("tree/work/roots/file"));
	ck_assert_int_eq(chown(in_top("tree/work/roots"), USER, USER), 0);
	ck_assert_int_eq(directory_remove(in_top("tree"), &e), 0);
}
END_TEST

/* As the user: his directory and a link to root's files change places under the name. */
static _Noreturn void swap_for_ever(const char *link_target)
{
	char real[PATH_MAX], aside[PATH_MAX], shown[PATH_MAX];

	snprintf(shown, sizeof(shown), "%s", in_top("tree/work/d"));
	snprintf(aside, sizeof(aside), "%s", in_top("tree/work/aside"));
	snprintf(real, sizeof(real), "%s", in_top("tree/work/link"));
	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(1);
	for (;;) {
		mkdir(shown, 0700);
		if (symlink(link_target, real) && errno != EEXIST)
			continue;
		renameat2(AT_FDCWD, shown, AT_FDCWD, real, RENAME_EXCHANGE);
		renameat2(AT_FDCWD, shown, AT_FDCWD, aside, RENAME_EXCHANGE);
		rename(real, aside);
	}
}

START_TEST(a_swap_in_time_leads_nowhere)
{
	uint64_t end_ns;
	unsigned rounds = 0;
	char victim[PATH_MAX];
	pid_t pid;

	if (geteuid())
		test_skip("needs root for directories of other users");
	begin();
	make("victim", 0755, 0);
	snprintf(victim, sizeof(victim), "%s", in_top("victim"));
	for (unsigned i = 0; i < FILES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "victim/file-%u", i);
		touch(name);
	}
	make("tree", 0755, 0);
	make("tree/work", 0700, USER);
	pid = fork();
	if (pid == 0)
		swap_for_ever(victim);
	for (end_ns = clock_now_ns() + RACE_MS * CLOCK_MS; clock_now_ns() < end_ns; rounds++) {
		cleanup_close int at = directory_open(in_top("tree"), DIRECTORY_OWN, &e);

		ck_assert_int_ge(at, 0);
		/* What he keeps making may keep it from being empty. */
		directory_remove_at(at, "work", &e);
		if (!is_there("tree/work"))
			make("tree/work", 0700, USER);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_uint_gt(rounds, 10);
	for (unsigned i = 0; i < FILES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "victim/file-%u", i);
		ck_assert_msg(is_there(name), "%s is gone after %u rounds", name, rounds);
	}
	printf("# %u trees removed in %d ms, beside a user who swapped them\n", rounds, RACE_MS);
	ck_assert_int_eq(directory_remove(in_top("tree"), &e), 0);
}
END_TEST

TEST_MAIN("directory",
	  test_case("way", closed_is_what_nobody_else_can_write,
		    a_way_that_others_can_change_is_refused, links_count_as_far_as_they_are_ours,
		    what_is_missing_is_made),
	  test_case("below", below_there_are_no_links, made_for_a_user),
	  test_case("trees", a_tree_goes_with_all_but_what_its_links_show, a_deep_tree_goes,
		    what_its_user_could_not_empty_stays, a_swap_in_time_leads_nowhere))
