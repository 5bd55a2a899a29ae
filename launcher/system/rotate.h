/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_ROTATE_H
#define LAUNCHER_SYSTEM_ROTATE_H

/*
 * Logs that processes write through a descriptor which they keep (with O_APPEND): renaming would not
 * end them, so what is in them is copied and they are emptied.
 */

#include <sys/types.h>

#include "decision/base/err.h"

enum {
	ROTATE_MAX_BYTES = 16 << 20,
	ROTATE_KEPT_BYTES = 4 << 20, /* of it, the last: some ms, whoever waits for the loop */
};

/*
 * If the log `name` in `dir` has ROTATE_MAX_BYTES: its end becomes NAME.1, in place of an older
 * one, and it begins anew. Where no copy can be made (full disk) that waits until it has twice as
 * much. Only a plain file of `owner` with one name; no links are followed. 1: it was emptied; 0:
 * nothing was done; negative: what could not be.
 */
int log_rotate(int dir, const char *name, uid_t owner, struct err *e);

#endif
