/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILES_PARSE_H
#define PROFILES_PARSE_H

/* A profile's text → struct profile. */

#include <stddef.h>

#include "decision/base/err.h"
#include "decision/plan/profile.h"

enum { PROFILE_TEXT_MAX = 1 << 20 }; /* a larger one is refused */

/*
 * Every default is in `out` where the text says nothing; `out` is written only on success. `source`
 * stands for the file in messages.
 */
int profile_parse(const char *text, size_t size, const char *source, struct profile *out,
		  struct err *e);

#endif
