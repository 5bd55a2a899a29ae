/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILES_TEXT_H
#define PROFILES_TEXT_H

/*
 * The characters of a YAML file: which bytes may be in one, where they stand, and how to write
 * any text.
 */

#include <stdbool.h>
#include <stdio.h>

#include "decision/base/err.h"

/*
 * Check that all bytes are UTF-8 without NULs and without the control characters that YAML
 * forbids (YAML 1.1, 4.1.1). Return 0, or ERR_WRONG with "source:line:column: …", line and
 * column counted from 1 in characters.
 */
int text_check(const char *text, size_t size, const char *source, struct err *e);

/*
 * Write `text` (UTF-8) in double quotes, everything that YAML would read otherwise escaped
 * (YAML 1.1, 5.7).
 */
void text_quote(FILE *file, const char *text);

/*
 * Whether YAML reads `text` without quotes as that very text, also beside other readers of YAML
 * 1.1 and 1.2.
 */
bool text_is_plain(const char *text);

enum { TEXT_EXCERPT = 256 };

/* `text` in quotes for a message: on one line, cut after some 40 characters. Return `out`. */
char *text_excerpt(const char *text, char out[TEXT_EXCERPT]);

#endif
