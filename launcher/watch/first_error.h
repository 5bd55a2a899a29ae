/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_WATCH_FIRST_ERROR_H
#define LAUNCHER_WATCH_FIRST_ERROR_H

/*
 * Which lines of a JVM's log tell why it failed: the first error, not what comes last, which is the
 * noise of its end. A log is foreign text of any size, so it is taken in as it is read, in some
 * kilobytes of memory, and what is kept of it is as people are to see it (foreign.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	FIRST_ERROR_LINES = 4,
	FIRST_ERROR_LINE = 256,
	FIRST_ERROR_RAW = 1024,
	/* Of a file: so much from where it is read, and of what is behind that the end. */
	FIRST_ERROR_HEAD_BYTES = 1 << 20,
	FIRST_ERROR_TAIL_BYTES = 64 << 10,
};

/* {0}: nothing was read. */
struct first_error {
	/*
	 * The error and what belongs to it without the stack's frames, the root cause last; where
	 * there was no error, the last lines that are not known as noise.
	 */
	char lines[FIRST_ERROR_LINES][FIRST_ERROR_LINE];
	unsigned count;
	bool has_error; /* `lines` tell of one */
	bool is_fatal;	/* its main thread is gone or never was, although the process may live */
	unsigned long read; /* lines in all … */
	bool has_gap;	    /* … but for some in the middle of a long log */

	/* What is under way. */
	bool is_in_passing; /* what logged last was no error, and so are exceptions below it */
	bool is_weak;	    /* the error is such an exception: a better one takes its place */
	bool is_over;	    /* the error's lines have ended */
	bool is_ending;	    /* the process was told to end, or does: what it says is noise */
	bool has_root;	    /* the last line is the innermost "Caused by:" so far */
	bool is_skipping;   /* the rest of a line whose begin was not read */
	char raw[FIRST_ERROR_RAW];
	size_t raw_size;
};

/* Take in the next bytes, in pieces of any size; and then the line that has no end. */
void first_error_feed(struct first_error *f, const char *bytes, size_t size);
void first_error_end(struct first_error *f);

/* All of that for a file from `from` on, or from its begin if it has become shorter. 0, or an errno. */
int first_error_read(int fd, off_t from, struct first_error *out);

/*
 * The cause as a part of a sentence, without date, level and thread: "java.net.BindException:
 * Address already in use". "" where there was no error. Returns `to`.
 */
char *first_error_cause(const struct first_error *f, char *to, size_t size);

#endif
