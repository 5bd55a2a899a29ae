/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_BENCH_PLOT_H
#define LAUNCHER_SHOW_BENCH_PLOT_H

/*
 * Plots of a comparison as SVG elements for a page that has the style of bench_page.c: colours and
 * widths of lines are its classes, so that they follow light, dark and print. Every mark says its
 * figure in a <title>.
 */

#include <stdio.h>

#include "decision/plan/bench.h"

enum { BENCH_PLOT_WIDE = 440, BENCH_PLOT_NARROW = 300 }; /* units of text that is 13 high */

/* Whether one of the compared cases with this collector has the metric. */
bool bench_plot_has_bars(const struct bench *b, enum gc gc, enum bench_metric metric);

/*
 * Each compared case as a bar to its median, its runs as dots in their order, and from the least to
 * the most a whisker. The axis begins at 0 and is the same for all collectors.
 */
void bench_plot_bars(const struct bench *b, enum gc gc, enum bench_metric metric, unsigned width,
		     FILE *to);

/* Whether there is a point on fewer cores with this collector. */
bool bench_plot_has_sweep(const struct bench *b, enum gc gc);

/*
 * A line a side through its medians against cores: throughput, or seconds where the size of the
 * data is unknown.
 */
enum bench_metric bench_plot_sweep_metric(const struct bench *b);
void bench_plot_sweep(const struct bench *b, enum gc gc, FILE *to);

#endif
