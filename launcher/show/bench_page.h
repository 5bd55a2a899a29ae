/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_BENCH_PAGE_H
#define LAUNCHER_SHOW_BENCH_PAGE_H

/*
 * A comparison as one HTML page that needs nothing else: no script, no other file, no network. It
 * follows the reader's light or dark, fits telephones and can be printed. Its first words are
 * bench_sentence(); below the plots is every figure of every run. Cells of figures have the
 * attributes data-case or data-run, and data-metric.
 */

#include <stdio.h>

#include "decision/plan/bench.h"

/* Return 0, -ENOMEM, or -EIO if `to` has failed. */
int bench_page_print(const struct bench *b, FILE *to);

#endif
