/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_TABLE_H
#define LAUNCHER_SHOW_TABLE_H

/* Tables: columns as wide as their widest cell, two blanks between them, none at a line's end. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table {
	char **cells; /* row by row, titles first; owned */
	size_t count;
	unsigned columns;
	uint64_t right; /* columns (bits) that are aligned to the right */
	int failed;	/* -ENOMEM after an allocation failed */
};

/* Titles end with NULL (at most 64); one that begins with '>' is aligned to the right. */
void table_init(struct table *t, const char *const *titles);

/* Append one cell, whose text may be foreign (foreign.h); rows fill from left to right. */
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Return 0 or -ENOMEM. */
int table_print(const struct table *t, FILE *to);

void table_release(struct table *t);
#define cleanup_table __attribute__((cleanup(table_release)))

/* How many columns of a terminal UTF-8 text takes, if each of its characters takes one. */
size_t text_width(const char *text);

#endif
