/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_PLAN_CHART_H
#define LAUNCHER_SHOW_PLAN_CHART_H

/* The predicted time of each candidate as a bar on a terminal, made of its terms. */

#include "decision/plan/plan.h"
#include "launcher/show/picture.h"

/*
 * One line a candidate that is predicted, in the plan's order, then a legend. Bars that are much
 * longer than the chosen one's are cut, and say so.
 */
void plan_chart_print(const struct plan *p, const struct picture_style *style, FILE *to);

/* Predicted seconds of a candidate: its terms, in the order of `plan --explain`, and their sum. */
enum { PLAN_CHART_TERMS = 8 };
double plan_chart_terms(const struct plan_candidate *c, double seconds[PLAN_CHART_TERMS]);
double plan_chart_seconds(const struct plan_candidate *c);

/* A predicted ratio, with the two digits that predictions are good for: 0.95, 1.4, 23, 120. */
enum { PLAN_CHART_RATIO = 16 };
void plan_chart_ratio(double ratio, char text[PLAN_CHART_RATIO]);

#endif
