/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/plan_chart.h"

#include <stdlib.h>

enum {
	LABEL = 13,	  /* "* 64 x 4096  " */
	EXECUTORS = 4,	  /* "e64 " */
	FIGURES = 20,	  /* "  12345.6 s  0.95 x" */
	WIDTH_LEAST = 10, /* of the longest bar */
	CUT_ABOVE = 3,	  /* times the chosen one's seconds */
};

/* A term's letter where there are no colours, and its colour of xterm's 256 and of the 8. */
static const struct {
	const char *name;
	char mark;
	unsigned char colour, plain;
} looks[PLAN_CHART_TERMS] = {
	{"start-up", 's', 245, 7}, {"cold JVM", 'c', 180, 6}, {"work", 'w', 39, 4},
	{"GC", 'g', 208, 3},	   {"remote", 'r', 203, 1},   {"shuffle", 'x', 141, 5},
	{"spill", 'p', 220, 3},	   {"tail", 't', 78, 2},
};

double plan_chart_terms(const struct plan_candidate *c, double seconds[PLAN_CHART_TERMS])
{
	const struct plan_terms *t = &c->terms;
	const double all[] = {t->startup, t->cold,    t->work,	t->gc,
			      t->remote,  t->shuffle, t->spill, t->tail};
	double sum = 0;

	for (unsigned i = 0; i < PLAN_CHART_TERMS; i++)
		sum += seconds[i] = all[i];
	return sum;
}

double plan_chart_seconds(const struct plan_candidate *c)
{
	return plan_chart_terms(c, (double[PLAN_CHART_TERMS]){0});
}

void plan_chart_ratio(double ratio, char text[PLAN_CHART_RATIO])
{
	snprintf(text, PLAN_CHART_RATIO, "%.1e", ratio);
	ratio = strtod(text, NULL);
	snprintf(text, PLAN_CHART_RATIO, "%.*f", ratio < 1 ? 2 : ratio < 10 ? 1 : 0, ratio);
}

/* Whether a candidate has more than one executor a slice: then each is shown with its number. */
static bool has_executors(const struct plan *p)
{
	for (unsigned i = 0; i < p->candidate_count; i++)
		if (p->candidates[i].executors > 1)
			return true;
	return false;
}

static void draw_part(unsigned term, unsigned width, const struct picture_style *style, FILE *to)
{
	picture_colour(style, looks[term].colour, looks[term].plain, to);
	for (unsigned i = 0; i < width; i++)
		fputc(looks[term].mark, to);
	picture_plain(style, to);
}

/* Parts end where the sum of terms ends: rounding does not add up. Return the columns used. */
static unsigned draw_bar(const struct plan_candidate *c, double scale, unsigned width,
			 const struct picture_style *style, FILE *to)
{
	double seconds[PLAN_CHART_TERMS], sum = 0;
	unsigned at = 0;

	plan_chart_terms(c, seconds);
	for (unsigned i = 0; i < PLAN_CHART_TERMS; i++) {
		double end = (sum += seconds[i]) * scale + 0.5;
		unsigned to_column = end < width ? (unsigned)end : width;

		if (to_column <= at)
			continue;
		draw_part(i, to_column - at, style, to);
		at = to_column;
	}
	return at;
}

void plan_chart_print(const struct plan *p, const struct picture_style *style, FILE *to)
{
	const char *times = style->utf8 ? "×" : "x", *more = style->utf8 ? "…" : ">";
	bool executors = has_executors(p);
	unsigned label = LABEL + (executors ? EXECUTORS : 0);
	unsigned width = style->width > label + FIGURES + WIDTH_LEAST
				 ? style->width - label - FIGURES - 1
				 : WIDTH_LEAST;
	double most = 0, cut = CUT_ABOVE * plan_chart_seconds(&p->candidates[p->chosen]);

	for (unsigned i = 0; i < p->candidate_count; i++) {
		double seconds = plan_chart_seconds(&p->candidates[i]);

		if (seconds > most && seconds <= cut)
			most = seconds;
	}
	if (most <= 0)
		return;
	for (unsigned i = 0; i < p->candidate_count; i++) {
		const struct plan_candidate *c = &p->candidates[i];
		double seconds = plan_chart_seconds(c);
		char ratio[PLAN_CHART_RATIO];
		unsigned used;

		if (!c->feasible || seconds <= 0)
			continue;
		fprintf(to, "%c %2u %s %-6u", i == p->chosen ? '*' : ' ', c->slices, times,
			c->cores);
		if (executors)
			fprintf(to, "e%-*u", EXECUTORS - 1, c->executors);
		plan_chart_ratio(c->throughput, ratio);
		used = draw_bar(c, width / most, width, style, to);
		fputs(seconds > most ? more : " ", to);
		fprintf(to, "%*s%9.*f s %5s %s\n", (int)(width - used), "", seconds < 10 ? 1 : 0,
			seconds, ratio, times);
	}
	fprintf(to, "%*s", (int)label, "");
	for (unsigned i = 0; i < PLAN_CHART_TERMS; i++) {
		draw_part(i, 1, style, to);
		fprintf(to, " %s  ", looks[i].name);
	}
	fprintf(to, "in predicted seconds; x: throughput to one JVM%s\n",
		executors ? "; e: executors a slice" : "");
}
