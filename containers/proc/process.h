/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_PROCESS_H
#define CONTAINERS_PROC_PROCESS_H

/*
 * What /proc says of processes and threads (proc(5)): the only reader of PID/stat, the only walker
 * of the directory.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/*
	 * The kernel's bound on arguments and environment together: three quarters of 8 MB, however
	 * large the stack may be (bprm_stack_limits() of fs/exec.c).
	 */
	PROC_TEXT_MAX = 6 << 20,
};

struct proc_stat {
	pid_t pid;
	char name[32];
	uint64_t start_ticks;  /* after boot: tells a reused pid */
	uint64_t cpu_ticks;    /* user + system */
	uint64_t waited_ticks; /* the same of children that were waited for */
	pid_t parent;
	char state; /* R, S, D …; Z and X: dead */
	pid_t session;
};

/* Read the line of /proc/PID/stat. false: it is none. */
bool proc_stat_parse(const char *line, struct proc_stat *out);

/* The process, or thread, `pid`. -ESRCH if it is gone; a zombie is not. */
int proc_stat_read(pid_t pid, struct proc_stat *out);

/* A zombie is dead. */
bool proc_is_alive(const struct proc_stat *s);

/*
 * Read /proc/PID/file into `text`, without its last newlines, NUL-terminated; "cmdline" and
 * "environ" hold NULs, too. Return the length, or negative: -EFBIG if it does not fit, else what
 * open or read said.
 */
int proc_read_text(pid_t pid, const char *file, char *text, size_t size);

/*
 * The same whole, however long it is, on the heap: "cgroup" has a line for each hierarchy. NULL: it
 * cannot be read.
 */
char *proc_read_all(pid_t pid, const char *file);

/*
 * What follows `key` ("Uid:") in the line of /proc/PID/status that begins with it. The file has no
 * bound: a user may be in 65536 groups, and CPUs are listed. false: there is no such line.
 */
bool proc_read_status(pid_t pid, const char *key, char *text, size_t size);

/*
 * The words of "cmdline" or "environ", each with its NUL, on the heap, and their size; NULL: they
 * cannot be had whole.
 */
char *proc_read_words(pid_t pid, const char *file, size_t *size);

/*
 * A walk over such words, in any bytes: a process writes over its arguments and environment as it
 * likes. begin: {text, text + size}.
 */
struct words {
	const char *next, *end;
};

/* The next one, which may be empty; NULL: the end. What no NUL ends is no word. */
const char *words_next(struct words *w);

/*
 * List the threads of a process; 0: all processes. NULL with errno. The caller's to closedir(), or
 * cleanup_closedir.
 */
DIR *proc_list(pid_t pid);

/* The next one, 0: the end. */
pid_t proc_next(DIR *list);

#endif
