/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_CONFINED_H
#define LAUNCHER_SYSTEM_CONFINED_H

/*
 * Foreign bytes in the hands of a library that may crash, hang or take all memory over them: the
 * library runs in a child, its answer comes back through memory that both share. The child has
 * limits of CPU time, memory and wall time, no file, no way to start another program; it is nobody
 * where we are root; it leaves no core, and goes when we go.
 */

#include <stddef.h>

#include "decision/base/err.h"

enum {
	CONFINED_CPU_S = 20,
	CONFINED_WALL_MS = 60000,
	CONFINED_BYTES =
		1 << 30, /* of address space; not under a sanitizer, which takes terabytes */
};

/*
 * Run work(task, answer) in such a child, where `answer` has `size` bytes, zeroed; what it holds at
 * the end is copied to `answer` here. It is as foreign as the bytes were: check all of it. Returns
 * 0, or negative errno with the sentence of how the child ended: "signal 11 (Segmentation fault)".
 */
int confined_run(void (*work)(const void *task, void *answer), const void *task, void *answer,
		 size_t size, struct err *e);

#endif
