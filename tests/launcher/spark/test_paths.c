/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as bash, Java and Spark read them. */

#include "launcher/spark/room.h"

#include <string.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"
#include "tests/launcher/spark_tree.h"

START_TEST(what_is_no_path_is_named)
{
	static const struct {
		const char *path;
		enum spark_path kind;
		const char *said; /* NULL: nothing */
	} cases[] = {
		{"", SPARK_PATH_LOCAL_DIR, NULL},
		{"/a b'\"\\%#?&;*()~€ü:!$", SPARK_PATH_LOCAL_DIR, NULL},
		{"/a b'\"\\%#?&;*()~€ü,", SPARK_PATH_CLASSES, NULL},
		{"/a,:!$", SPARK_PATH_FILE, NULL},
		{"/a,!$", SPARK_PATH_JDK, NULL},
		{"/a\x01", SPARK_PATH_FILE, "x: the path /a\\x01 has a control character, \\x01: "},
		{"/a\tb", SPARK_PATH_JDK, "has a control character, \\t"},
		{"/a\x7f", SPARK_PATH_CLASSES, "has a control character, \\x7f"},
		{"/\xc3", SPARK_PATH_FILE, "has the byte \\xc3, which is no UTF-8"},
		{"/\xed\xa0\x80", SPARK_PATH_FILE, "has the byte \\xed, which is no UTF-8"},
		{"/a,b", SPARK_PATH_LOCAL_DIR, "has a comma, at which"},
		{"/a:b", SPARK_PATH_CLASSES, "one of : ! $"},
		{"/a!/b", SPARK_PATH_CLASSES, "one of : ! $"},
		{"/${env:HOME}", SPARK_PATH_CLASSES, "one of : ! $"},
		{"/a:b", SPARK_PATH_JDK, "has a colon, at which"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err e = {0};
		int r = spark_path_check("x", cases[i].path, cases[i].kind, &e);

		ck_assert_msg((r < 0) == (cases[i].said != NULL), "%zu: %s", i, e.msg);
		if (cases[i].said) {
			ck_assert_msg(strstr(e.msg, cases[i].said) != NULL, "%zu: %s", i, e.msg);
			ck_assert_int_eq(e.exit, ERR_WRONG);
		}
	}
}
END_TEST

/* As JLI_AddArgsFromEnvVar and parseOptionString read one word. */
static void unquote(const char *word, char *to)
{
	char quote = '\0';

	for (; *word; word++) {
		if (!quote && (*word == '\'' || *word == '"'))
			quote = *word;
		else if (*word == quote)
			quote = '\0';
		else
			*to++ = *word;
	}
	*to = '\0';
	ck_assert(!quote);
}

START_TEST(quoted_paths_are_read_as_they_were)
{
	static const char *const paths[] = {"", "/a b", "/it's", "'''", "/\"'\\ \"'", "ü'€"};
	char word[SPARK_QUOTED + 8], quoted[SPARK_QUOTED], back[SPARK_QUOTED];
	char longest[PROFILE_PATH];

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		spark_quote(paths[i], quoted);
		snprintf(word, sizeof(word), "'%s'", quoted);
		unquote(word, back);
		ck_assert_str_eq(back, paths[i]);
	}
	memset(longest, '\'', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	spark_quote(longest, quoted);
	snprintf(word, sizeof(word), "'%s'", quoted);
	unquote(word, back);
	ck_assert_str_eq(back, longest);
}
END_TEST

START_TEST(urls_have_no_other_bytes)
{
	char url[SPARK_QUOTED];

	spark_url("/opt/spark-4.1.0_x~", url);
	ck_assert_str_eq(url, "/opt/spark-4.1.0_x~");
	spark_url("/a b,%#?${x}\\ü", url);
	ck_assert_str_eq(url, "/a%20b%2C%25%23%3F%24%7Bx%7D%5C%C3%BC");
}
END_TEST

TEST_MAIN("paths", test_case("paths", what_is_no_path_is_named, quoted_paths_are_read_as_they_were,
			     urls_have_no_other_bytes))
