/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

#include "decision/base/foreign.h"

enum { NOT_UTF8 = UINT32_MAX, EXCERPT_CHARACTERS = 40 };

/*
 * Take one character off [*at, end), which is not empty. NOT_UTF8 takes one byte. The table of
 * RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static uint32_t take_character(const char **at, const char *end)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)*(*at)++;
	unsigned more = first < 0x80		 ? 0
			: (first & 0xe0) == 0xc0 ? 1
			: (first & 0xf0) == 0xe0 ? 2
						 : 3;
	uint32_t c = more ? first & (0x3fu >> more) : first;

	if (!more)
		return first;
	if (first < 0xc2 || first > 0xf4 || end - *at < (ptrdiff_t)more)
		return NOT_UTF8;
	for (unsigned i = 0; i < more; i++) {
		if (((unsigned char)(*at)[i] & 0xc0) != 0x80)
			return NOT_UTF8;
		c = c << 6 | ((unsigned char)(*at)[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return NOT_UTF8;
	*at += more;
	return c;
}

/* YAML 1.1, 4.1.1, c-printable. */
static bool is_printable(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7e) || c == 0x85 ||
	       (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

/* YAML 1.1, 4.2, b-break; of a pair CR LF the second. */
static bool is_break(uint32_t c, const char *next, const char *end)
{
	if (c == '\r')
		return next == end || *next != '\n';
	return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

int text_check(const char *text, size_t size, const char *source, struct err *e)
{
	const char *end = text + size;
	size_t line = 1, column = 1;

	for (const char *at = text; at < end;) {
		unsigned char byte = (unsigned char)*at;
		uint32_t c = take_character(&at, end);

		if (c == NOT_UTF8)
			return err_wrong(e,
					 "%s:%zu:%zu: byte 0x%02x is not UTF-8: a profile is text",
					 source, line, column, byte);
		if (!is_printable(c))
			return err_wrong(e,
					 "%s:%zu:%zu: the control character U+%04" PRIX32
					 " is not allowed: a profile is text",
					 source, line, column, c);
		column++;
		if (is_break(c, at, end)) {
			line++;
			column = 1;
		}
	}
	return 0;
}

/* Write one character so that it stands for itself between double quotes. */
static void quote_character(FILE *file, uint32_t c, const char *bytes)
{
	char shown[FOREIGN_CHAR];

	if (c == '"' || c == '\\')
		fprintf(file, "\\%c", (int)c);
	else if (c == '\n' || c == '\t' || c == '\r')
		fputs(c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r", file);
	else if (c < 0x20 || (c >= 0x7f && c <= 0xa0))
		fprintf(file, "\\x%02" PRIx32, c);
	else if (!is_printable(c))
		fprintf(file, "\\u%04" PRIx32, c);
	else if (foreign_char(bytes, shown)) /* its escapes are YAML's, too */
		fputs(shown, file);
}

static void quote(FILE *file, const char *text, const char *end)
{
	fputc('"', file);
	while (text < end) {
		const char *from = text;
		uint32_t c = take_character(&text, end);

		quote_character(file, c == NOT_UTF8 ? 0xfffd : c, from);
	}
	fputc('"', file);
}

void text_quote(FILE *file, const char *text)
{
	quote(file, text, text + strlen(text));
}

bool text_is_plain(const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./-+";
	/* What the types of YAML 1.1 make of a word (yaml.org/type). */
	static const char *const words[] = {"null", "true", "false", "yes", "no",
					    "on",   "off",  "y",     "n",   NULL};

	if (!strchr("/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", text[0]) || !text[0] ||
	    text[strspn(text, safe)])
		return false;
	for (const char *const *word = words; *word; word++) {
		if (!strcasecmp(text, *word))
			return false;
	}
	return true;
}

char *text_excerpt(const char *text, char out[TEXT_EXCERPT])
{
	const char *all = text + strlen(text), *end = text;
	FILE *file = fmemopen(out, TEXT_EXCERPT, "w");

	out[0] = '\0';
	if (!file)
		return out;
	for (unsigned i = 0; i < EXCERPT_CHARACTERS && end < all; i++)
		take_character(&end, all);
	quote(file, text, end);
	if (end < all)
		fputs("...", file);
	fclose(file);
	return out;
}
