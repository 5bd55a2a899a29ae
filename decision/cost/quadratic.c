/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cost/quadratic.h"

#include <math.h>

enum {
	N = QUADRATIC_SIZE,
	SWEEPS = 20000, /* strictly convex and few unknowns: hundreds do */
};

void quadratic_minimize(unsigned n, const double a[N][N], const double b[N], double u[N])
{
	for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
		double moved = 0;

		for (unsigned j = 0; j < n; j++) {
			double slope = -b[j], next;

			for (unsigned k = 0; k < n; k++)
				slope += a[j][k] * u[k];
			next = fmax(0, u[j] - slope / a[j][j]);
			moved = fmax(moved, fabs(next - u[j]));
			u[j] = next;
		}
		if (moved < 1e-12)
			return;
	}
}

void quadratic_invert(const double a[N][N], double inverse[N][N])
{
	double l[N][N] = {{0}}, m[N][N] = {{0}};

	for (unsigned j = 0; j < N; j++) {
		for (unsigned i = j; i < N; i++) {
			double rest = a[i][j];

			for (unsigned k = 0; k < j; k++)
				rest -= l[i][k] * l[j][k];
			l[i][j] = i == j ? sqrt(rest) : rest / l[j][j];
		}
	}
	for (unsigned j = 0; j < N; j++) {
		for (unsigned i = j; i < N; i++) {
			double rest = i == j;

			for (unsigned k = j; k < i; k++)
				rest -= l[i][k] * m[k][j];
			m[i][j] = rest / l[i][i];
		}
	}
	for (unsigned i = 0; i < N; i++) {
		for (unsigned j = 0; j < N; j++) {
			inverse[i][j] = 0;
			for (unsigned k = i > j ? i : j; k < N; k++)
				inverse[i][j] += m[k][i] * m[k][j];
		}
	}
}
