/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of a comparison, as text: its first words, that its tags are in order, that words of
 * others are none of them, its plots and their axes. tests/page/test_bench_page has it rendered.
 */

#include <errno.h>
#include <math.h>

#include "decision/base/strings.h"
#include "launcher/show/axis.h"
#include "launcher/show/bench_page.h"
#include "tests/harness.h"
#include "tests/launcher/show/comparisons.h"

static struct bench b;
static char *text;

static void show(void)
{
	free(text);
	text = comparison_print(&b, bench_page_print);
}

static void ck_has(const char *what)
{
	ck_assert_msg(strstr(text, what), "no '%s' in\n%s", what, text);
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* ---- the tags */

static bool is_void(const char *tag)
{
	return !strcmp(tag, "meta") || !strcmp(tag, "!DOCTYPE");
}

/* Every tag is closed in order, every attribute is quoted, and between tags is no stray < or &. */
static void ck_well_formed(void)
{
	char open[32][16];
	unsigned depth = 0;

	for (const char *at = text; *at; at++) {
		char tag[16] = "";
		const bool ends = at[1] == '/';
		size_t length;

		ck_assert_msg((unsigned char)*at >= ' ' || *at == '\n', "a control character");
		ck_assert_msg(*at != '>', "a stray '>' at %.40s", at);
		if (*at == '&') {
			ck_assert_msg(strcspn(at, ";") < 7, "a stray '&' at %.40s", at);
			continue;
		}
		if (*at != '<')
			continue;
		at += 1 + ends;
		length = strspn(at, "!abcdefghijklmnopqrstuvwxyzDOCTYPE123456789");
		ck_assert_msg(length > 0 && length < sizeof(tag), "no tag at %.40s", at);
		memcpy(tag, at, length);
		for (at += length; *at != '>' && *at != '/'; at++) {
			if (*at == '"')
				at += 1 + strcspn(at + 1, "\"");
			ck_assert_msg(*at && *at != '<', "<%s> does not end", tag);
		}
		if (ends) {
			ck_assert_msg(depth > 0 && !strcmp(open[depth - 1], tag), "</%s> in <%s>",
				      tag, depth ? open[depth - 1] : "");
			depth--;
		} else if (*at == '/') {
			at++;
		} else if (!is_void(tag)) {
			ck_assert_uint_lt(depth, 32);
			memcpy(open[depth++], tag, sizeof(tag));
		}
	}
	ck_assert_uint_eq(depth, 0);
}

START_TEST(it_is_well_formed)
{
	comparison_make_full(&b);
	show();
	ck_well_formed();
	/* with nothing yet, and with all that fails */
	b.run_count = 0;
	show();
	ck_well_formed();
	ck_has("There is no run yet.");
	ck_assert_uint_eq(count("<svg"), 0);
	memset(&b, 0, sizeof(b));
	b.repetitions = 3;
	show();
	ck_well_formed();
}
END_TEST

START_TEST(it_needs_nothing_else)
{
	static const char *const loads[] = {
		"<script", "<link", "<img", "src=", "href=", "url(", "@import", "http"};

	comparison_make_full(&b);
	show();
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++)
		ck_assert_msg(!strstr(text, loads[i]), "%s", loads[i]);
	ck_has("<!DOCTYPE html>\n<html lang=\"en\">");
	ck_has("prefers-color-scheme:dark");
	ck_has("<meta name=\"viewport\"");
}
END_TEST

