/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bars of plan --explain: as long as the times they stand for, and never longer than the
 * terminal is wide.
 */

#include <string.h>

#include "decision/engine/plan_make.h"
#include "launcher/show/plan_chart.h"
#include "launcher/show/table.h"
#include "tests/decision/machines.h"
#include "tests/harness.h"

static struct topology t;
static struct profile profile;
static struct facts facts;
static struct plan p;
static char *text;

static void make(const char *machine)
{
	struct err e = {0};

	machine_named(machine, &t);
	profile_default(&profile);
	ck_assert_msg(plan_make(&t, &profile, &facts, &p, &e) == 0, "%s", e.msg);
}

static void draw(unsigned width, bool utf8)
{
	const struct picture_style style = {.width = width, .utf8 = utf8};
	size_t size;
	FILE *to;

	free(text);
	to = open_memstream(&text, &size);
	plan_chart_print(&p, &style, to);
	ck_assert_int_eq(fclose(to), 0);
}

/* How many columns the executors take: none where every candidate has one. */
static unsigned executors_column(void)
{
	for (unsigned i = 0; i < p.candidate_count; i++)
		if (p.candidates[i].executors > 1)
			return 4;
	return 0;
}

/* The line of one candidate, in a copy. */
static const char *line_of(unsigned slices, unsigned cores, unsigned executors)
{
	static char line[512];
	char label[32], *found, *end;
	int used = snprintf(label, sizeof(label), "%2u x %-6u", slices, cores);

	if (executors_column())
		snprintf(label + used, sizeof(label) - (size_t)used, "e%-3u", executors);
	found = strstr(text, label);
	ck_assert_msg(found, "no line '%s' in\n%s", label, text);
	end = strchr(found, '\n');
	snprintf(line, sizeof(line), "%.*s", (int)(end - found + 2), found - 2);
	return line;
}

static unsigned bar_of(unsigned slices, unsigned cores, unsigned executors)
{
	const char *bar = line_of(slices, cores, executors) + 13 + executors_column();

	return (unsigned)strspn(bar, "scwgrxpt");
}

START_TEST(test_widths)
{
	for (unsigned m = 0; machine_names[m]; m++) {
		make(machine_names[m]);
		if (m % 3 == 0) /* a column more */
			p.candidates[p.chosen].executors = SLICE_EXECUTORS;
		for (unsigned width = 48; width <= 200; width += 13) {
			char *end;

			draw(width, m % 2);
			/* all lines but the legend */
			for (char *line = text; (end = strchr(line, '\n')) && end[1];
			     line = end + 1) {
				*end = '\0';
				ck_assert_msg(text_width(line) <= width, "%u: %s", width, line);
			}
		}
	}
}
END_TEST

START_TEST(test_lengths)
{
	make("paper-8x15");
	draw(100, false);
	ck_assert(line_of(p.candidates[p.chosen].slices, p.candidates[p.chosen].cores,
			  p.candidates[p.chosen].executors)[0] == '*');
	/* two cores take ten times as long as all: cut, and marked */
	ck_assert_ptr_nonnull(strchr(line_of(1, 2, 1), '>'));
	ck_assert_uint_ge(bar_of(1, 2, 1), bar_of(1, 118, 1));
	ck_assert_ptr_null(strchr(line_of(1, 118, 1), '>'));
	for (unsigned i = 0; i < p.candidate_count; i++) {
		const struct plan_candidate *c = &p.candidates[i];
		double ratio = plan_chart_seconds(c) / plan_chart_seconds(&p.candidates[0]);
		double length;

		if (!c->feasible || ratio > 2)
			continue;
		length = ratio * bar_of(p.candidates[0].slices, p.candidates[0].cores,
					p.candidates[0].executors);
		ck_assert_msg(bar_of(c->slices, c->cores, c->executors) < length + 1.5 &&
				      bar_of(c->slices, c->cores, c->executors) > length - 1.5,
			      "%u x %u: %u instead of %.1f", c->slices, c->cores,
			      bar_of(c->slices, c->cores, c->executors), length);
	}
}
END_TEST

/* In front of the bar, where any candidate has several; and the legend says what it is. */
START_TEST(test_executors)
{
	struct plan_candidate *chosen;

	make("paper-8x15");
	chosen = &p.candidates[p.chosen];
	for (unsigned i = 0; i < p.candidate_count; i++)
		p.candidates[i].executors = 1;
	draw(100, false);
	ck_assert_ptr_null(strstr(text, "executors"));
	chosen->executors = 12;
	draw(100, false);
	ck_assert_ptr_nonnull(strstr(text, "; e: executors a slice\n"));
	ck_assert_int_eq(strncmp(line_of(chosen->slices, chosen->cores, 12) + 13, "e12 ", 4), 0);
	ck_assert_uint_gt(bar_of(chosen->slices, chosen->cores, 12), 0);
	ck_assert_int_eq(strncmp(line_of(1, 2, 1) + 13, "e1  ", 4), 0);
}
END_TEST

START_TEST(test_ratios)
{
	static const struct {
		double ratio;
		const char *text;
	} cases[] = {{0.949, "0.95"}, {0.994, "0.99"}, {0.996, "1.0"}, {1.04, "1.0"},
		     {1.36, "1.4"},   {9.96, "10"},    {23.4, "23"},   {117, "120"},
		     {0, "0.00"},     {0.051, "0.05"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char ratio[PLAN_CHART_RATIO];

		plan_chart_ratio(cases[i].ratio, ratio);
		ck_assert_str_eq(ratio, cases[i].text);
	}
}
END_TEST

TEST_MAIN("chart", test_case("bars", test_widths, test_lengths, test_executors, test_ratios))
