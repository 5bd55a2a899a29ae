/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PROFILES_VALUES_H
#define TESTS_PROFILES_VALUES_H

/* Profiles with any value in any key, and what differs between two. */

#include "decision/plan/profile.h"

/*
 * A profile that profile_parse() could have made: every key with a value that it allows, no
 * conflicts.
 */
void values_random(unsigned long long *state, struct profile *out);

/* The path of the first key with another value, or NULL. */
const char *values_difference(const struct profile *a, const struct profile *b);

#endif
