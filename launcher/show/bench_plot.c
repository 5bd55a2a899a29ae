/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/bench_plot.h"

#include <math.h>

#include "launcher/show/axis.h"
#include "launcher/show/bench_text.h"

enum {
	MARGIN = 14, /* left and right of bars: half a label of the axis */
	ROW = 50,    /* of a bar and the words above it */
	BASE = 15,   /* of the words */
	BAR = 22,    /* from the row's top */
	THICK = 16,  /* of a bar */
	AXIS = 24,   /* below the last bar */
	JITTER = 10, /* over which a bar's dots are spread, in the order of the runs */
	LEFT = 54,   /* of the lines' vertical axis */
	LEGEND = 20, /* a line of it */
	TALL = 240,  /* the lines */
};

static bool is_shown(const struct bench_case *c, enum gc gc)
{
	return c->gc == gc && !c->skipped[0];
}

/* The same rows for all metrics, so that plots side by side line up. */
static bool has_row(const struct bench *b, unsigned case_id, enum gc gc)
{
	return is_shown(&b->cases[case_id], gc) && !b->cases[case_id].is_sweep &&
	       bench_spread(b, case_id, BENCH_SECONDS).count > 0;
}

bool bench_plot_has_bars(const struct bench *b, enum gc gc, enum bench_metric metric)
{
	for (unsigned i = 0; i < b->case_count; i++)
		if (has_row(b, i, gc) && bench_spread(b, i, metric).count > 0)
			return true;
	return false;
}

/* In the metric's unit, from 0 to the most of all collectors; shares from 0 to all. */
static struct axis axis_of(const struct bench *b, bool has_sweep, enum bench_metric metric)
{
	double most = 0;

	if (metric == BENCH_CPU_IDLE || metric == BENCH_LOCAL)
		return axis_make(100, 5, 1);
	for (unsigned i = 0; i < b->case_count; i++)
		if (!b->cases[i].is_sweep || has_sweep)
			most = fmax(most, bench_spread(b, i, metric).max);
	return axis_make(most * bench_unit(metric)->scale, 6, 0);
}

/* "41.2 s", with the least and the most of several runs. */
static void put_spread(const struct bench *b, unsigned case_id, enum bench_metric metric, FILE *to)
{
	const struct bench_spread s = bench_spread(b, case_id, metric);

	fprintf(to, "%s %s", BENCH_FIGURE_STRING(metric, s.median), bench_unit(metric)->unit);
	if (s.count > 1)
		fprintf(to, ", %s … %s in %u runs", BENCH_FIGURE_STRING(metric, s.min),
			BENCH_FIGURE_STRING(metric, s.max), s.count);
}

/* Its name and, for those who do not see it, what it shows. */
static void begin_svg(const struct bench *b, enum gc gc, enum bench_metric metric, unsigned width,
		      unsigned height, const char *against, FILE *to)
{
	const struct bench_unit *unit = bench_unit(metric);
	char words[BENCH_WORDS];

	fprintf(to,
		"<svg role=\"img\" viewBox=\"0 0 %u %u\" data-plot=\"%s%s\" data-gc=\"%s\">\n"
		"<title>%s, %s%s</title>\n<desc>",
		width, height, bench_metric_name(metric), *against ? "-sweep" : "", gc_words[gc],
		unit->title, unit->unit, against);
	for (unsigned i = 0; i < b->case_count; i++) {
		if (!is_shown(&b->cases[i], gc) || bench_spread(b, i, metric).count == 0 ||
		    (!*against && b->cases[i].is_sweep))
			continue;
		bench_case_words(b, i, words);
		fprintf(to, "%s", words);
		if (*against)
			fprintf(to, " on %u cores", b->cases[i].cores);
		fputs(": ", to);
		put_spread(b, i, metric, to);
		fputs("; ", to);
	}
	fputs("</desc>\n", to);
}

/* ---- bars */

