/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a signal reaches: a number that was read from /proc may be another process's by the time of
 * the signal. Here it becomes one at the moment that a pidfd is opened, the last at which it can.
 * link: -Wl,--wrap=pidfd_open -Wl,--wrap=proc_stat_read
 */

#include "launcher/measure/family.h"

#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "containers/proc/process.h"
#include "tests/harness.h"

int __real_pidfd_open(pid_t pid, unsigned flags);
int __wrap_pidfd_open(pid_t pid, unsigned flags);
int __real_proc_stat_read(pid_t pid, struct proc_stat *out);
int __wrap_proc_stat_read(pid_t pid, struct proc_stat *out);

static bool is_reused_when_opened, is_another;

int __wrap_pidfd_open(pid_t pid, unsigned flags)
{
	is_another |= is_reused_when_opened;
	return __real_pidfd_open(pid, flags);
}

int __wrap_proc_stat_read(pid_t pid, struct proc_stat *out)
{
	int r = __real_proc_stat_read(pid, out);

	if (is_another)
		out->start_ticks++;
	return r;
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		poll(NULL, 0, 60000);
		_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_family_is_killed)
{
	cleanup_family struct family f = {0};
	pid_t pid = start();
	int status;

	ck_assert_int_eq(family_add(&f, pid), 0);
	family_kill(&f);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert(family_wait(&f, 0));
}
END_TEST

START_TEST(a_number_that_is_used_again_is_left_alone)
{
	cleanup_family struct family f = {0};
	pid_t pid = start();

	ck_assert_int_eq(family_add(&f, pid), 0);
	is_reused_when_opened = true;
	family_kill(&f);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	end(pid);
}
END_TEST

START_TEST(a_process_is_opened_as_itself)
{
	struct process_id id;
	pid_t pid = start();
	struct err e;
	int fd;

	ck_assert_int_eq(process_identify(pid, &id, &e), 0);
	fd = process_open(&id);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(process_signal(&id, 0));
	is_reused_when_opened = true;
	ck_assert_int_lt(process_open(&id), 0);
	ck_assert(!process_signal(&id, SIGKILL));
	end(pid);
	is_another = is_reused_when_opened = false;
	ck_assert(!process_signal(&id, 0));
	ck_assert(!process_signal(&(struct process_id){0}, 0));
}
END_TEST

TEST_MAIN("family",
	  test_case("signals", a_family_is_killed, a_number_that_is_used_again_is_left_alone,
		    a_process_is_opened_as_itself))
