/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison on a terminal: what came of it first, a row a case, what was not run and why; and
 * words of others that stay words.
 */

#include "decision/base/strings.h"
#include "launcher/show/bench_text.h"
#include "launcher/show/foreign.h"
#include "launcher/show/table.h"
#include "tests/harness.h"
#include "tests/launcher/show/comparisons.h"

static struct bench b;
static char *text;

static void show(void)
{
	free(text);
	text = comparison_print(&b, bench_text_print);
}

static void ck_has(const char *what)
{
	ck_assert_msg(strstr(text, what), "no '%s' in\n%s", what, text);
}

START_TEST(it_is_short_where_little_is_known)
{
	comparison_make(&b, 60, 40);
	b.runs[0].cpu_idle = b.runs[1].cpu_idle = -1;
	show();
	ck_assert_str_eq(
		text,
		"Slicing paid here: 2 slices took 40.4 s (40.0 … 40.8 s in 3 runs), plain Spark "
		"took 60.6 s (60.0 … 61.2 s in 3 runs): 1.50 times as fast (1.47 … 1.53).\n"
		"\n"
		"side         slices  cores  runs  seconds  min … max    × plain  CPU idle %  GC s  "
		"local %  peak GB  written GB  start-up s\n"
		"plain Spark       1     16     3     60.6  60.0 … 61.2     1.00        25.0  13.5  "
		"      -     3.00           -        3.50\n"
		"slices            2     16     3     40.4  40.0 … 40.8     1.50        25.0  13.5  "
		"      -     3.00           -        3.50\n");
}
END_TEST

/* The sentence is the first line, whatever it says. */
START_TEST(the_sentence_is_first)
{
	static const struct {
		double plain, sliced;
		const char *begins;
	} cases[] = {{60, 40, "Slicing paid here: "},
		     {40, 60, "Slicing did not pay here: "},
		     {60, 59.5, "Slicing made no clear difference here: "},
		     {0, 40, "Whether slicing pays here is unknown, "}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char sentence[BENCH_TEXT];

		comparison_make(&b, cases[i].plain, cases[i].sliced);
		b.is_interrupted = cases[i].plain == 0;
		show();
		bench_sentence(&b, sentence);
		ck_assert_int_eq(strncmp(text, sentence, strlen(sentence)), 0);
		ck_assert_int_eq(text[strlen(sentence)], '\n');
		ck_assert_msg(!strncmp(text, cases[i].begins, strlen(cases[i].begins)), "%s", text);
	}
}
END_TEST

START_TEST(all_is_told)
{
	comparison_make_full(&b);
	show();
	ck_has("\nside               collector  slices  cores  runs  seconds  min … max     MB/s  × plain");
	ck_has("\nslices with loans  G1 ");
	ck_has("\non fewer cores  collector ");
	ck_has("\n\nnot run: plain Spark with balanced pages under Parallel: not here: <b>");
	ck_has("\nfailed: 2 slices with loans under G1, run 3: it failed: <b>");
	ck_has("\nnote: a note: <b>");
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	ck_assert_int_ne(text[strlen(text) - 2], '\n');
	/* nothing of it reaches the terminal but as text */
	for (const char *at = text; *at; at++)
		ck_assert(*at == '\n' || (unsigned char)*at >= ' ');
	ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
}
END_TEST

START_TEST(units_are_those_of_people)
{
	ck_assert_str_eq(BENCH_FIGURE_STRING(BENCH_THROUGHPUT, 123456789), "123.5");
	ck_assert_str_eq(BENCH_FIGURE_STRING(BENCH_CPU_IDLE, 0.5), "50.0");
	ck_assert_str_eq(BENCH_FIGURE_STRING(BENCH_PEAK, 1610612736), "1.50");
	ck_assert_str_eq(BENCH_FIGURE_STRING(BENCH_GC, -1), "-");
}
END_TEST

/* ---- words of others */

START_TEST(foreign_words_stay_words)
{
	static const struct {
		const char *foreign, *plain, *html;
	} cases[] = {
		{"", "", ""},
		{"a é € 😀", "a é € 😀", "a é € 😀"},
		{"<a href=\"x\">&'", "<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"},
		{"a\nb\tc", "a\\nb\\tc", "a\\nb\\tc"},
		{"\x1b[m", "\\x1b[m", "\\x1b[m"},
		{"\xe2\x82<", "\\xe2\\x82<", "\\xe2\\x82&lt;"}, /* hides nothing */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *plain, *html;
		size_t size;
		FILE *to = open_memstream(&plain, &size);

		foreign_put(cases[i].foreign, to);
		fclose(to);
		to = open_memstream(&html, &size);
		foreign_put_html(cases[i].foreign, to);
		fclose(to);
		ck_assert_str_eq(plain, cases[i].plain);
		ck_assert_str_eq(html, cases[i].html);
		free(plain);
		free(html);
	}
}
END_TEST

static char *shown(const char *bytes, size_t size, size_t *used)
{
	char *made;
	size_t length;
	FILE *to = open_memstream(&made, &length);

	*used = foreign_put_bytes(bytes, size, to);
	fclose(to);
	return made;
}

/* Lines and tabs stay, and a character that a read cut waits for its rest. */
START_TEST(logs_keep_their_lines)
{
	static const char log[] = "INFO \x1b[2Jé\tx\n\0€";
	static const char seen[] = "INFO \\x1b[2Jé\tx\n\\x00€";

	for (size_t cut = 0; cut < sizeof(log); cut++) {
		size_t first, second;
		char begin[sizeof(log)] = "", *begun, *rest, whole[64];

		memcpy(begin, log, cut);
		begun = shown(begin, cut, &first);
		rest = shown(log + first, sizeof(log) - 1 - first, &second);
		snprintf(whole, sizeof(whole), "%s%s", begun, rest);
		ck_assert_str_eq(whole, seen);
		ck_assert_uint_eq(first + second, sizeof(log) - 1);
		free(begun);
		free(rest);
	}
}
END_TEST

START_TEST(tables_are_aligned_by_what_is_seen)
{
	static const char *const titles[] = {"name", "x", NULL};
	cleanup_table struct table t;
	char *made;
	size_t size;
	FILE *to = open_memstream(&made, &size);

	table_init(&t, titles);
	table_add(&t, "%s", "\x1b[2J\n");
	table_add(&t, "%s", "1");
	table_add(&t, "%s", "é\xff");
	table_add(&t, "%s", "2");
	ck_assert_int_eq(table_print(&t, to), 0);
	fclose(to);
	ck_assert_str_eq(made, "name       x\n"
			       "\\x1b[2J\\n  1\n"
			       "é\\xff      2\n");
	free(made);
}
END_TEST

TEST_MAIN("bench_text",
	  test_case("text", it_is_short_where_little_is_known, the_sentence_is_first, all_is_told,
		    units_are_those_of_people),
	  test_case("foreign", foreign_words_stay_words, logs_keep_their_lines,
		    tables_are_aligned_by_what_is_seen))
