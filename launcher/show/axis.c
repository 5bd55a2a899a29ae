/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/axis.h"

#include <math.h>

struct axis axis_make(double most, unsigned steps, double least)
{
	static const double round[] = {1, 2, 5};
	struct axis axis;
	double power;
	int exponent;

	if (!(most > 0))
		most = least > 0 ? least : 1;
	/* One power too low, so that rounding of log10() does no harm: the loop climbs. */
	exponent = (int)floor(log10(most / steps)) - 1;
	power = pow(10, exponent);
	for (unsigned i = 0;; i++) {
		axis.step = round[i % 3] * power;
		/* 0.3 / 0.1 is above 3: what is a step to the twelfth digit is one. */
		axis.steps = (unsigned)ceil(fmin(most / axis.step - 1e-12 * steps, 1e6));
		if (axis.steps <= steps && axis.step >= least)
			break;
		if (i % 3 == 2)
			power = pow(10, ++exponent);
	}
	if (axis.steps == 0)
		axis.steps = 1;
	axis.top = axis.step * axis.steps;
	axis.decimals = exponent < 0 ? -exponent : 0;
	return axis;
}