static void draw_bar(const struct bench *b, unsigned case_id, enum bench_metric metric,
		     unsigned width, double y, double scale, FILE *to)
{
	const char *side = bench_side_name(b->cases[case_id].side);
	const struct bench_unit *unit = bench_unit(metric);
	const struct bench_spread s = bench_spread(b, case_id, metric);
	const double middle = y + BAR + THICK / 2.0;
	const double times = metric == BENCH_SECONDS ? bench_times_plain(b, case_id) : -1;
	const double radius = s.count > 20 ? 2 : 3.2;
	unsigned seen = 0;
	char words[BENCH_WORDS];

	/* The collector is said above the plots. */
	bench_case_side(b, case_id, words);
	fprintf(to, "<g class=\"%s\"><text x=\"%d\" y=\"%.1f\">%s</text>", side, MARGIN, y + BASE,
		words);
	fprintf(to, "<text class=\"value\" x=\"%u\" y=\"%.1f\">", width - MARGIN, y + BASE);
	if (s.count == 0) {
		fputs("–<title>not measured</title></text></g>\n", to);
		return;
	}
	fprintf(to, "%s %s", BENCH_FIGURE_STRING(metric, s.median), unit->unit);
	if (times > 0 && b->cases[case_id].side != BENCH_PLAIN)
		fprintf(to, " · %s × plain", BENCH_NUMBER_STRING(times));
	fprintf(to,
		"</text>\n<rect class=\"bar\" data-case=\"%u\" x=\"%d\" y=\"%.1f\" width=\"%.2f\" "
		"height=\"%d\"><title>%s: ",
		case_id, MARGIN, y + BAR, s.median * scale, THICK, words);
	put_spread(b, case_id, metric, to);
	fprintf(to, "</title></rect><path class=\"median\" d=\"M%.2f %.1fv%d\"/>",
		MARGIN + s.median * scale, y + BAR - 2, THICK + 4);
	if (s.count > 1)
		fprintf(to, "<path class=\"whisker\" d=\"M%.2f %.1fv10m0 -5H%.2fm0 -5v10\"/>",
			MARGIN + s.min * scale, middle - 5, MARGIN + s.max * scale);
	for (unsigned i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];
		const double value = bench_value(b, run, metric);

		if (run->case_id != case_id || run->failed[0] || value < 0)
			continue;
		fprintf(to,
			"\n<circle class=\"run\" data-run=\"%u\" cx=\"%.2f\" cy=\"%.1f\" "
			"r=\"%.1f\"><title>%s, run %u: %s %s</title></circle>",
			i, MARGIN + value * scale,
			s.count > 1 ? middle + JITTER * (seen / (s.count - 1.0) - 0.5) : middle,
			radius, words, run->repetition + 1, BENCH_FIGURE_STRING(metric, value),
			unit->unit);
		seen++;
	}
	fputs("</g>\n", to);
}

void bench_plot_bars(const struct bench *b, enum gc gc, enum bench_metric metric, unsigned width,
		     FILE *to)
{
	const struct axis axis = axis_of(b, false, metric);
	const double scale = (width - 2 * MARGIN) / axis.top;
	unsigned rows = 0, row = 0;

	for (unsigned i = 0; i < b->case_count; i++)
		rows += has_row(b, i, gc);
	begin_svg(b, gc, metric, width, rows * ROW + AXIS, "", to);
	for (unsigned i = 0; i <= axis.steps; i++) {
		const double x = MARGIN + i * axis.step * scale;

		/* Beside the words, not through them. */
		for (row = 0; row < rows; row++)
			fprintf(to, "<path class=\"%s\" d=\"M%.1f %uv%d\"/>", i ? "grid" : "zero",
				x, row * ROW + BAR - 2, THICK + 4);
		fprintf(to,
			"<text class=\"tick\" x=\"%.1f\" y=\"%u\" data-tick=\"%.*f\">%.*f</text>\n",
			x, rows * ROW + 12, axis.decimals, i * axis.step, axis.decimals,
			i * axis.step);
	}
	row = 0;
	for (unsigned i = 0; i < b->case_count; i++)
		if (has_row(b, i, gc))
			draw_bar(b, i, metric, width, row++ * ROW,
				 scale * bench_unit(metric)->scale, to);
	fputs("</svg>\n", to);
}

/* ---- lines */

enum bench_metric bench_plot_sweep_metric(const struct bench *b)
{
	return b->data_bytes ? BENCH_THROUGHPUT : BENCH_SECONDS;
}

/* The next point to the right of `after` of a side's line; case_count: there is none. */
static unsigned next_point(const struct bench *b, enum gc gc, enum bench_side side, unsigned after)
{
	unsigned found = b->case_count;

	for (unsigned i = 0; i < b->case_count; i++) {
		const struct bench_case *c = &b->cases[i];

		if (c->side == side && is_shown(c, gc) && c->cores > after &&
		    (found == b->case_count || c->cores < b->cases[found].cores) &&
		    bench_spread(b, i, BENCH_SECONDS).count > 0)
			found = i;
	}
	return found;
}

/* A side whose only point is on all cores has no line. */
static bool has_line(const struct bench *b, enum gc gc, enum bench_side side)
{
	for (unsigned i = 0; i < b->case_count; i++)
		if (b->cases[i].side == side && is_shown(&b->cases[i], gc) &&
		    b->cases[i].is_sweep && bench_spread(b, i, BENCH_SECONDS).count > 0)
			return true;
	return false;
}

bool bench_plot_has_sweep(const struct bench *b, enum gc gc)
{
	for (unsigned side = 0; side < BENCH_SIDES; side++)
		if (has_line(b, gc, (enum bench_side)side))
			return true;
	return false;
}

/* Shapes, so that lines are told apart without colours: around (x, y). */
static void put_mark(enum bench_side side, double x, double y, FILE *to)
{
	static const char *const shapes[BENCH_SIDES] = {
		[BENCH_PLAIN] = "m-4 -4h8v8h-8z",
		[BENCH_BALANCED] = "m0 -5l5 9h-10z",
		[BENCH_WORKERS] = "m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
		[BENCH_SLICED] = "m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
		[BENCH_LENT] = "m0 5l5 -9h-10z",
	};

	fprintf(to, "<path class=\"mark\" d=\"M%.2f %.2f%s\"/>", x, y, shapes[side]);
}

