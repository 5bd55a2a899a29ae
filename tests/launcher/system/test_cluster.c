/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "decision/base/cleanup.h"
#include "launcher/system/files.h"
#include "launcher/system/scratch.h"
#include "tests/harness.h"

static struct cluster c;
static struct err e;

/* A changed user makes a process undumpable, and then the leak checker cannot look at it. */
static void become_root_again(void)
{
	ck_assert_int_eq(seteuid(getuid()), 0);
	prctl(PR_SET_DUMPABLE, 1);
}

START_TEST(paths_below_the_state_directory)
{
	char path[PROFILE_PATH];

	ck_assert_int_eq(cluster_paths("/srv/x", "demo", &c, &e), 0);
	ck_assert_str_eq(c.state, "/srv/x/state/demo");
	ck_assert_str_eq(c.data, "/srv/x/data/demo");
	ck_assert_int_eq(cluster_file(&c, "control", path, &e), 0);
	ck_assert_str_eq(path, "/srv/x/state/demo/control");
	ck_assert_int_eq(cluster_paths("rel/x", "demo", &c, &e), 0);
	ck_assert_int_eq(c.state[0], '/');
	ck_assert_ptr_nonnull(strstr(c.state, "/rel/x/state/demo"));
}
END_TEST

START_TEST(paths_without_one)
{
	if (geteuid() == 0) {
		ck_assert_int_eq(cluster_paths(NULL, "demo", &c, &e), 0);
		ck_assert_str_eq(c.state, "/run/cleave/demo");
		ck_assert_str_eq(c.data, "/var/lib/cleave/demo");
		ck_assert_int_eq(seteuid(65534), 0);
	}
	setenv("XDG_RUNTIME_DIR", "/nonexistent/run/7", 1);
	setenv("XDG_STATE_HOME", "/home/u/state", 1);
	ck_assert_int_eq(cluster_paths(NULL, "demo", &c, &e), 0);
	ck_assert_str_eq(c.state, "/nonexistent/run/7/cleave/demo");
	ck_assert_str_eq(c.data, "/home/u/state/cleave/demo");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/u", 1);
	ck_assert_int_eq(cluster_paths(NULL, "demo", &c, &e), 0);
	ck_assert_ptr_nonnull(strstr(c.state, "/tmp/cleave-"));
	ck_assert_str_eq(c.data, "/home/u/.local/state/cleave/demo");
	unsetenv("HOME");
	if (access(getpwuid(geteuid())->pw_dir, F_OK) < 0) { /* nobody's is not there */
		ck_assert_int_lt(cluster_paths(NULL, "demo", &c, &e), 0);
		ck_assert_ptr_nonnull(strstr(e.msg, "--state-dir"));
	}
	become_root_again();
}
END_TEST

/* What su and sudo leave of another user's shell is not taken for the caller's. */
START_TEST(directories_of_another_user)
{
	if (geteuid() != 0)
		test_skip("not root");
	ck_assert_int_eq(seteuid(65534), 0);
	setenv("XDG_RUNTIME_DIR", "/etc", 1);
	setenv("XDG_STATE_HOME", "/home/u/state", 1);
	ck_assert_ptr_null(cluster_runtime_dir());
	ck_assert_int_eq(cluster_paths(NULL, "demo", &c, &e), 0);
	ck_assert_str_eq(c.state, "/tmp/cleave-65534/demo");
	become_root_again();
	ck_assert_str_eq(cluster_runtime_dir(), "/etc");
	setenv("XDG_RUNTIME_DIR", "run", 1);
	ck_assert_ptr_null(cluster_runtime_dir());
}
END_TEST

