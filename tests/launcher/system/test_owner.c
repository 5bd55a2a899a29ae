/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a stranger can change what is run: by owner, by mode, by a link or a directory on the way. */

#include "launcher/system/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/harness.h"

enum { USER = 65533, STRANGER = 65534 };

static char top[PATH_MAX / 4]; /* without links */

/* A tree of root's: jdk/bin/java, jdk/lib, and link → jdk. */
static void begin(void)
{
	char real[PATH_MAX];

	umask(022);
	ck_assert_ptr_nonnull(realpath(test_directory(), real));
	snprintf(top, sizeof(top), "%.800s/test-%d", real, (int)getpid());
	ck_assert(mkdir(top, 0755) == 0 && chdir(top) == 0);
	ck_assert(mkdir("jdk", 0755) == 0 && mkdir("jdk/bin", 0755) == 0);
	ck_assert(mkdir("jdk/lib", 0755) == 0);
	close(open("jdk/bin/java", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	ck_assert_int_eq(symlink("jdk", "link"), 0);
}

/* NULL: no stranger. Else the last part of the path that he can write. */
static void check(const char *path, uid_t uid, const char *stranger)
{
	struct owner o = {.path = "none"};
	char full[PATH_MAX];
	int r;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	r = owner_find_stranger(full, uid, &o);
	ck_assert_msg(r == (stranger != NULL), "%s: %d, %s", path, r, o.path);
	if (!stranger)
		return;
	snprintf(full, sizeof(full), "%s/%s", top, stranger);
	ck_assert_str_eq(o.path, full);
}

static void check_below(uid_t uid, const char *stranger)
{
	struct owner o = {.path = "none"};
	char full[PATH_MAX];
	int r;

	snprintf(full, sizeof(full), "%s/jdk", top);
	r = owner_find_stranger_below(full, uid, &o);
	ck_assert_msg(r == (stranger != NULL), "%d, %s", r, o.path);
	if (!stranger)
		return;
	snprintf(full, sizeof(full), "%s/%s", top, stranger);
	ck_assert_str_eq(o.path, full);
}

static void check_text(const char *path, uid_t uid, const char *part)
{
	char full[PATH_MAX], text[OWNER_TEXT];
	struct owner o;
	struct err e;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	ck_assert_int_eq(owner_find_stranger(full, uid, &o), 1);
	ck_assert_int_eq(owner_refuse(&o, uid, "JAVA_HOME", &e), -EPERM);
	ck_assert_msg(strncmp(e.msg, "JAVA_HOME: ", 11) == 0 && strstr(e.msg, part), "%s", e.msg);
	ck_assert_msg(strstr(e.msg, owner_text(&o, uid, text)), "%s", e.msg);
}

START_TEST(what_everybody_may_write)
{
	begin();
	check("jdk/bin/java", USER, NULL);
	check("link/bin/../lib/.//", USER, NULL);
	ck_assert_int_eq(chmod("jdk/bin", 0757), 0);
	check("jdk/bin/java", USER, "jdk/bin");
	check("link/bin/java", USER, "jdk/bin");
	check("jdk/lib", USER, NULL);
	check_text("jdk/bin/java", USER, "may be written by everybody");
	check_below(USER, "jdk/bin");
	/* His own umask is his own choice. */
	ck_assert_int_eq(chmod("jdk/bin", 0775), 0);
	check("jdk/bin/java", USER, NULL);
	ck_assert_int_eq(chmod("jdk/bin", 0755) | chmod("jdk/bin/java", 0757), 0);
	check("jdk/bin/java", USER, "jdk/bin/java");
	check_below(USER, "jdk/bin/java");
}
END_TEST

START_TEST(names_below_a_sticky_directory)
{
	struct owner o;
	char full[PATH_MAX];

	begin();
	ck_assert_int_eq(chmod("jdk", 01777), 0);
	check("jdk/bin/java", USER, NULL);
	/* What is not there yet can be made by anybody. */
	check("jdk/jre/bin", USER, "jdk");
	ck_assert_int_eq(symlink("jdk/jre", "dangling"), 0);
	check("dangling", USER, "jdk");
	ck_assert_int_eq(chmod("jdk", 0755), 0);
	snprintf(full, sizeof(full), "%s/jdk/jre", top);
	ck_assert_int_eq(owner_find_stranger(full, USER, &o), -ENOENT);
	ck_assert_int_eq(owner_find_stranger_below(full, USER, &o), -ENOENT);
	ck_assert_int_eq(symlink("circle", "circle"), 0);
	snprintf(full, sizeof(full), "%s/circle", top);
	ck_assert_int_eq(owner_find_stranger(full, USER, &o), -ELOOP);
}
END_TEST

START_TEST(what_is_not_roots_alone)
{
	begin();
	if (geteuid() != 0)
		test_skip("not root");
	check("link/bin/java", 0, NULL);
	check_below(0, NULL);
	ck_assert_int_eq(chown("jdk/bin", STRANGER, 0), 0);
	check("link/bin/java", 0, "jdk/bin");
	check_below(0, "jdk/bin");
	check_text("jdk/bin/java", 0, "belongs to user nobody");
	check_text("jdk/bin/java", 0, "let user nobody run it (security.user");
	check("link/bin/java", USER, NULL); /* he chose it */
	ck_assert_int_eq(chown("jdk/bin", 54321, 0), 0);
	check_text("jdk/bin/java", 0, "belongs to user 54321");
	ck_assert_int_eq(chown("jdk/bin", 0, 12345) | chmod("jdk/bin", 0775), 0);
	check_text("jdk/bin/java", 0, "may be written by group 12345");
	ck_assert_int_eq(chown("jdk/bin", 0, 0), 0);
	check("link/bin/java", 0, NULL);
	/* The link is a stranger's, in a directory where he may make some. */
	ck_assert_int_eq(chmod(top, 01777) | lchown("link", STRANGER, STRANGER), 0);
	check("link/bin/java", 0, "link");
	check("jdk/bin/java", 0, NULL);
}
END_TEST

/* u::rwx, u:STRANGER:rwx, g::r-x, m::rwx, o::r-x as the file system keeps it (linux/posix_acl_xattr.h). */
START_TEST(what_an_access_control_list_opens)
{
	static const unsigned char list[] = {
		2, 0,	 0,    0,    1,	   0,	 7,    0, 0xff, 0xff, 0xff, 0xff, 2,	0,    7,
		0, 0xfe, 0xff, 0,    0,	   4,	 0,    5, 0,	0xff, 0xff, 0xff, 0xff, 0x10, 0,
		7, 0,	 0xff, 0xff, 0xff, 0xff, 0x20, 0, 5,	0,    0xff, 0xff, 0xff, 0xff,
	};

	begin();
	if (geteuid() != 0)
		test_skip("not root");
	if (setxattr("jdk/bin", "system.posix_acl_access", list, sizeof(list), 0) < 0)
		test_skip("no access control lists here: %s", strerror(errno));
	check("jdk/bin/java", 0, "jdk/bin");
}
END_TEST

START_TEST(links_out_of_a_tree)
{
	begin();
	if (geteuid() != 0)
		test_skip("not root");
	ck_assert(mkdir("conf", 0755) == 0 && mkdir("conf/security", 0755) == 0);
	ck_assert_int_eq(symlink("../conf", "jdk/conf"), 0);
	ck_assert_int_eq(symlink("missing", "jdk/nothing"), 0);
	check_below(0, NULL);
	ck_assert_int_eq(chown("conf/security", STRANGER, STRANGER), 0);
	check_below(0, "conf/security");
	ck_assert_int_eq(chown("conf/security", 0, 0) | chown("conf", STRANGER, 0), 0);
	check_below(0, "conf");
	ck_assert_int_eq(chown("conf", 0, 0), 0);
	ck_assert_int_eq(symlink("..", "jdk/lib/up"),
			 0); /* round and round: refused, not for ever */
	{
		struct owner o;

		ck_assert_int_eq(owner_find_stranger_below("jdk", 0, &o), -ELOOP);
	}
}
END_TEST

TEST_MAIN("owner", test_case("of a user", what_everybody_may_write, names_below_a_sticky_directory),
	  test_case("of root", what_is_not_roots_alone, what_an_access_control_list_opens,
		    links_out_of_a_tree))
