/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_FOREIGN_H
#define DECISION_BASE_FOREIGN_H

/*
 * Text that others wrote (paths, names, words of a command, lines of logs) as people are to see it:
 * whatever its bytes, it stays one line of text. What no character shows is written as C would
 * write it: \n, \t, \r and \x1b for controls (C0, DEL, C1) and for bytes that are no UTF-8, \u202e
 * for what turns the direction of writing, has no width, breaks lines or is no character. So a name
 * that looks like another one shows that it is not. A backslash is itself: what is escaped already
 * stays as it is.
 */

#include <stddef.h>

enum {
	FOREIGN_CHAR = 12,  /* the longest escape with its NUL, "\U000e0001" */
	FOREIGN_TEXT = 4096 /* of FOREIGN(); a longer text is cut */
};

/*
 * Write the first character of `text`, which is not empty, as people see it. Returns how many bytes
 * of `text` it is. The last NUL ends a character that is not whole, so that no byte behind it is
 * read.
 */
unsigned foreign_char(const char *text, char shown[FOREIGN_CHAR]);

/*
 * Write as much of `text` as has room in `size` bytes, at least FOREIGN_CHAR, whole characters and
 * escapes only; what is cut ends with "...". Returns `to`.
 */
char *foreign_escape(const char *text, char *to, size_t size);

/* For an argument of printf(). */
#define FOREIGN(text) foreign_escape((text), (char[FOREIGN_TEXT]){0}, FOREIGN_TEXT)

#endif
