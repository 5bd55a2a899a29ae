/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_FOREIGN_H
#define LAUNCHER_SHOW_FOREIGN_H

/* Text that others wrote, of any length, as people are to see it (decision/base/foreign.h). */

#include <stddef.h>
#include <stdio.h>

/* For a terminal or a file of text. */
void foreign_put(const char *text, FILE *to);

/* The same with its lines and tabs as they are, and a line end behind the last. */
void foreign_put_text(const char *text, FILE *to);

/*
 * The same of `size` bytes, behind which a NUL stands, of a text that may go on. Returns how many
 * were shown: all but the begin of a character that has not ended.
 */
size_t foreign_put_bytes(const char *bytes, size_t size, FILE *to);

/* For HTML and SVG, between tags and in quoted attributes. */
void foreign_put_html(const char *text, FILE *to);

#endif
