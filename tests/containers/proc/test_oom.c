/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one who dies last of memory, and that its children do not. Where it may not be protected, it is
 * made one of the first to die: for its children that is the same.
 * link: -Wl,--wrap=control_write
 */

#include "containers/proc/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "containers/driver.h"
#include "containers/proc/control_file.h"
#include "containers/process/spawn.h"
#include "decision/base/cleanup.h"
#include "tests/harness.h"

int __real_control_write(int dir, const char *path, const char *text, struct err *e);
int __wrap_control_write(int dir, const char *path, const char *text, struct err *e);

static bool is_refused; /* as the kernel has it */

int __wrap_control_write(int dir, const char *path, const char *text, struct err *e)
{
	int r = __real_control_write(dir, path, text, e);

	return r < 0 && !is_refused ? __real_control_write(dir, path, "900", e) : r;
}

static int value(const char *path)
{
	cleanup_fclose FILE *f = fopen(path, "re");
	int adj = 9999;

	ck_assert_msg(f && fscanf(f, "%d", &adj) == 1, "%s", path);
	return adj;
}

static void set(int adj)
{
	cleanup_fclose FILE *f = fopen("/proc/self/oom_score_adj", "we");

	fprintf(f, "%d\n", adj);
}

/* The value of a process that was born by spawn_process(), as such a user. */
static int value_of_child(uid_t uid)
{
	char name[] = "sleep", time[] = "100";
	char *argv[] = {name, time, NULL};
	const struct spawn s = {.group = "x",
				.file = "/bin/sleep",
				.argv = argv,
				.in = -1,
				.out = -1,
				.err = 2,
				.uid = uid,
				.gid = uid};
	const struct spawn_into into = {.cgroup2 = -1, .wall = WALL_CPUSET};
	cleanup_close int fd = -1;
	char path[64];
	struct err e;
	int adj;
	pid_t pid;

	ck_assert_msg(spawn_process(&s, &into, &pid, &fd, &e) == 0, "%s", e.msg);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	adj = value(path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return adj;
}

START_TEST(children_get_the_value_of_before)
{
	int protected;

	set(100);
	ck_assert_int_eq(oom_protect(), 0);
	protected = value("/proc/self/oom_score_adj");
	ck_assert_int_eq(abs(protected), -OOM_PROTECTED);
	ck_assert_int_eq(oom_protect(), 0); /* again: what was before is still known */
	ck_assert_int_eq(value_of_child((uid_t)-1), 100);
	ck_assert_int_eq(value_of_child(65534), 100);
	ck_assert_int_eq(value("/proc/self/oom_score_adj"), protected);
	oom_restore();
	ck_assert_int_eq(value("/proc/self/oom_score_adj"), 100);
	ck_assert_int_eq(value_of_child((uid_t)-1), 100);
}
END_TEST

START_TEST(who_may_not_stays_as_he_is)
{
	int before = value("/proc/self/oom_score_adj");

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	is_refused = true;
	ck_assert_int_eq(oom_protect(), -EACCES);
	ck_assert_int_eq(value("/proc/self/oom_score_adj"), before);
	oom_restore();
	ck_assert_int_eq(value("/proc/self/oom_score_adj"), before);
}
END_TEST

TEST_MAIN("oom", test_case("oom", children_get_the_value_of_before, who_may_not_stays_as_he_is))
