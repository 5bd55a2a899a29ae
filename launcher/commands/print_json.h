/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_COMMANDS_PRINT_JSON_H
#define LAUNCHER_COMMANDS_PRINT_JSON_H

/* The output of --json. */

#include <stddef.h>

#include "decision/base/err.h"

struct json_t;

/*
 * Print a value and a newline on stdout; `flags` are jansson's. The reference is taken. -ENOMEM for
 * NULL: it could not be made.
 */
int print_json(struct json_t *taken, size_t flags, struct err *e);

#endif
