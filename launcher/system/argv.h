#ifndef LAUNCHER_SYSTEM_ARGV_H
#define LAUNCHER_SYSTEM_ARGV_H

/*
 * A growing, NULL-terminated list of words on the heap: an argv or an environment. {0} is empty. Running out of
 * memory is remembered, so that a builder adds everything and asks words_failed() once.
 */

#include <stdbool.h>
#include <stddef.h>

struct words {
	char **items; /* NULL-terminated once something was added */
	size_t count;
	bool failed;
};

/* Append a copy. Return 0 or -ENOMEM. */
int words_add(struct words *w, const char *text);
int words_addf(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For environments: set NAME=value, replacing what is there. Return 0 or -ENOMEM. */
int words_put(struct words *env, const char *name, const char *value);
int words_putf(struct words *env, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The value of NAME, or NULL. Borrowed from the list. */
const char *words_value(const struct words *env, const char *name);

/* Remove every variable whose name begins with `prefix`. */
void words_drop(struct words *env, const char *prefix);

void words_release(struct words *w);
#define cleanup_words __attribute__((cleanup(words_release)))

#endif
