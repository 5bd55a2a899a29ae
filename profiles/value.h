/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILES_VALUE_H
#define PROFILES_VALUE_H

/* One value of a profile: its text ↔ the member of the struct that a field names. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "profiles/fields.h"

enum value_result {
	VALUE_READ,
	VALUE_WRONG,
	VALUE_QUOTED, /* a number or true, false in quotes: that is a text */
	VALUE_LONG,   /* more bytes than the member holds */
};

/*
 * Read a scalar into the member of `base` that `f` names (not a FIELD_STRINGS, _PAIRS or
 * _ITEMS). The member is written only on VALUE_READ.
 */
enum value_result value_read(const struct field *f, const char *text, bool quoted, void *base);

/*
 * What a value that is not allowed was probably meant to be ("4GB": 4G; "yes": true; "numma":
 * numa): a constant, or a place in `hint`; NULL where nothing is near.
 */
const char *value_hint(const struct field *f, const char *text, char hint[FIELD_NAME_MAX]);

/* Write what the key may be, in the words of the manual page: "1..64 | auto". Return `text`. */
char *value_allowed(const struct field *f, char *text, size_t size);

/* Write a scalar member as YAML that value_read() reads back to the same value. */
void value_write(FILE *file, const struct field *f, const void *base);

/*
 * The member as a bit number for field.not_yet: a word's place; for any other kind 0 where it
 * asks for nothing (0, auto, none, false, empty), else 1.
 */
unsigned value_number(const struct field *f, const void *base);

/* Whether two structs have the same value there. */
bool value_is_equal(const struct field *f, const void *a, const void *b);

#endif
