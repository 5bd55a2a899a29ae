/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/foreign.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLACEMENT = 0xfffd };

/*
 * How many bytes the first character takes, its code in *code (RFC 3629: shortest forms, no
 * surrogates, none above U+10FFFF). A byte that begins no character is one of REPLACEMENT.
 */
static unsigned decode(const char *text, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	const unsigned count = bytes[0] < 0x80		   ? 1
			       : (bytes[0] & 0xe0) == 0xc0 ? 2
			       : (bytes[0] & 0xf0) == 0xe0 ? 3
			       : (bytes[0] & 0xf8) == 0xf0 ? 4
							   : 0;
	uint32_t value = count == 1 ? bytes[0] : bytes[0] & (0x7fu >> count);

	*code = REPLACEMENT;
	if (count == 0)
		return 1;
	for (unsigned i = 1; i < count; i++) {
		/* The NUL at the end is no continuation either. */
		if ((bytes[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < least[count] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*code = value;
	return count;
}

/* Controls of C0 and C1, of direction (Unicode 15, 23.2), and what is no character. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||
	       (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || (code & 0xfffe) == 0xfffe;
}

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
		uint32_t code;
		const unsigned size = decode(text, &code);

		if (escaped)
			fputs(escaped, to);
		else if (*text == '\n' || *text == '\t')
			fputc(' ', to);
		else if (code == REPLACEMENT || is_control(code))
			fputs("\xef\xbf\xbd", to);
		else
			fwrite(text, 1, size, to);
		text += size;
	}
}

void foreign_put(const char *text, FILE *to)
{
	put(text, NULL, to);
}

void foreign_put_html(const char *text, FILE *to)
{
	put(text, entity, to);
}
