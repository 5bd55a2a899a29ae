/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"

static void push(struct table *t, char *cell)
{
	char **grown = NULL;

	/* The room doubles whenever the count is a power of two. */
	if (cell && (t->count & (t->count - 1)) == 0)
		grown = realloc(t->cells, sizeof(*grown) * (t->count ? 2 * t->count : 1));
	else if (cell)
		grown = t->cells;
	if (!grown) {
		free(cell);
		t->failed = -ENOMEM;
		return;
	}
	t->cells = grown;
	t->cells[t->count++] = cell;
}

void table_init(struct table *t, const char *const *titles)
{
	*t = (struct table){0};
	for (; *titles; titles++) {
		bool right = **titles == '>';

		t->right |= (uint64_t)right << t->columns++;
		push(t, strdup(*titles + right));
	}
}

void table_add(struct table *t, const char *format, ...)
{
	cleanup_free char *text = NULL;
	char *cell = NULL;
	va_list args;
	size_t size;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	/* No escape is longer than four times what it stands for. */
	size = text ? 4 * strlen(text) + FOREIGN_CHAR : 0;
	if (text && (cell = malloc(size)))
		foreign_escape(text, cell, size);
	push(t, cell);
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_row(const struct table *t, char *const *row, const size_t *widths, FILE *to)
{
	size_t owed = 0; /* blanks that are due before the next cell */

	for (unsigned c = 0; c < t->columns; c++) {
		size_t width = text_width(row[c]);
		size_t room = widths[c] > width ? widths[c] - width : 0;
		bool right = t->right >> c & 1;

		if (width > 0)
			fprintf(to, "%*s%s", (int)(owed + (right ? room : 0)), "", row[c]);
		owed = width == 0 ? owed + room + 2 : (right ? 0 : room) + 2;
	}
	fputc('\n', to);
}

int table_print(const struct table *t, FILE *to)
{
	size_t widths[64] = {0};

	if (t->failed)
		return t->failed;
	for (size_t i = 0; i < t->count; i++) {
		size_t *widest = &widths[i % t->columns], width = text_width(t->cells[i]);

		*widest = width > *widest ? width : *widest;
	}
	for (size_t i = 0; i + t->columns <= t->count; i += t->columns)
		print_row(t, t->cells + i, widths, to);
	return 0;
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}
