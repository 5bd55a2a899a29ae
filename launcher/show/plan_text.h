/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_PLAN_TEXT_H
#define LAUNCHER_SHOW_PLAN_TEXT_H

/*
 * A plan as text for people, the same everywhere; pictures: picture.h. Each returns 0 or -ENOMEM.
 */

#include <stdio.h>

#include "decision/plan/plan.h"
#include "decision/reconcile/op.h"
#include "launcher/show/picture.h"

/* The slices as a table, then host group, unused CPUs, warnings and notes. */
int plan_text_print(const struct plan *p, FILE *to);

/*
 * Why this plan: the candidates with their predicted times, as bars too if there is a style, and
 * each term of the slices' memory with the profile key that sets it.
 */
int plan_text_explain(const struct plan *p, const struct picture_style *style, FILE *to);

/* The steps, one a line; "nothing to do" if there are none. */
void plan_text_ops(const struct oplist *ops, FILE *to);

#endif
