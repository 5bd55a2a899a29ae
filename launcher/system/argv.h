/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_ARGV_H
#define LAUNCHER_SYSTEM_ARGV_H

/*
 * A growing, NULL-terminated list of words on the heap: an argv or an environment. {0} is empty.
 * Running out of memory is remembered, so that a builder adds everything and reads `failed` once.
 */

#include <stdbool.h>
#include <stddef.h>

struct argv {
	char **items; /* NULL-terminated once something was added */
	size_t count;
	bool failed;
};

/* Append a copy. Return 0 or -ENOMEM. */
int argv_add(struct argv *a, const char *text);
int argv_addf(struct argv *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append an option and its value, in printf's format. */
#define argv_option(argv, option, ...) (argv_add(argv, option), argv_addf(argv, __VA_ARGS__))

/* Put a copy of `text` in the place of a word that is there. Return 0 or -ENOMEM. */
int argv_replace(struct argv *a, size_t at, const char *text);

/* For environments: set NAME=value, replacing what is there. Return 0 or -ENOMEM. */
int argv_put(struct argv *env, const char *name, const char *value);
int argv_putf(struct argv *env, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The value of NAME, or NULL. Borrowed from the list. */
const char *argv_value(const struct argv *env, const char *name);

/* Remove every variable whose name begins with `prefix`. */
void argv_drop(struct argv *env, const char *prefix);

void argv_release(struct argv *a);
#define cleanup_argv __attribute__((cleanup(argv_release)))

#endif
