/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_CONTROL_FILE_H
#define CONTAINERS_PROC_CONTROL_FILE_H

/*
 * The kernel's control files (cgroup, /proc, /sys): small texts, opened relative to a directory
 * descriptor. Errors name the whole path. Files are never created here.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "decision/base/cpuset.h"
#include "decision/base/err.h"

enum {
	CONTROL_TEXT = 65536, /* the limits of some hundred devices */
	CONTROL_PATH = 4096,
};

/*
 * Read a whole file into `text`, without its last newline, NUL-terminated. Return its length, or
 * negative: -EFBIG if it does not fit, else what open or read said.
 */
int control_read(int dir, const char *path, char *text, size_t size, struct err *e);

/*
 * The whole file on the heap, however long it is, NUL-terminated: for what grows with the machine
 * or with what others do on it. NULL: see `e`.
 */
char *control_read_all(int dir, const char *path, struct err *e);

/* The same from a descriptor that is kept open: the kernel makes the text anew at offset 0. */
int control_reread(int fd, char *text, size_t size);

/* The same with its last newlines: for files whose bytes a process chose. */
int control_reread_bytes(int fd, char *text, size_t size);

/*
 * The same in one read, for files that the kernel writes as one record, a number, a cpulist,
 * cpu.stat: a seq_file gives a record whole (Documentation/filesystems/seq_file.rst).
 */
int control_reread_record(int fd, char *text, size_t size);

/*
 * Write `value` in one write. Return 0 or negative errno; the sentence has value, path and reason.
 */
int control_write(int dir, const char *path, const char *value, struct err *e);

/* The same on a kept descriptor; `path` is for the message only. */
int control_rewrite(int fd, const char *path, const char *value, struct err *e);

/* Read a cpulist or one unsigned number. "max" and v1's "no limit" (>= 2^62) are UINT64_MAX. */
int control_read_cpuset(int dir, const char *path, struct cpuset *out, struct err *e);
int control_read_number(int dir, const char *path, uint64_t *out, struct err *e);

/*
 * The number behind `key` and a blank at the begin of a line ("oom_kill 3"); `missing` if it is not
 * there.
 */
uint64_t control_value(const char *text, const char *key, uint64_t missing);

/* Whether `word` is one of the words of `text`, separated by blanks or commas. */
bool control_has_word(const char *text, const char *word);

/* Parse decimal digits up to a blank, newline or the end. */
bool control_number(const char *text, uint64_t *out);

bool control_exists(int dir, const char *path);

/* Open a file to be read by lines; list a directory. NULL with errno. */
FILE *control_open_lines(int dir, const char *path);
DIR *control_list(int dir, const char *path);

static inline void cleanup_closedirp(DIR **list)
{
	if (*list)
		closedir(*list);
}
#define cleanup_closedir __attribute__((cleanup(cleanup_closedirp)))

/* The path of dir + "/" + path, for messages: the descriptor's name as /proc says it. */
char *control_path(int dir, const char *path, char text[CONTROL_PATH]);
#define CONTROL_NAME(dir, path) control_path((dir), (path), (char[CONTROL_PATH]){0})

#endif
