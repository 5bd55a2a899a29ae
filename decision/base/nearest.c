/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/nearest.h"

#include <stddef.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned word_distance(const char *a, const char *b)
{
	unsigned rows[3][NEAREST_WORD + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	size_t rows_count = strlen(a), columns = strlen(b);

	if (rows_count > NEAREST_WORD || columns > NEAREST_WORD)
		return NEAREST_WORD;
	for (size_t j = 0; j <= columns; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= rows_count; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= columns; j++) {
			unsigned edits = above[j - 1] + (a[i - 1] != b[j - 1]);

			edits = least(edits, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				edits = least(edits, before[j - 2] + 1);
			row[j] = edits;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[columns];
}

const char *word_nearest(const char *word, const char *const *known)
{
	const char *best = NULL;
	unsigned best_distance = NEAREST_WORD;

	for (; *known; known++) {
		unsigned distance = word_distance(word, *known);
		size_t longer = strlen(word) > strlen(*known) ? strlen(word) : strlen(*known);

		if (distance < best_distance && (distance <= 1 || distance <= longer / 3)) {
			best = *known;
			best_distance = distance;
		}
	}
	return best;
}
