/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

static struct err e;

static const char *own_name(const char *what)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s-%d", what, (int)getppid());
	return name;
}

START_TEST(one_at_a_time)
{
	const char *name = own_name("one");
	int fd = claim_take(name, &e);

	ck_assert_msg(fd >= 0, "%s", e.msg);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(claim_take(name, &e), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(e.msg, name));
	close(fd);
	fd = claim_take(name, &e);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

/* One name is not the begin of another. */
START_TEST(whole_names)
{
	int shorter = claim_take(own_name("127.0.0.1"), &e);
	int longer = claim_take(own_name("127.0.0.1:7077"), &e);

	ck_assert_int_ge(shorter, 0);
	ck_assert_int_ge(longer, 0);
	close(shorter);
	close(longer);
}
END_TEST

START_TEST(it_ends_with_its_process)
{
	const char *name = own_name("ends");
	int ready[2], fd;
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		if (claim_take(name, &e) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(claim_take(name, &e), -EADDRINUSE);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	fd = claim_take(name, &e);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(too_long)
{
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(claim_take(name, &e), -ENAMETOOLONG);
}
END_TEST

TEST_MAIN("claim",
	  test_case("claim", one_at_a_time, whole_names, it_ends_with_its_process, too_long))
