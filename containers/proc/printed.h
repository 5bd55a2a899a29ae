/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTAINERS_PROC_PRINTED_H
#define CONTAINERS_PROC_PRINTED_H

/*
 * What a program that was asked something has printed, its outputs apart: an answer is looked for
 * on stdout alone, between whatever else shells, shims and version managers say there; stderr is
 * where it tells why there is none. All of it is foreign.
 */

#include <stddef.h>

enum { PRINTED_ERR = 64 << 10 };

struct printed {
	char *out; /* stdout, of `size` bytes that are the caller's; a NUL is behind `length` */
	size_t size, length;
	char err[PRINTED_ERR]; /* the begin of stderr; the rest was read and forgotten */
};

/*
 * The last line of stdout that is_it() takes, which may begin anywhere; what ends a line is cut off
 * (CR LF, LF, NUL). NULL: there is none. A line is at most what has room in `out`.
 */
char *printed_last_line(struct printed *p, int (*is_it)(const char *line));

/*
 * Why it did not do what it was to do: the first line of stderr, then of stdout, that is no mere
 * warning, or else the first of all. "": nothing was said. As it came: show it by FOREIGN().
 */
enum { PRINTED_REASON = 256 };
char *printed_reason(const struct printed *p, char reason[PRINTED_REASON]);

#endif
