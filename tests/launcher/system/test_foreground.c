/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/foreground.h"

#include <errno.h>
#include <sys/wait.h>

#include "containers/process/spawn.h"
#include "decision/base/cleanup.h"
#include "tests/harness.h"

/* A driver without groups. */
static int plain_spawn(struct driver *d, const struct spawn *s, pid_t *pid, int *pidfd,
		       struct err *e)
{
	const struct spawn_into into = {.cgroup2 = -1, .wall = WALL_CPUSET};

	(void)d;
	return spawn_process(s, &into, pid, pidfd, e);
}

static const struct driver_ops plain_ops = {.name = "plain", .spawn = plain_spawn};

/* Start a shell script; `ready` is a FIFO's read end that it writes to. */
static void start(struct foreground *f, const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	const struct spawn s = {.file = "/bin/sh",
				.argv = (char *const *)argv,
				.envp = environ,
				.in = -1,
				.out = STDOUT_FILENO,
				.err = STDERR_FILENO,
				.uid = (uid_t)-1};
	struct driver d = {.ops = &plain_ops};
	struct err e;

	if (foreground_block(f, &e) || foreground_start(f, &d, &s, &e))
		ck_abort_msg("%s", e.msg);
}

/* Wait until the script has made its file. */
static void wait_for(const char *path)
{
	for (int i = 0; i < 500 && access(path, F_OK) < 0; i++)
		poll(NULL, 0, 10);
	ck_assert_msg(access(path, F_OK) == 0, "%s", path);
}

static char *path_of(const char *file)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", test_directory(), file);
	unlink(path);
	return path;
}

static int wait_end(struct foreground *f)
{
	struct err e;
	int status = foreground_wait(f, NULL, NULL, &e);

	foreground_release(f);
	return status;
}

START_TEST(exit_codes)
{
	struct foreground f;

	start(&f, "exit 0");
	ck_assert_int_eq(wait_end(&f), 0);
	start(&f, "exit 42");
	ck_assert_int_eq(wait_end(&f), 42);
	start(&f, "kill -KILL $$");
	ck_assert_int_eq(wait_end(&f), 128 + SIGKILL);
}
END_TEST

START_TEST(a_signal_is_passed_on)
{
	char script[1024], *path = path_of("trapped");
	struct foreground f;

	snprintf(script, sizeof(script), "trap 'exit 7' TERM; : >%s; while :; do sleep 0.02; done",
		 path);
	start(&f, script);
	wait_for(path);
	kill(getpid(), SIGTERM); /* blocked here, read from the signalfd */
	ck_assert_int_eq(wait_end(&f), 7);
}
END_TEST

/* A terminal's Ctrl-C reaches both; the program may be gone before we look at it. */
START_TEST(a_signal_that_ended_the_program_is_counted)
{
	struct pollfd ended = {.events = POLLIN};
	struct foreground f;
	int status;
	struct err e;

	start(&f, "exit 130");
	ended.fd = f.pidfd;
	ck_assert_int_eq(poll(&ended, 1, 10000), 1);
	kill(getpid(), SIGINT);
	status = foreground_wait(&f, NULL, NULL, &e);
	ck_assert_int_eq(status, 130);
	ck_assert_uint_eq(f.interrupts, 1);
	ck_assert_int_eq(f.last_signal, SIGINT);
	foreground_release(&f);
}
END_TEST

/* The first signal is ignored by all three, the second kills parent, child and grandchild. */
START_TEST(the_second_kills_the_family)
{
	char script[2048], text[64] = "", *path = path_of("family");
	struct process_id grandchild;
	struct foreground f;
	struct err e;
	FILE *file;

	snprintf(script, sizeof(script),
		 "trap '' INT; sh -c 'sh -c \"echo \\$\\$ >%s.new; mv %s.new %s; "
		 "while :; do sleep 0.02; done\"; :' & while :; do sleep 0.02; done",
		 path, path, path);
	start(&f, script);
	wait_for(path);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	if (process_identify((pid_t)strtol(text, NULL, 10), &grandchild, &e))
		ck_abort_msg("%s", e.msg);
	kill(getpid(), SIGINT);
	poll(NULL, 0, 50);
	kill(f.pid, 0);
	ck_assert(process_is_alive(&grandchild));
	/* Both are read at once: the second of two equal signals would merge with the first. */
	kill(getpid(), SIGTERM);
	ck_assert_int_eq(wait_end(&f), 128 + SIGKILL);
	for (int i = 0; i < 200 && process_is_alive(&grandchild); i++)
		poll(NULL, 0, 10);
	ck_assert(!process_is_alive(&grandchild));
}
END_TEST

/*
 * A program that ends on the first signal and leaves a child behind: it is gone too, after the
 * grace.
 */
START_TEST(nothing_is_left_after_a_signal)
{
	char script[2048], text[64] = "", *path = path_of("left");
	struct process_id child;
	struct foreground f;
	struct err e;
	FILE *file;

	snprintf(script, sizeof(script),
		 "sh -c 'trap \"\" TERM; echo $$ >%s.new; mv %s.new %s; while :; do sleep 0.02; "
		 "done' & trap 'exit 9' TERM; while :; do sleep 0.02; done",
		 path, path, path);
	start(&f, script);
	wait_for(path);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	if (process_identify((pid_t)strtol(text, NULL, 10), &child, &e))
		ck_abort_msg("%s", e.msg);
	kill(getpid(), SIGTERM);
	ck_assert_int_eq(wait_end(&f), 9);
	for (int i = 0; i < 200 && process_is_alive(&child); i++)
		poll(NULL, 0, 10);
	ck_assert(!process_is_alive(&child));
}
END_TEST

/* The terminal's signals are the caller's group's, and so is kill(1)'s: ours go to all of the program's. */
START_TEST(it_leads_a_session_and_a_group)
{
	char script[1024], *path = path_of("group");
	struct foreground f;

	snprintf(script, sizeof(script),
		 "set -- $$ $(cat /proc/$$/stat); test $1 = $6 -a $1 = $7 || exit 3; "
		 "sh -c ': >%s; while :; do sleep 0.02; done'; exit 4",
		 path);
	start(&f, script);
	wait_for(path);
	ck_assert_int_eq(getpgid(f.pid), f.pid);
	kill(getpid(), SIGINT);
	ck_assert_int_eq(wait_end(&f), 128 + SIGINT);
}
END_TEST

TEST_MAIN("foreground",
	  test_case("foreground", exit_codes, a_signal_is_passed_on,
		    a_signal_that_ended_the_program_is_counted, the_second_kills_the_family,
		    nothing_is_left_after_a_signal, it_leads_a_session_and_a_group))
