/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_INPUTS_DATA_H
#define LAUNCHER_INPUTS_DATA_H

/* An application's data in local files: its size, and a part of it for short runs. */

#include <stdint.h>

#include "decision/base/err.h"
#include "decision/plan/profile.h"

/* The bytes of a file, or of all files below a directory; 0 where they cannot be read. */
uint64_t data_measure(const char *path);

struct data_part {
	uint64_t bytes, total; /* of the part, of all that was found */
	unsigned files;
};

/*
 * Fill `directory`, which exists and is empty, with symbolic links to some of the files below
 * `data`, in the same folders: evenly from the beginning to the end of the list in alphabetical
 * order, at most `share` of the bytes and at least one file. Names that begin with '.' or '_' are
 * left out, as Spark does. The files are read once, so that a first run does not pay the disk for
 * the others. ERR_IMPOSSIBLE if no file is small enough, -ENOENT if there is none.
 */
int data_part_make(const char *data, double share, const char *directory, struct data_part *out,
		   struct err *e);

#endif
