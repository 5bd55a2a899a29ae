/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SHOW_AXIS_H
#define LAUNCHER_SHOW_AXIS_H

/*
 * An axis from 0 with ticks at round numbers: 1, 2 or 5 times a power of ten apart (P. S. Heckbert,
 * Nice Numbers for Graph Labels, Graphics Gems, 1990).
 */

struct axis {
	double step, top; /* top: the last tick, not below what is shown */
	unsigned steps;	  /* ticks but the one at 0 */
	int decimals;	  /* that their labels need */
};

/* With the finest step that needs at most `steps`, and is not below `least`. steps: 2 … 20. */
struct axis axis_make(double most, unsigned steps, double least);

#endif
