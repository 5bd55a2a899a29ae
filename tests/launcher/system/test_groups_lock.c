/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/groups_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

enum { USER = 65534, OTHER = 65533 };

static struct groups_lock lock = {.fd = -1};
static struct err e;
static char tree[32];
static pid_t holder;

static int take(void)
{
	snprintf(tree, sizeof(tree), "test-%d", (int)getppid());
	return groups_lock_take(tree, &lock, &holder, &e);
}

/* What `act` returns, as another user, who has no runtime directory but this. */
static int as_user(uid_t uid, const char *runtime, int (*act)(void))
{
	pid_t pid;
	int status;

	snprintf(tree, sizeof(tree), "test-%d", (int)getpid());
	pid = fork();
	if (pid == 0) {
		if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(99);
		unsetenv("XDG_RUNTIME_DIR");
		if (runtime)
			setenv("XDG_RUNTIME_DIR", runtime, 1);
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* 0, or the errno; held and released again, and no file is left. */
static int take_and_release(void)
{
	int dir, r = take();

	if (r)
		return -r;
	dir = dup(lock.dir);
	groups_lock_release(&lock);
	return faccessat(dir, lock.name, F_OK, 0) == 0 ? 98 : 0;
}

START_TEST(one_has_it)
{
	unsigned before = test_count_descriptors();
	int ready[2], status;
	pid_t child;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		snprintf(tree, sizeof(tree), "test-%d", (int)getppid());
		if (groups_lock_take(tree, &lock, &holder, &e) || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	snprintf(tree, sizeof(tree), "test-%d", (int)getpid());
	ck_assert_int_eq(groups_lock_take(tree, &lock, &holder, &e), -EBUSY);
	ck_assert_int_eq(holder, child);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(groups_lock_take(tree, &lock, &holder, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(fcntl(lock.fd, F_GETFD), FD_CLOEXEC);
	groups_lock_release(&lock);
	groups_lock_release(&lock); /* nothing */
	close(ready[0]);
	close(ready[1]);
	ck_assert_uint_eq(test_count_descriptors(), before);
}
END_TEST

START_TEST(a_user_without_a_runtime_directory)
{
	char path[64];

	if (geteuid() != 0)
		test_skip("needs root, to be other users");
	snprintf(path, sizeof(path), "/tmp/cleave-%d", USER);
	if (access(path, F_OK) == 0)
		test_skip("%s is there", path);
	ck_assert_int_eq(as_user(USER, NULL, take_and_release), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	/* Somebody else has made it: nothing in it is believed. */
	ck_assert_int_eq(mkdir(path, 0777), 0);
	ck_assert_int_eq(chown(path, OTHER, OTHER), 0);
	ck_assert_int_eq(as_user(USER, NULL, take_and_release), EPERM);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(symlink(test_directory(), path), 0);
	ck_assert_int_ne(as_user(USER, NULL, take_and_release), 0);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_runtime_directory_is_its_user_s_alone)
{
	char path[256], planted[512];
	struct stat st;

	if (geteuid() != 0)
		test_skip("needs root, to be other users");
	snprintf(path, sizeof(path), "/tmp/cleave-test-runtime-%d", (int)getpid());
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chown(path, USER, USER), 0);
	ck_assert_int_eq(as_user(USER, path, take_and_release), 0);
	ck_assert_int_eq(as_user(OTHER, path, take_and_release), 0); /* in his own */
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_eq(as_user(USER, path, take_and_release), EPERM);
	/* A link in place of the lock is not followed. */
	ck_assert_int_eq(chmod(path, 0700), 0);
	snprintf(planted, sizeof(planted), "%s/cleave-groups-test-%d.lock", path, (int)getpid());
	ck_assert_int_eq(symlink("/tmp/cleave-test-nothing", planted), 0);
	ck_assert_int_eq(as_user(USER, path, take_and_release), ELOOP);
	ck_assert_int_ne(lstat("/tmp/cleave-test-nothing", &st), 0);
	ck_assert_int_eq(unlink(planted), 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

TEST_MAIN("groups_lock", test_case("lock", one_has_it, a_user_without_a_runtime_directory,
				   a_runtime_directory_is_its_user_s_alone))
