/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_PICTURE_H
#define LAUNCHER_SHOW_PICTURE_H

/*
 * The machine as boxes of cells, one box a package, coloured by slice. A cell is a CPU; on machines
 * with more CPUs than fit a screen a core, then an L3 cache.
 */

#include <stdbool.h>
#include <stdio.h>

#include "decision/plan/plan.h"

struct picture_style {
	unsigned width;	  /* columns of the terminal */
	bool utf8;	  /* boxes of line-drawing characters */
	unsigned colours; /* 0 (NO_COLOR, dumb terminals), 8 or 256 */
};

/* What `to` can show. Return false if it is no terminal; then there is no picture. */
bool picture_style_detect(FILE *to, struct picture_style *out);

/*
 * Draw the plan on the machine that it was made for, and the legend. A lent CPU has its owner's
 * mark on its borrower's colour. Return 0 or -ENOMEM.
 */
int picture_print(const struct plan *p, const struct topology *t, const struct picture_style *style,
		  FILE *to);

/* Black on a colour, of xterm's 256 or of the 8, as the style has them; and plain again. */
void picture_colour(const struct picture_style *style, unsigned of_256, unsigned of_8, FILE *to);
void picture_plain(const struct picture_style *style, FILE *to);

/* The letter of a slice in the picture: 0 … 9, a … z, A … Z, then & and @. */
char picture_mark(unsigned slice);

#endif