START_TEST(bad_names_and_long_paths)
{
	static const char *const bad[] = {
		"", "Demo", "-x", "a/b", "..", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	char longest[128], text[PROFILE_PATH * 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(cluster_paths("/srv", bad[i], &c, &e), -EINVAL);
		ck_assert_int_eq(e.exit, ERR_WRONG);
	}
	/* 107 bytes: "/" + n + "/state/demo/control" */
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[107 - strlen("/state/demo/control")] = '\0';
	ck_assert_int_eq(cluster_paths(longest, "demo", &c, &e), 0);
	longest[strlen(longest)] = 'x';
	longest[107 - strlen("/state/demo/control") + 1] = '\0';
	ck_assert_int_eq(cluster_paths(longest, "demo", &c, &e), -ENAMETOOLONG);
	ck_assert_int_eq(e.exit, ERR_FAILED);
	ck_assert_ptr_nonnull(strstr(e.msg, "has 108 bytes, a socket's may have 107"));
	memset(text, 'y', sizeof(text));
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(cluster_paths(text, "demo", &c, &e), -ENAMETOOLONG);
}
END_TEST

static void touch(const char *directory, const char *file)
{
	char path[PROFILE_PATH * 2];

	snprintf(path, sizeof(path), "%s%s", directory, file);
	ck_assert_int_eq(file_replace(path, "x", 1, 0644, &e), 0);
}

START_TEST(made_listed_removed)
{
	char top[PROFILE_PATH], outside[PROFILE_PATH + 16], link[PROFILE_PATH * 2];
	struct strings names = {0};
	struct stat st;

	snprintf(top, sizeof(top), "%s/make", test_directory());
	snprintf(outside, sizeof(outside), "%s/outside", test_directory());
	ck_assert_int_eq(mkdir(outside, 0700), 0);
	touch(outside, "/kept");
	ck_assert_int_eq(cluster_list(top, &names, &e), 0);
	ck_assert_uint_eq(names.count, 0);
	ck_assert_int_eq(cluster_paths(top, "zeta", &c, &e), 0);
	ck_assert_int_eq(cluster_make(&c, &e), 0);
	ck_assert_int_eq(cluster_paths(top, "alpha", &c, &e), 0);
	ck_assert_int_eq(cluster_make(&c, &e), 0);
	ck_assert_int_eq(cluster_make(&c, &e), 0); /* again is fine */
	ck_assert_int_eq(stat(c.state, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0711);
	ck_assert_int_eq(cluster_list(top, &names, &e), 0);
	ck_assert_uint_eq(names.count, 2);
	ck_assert_str_eq(strings_get(&names, 0), "alpha");

	touch(c.data, "/log");
	snprintf(link, sizeof(link), "%s/link", c.data);
	ck_assert_int_eq(symlink(outside, link), 0);
	ck_assert_int_eq(cluster_remove(&c, REMAINS_DATA, &e), 0);
	ck_assert_int_ne(access(c.state, F_OK), 0);
	ck_assert_int_eq(access(c.data, F_OK), 0);
	ck_assert_int_eq(cluster_remove(&c, REMAINS_NOTHING, &e), 0);
	ck_assert_int_ne(access(c.data, F_OK), 0);
	snprintf(link, sizeof(link), "%s/kept", outside);
	ck_assert_int_eq(access(link, F_OK), 0); /* not through the link */
	ck_assert_int_eq(cluster_paths(top, "zeta", &c, &e), 0);
	ck_assert_int_eq(access(c.state, F_OK), 0); /* the other one is untouched */
	ck_assert_int_eq(cluster_remove(&c, REMAINS_NOTHING, &e), 0);
	snprintf(link, sizeof(link), "%s/state", top);
	ck_assert_int_ne(access(link, F_OK), 0);
}
END_TEST

START_TEST(old_logs_go_but_supervisor_log)
{
	char path[PROFILE_PATH * 2];

	ck_assert_int_eq(cluster_paths(test_directory(), "clear", &c, &e), 0);
	ck_assert_int_eq(cluster_make(&c, &e), 0);
	touch(c.data, "/supervisor.log");
	touch(c.data, "/old");
	ck_assert_int_eq(cluster_clear_data(&c, &e), 0);
	snprintf(path, sizeof(path), "%s/supervisor.log", c.data);
	ck_assert_int_eq(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/old", c.data);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(scratch_elsewhere)
{
	char top[PROFILE_PATH], other[PROFILE_PATH + 64], path[PROFILE_PATH];

	snprintf(top, sizeof(top), "%s/fast", test_directory());
	ck_assert_int_eq(mkdir(top, 0700), 0);
	ck_assert_int_eq(cluster_paths(test_directory(), "demo", &c, &e), 0);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const slices[] = {"slice-0", "slice-1", "slice-63"};

		ck_assert_int_eq(scratch_path(&c, top, slices[i], path, &e), 0);
		ck_assert_int_eq(mkdir(path, 0700), 0);
		touch(path, "/block");
	}
	snprintf(other, sizeof(other), "%s/cleave-demo2-slice-0", top);
	ck_assert_int_eq(mkdir(other, 0700), 0);
	ck_assert_int_eq(scratch_remove(&c, "", &e), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	c.uid++; /* somebody else's */
	ck_assert_int_eq(scratch_remove(&c, top, &e), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	c.uid--;
	ck_assert_int_eq(scratch_remove(&c, top, &e), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_int_eq(rmdir(other), 0); /* another cluster's stays */
	ck_assert_int_eq(rmdir(top), 0);   /* and nothing else */
	ck_assert_int_eq(scratch_remove(&c, top, &e), 0);
	memset(top, 'x', sizeof(top) - 1);
	top[sizeof(top) - 1] = '\0';
	ck_assert_int_eq(scratch_remove(&c, top, &e), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_file_in_the_way)
{
	char top[PROFILE_PATH];

	snprintf(top, sizeof(top), "%s/file", test_directory());
	touch(top, "");
	ck_assert_int_eq(cluster_paths(top, "demo", &c, &e), 0);
	ck_assert_int_lt(cluster_make(&c, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "Not a directory"));
}
END_TEST

/* ---- users */

static struct profile profile;

START_TEST(users)
{
	if (geteuid() != 0)
		test_skip("only root can start workers as another user");
	profile_default(&profile);
	unsetenv("SUDO_USER");
	ck_assert_int_eq(cluster_paths("/srv", "demo", &c, &e), 0);
	ck_assert_int_eq(cluster_user(&profile, &c, &e), 0);
	ck_assert_str_eq(c.user, "");
	setenv("SUDO_USER", "nobody", 1);
	ck_assert_int_eq(cluster_user(&profile, &c, &e), 0);
	ck_assert_str_eq(c.user, "nobody");
	ck_assert_uint_ne(c.uid, 0);
	string_copy(profile.security.user, "no-such-user");
	ck_assert_int_eq(cluster_user(&profile, &c, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.msg, "security.user: there is no user no-such-user"));
	string_copy(profile.security.user, "root"); /* the caller himself */
	ck_assert_int_eq(cluster_user(&profile, &c, &e), 0);
	ck_assert_str_eq(c.user, "");
	ck_assert_int_eq(seteuid(65534), 0);
	string_copy(profile.security.user, "daemon");
	ck_assert_int_eq(cluster_user(&profile, &c, &e), -EPERM);
	become_root_again();
}
END_TEST

START_TEST(what_a_user_may_reach)
{
	char open_[PROFILE_PATH], closed[PROFILE_PATH], inside[PROFILE_PATH + 16];

	if (geteuid() != 0)
		test_skip("only root can start workers as another user");
	snprintf(open_, sizeof(open_), "%s/open", test_directory());
	snprintf(closed, sizeof(closed), "%s/closed", test_directory());
	snprintf(inside, sizeof(inside), "%s/inside", closed);
	ck_assert_int_eq(chmod(test_directory(), 0755), 0);
	ck_assert_int_eq(mkdir(open_, 0755) | mkdir(closed, 0700), 0);
	ck_assert_int_eq(mkdir(inside, 0755), 0);
	c = (struct cluster){.uid = 65534, .gid = 65534, .user = "nobody"};
	ck_assert_msg(cluster_user_access(&c, open_, R_OK | X_OK, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(cluster_user_access(&c, open_, W_OK, &e), -EACCES);
	ck_assert_int_eq(cluster_user_access(&c, inside, R_OK, &e), -EACCES);
	ck_assert_ptr_nonnull(strstr(e.msg, "user nobody may not enter"));
	ck_assert_ptr_nonnull(strstr(e.msg, "/closed"));
	c.user[0] = '\0'; /* the caller: the kernel will tell */
	ck_assert_int_eq(cluster_user_access(&c, inside, R_OK, &e), 0);
}
END_TEST

/* ---- processes */

START_TEST(identities)
{
	struct process_id self, again, child;
	pid_t pid;

	ck_assert_int_eq(process_identify(getpid(), &self, &e), 0);
	ck_assert_int_eq(process_identify(getpid(), &again, &e), 0);
	ck_assert_uint_eq(self.start_time, again.start_time);
	ck_assert(process_is_alive(&self));
	again.start_time++; /* as if the pid were somebody else's now */
	ck_assert(!process_is_alive(&again));
	ck_assert(!process_is_alive(&(struct process_id){0}));
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(process_identify(pid, &child, &e), 0);
	ck_assert(process_is_alive(&child));
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	ck_assert(!process_is_alive(&child)); /* a zombie is dead */
	ck_assert_int_eq(process_identify(pid, &child, &e), -ESRCH);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(process_identify(pid, &child, &e), -ESRCH);
}
END_TEST

/* ---- whole files */

START_TEST(files_are_replaced_whole)
{
	char path[PROFILE_PATH], fresh[PROFILE_PATH + 8];
	cleanup_free char *text = NULL;
	struct stat st;
	size_t size;

	snprintf(path, sizeof(path), "%s/whole", test_directory());
	ck_assert_int_eq(file_replace(path, "one", 3, 0600, &e), 0);
	ck_assert_int_eq(file_replace(path, "two two", 7, 0640, &e), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	ck_assert_int_eq(file_read(path, 7, &text, &size, &e), 0);
	ck_assert_str_eq(text, "two two");
	ck_assert_int_eq(file_read(path, 6, &text, &size, &e), -EFBIG);
	ck_assert_int_eq(file_read(test_directory(), 100, &text, &size, &e), -EBADMSG);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	ck_assert_int_ne(access(fresh, F_OK), 0);
	ck_assert_int_eq(file_replace("/proc/none/x", "x", 1, 0600, &e), -ENOENT);
}
END_TEST

START_TEST(a_fifo_does_not_hang)
{
	char path[PROFILE_PATH];
	char *text;
	size_t size;

	snprintf(path, sizeof(path), "%s/fifo", test_directory());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(file_read(path, 100, &text, &size, &e), -EBADMSG);
}
END_TEST

TEST_MAIN("cluster",
	  test_case("directories", paths_below_the_state_directory, paths_without_one,
		    directories_of_another_user, bad_names_and_long_paths, made_listed_removed,
		    old_logs_go_but_supervisor_log, scratch_elsewhere, a_file_in_the_way),
	  test_case("users", users, what_a_user_may_reach), test_case("processes", identities),
	  test_case("files", files_are_replaced_whole, a_fifo_does_not_hang))
