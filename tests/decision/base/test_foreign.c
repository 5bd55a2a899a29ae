/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others as people see it: nothing moves the cursor, turns the line or hides. */

#include <stdbool.h>
#include <string.h>

#include "decision/base/foreign.h"
#include "tests/harness.h"

START_TEST(each_kind_is_seen)
{
	static const struct {
		const char *foreign, *seen;
	} cases[] = {
		{"", ""},
		{"a é € 😀 \\ ' \"", "a é € 😀 \\ ' \""},
		{"a\nb\tc\rd", "a\\nb\\tc\\rd"},
		{"\x01\x1b[2J\x7f", "\\x01\\x1b[2J\\x7f"},
		{"\xc2\x80\xc2\x9b", "\\u0080\\u009b"},		/* C1, its CSI */
		{"\x9b", "\\x9b"},				/* the same of eight bits */
		{"\xd8\x9c", "\\u061c"},			/* direction */
		{"\xe2\x80\x8e\xe2\x80\xae", "\\u200e\\u202e"}, /* direction */
		{"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"}, /* direction */
		{"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"}, /* line, paragraph */
		{"a\xe2\x80\x8b\xef\xbb\xbf\xc2\xad", "a\\u200b\\ufeff\\u00ad"}, /* no width */
		{"\xf3\xa0\x81\xa1", "\\U000e0061"},				 /* a tag */
		{"\x80\xff", "\\x80\\xff"},		      /* begins nothing */
		{"\xc3", "\\xc3"},			      /* ends early */
		{"\xe2\x82<", "\\xe2\\x82<"},		      /* and hides nothing */
		{"\xc0\xbc", "\\xc0\\xbc"},		      /* '<' too long */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	      /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above all */
		{"\xef\xbf\xbf", "\\uffff"},		      /* no character */
		{"\xef\xbf\xbd", "\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(FOREIGN(cases[i].foreign), cases[i].seen);
	/* What is escaped stays as it is. */
	ck_assert_str_eq(FOREIGN(FOREIGN("\x1b\xe2\x80\xae")), "\\x1b\\u202e");
}
END_TEST

START_TEST(what_is_cut_says_so)
{
	char to[24];

	ck_assert_str_eq(foreign_escape("0123456789abcdefghijklm", to, sizeof(to)),
			 "0123456789abcdefghijklm");
	ck_assert_str_eq(foreign_escape("0123456789abcdefghijklmn", to, sizeof(to)),
			 "0123456789abcdefghij...");
	ck_assert_str_eq(foreign_escape("0123456789abcdefgh\x1b\x1b", to, sizeof(to)),
			 "0123456789abcdefgh...");
	ck_assert_str_eq(foreign_escape("0123456789abcdefghi€€", to, sizeof(to)),
			 "0123456789abcdefghi...");
	ck_assert_str_eq(foreign_escape("€€€€€€€", to, sizeof(to)), "€€€€€€€");
}
END_TEST

/* Independent of the code: neither byte of a control of C0, DEL, nor C1 in UTF-8 or alone. */
static bool is_harmless(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	for (; *c; c++) {
		unsigned more = *c < 0x80 ? 0 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;

		if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && *c < 0xc2) || *c > 0xf4 ||
		    (*c == 0xc2 && c[1] < 0xa0) || (*c == 0xe2 && c[1] == 0x80 && c[2] == 0xae))
			return false;
		for (; more; more--)
			if ((*++c & 0xc0) != 0x80)
				return false;
	}
	return true;
}

START_TEST(any_bytes_are_harmless_text)
{
	static const char *const bad[] = {"\x1b[", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80", "\xff"};
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 20000; round++) {
		char text[64], to[FOREIGN_CHAR + 40], again[sizeof(to)];
		const size_t length = test_random(&state) % 60;

		for (size_t i = 0; i < length; i++)
			text[i] = (char)(1 + test_random(&state) % 255);
		text[length] = '\0';
		if (length > 4) {
			const char *piece = bad[test_random(&state) % 5];

			memcpy(text + length - strlen(piece), piece, strlen(piece));
		}
		ck_assert_msg(is_harmless(FOREIGN(text)), "seed %lu round %u", test_seed(), round);
		foreign_escape(text, to, sizeof(to));
		ck_assert(strlen(to) < sizeof(to) && is_harmless(to));
		ck_assert_str_eq(foreign_escape(to, again, sizeof(again)), to);
	}
}
END_TEST

TEST_MAIN("foreign",
	  test_case("foreign", each_kind_is_seen, what_is_cut_says_so, any_bytes_are_harmless_text))
