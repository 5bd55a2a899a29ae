/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_COST_QUADRATIC_H
#define DECISION_COST_QUADRATIC_H

/*
 * Small dense algebra of the fit: matrices are symmetric positive definite and of one fixed size.
 */

enum { QUADRATIC_SIZE = 13 };

/*
 * Minimise ½·uᵀAu − bᵀu over u >= 0 in the first `n` unknowns, from the u that is there: cyclic
 * coordinate descent (Franc, Hlaváč, Navara, Sequential Coordinate-wise Algorithm for the
 * Non-negative Least Squares Problem, CAIP 2005). Each step is the exact minimum along one
 * coordinate, so the value never rises; it converges because the problem is strictly convex (Luo,
 * Tseng, J. Optim. Theory Appl. 72, 1992).
 */
void quadratic_minimize(unsigned n, const double a[QUADRATIC_SIZE][QUADRATIC_SIZE],
			const double b[QUADRATIC_SIZE], double u[QUADRATIC_SIZE]);

/* The inverse, by the Cholesky factor L of A = L·Lᵀ: L⁻ᵀ·L⁻¹. */
void quadratic_invert(const double a[QUADRATIC_SIZE][QUADRATIC_SIZE],
		      double inverse[QUADRATIC_SIZE][QUADRATIC_SIZE]);

#endif
