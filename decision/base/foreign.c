/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/foreign.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NO_CHARACTER = UINT32_MAX };

/*
 * How many bytes the first character takes, its code in *code (RFC 3629: shortest forms, no
 * surrogates, none above U+10FFFF). A byte that begins no character is one of NO_CHARACTER.
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

	*code = NO_CHARACTER;
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

/*
 * Unicode 15: controls (C0, DEL, C1), what is invisible by its nature (general category Cf, less
 * the signs of Arabic and Syriac numbers, which are seen; Zl, Zp; variation selectors and fillers
 * stay, which scripts and pictures need), and what is no character (23.7).
 */
static bool is_unseen(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} unseen[] = {
		{0x0000, 0x001f},   {0x007f, 0x009f},	/* controls */
		{0x00ad, 0x00ad},			/* soft hyphen */
		{0x061c, 0x061c},			/* direction: ALM */
		{0x180e, 0x180e},			/* Mongolian vowel separator */
		{0x200b, 0x200f},			/* no width; LRM, RLM */
		{0x2028, 0x202e},			/* lines, paragraphs; direction */
		{0x2060, 0x206f},			/* no width; isolates */
		{0xfdd0, 0xfdef},			/* no characters */
		{0xfeff, 0xfeff},			/* byte order mark */
		{0xfff0, 0xfffb},			/* annotations */
		{0x1d173, 0x1d17a}, {0xe0000, 0xe007f}, /* of music; tags */
	};

	for (size_t i = 0; i < sizeof(unseen) / sizeof(*unseen) && code >= unseen[i].first; i++)
		if (code <= unseen[i].last)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

unsigned foreign_char(const char *text, char shown[FOREIGN_CHAR])
{
	uint32_t code;
	const unsigned count = decode(text, &code);

	if (code >= 0x20 && code < 0x7f)
		memcpy(shown, (char[]){*text, '\0'}, 2);
	else if (code == NO_CHARACTER)
		snprintf(shown, FOREIGN_CHAR, "\\x%02x", (unsigned char)*text);
	else if (code == '\n' || code == '\t' || code == '\r')
		snprintf(shown, FOREIGN_CHAR, "\\%c", "tn\0\0r"[code - '\t']);
	else if (!is_unseen(code))
		snprintf(shown, FOREIGN_CHAR, "%.*s", (int)count, text);
	else
		snprintf(shown, FOREIGN_CHAR,
			 code < 0x80	  ? "\\x%02x"
			 : code < 0x10000 ? "\\u%04x"
					  : "\\U%08x",
			 (unsigned)code);
	return count;
}

char *foreign_escape(const char *text, char *to, size_t size)
{
	static const char cut[] = "...";
	char shown[FOREIGN_CHAR];
	size_t used = 0, fits = 0; /* with "..." behind it */

	while (*text) {
		const unsigned count = foreign_char(text, shown);
		const size_t length = strlen(shown);

		if (used + length >= size) {
			memcpy(to + fits, cut, sizeof(cut));
			return to;
		}
		memcpy(to + used, shown, length);
		used += length;
		fits = used + sizeof(cut) <= size ? used : fits;
		text += count;
	}
	to[used] = '\0';
	return to;
}
