/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_SHOW_COMPARISONS_H
#define TESTS_LAUNCHER_SHOW_COMPARISONS_H

/* Made-up comparisons for what shows them. */

#include <stdio.h>

#include "decision/plan/bench.h"

/* Words that mean something to HTML, to a terminal, and to neither. */
#define HOSTILE "<b>&\"x'\033[2J\x80\xff\xc3(\xe2\x80\xae)\t.\n"

/* Plain Spark of about `plain` seconds and two slices of about `sliced`, three runs of each. */
void comparison_make(struct bench *b, double plain, double sliced);

/* With both collectors, a sweep, a side that is not run, a run that failed, hostile words. */
void comparison_make_full(struct bench *b);

/* What `print` makes of it, the caller's to free(). */
char *comparison_print(const struct bench *b, int (*print)(const struct bench *b, FILE *to));

#endif
