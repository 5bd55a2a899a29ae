/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILES_LOAD_H
#define PROFILES_LOAD_H

/* Profiles as files, and as text (profiles/README.md). */

#include "decision/base/err.h"
#include "decision/plan/profile.h"
#include "profiles/parse.h"

/* Read a file as profile_parse() reads a text; one that is no regular file is refused. */
int profile_load(const char *path, struct profile *out, struct err *e);

/*
 * All keys with their values in force, as YAML that profile_parse() reads back to an equal profile.
 * *text is the caller's to free(). Return 0 or -ENOMEM.
 */
int profile_emit(const struct profile *p, char **text, struct err *e);

/* The keys whose value this release does not put in force yet: 0, or -E2BIG. */
int profile_not_yet(const struct profile *p, struct strings *keys);

#endif
