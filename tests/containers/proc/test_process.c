/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process, whatever its name is; and who is there. */

#include "containers/proc/process.h"

#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "containers/proc/control_file.h"
#include "tests/harness.h"

START_TEST(names_may_hold_anything)
{
	struct proc_stat s;

	ck_assert(
		proc_stat_parse("42 (a) b (c) S 3 1 1 0 -1 0 0 0 0 0 7 5 2 1 20 0 1 0 900 0", &s));
	ck_assert_int_eq(s.pid, 42);
	ck_assert_str_eq(s.name, "a) b (c");
	ck_assert_uint_eq(s.cpu_ticks, 12);
	ck_assert_uint_eq(s.waited_ticks, 3);
	ck_assert_uint_eq(s.start_ticks, 900);
	ck_assert_int_eq(s.parent, 3);
	ck_assert_int_eq(s.state, 'S');
	ck_assert(!proc_stat_parse("", &s));
	ck_assert(!proc_stat_parse("42 (a", &s));
	ck_assert(!proc_stat_parse("42 (a)", &s));
	ck_assert(!proc_stat_parse("42 (a) S 1 1 1 0 -1 0 0 0 0 0 7 x 0 0 20 0 1 0 900 0", &s));
	ck_assert(!proc_stat_parse("42 )a( S 1 1 1 0 -1 0 0 0 0 0 7 5 0 0 20 0 1 0 900 0", &s));
	ck_assert(!proc_stat_parse("42 (a) S 1 1 1 0 -1 0 0 0 0 0 7 5 0 0 20 0 1 0", &s));
}
END_TEST

START_TEST(a_zombie_is_read_and_dead)
{
	siginfo_t info;
	struct proc_stat s;
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_NAME, ") R 1 (");
		_exit(0);
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(proc_stat_read(child, &s), 0);
	ck_assert_str_eq(s.name, ") R 1 (");
	ck_assert_int_eq(s.parent, getpid());
	ck_assert(!proc_is_alive(&s));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(proc_stat_read(child, &s), -ESRCH);
	ck_assert_int_eq(proc_stat_read(getpid(), &s), 0);
	ck_assert(proc_is_alive(&s));
}
END_TEST

static void *wait_for_byte(void *context)
{
	char byte;

	return read(*(int *)context, &byte, 1) == 1 ? NULL : context;
}

static unsigned count(pid_t of, pid_t wanted, unsigned *hits)
{
	cleanup_closedir DIR *list = proc_list(of);
	unsigned all = 0;
	pid_t pid;

	ck_assert_ptr_nonnull(list);
	*hits = 0;
	while ((pid = proc_next(list))) {
		all++;
		*hits += pid == wanted;
	}
	return all;
}

START_TEST(everybody_is_listed_once)
{
	unsigned hits;
	pthread_t thread;
	int ends[2];

	ck_assert_uint_ge(count(0, getpid(), &hits), 1);
	ck_assert_uint_eq(hits, 1);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_byte, &ends[0]), 0);
	ck_assert_uint_eq(count(getpid(), getpid(), &hits), 2);
	ck_assert_uint_eq(hits, 1);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(texts_hold_nuls)
{
	char text[4096], small[2];
	int n = proc_read_text(getpid(), "cmdline", text, sizeof(text));

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(text[n - 1], '\0');
	ck_assert_ptr_nonnull(strstr(text, "test_process"));
	ck_assert_int_eq(proc_read_text(getpid(), "cmdline", small, sizeof(small)), -EFBIG);
	ck_assert_int_eq(proc_read_text(getpid(), "none", text, sizeof(text)), -ENOENT);
}
END_TEST

TEST_MAIN("process", test_case("proc", names_may_hold_anything, a_zombie_is_read_and_dead,
			       everybody_is_listed_once, texts_hold_nuls))
