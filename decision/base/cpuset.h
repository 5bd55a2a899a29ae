/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_CPUSET_H
#define DECISION_BASE_CPUSET_H

/*
 * A set of OS indexes below CPUSET_MAX: CPUs, or NUMA nodes. A plain value: `=` copies, {0} is
 * empty. Its text is the kernel's cpulist ("0-3,8"), the empty set is "".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision/base/err.h"

enum {
	CPUSET_MAX = 4096, /* CPUs; decision/README.md has the bounds */
	CPUSET_WORDS = CPUSET_MAX / 64,
	CPUSET_NONE = UINT16_MAX, /* no such index */
	CPUSET_TEXT =
		4098 / 3 * 10 + 1, /* the longest text: two of three CPUs, "dddd-dddd," each */
};

struct cpuset {
	uint64_t words[CPUSET_WORDS];
};

/* Add or remove one index. `index` < CPUSET_MAX. */
void cpuset_add(struct cpuset *set, unsigned index);
void cpuset_remove(struct cpuset *set, unsigned index);
bool cpuset_has(const struct cpuset *set, unsigned index);

bool cpuset_is_empty(const struct cpuset *set);
bool cpuset_is_equal(const struct cpuset *a, const struct cpuset *b);
bool cpuset_is_subset(const struct cpuset *inner, const struct cpuset *outer);
bool cpuset_intersects(const struct cpuset *a, const struct cpuset *b);

unsigned cpuset_count(const struct cpuset *set);

/* The lowest index, or the next one above `after`; CPUSET_NONE where there is none. */
unsigned cpuset_first(const struct cpuset *set);
unsigned cpuset_next(const struct cpuset *set, unsigned after);

#define cpuset_for_each(index, set)                                    \
	for (unsigned index = cpuset_first(set); index != CPUSET_NONE; \
	     index = cpuset_next(set, index))

/* New sets by value: a ∪ b, a ∩ b, a \ b. */
struct cpuset cpuset_or(const struct cpuset *a, const struct cpuset *b);
struct cpuset cpuset_and(const struct cpuset *a, const struct cpuset *b);
struct cpuset cpuset_and_not(const struct cpuset *a, const struct cpuset *b);

/*
 * Read a cpulist: ranges and single numbers joined by commas, blanks around it and a last newline
 * allowed; "" is the empty set. Not allowed: descending ranges, numbers from CPUSET_MAX on,
 * strides. Return 0, or -EINVAL with the offending piece of text in `e` (class ERR_WRONG).
 */
int cpuset_parse(const char *text, struct cpuset *out, struct err *e);

/* Write the shortest cpulist to `text` and return it. `size` >= CPUSET_TEXT never cuts. */
char *cpuset_format(const struct cpuset *set, char *text, size_t size);

/* A buffer of the caller's full expression, for messages: printf("%s", CPUSET_STRING(&set)). */
struct cpuset_text {
	char text[CPUSET_TEXT];
};
#define CPUSET_STRING(set) cpuset_format((set), (struct cpuset_text){0}.text, CPUSET_TEXT)

#endif
