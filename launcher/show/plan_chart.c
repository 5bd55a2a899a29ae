#include "launcher/show/plan_chart.h"

enum {
	LABEL = 13,	  /* "* 64 x 4096  " */
	FIGURES = 20,	  /* "  12345.6 s  1.60 x" */
	WIDTH_LEAST = 10, /* of the longest bar */
	CUT_ABOVE = 3,	  /* times the chosen one's seconds */
	TERMS = 6,
};

/* A term's letter where there are no colours, and its colour of xterm's 256 and of the 8. */
static const struct {
	const char *name;
	char mark;
	unsigned char colour, plain;
} looks[TERMS] = {
	{"start-up", 's', 245, 7}, {"work", 'w', 39, 4},     {"GC", 'g', 208, 3},
	{"remote", 'r', 203, 1},   {"shuffle", 'x', 141, 5}, {"tail", 't', 78, 2},
};

static void read_terms(const struct plan_candidate *c, double seconds[TERMS])
{
	const struct plan_terms *t = &c->terms;
	const double all[TERMS] = {t->startup, t->work, t->gc, t->remote, t->shuffle, t->tail};

	for (unsigned i = 0; i < TERMS; i++)
		seconds[i] = all[i];
}

double plan_chart_seconds(const struct plan_candidate *c)
{
	double seconds[TERMS], sum = 0;

	read_terms(c, seconds);
	for (unsigned i = 0; i < TERMS; i++)
		sum += seconds[i];
	return sum;
}

static void draw_part(unsigned term, unsigned width, const struct picture_style *style, FILE *to)
{
	if (style->colours == 256)
		fprintf(to, "\033[30;48;5;%um", looks[term].colour);
	else if (style->colours)
		fprintf(to, "\033[30;4%um", looks[term].plain);
	for (unsigned i = 0; i < width; i++)
		fputc(looks[term].mark, to);
	if (style->colours)
		fputs("\033[0m", to);
}

/* Parts end where the sum of terms ends: rounding does not add up. Return the columns used. */
static unsigned draw_bar(const struct plan_candidate *c, double scale, unsigned width,
			 const struct picture_style *style, FILE *to)
{
	double seconds[TERMS], sum = 0;
	unsigned at = 0;

	read_terms(c, seconds);
	for (unsigned i = 0; i < TERMS; i++) {
		double end = (sum += seconds[i]) * scale + 0.5;
		unsigned to_column = end < width ? (unsigned)end : width;

		if (to_column > at)
			draw_part(i, to_column - at, style, to);
		at = to_column > at ? to_column : at;
	}
	return at;
}

static double longest(const struct plan *p)
{
	double most = 0, cut = CUT_ABOVE * plan_chart_seconds(&p->candidates[p->chosen]);

	for (unsigned i = 0; i < p->candidate_count; i++) {
		double seconds = plan_chart_seconds(&p->candidates[i]);

		if (seconds > most && seconds <= cut)
			most = seconds;
	}
	return most;
}

void plan_chart_print(const struct plan *p, const struct picture_style *style, FILE *to)
{
	const char *times = style->utf8 ? "×" : "x", *more = style->utf8 ? "…" : ">";
	unsigned width = style->width > LABEL + FIGURES + WIDTH_LEAST
				 ? style->width - LABEL - FIGURES - 1
				 : WIDTH_LEAST;
	double most = longest(p);

	if (most <= 0)
		return;
	for (unsigned i = 0; i < p->candidate_count; i++) {
		const struct plan_candidate *c = &p->candidates[i];
		double seconds = plan_chart_seconds(c);
		unsigned used;

		if (!c->feasible || seconds <= 0)
			continue;
		fprintf(to, "%c %2u %s %-6u", i == p->chosen ? '*' : ' ', c->slices, times,
			c->cores);
		used = draw_bar(c, width / most, width, style, to);
		fputs(seconds > most ? more : " ", to);
		fprintf(to, "%*s%9.1f s %5.2f %s\n", (int)(width - used), "", seconds,
			c->throughput, times);
	}
	fprintf(to, "%*s", LABEL, "");
	for (unsigned i = 0; i < TERMS; i++) {
		draw_part(i, 1, style, to);
		fprintf(to, " %s  ", looks[i].name);
	}
	fputs("in predicted seconds; x: throughput to one JVM\n", to);
}
