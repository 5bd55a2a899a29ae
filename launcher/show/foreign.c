/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/foreign.h"

#include <stdbool.h>
#include <string.h>

#include "decision/base/foreign.h"

static const char *entity(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void put(const char *text, const char *(*escape)(char), FILE *to)
{
	while (*text) {
		const char *escaped = escape ? escape(*text) : NULL;
		char shown[FOREIGN_CHAR];

		text += foreign_char(text, shown);
		fputs(escaped ? escaped : shown, to);
	}
}

void foreign_put(const char *text, FILE *to)
{
	put(text, NULL, to);
}

/* Whether `left` bytes are the begin of a longer character. */
static bool is_cut(const char *at, size_t left)
{
	const unsigned char first = (unsigned char)*at;
	const size_t whole = (first & 0xe0) == 0xc0   ? 2
			     : (first & 0xf0) == 0xe0 ? 3
			     : (first & 0xf8) == 0xf0 ? 4
						      : 1;

	for (size_t i = 1; i < left && i < whole; i++)
		if ((at[i] & 0xc0) != 0x80)
			return false;
	return left < whole;
}

size_t foreign_put_bytes(const char *bytes, size_t size, FILE *to)
{
	size_t at = 0;

	while (at < size && !is_cut(bytes + at, size - at)) {
		char shown[FOREIGN_CHAR];
		const char first = bytes[at];

		at += foreign_char(bytes + at, shown);
		if (first == '\n' || first == '\t')
			fputc(first, to);
		else
			fputs(shown, to);
	}
	return at;
}

void foreign_put_text(const char *text, FILE *to)
{
	foreign_put(text + foreign_put_bytes(text, strlen(text), to), to);
	fputc('\n', to);
}

void foreign_put_html(const char *text, FILE *to)
{
	put(text, entity, to);
}
