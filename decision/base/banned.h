/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_BASE_BANNED_H
#define DECISION_BASE_BANNED_H

/*
 * Forced into every file of ours (Makefile, -include): functions that cut, overflow or guess
 * silently are errors at compile time. Their declarations come first, so that only uses are caught.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With _FORTIFY_SOURCE, clang has these as macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf

#pragma GCC poison atoi atol atoll atof strcpy strcat sprintf vsprintf strtok strtok_r gets
#pragma GCC poison strncat system popen sleep usleep

#endif
