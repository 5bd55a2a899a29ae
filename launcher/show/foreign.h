/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_FOREIGN_H
#define LAUNCHER_SHOW_FOREIGN_H

/*
 * Text that others wrote (words of a command, file names, lines of logs) for people: whatever its
 * bytes, it stays text. What is no UTF-8, controls a terminal or turns the direction of writing is
 * shown as U+FFFD; line ends and tabs as blanks.
 */

#include <stdio.h>

/* For a terminal or a file of text. */
void foreign_put(const char *text, FILE *to);

/* For HTML and SVG, between tags and in quoted attributes. */
void foreign_put_html(const char *text, FILE *to);

#endif