/* The first words of the body are the sentence, and say whether it is good news. */
START_TEST(the_sentence_is_first)
{
	static const struct {
		double plain, sliced;
		const char *begins;
	} cases[] = {
		{60, 40, "<h1 data-verdict=\"paid\">Slicing paid here: "},
		{40, 60, "<h1 data-verdict=\"did-not-pay\">Slicing did not pay here: "},
		{60, 59.5,
		 "<h1 data-verdict=\"no-matter\">Slicing made no clear difference here: "},
		{60, 0, "<h1 data-verdict=\"unknown\">Whether slicing pays here is unknown, "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *body, *h1;
		char sentence[BENCH_TEXT];

		comparison_make(&b, cases[i].plain, cases[i].sliced);
		show();
		body = strstr(text, "<body>\n<main>\n");
		ck_assert_ptr_nonnull(body);
		h1 = body + strlen("<body>\n<main>\n");
		ck_assert_msg(!strncmp(h1, cases[i].begins, strlen(cases[i].begins)), "%.200s", h1);
		bench_sentence(&b, sentence);
		ck_assert_int_eq(strncmp(strchr(h1, '>') + 1, sentence, strlen(sentence)), 0);
	}
	/* partial */
	b.run_count = 4;
	b.runs[3] = b.runs[0];
	b.runs[3].case_id = 1;
	b.is_interrupted = true;
	show();
	ck_has("(1 of 3 runs)");
	ck_has(" It was interrupted when 2 runs were missing.</h1>");
}
END_TEST

START_TEST(words_of_others_are_no_tags)
{
	static const char escaped[] =
		"&lt;b&gt;&amp;&quot;x&#39;\\x1b[2J\\x80\\xff\\xc3(\\u202e)\\t.\\n";

	comparison_make_full(&b);
	show();
	ck_assert_ptr_null(strstr(text, "<b>&"));
	ck_assert_uint_eq(count(escaped), 5); /* application, skipped, failed twice, note */
	ck_has("<dt>Application</dt><dd>&lt;b&gt;");
	ck_has("<li data-skipped=\"2\">plain Spark with balanced pages under Parallel: not here: ");
	ck_has("<li data-failed=\"11\">2 slices with loans under G1, run 3: it failed: ");
}
END_TEST

START_TEST(figures_have_their_places)
{
	comparison_make_full(&b);
	show();
	/* 60 … 61.2 s of 6 GB */
	ck_has("data-case=\"0\" data-metric=\"seconds\" data-value=\"60.6\"><b "
	       "data-stat=\"median\">60.6</b>");
	ck_has("<span data-stat=\"min\">60.0</span>");
	ck_has("<td data-run=\"3\" data-case=\"1\" data-metric=\"throughput\" "
	       "data-value=\"150\">150.0</td>");
	ck_has("<td data-run=\"0\" data-case=\"0\" data-metric=\"local_share\">–</td>");
	ck_assert_uint_eq(count("<th scope="), count("<th ") + count("<th>"));
	/* a figure a metric and a run that counts; one failed */
	ck_assert_uint_eq(count("<td data-run="), (b.run_count - 1) * BENCH_METRICS);
}
END_TEST

/* Time, GC and idle of each collector (nothing says what is local), and one sweep. */
START_TEST(plots_are_of_each_collector)
{
	comparison_make_full(&b);
	show();
	ck_has("With the Parallel collector");
	ck_has("With the G1 collector");
	ck_assert_uint_eq(count("<svg"), 7);
	ck_assert_uint_eq(count("<desc>"), 7);
	ck_assert_uint_eq(count("-sweep\""), 1);
	ck_has("data-plot=\"throughput-sweep\" data-gc=\"parallel\"");
	b.data_bytes = 0;
	show();
	ck_has("data-plot=\"seconds-sweep\"");
	comparison_make(&b, 60, 40);
	show();
	ck_assert_uint_eq(count("<svg"), 3);
	ck_assert_ptr_null(strstr(text, "collector</h2>"));
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
	FILE *full = fopen("/dev/full", "we");

	if (!full)
		test_skip("needs a machine with /dev/full");
	comparison_make_full(&b);
	ck_assert_int_eq(bench_page_print(&b, full), -EIO);
	fclose(full);
}
END_TEST

/* ---- axes */

START_TEST(ticks_are_round)
{
	static const struct {
		double most;
		unsigned steps;
		double least, step, top;
		int decimals;
	} cases[] = {{60, 6, 0, 10, 60, 0},   {61, 6, 0, 20, 80, 0},	  {0.3, 6, 0, 0.05, 0.3, 2},
		     {1, 5, 0, 0.2, 1, 1},    {100, 5, 1, 20, 100, 0},	  {16, 8, 1, 2, 16, 0},
		     {3, 8, 1, 1, 3, 0},      {1234, 6, 0, 500, 1500, 0}, {0, 6, 0, 0.2, 1, 1},
		     {1e9, 6, 0, 2e8, 1e9, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct axis a = axis_make(cases[i].most, cases[i].steps, cases[i].least);

		ck_assert_msg(fabs(a.step / cases[i].step - 1) < 1e-9 &&
				      fabs(a.top / cases[i].top - 1) < 1e-9 &&
				      a.decimals == cases[i].decimals,
			      "%g: %g … %g, %d decimals", cases[i].most, a.step, a.top, a.decimals);
	}
}
END_TEST

/* As few as asked for, all shown, and labels say exactly where ticks are. */
START_TEST(random_axes)
{
	unsigned long long state = test_seed();

	for (unsigned round = 0; round < 20000; round++) {
		const double most = pow(10, (double)(test_random(&state) % 12000) / 1000 - 3);
		const unsigned steps = 2 + (unsigned)(test_random(&state) % 19);
		const struct axis a = axis_make(most, steps, 0);
		char label[64];

		snprintf(label, sizeof(label), "%.*f", a.decimals, a.step);
		ck_assert_msg(a.steps >= 1 && a.steps <= steps && a.top >= most * (1 - 1e-9) &&
				      a.top - a.step < most * (1 + 1e-9) &&
				      fabs(strtod(label, NULL) / a.step - 1) < 1e-9,
			      "seed %lu, round %u: %g in %u: %u steps of %s", test_seed(), round,
			      most, steps, a.steps, label);
	}
}
END_TEST

TEST_MAIN("bench_page",
	  test_case("page", it_is_well_formed, it_needs_nothing_else, the_sentence_is_first,
		    words_of_others_are_no_tags, figures_have_their_places,
		    plots_are_of_each_collector, a_full_disk_is_an_error),
	  test_case("axis", ticks_are_round, random_axes))
