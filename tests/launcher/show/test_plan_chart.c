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

/* The line of one candidate, in a copy. */
static const char *line_of(unsigned slices, unsigned cores)
{
	static char line[512];
	char label[32], *found, *end;

	snprintf(label, sizeof(label), "%2u x %-6u", slices, cores);
	found = strstr(text, label);
	ck_assert_msg(found, "no line '%s' in\n%s", label, text);
	end = strchr(found, '\n');
	snprintf(line, sizeof(line), "%.*s", (int)(end - found + 2), found - 2);
	return line;
}

static unsigned bar_of(unsigned slices, unsigned cores)
{
	const char *bar = line_of(slices, cores) + 13;

	return (unsigned)strspn(bar, "swgrxt");
}

START_TEST(test_widths)
{
	for (unsigned m = 0; machine_names[m]; m++) {
		make(machine_names[m]);
		for (unsigned width = 44; width <= 200; width += 13) {
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

static bool is_again(unsigned i)
{
	for (unsigned k = 0; k < i; k++) {
		if (p.candidates[k].slices == p.candidates[i].slices &&
		    p.candidates[k].cores == p.candidates[i].cores)
			return true;
	}
	return false;
}

START_TEST(test_lengths)
{
	make("paper-8x15");
	draw(100, false);
	ck_assert(line_of(p.candidates[p.chosen].slices, p.candidates[p.chosen].cores)[0] == '*');
	/* four cores take many times as long as all: cut, and marked */
	ck_assert_ptr_nonnull(strchr(line_of(1, 4), '>'));
	ck_assert_uint_ge(bar_of(1, 4), bar_of(1, 118));
	ck_assert_ptr_null(strchr(line_of(1, 118), '>'));
	for (unsigned i = 0; i < p.candidate_count; i++) {
		const struct plan_candidate *c = &p.candidates[i];
		double ratio = plan_chart_seconds(c) / plan_chart_seconds(&p.candidates[0]);
		double length;

		/* the line of these sizes is the first one's, whose executors are others */
		if (!c->feasible || ratio > 2 || is_again(i))
			continue;
		length = ratio * bar_of(p.candidates[0].slices, p.candidates[0].cores);
		ck_assert_msg(bar_of(c->slices, c->cores) < length + 1.5 &&
				      bar_of(c->slices, c->cores) > length - 1.5,
			      "%u x %u: %u instead of %.1f", c->slices, c->cores,
			      bar_of(c->slices, c->cores), length);
	}
}
END_TEST

TEST_MAIN("chart", test_case("bars", test_widths, test_lengths))