/* Where values are on the paper. */
struct frame {
	double left, bottom; /* of 0, 0 */
	double x, y;	     /* a core, a unit of the metric's value */
};

static void draw_line(const struct bench *b, enum gc gc, enum bench_side side,
		      const struct frame *f, FILE *to)
{
	const enum bench_metric metric = bench_plot_sweep_metric(b);
	unsigned point = next_point(b, gc, side, 0);

	fprintf(to, "<g class=\"%s\"><path class=\"line\" d=\"", bench_side_name(side));
	for (char move = 'M'; point < b->case_count;
	     move = 'L', point = next_point(b, gc, side, b->cases[point].cores))
		fprintf(to, "%c%.2f %.2f", move, f->left + b->cases[point].cores * f->x,
			f->bottom - bench_spread(b, point, metric).median * f->y);
	fputs("\"/>\n", to);
	for (point = next_point(b, gc, side, 0); point < b->case_count;
	     point = next_point(b, gc, side, b->cases[point].cores)) {
		const struct bench_spread s = bench_spread(b, point, metric);
		const double x = f->left + b->cases[point].cores * f->x;
		const double y = f->bottom - s.median * f->y;

		fprintf(to, "<g data-case=\"%u\" data-x=\"%.2f\" data-y=\"%.2f\"><title>%s", point,
			x, y, bench_side_words(side));
		fprintf(to, " on %u cores: ", b->cases[point].cores);
		put_spread(b, point, metric, to);
		fputs("</title>", to);
		if (s.count > 1)
			fprintf(to, "<path class=\"whisker\" d=\"M%.2f %.2fh8m-4 0V%.2fm-4 0h8\"/>",
				x - 4, f->bottom - s.max * f->y, f->bottom - s.min * f->y);
		put_mark(side, x, y, to);
		fputs("</g>\n", to);
	}
	fputs("</g>\n", to);
}

static void draw_frame(const struct frame *f, const struct axis *x, const struct axis *y, FILE *to)
{
	for (unsigned i = 0; i <= y->steps; i++) {
		const double at = f->bottom - TALL * (double)i / y->steps;

		fprintf(to,
			"<path class=\"%s\" d=\"M%d %.1fH%d\"/>"
			"<text class=\"tick left\" x=\"%d\" y=\"%.1f\" data-tick=\"%.*f\">%.*f"
			"</text>\n",
			i ? "grid" : "zero", LEFT, at, BENCH_PLOT_WIDE - MARGIN, LEFT - 7, at + 4,
			y->decimals, i * y->step, y->decimals, i * y->step);
	}
	for (unsigned i = 0; i <= x->steps; i++)
		fprintf(to,
			"<path class=\"zero\" d=\"M%.1f %.1fv4\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%.0f</text>\n",
			f->left + i * x->step * f->x, f->bottom, f->left + i * x->step * f->x,
			f->bottom + 18, i * x->step);
	fprintf(to, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">physical cores</text>\n",
		(f->left + BENCH_PLOT_WIDE - MARGIN) / 2, f->bottom + 36);
}

void bench_plot_sweep(const struct bench *b, enum gc gc, FILE *to)
{
	const enum bench_metric metric = bench_plot_sweep_metric(b);
	const struct axis y = axis_of(b, true, metric);
	unsigned sides = 0, most = 0, place = 0;
	struct frame frame;
	struct axis x;

	for (unsigned i = 0; i < b->case_count; i++)
		if (!b->cases[i].skipped[0])
			most = b->cases[i].cores > most ? b->cases[i].cores : most;
	for (unsigned side = 0; side < BENCH_SIDES; side++)
		sides += has_line(b, gc, (enum bench_side)side);
	x = axis_make(most, 8, 1);
	frame = (struct frame){
		.left = LEFT,
		.bottom = (sides + 1) / 2 * LEGEND + 10 + TALL,
		.x = (BENCH_PLOT_WIDE - MARGIN - LEFT) / x.top,
		.y = TALL / y.top * bench_unit(metric)->scale,
	};
	begin_svg(b, gc, metric, BENCH_PLOT_WIDE, (unsigned)frame.bottom + 42, " against cores",
		  to);
	draw_frame(&frame, &x, &y, to);
	for (unsigned side = 0; side < BENCH_SIDES; side++) {
		const double column = place % 2 ? BENCH_PLOT_WIDE / 2.0 : MARGIN;
		const double line = place / 2 * LEGEND + 10;

		if (!has_line(b, gc, (enum bench_side)side))
			continue;
		place++;
		fprintf(to, "<g class=\"%s\"><path class=\"line\" d=\"M%.1f %.1fh24\"/>",
			bench_side_name(side), column, line);
		put_mark((enum bench_side)side, column + 12, line, to);
		fprintf(to, "<text x=\"%.1f\" y=\"%.1f\">%s</text></g>\n", column + 32, line + 4,
			bench_side_words((enum bench_side)side));
		draw_line(b, gc, (enum bench_side)side, &frame, to);
	}
	fputs("</svg>\n", to);
}
