/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_STRINGS_H
#define DECISION_BASE_STRINGS_H

/*
 * A short list of strings as a value: packed one behind the other, each with its NUL, in a fixed
 * pool. {0} is empty, `=` copies. Pairs (spark.conf, env) are kept as key, value, key, value.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STRINGS_POOL = 4096 };

struct strings {
	uint16_t count;
	uint16_t used; /* bytes of pool */
	char pool[STRINGS_POOL];
};

/* Append one string. Return 0, or -E2BIG and leave the list as it was if the pool is full. */
int strings_add(struct strings *list, const char *text);

/* Like strings_add, with printf's format. */
int strings_addf(struct strings *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The string number `index`, or NULL past the end. Linear in the pool. */
const char *strings_get(const struct strings *list, unsigned index);

/* The string after `item`, or the first for NULL; NULL past the end. */
const char *strings_next(const struct strings *list, const char *item);

#define strings_for_each(item, list) \
	for (const char *item = strings_next(list, NULL); item; item = strings_next(list, item))

/* Of a list of pairs: the last value of `key`, or NULL if it has none. */
const char *strings_value(const struct strings *pairs, const char *key);

/*
 * Copy `text` into the fixed array `to`. Return 0, or -E2BIG and write nothing if it does not fit.
 */
#define string_copy(to, text) string_copy_n((to), sizeof(to), (text))
int string_copy_n(char *to, size_t size, const char *text);

/*
 * Bytes of the longest beginning of `text` that has at most `max` bytes and ends with a whole UTF-8
 * character.
 */
size_t string_cut(const char *text, size_t max);

bool strings_is_equal(const struct strings *a, const struct strings *b);

#endif
