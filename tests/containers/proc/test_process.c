/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process, whatever its name is; and who is there. */

#include "containers/proc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "containers/proc/control_file.h"
#include "containers/proc/owner.h"
#include "decision/base/cleanup.h"
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

/* ---- words */

static unsigned count_words(const char *text, size_t size, size_t *bytes)
{
	struct words words = {text, text + size};
	const char *word;
	unsigned number = 0;

	*bytes = 0;
	while ((word = words_next(&words))) {
		number++;
		*bytes += strlen(word) + 1;
		ck_assert(word >= text && *bytes <= size);
	}
	ck_assert_ptr_null(words_next(&words));
	return number;
}

START_TEST(words_are_what_a_nul_ends)
{
	size_t bytes;

	ck_assert_uint_eq(count_words(NULL, 0, &bytes), 0);
	ck_assert_uint_eq(count_words("a", 1, &bytes), 0);
	ck_assert_uint_eq(count_words("", 1, &bytes), 1);
	ck_assert_uint_eq(count_words("\0a\0\0b", 5, &bytes), 3);
	ck_assert_uint_eq(bytes, 4);
	for (unsigned seed = 0; seed < 2000; seed++) {
		size_t size = seed % 40;
		/* Exactly as large: the san variant sees a byte behind it. */
		cleanup_free char *text = malloc(size ? size : 1);
		unsigned state = seed, nuls = 0;

		for (size_t i = 0; i < size; i++) {
			state = state * 1103515245 + 12345;
			text[i] = "\0\0a\n"[state >> 16 & 3];
			nuls += !text[i];
		}
		ck_assert_msg(count_words(text, size, &bytes) == nuls, "seed %u", seed);
	}
}
END_TEST

enum { LARGEST_WORD = 128 << 10 }; /* with its NUL: MAX_ARG_STRLEN */

/*
 * This program, executed anew as "crafted FORM", writes over its arguments and its environment, as
 * any process may, and waits to be killed.
 */
static __attribute__((constructor)) void craft(int argc, char **argv, char **envp)
{
	char *end;

	if (argc < 2 || strcmp(argv[0], "crafted") != 0)
		return;
	if (strcmp(argv[1], "no-nul") == 0 && envp[0]) {
		end = strchr(envp[0], '\0') + 1;
		memset(argv[0], 'x', (size_t)(end - argv[0]));
	} else if (strcmp(argv[1], "newlines") == 0 && envp[0]) {
		end = strchr(envp[0], '\0') + 1;
		envp[0][3] = '\0';
		memset(envp[0] + 4, '\n', (size_t)(end - envp[0] - 4));
	}
	if (write(STDOUT_FILENO, "x", 1) == 1)
		for (;;)
			pause();
	_exit(1);
}

static pid_t start_crafted(const char *form, const char *more, const char *environment)
{
	const char *const argv[] = {"crafted", form, more, more, NULL};
	const char *const envp[] = {environment, NULL};
	int ends[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execve("/proc/self/exe", (char *const *)argv, (char *const *)envp);
		_exit(127);
	}
	close(ends[1]);
	ck_assert_msg(read(ends[0], &byte, 1) == 1, "'%s' did not start", form);
	close(ends[0]);
	return pid;
}

/* The words of the file, -1: they cannot be had whole. */
static int read_crafted(pid_t pid, const char *file, size_t *bytes)
{
	size_t size = 0;
	cleanup_free char *text = proc_read_words(pid, file, &size);

	return text ? (int)count_words(text, size, bytes) : -1;
}

START_TEST(a_process_says_of_itself_what_it_likes)
{
	cleanup_free char *large = malloc(LARGEST_WORD);
	size_t bytes;
	pid_t pid;

	memset(large, 'y', LARGEST_WORD - 1);
	large[LARGEST_WORD - 1] = '\0';

	/* 256 KiB in two words. */
	pid = start_crafted("plain", large, "A=1");
	ck_assert_int_eq(read_crafted(pid, "cmdline", &bytes), 4);
	ck_assert_uint_gt(bytes, 2 * LARGEST_WORD);
	ck_assert_int_eq(read_crafted(pid, "environ", &bytes), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	/* Without one NUL from the first argument to the end of the environment. */
	pid = start_crafted("no-nul", large, "A=1");
	ck_assert_int_eq(read_crafted(pid, "cmdline", &bytes), -1);
	ck_assert_int_eq(read_crafted(pid, "environ", &bytes), -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	pid = start_crafted("empty", "", "A=1");
	ck_assert_int_eq(read_crafted(pid, "cmdline", &bytes), 4);
	ck_assert_uint_eq(bytes, strlen("crafted") + 1 + strlen("empty") + 1 + 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	/* "A=1", and newlines that no NUL ends: not the environment of "A=1" alone. */
	pid = start_crafted("newlines", "\n", "A=1=xxxxxxxxxxxxxxx");
	ck_assert_int_eq(read_crafted(pid, "cmdline", &bytes), 4);
	ck_assert_int_eq(read_crafted(pid, "environ", &bytes), -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

/* In 10,000 groups a user's status is 60 KB and more; what is asked for is behind them, or not. */
START_TEST(a_status_has_no_bound)
{
	enum { GROUPS = 10000 };
	static gid_t groups[GROUPS];
	char text[64], small[4];

	for (unsigned i = 0; i < GROUPS; i++)
		groups[i] = 100000 + i;
	if (setgroups(GROUPS, groups))
		test_skip("only root may be in other groups: %s", strerror(errno));
	ck_assert(proc_read_status(getpid(), "SigIgn:", text, sizeof(text)));
	ck_assert_uint_eq(strtoull(text, NULL, 16) & 1, 0);
	ck_assert(proc_read_status(getpid(), "Uid:", text, sizeof(text)));
	ck_assert_uint_eq(strtoul(text, NULL, 10), getuid());
	ck_assert(!proc_read_status(getpid(), "Groups:", text, sizeof(text))); /* does not fit */
	ck_assert(!proc_read_status(getpid(), "Uid:", small, sizeof(small)));
	ck_assert(!proc_read_status(getpid(), "None:", text, sizeof(text)));
	ck_assert_uint_eq(proc_user(getpid()), getuid());
}
END_TEST

/* cgroup.procs of 100,000 processes, 600 KB. */
START_TEST(a_whole_file_is_read)
{
	cleanup_free char *text = NULL, *empty = NULL;
	struct err e = {0};
	char path[512];
	size_t length = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", test_directory());
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; i < 100000; i++)
		length += (size_t)fprintf(f, "%u\n", i);
	fclose(f);
	text = control_read_all(AT_FDCWD, path, &e);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), length);
	ck_assert_str_eq(text + length - 6, "99999\n");
	ck_assert_int_eq(truncate(path, 0), 0);
	empty = control_read_all(AT_FDCWD, path, &e);
	ck_assert_str_eq(empty, "");
	ck_assert_ptr_null(control_read_all(AT_FDCWD, "/none/such", &e));
	ck_assert_msg(strstr(e.msg, "/none/such"), "%s", e.msg);
}
END_TEST

TEST_MAIN("process",
	  test_case("proc", names_may_hold_anything, a_zombie_is_read_and_dead,
		    everybody_is_listed_once, texts_hold_nuls, a_status_has_no_bound,
		    a_whole_file_is_read),
	  test_case("words", words_are_what_a_nul_ends, a_process_says_of_itself_what_it_likes))
