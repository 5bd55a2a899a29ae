/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_BENCH_TEXT_H
#define LAUNCHER_SHOW_BENCH_TEXT_H

/* A comparison on a terminal: what came of it first, then its figures, then what is missing. */

#include <stdio.h>

#include "decision/plan/bench.h"

/* What people call a metric, and the unit that they read it in. */
struct bench_unit {
	const char *title, *unit;
	double scale; /* times a value of bench_value() */
};
const struct bench_unit *bench_unit(enum bench_metric metric);

/* A value of bench_value() in that unit, without it; "-" if it was not measured. */
char *bench_figure(enum bench_metric metric, double value, char text[BENCH_NUMBER]);
#define BENCH_FIGURE_STRING(metric, value) bench_figure((metric), (value), (char[BENCH_NUMBER]){0})

/* Return 0 or -ENOMEM. */
int bench_text_print(const struct bench *b, FILE *to);

#endif
