#ifndef PROFILES_LOAD_H
#define PROFILES_LOAD_H

/*
 * YAML ↔ struct profile, both ways through one const table of fields (profiles/fields.c).
 * Errors are ERR_WRONG and read "file:line:column: key.path: what was found, what is allowed,
 * the nearest known key".
 */

#include "decision/base/err.h"
#include "decision/plan/profile.h"
#include "profiles/parse.h"

/*
 * Read a file. Every default is in `out` where the file says nothing; `out` is written only on
 * success.
 */
int profile_load(const char *path, struct profile *out, struct err *e);

/*
 * All keys with their values in force, as YAML that profile_parse() reads back to an equal profile.
 * *text is the caller's to free(). Return 0 or -ENOMEM.
 */
int profile_emit(const struct profile *p, char **text, struct err *e);

/*
 * The keys whose value this release does not put in force yet: "memory.give_back" … A default
 * can be among them (rebalance.mode: act). Return 0, or -E2BIG.
 */
int profile_not_yet(const struct profile *p, struct strings *keys);

#endif
