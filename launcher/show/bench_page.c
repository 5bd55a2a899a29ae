/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/bench_page.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>

#include "decision/base/size_text.h"
#include "launcher/show/bench_plot.h"
#include "launcher/show/bench_text.h"
#include "launcher/show/foreign.h"

/* Colours that are told apart with any eyes, dark enough on white and light enough on black. */
static const char style[] =
	":root{color-scheme:light dark;--paper:#fff;--ink:#1a1c1f;--soft:#5b6168;--rule:#d9dce0;"
	"--grid:#e4e7ea;--band:#f5f6f8;"
	"--plain:#6b7178;--balanced:#9c5fa8;--workers:#b8650a;--sliced:#1765ad;--lent:#08785a}\n"
	"@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e8ea;--soft:#9aa2aa;"
	"--rule:#363c42;--grid:#2b3036;--band:#1c2024;"
	"--plain:#a4abb3;--balanced:#cf9bdb;--workers:#eba353;--sliced:#6cb2f5;--lent:#4cc59d}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--paper);color:var(--ink);"
	"font:16px/1.5 system-ui,-apple-system,\"Segoe UI\",\"Liberation Sans\",sans-serif}\n"
	"main{max-width:73rem;margin:0 auto;padding:2rem 1rem 3rem;overflow-wrap:anywhere}\n"
	"h1{font-size:1.35rem;line-height:1.45;font-weight:600;margin:0 0 1.5rem;max-width:52rem}\n"
	"h2{font-size:1.1rem;margin:2.5rem 0 .75rem;padding-top:.75rem;"
	"border-top:1px solid var(--rule)}\n"
	"p{max-width:46rem;margin:.5rem 0}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.25rem;margin:0}\n"
	"dt,.soft,caption,figcaption,footer{color:var(--soft)}\n"
	"dd{margin:0}\n"
	".plots{display:grid;gap:1.5rem 2.5rem;margin:1rem 0;"
	"grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}\n"
	".small{grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}\n"
	"figure{margin:0;max-width:34.25rem;break-inside:avoid}\n"
	".small figure{max-width:24rem}\n"
	"figcaption{font-size:.9rem;line-height:1.4;margin-bottom:.5rem}figcaption b{color:var(--ink)}\n"
	"svg{display:block;width:100%;height:auto;overflow:hidden}\n"
	"svg text{font-size:13px;fill:var(--ink)}\n"
	"svg .value{text-anchor:end;font-variant-numeric:tabular-nums}\n"
	"svg .tick{font-size:11.5px;fill:var(--soft);text-anchor:middle;"
	"font-variant-numeric:tabular-nums}svg .left{text-anchor:end}\n"
	"svg path{fill:none}.grid{stroke:var(--grid)}.zero{stroke:var(--soft)}\n"
	".plain{--side:var(--plain)}.balanced{--side:var(--balanced)}"
	".workers{--side:var(--workers)}.sliced{--side:var(--sliced)}.lent{--side:var(--lent)}\n"
	".bar{fill:var(--side);fill-opacity:.28}.median{stroke:var(--side);stroke-width:2.5}\n"
	".whisker{stroke:var(--ink);stroke-opacity:.75;stroke-width:1.1}\n"
	".run{fill:var(--side);stroke:var(--paper);stroke-width:.8}\n"
	".line{stroke:var(--side);stroke-width:2}\n"
	"svg .mark{fill:var(--side);stroke:var(--paper);stroke-width:1}\n"
	".scroll{overflow-x:auto;margin:1rem 0}\n"
	"table{border-collapse:collapse;font-size:.8125rem;font-variant-numeric:tabular-nums;"
	"width:100%;overflow-wrap:normal}\n"
	"caption{text-align:left;padding-bottom:.5rem}\n"
	"th,td{padding:.35rem .4rem;text-align:right;vertical-align:top;white-space:nowrap;"
	"border-bottom:1px solid var(--rule)}\n"
	"thead th{white-space:normal;vertical-align:bottom;font-weight:600;"
	"border-bottom:2px solid var(--rule)}\n"
	"th small{font-weight:400;color:var(--soft)}thead small{display:block}\n"
	"tbody th,th:first-child{text-align:left}tbody th{font-weight:500;"
	"white-space:normal;min-width:9.5rem}\n"
	"tbody th::before{content:\"\";display:inline-block;width:.65em;height:.65em;"
	"margin-right:.5em;background:var(--side)}\n"
	"td small{display:block;font-size:.72rem;color:var(--soft)}"
	"td.why{text-align:left;white-space:normal;"
	"min-width:16rem}\n"
	".best{background:var(--band)}.best td:not(.why) b,.best th{font-weight:700}"
	"td b{font-weight:inherit}\n"
	"ul{padding-left:1.2rem;margin:.5rem 0;max-width:52rem}\n"
	"footer{font-size:.875rem;margin-top:2.5rem;border-top:1px solid var(--rule)}\n"
	"@media (max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}"
	"svg text{font-size:14.5px}svg .tick{font-size:13.5px}.small svg text{font-size:13px}"
	".small svg .tick{font-size:12px}}\n"
	"@media (min-width:40rem){figcaption{min-height:2.8em}}\n"
	"@media print{@page{size:landscape;margin:14mm}body{font-size:11px}main{padding:0;"
	"max-width:none}.scroll{overflow:visible}table{font-size:8px}th,td{padding:.2rem .3rem}"
	"tr{break-inside:avoid}h2,h2+p{break-after:avoid}*{print-color-adjust:exact}}\n";

/* The columns of both tables, in the order of what decides first. */
static const enum bench_metric columns[] = {BENCH_SECONDS, BENCH_THROUGHPUT, BENCH_CPU_IDLE,
					    BENCH_GC,	   BENCH_LOCAL,	     BENCH_PEAK,
					    BENCH_WRITTEN, BENCH_START};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

/* ---- what was run */

static void put_fact(const char *name, const char *text, FILE *to)
{
	if (!*text)
		return;
	fprintf(to, "<dt>%s</dt><dd>", name);
	foreign_put_html(text, to);
	fputs("</dd>\n", to);
}

static void put_facts(const struct bench *b, FILE *to)
{
	char text[BENCH_TEXT];

	fputs("<section aria-labelledby=\"what\">\n<h2 id=\"what\">What was run</h2>\n<dl>\n", to);
	put_fact("Workload", b->workload, to);
	put_fact("Application", b->application, to);
	if (b->data_bytes) {
		snprintf(text, sizeof(text), "%s (%" PRIu64 " bytes)", SIZE_STRING(b->data_bytes),
			 b->data_bytes);
		put_fact("Data", text, to);
	} else {
		put_fact("Data", "of unknown size, so there is no throughput", to);
	}
	put_fact("Machine", b->machine, to);
	put_fact("Spark", b->spark, to);
	if (b->java > 0) {
		snprintf(text, sizeof(text), "%d", b->java);
		put_fact("Java", text, to);
	}
	put_fact("Profile", b->name, to);
	put_fact("Begun", b->made, to);
	snprintf(text, sizeof(text),
		 "%u of each, in turns: there and back, so that drift of the machine hits all "
		 "alike",
		 b->repetitions);
	put_fact("Runs", text, to);
	fputs("</dl>\n</section>\n", to);
}

/* ---- plots */

static void put_bars(const struct bench *b, enum gc gc, enum bench_metric metric, const char *title,
		     const char *words, unsigned width, FILE *to)
{
	if (!bench_plot_has_bars(b, gc, metric))
		return;
	fprintf(to, "<figure><figcaption><b>%s</b> %s</figcaption>\n", title, words);
	bench_plot_bars(b, gc, metric, width, to);
	fputs("</figure>\n", to);
}

static bool put_plots(const struct bench *b, enum gc gc, bool is_first, FILE *to)
{
	const char *id = gc_words[gc];

	if (!bench_plot_has_bars(b, gc, BENCH_SECONDS) && !bench_plot_has_sweep(b, gc))
		return false;
	fprintf(to, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">", id, id);
	if (bench_has_collectors(b))
		fprintf(to, "With the %s collector", bench_collector(gc));
	else
		fputs("Sides", to);
	fprintf(to, "</h2>\n%s<div class=\"plots\">\n",
		is_first ? "<p class=\"soft\">A dot is a run, a bar ends at the median, a whisker "
			   "goes from the least to the most. All axes begin at 0.</p>\n"
			 : "");
	put_bars(b, gc, BENCH_SECONDS, "Time of the application",
		 "in seconds, from the start of spark-submit to its end; less is better",
		 BENCH_PLOT_WIDE, to);
	if (bench_plot_has_sweep(b, gc)) {
		fputs(bench_plot_sweep_metric(b) == BENCH_THROUGHPUT
			      ? "<figure><figcaption><b>Throughput against cores</b> in MB/s; more "
				"is better</figcaption>\n"
			      : "<figure><figcaption><b>Time against cores</b> in seconds; less is "
				"better</figcaption>\n",
		      to);
		bench_plot_sweep(b, gc, to);
		fputs("</figure>\n", to);
	}
	fputs("</div>\n<div class=\"plots small\">\n", to);
	put_bars(b, gc, BENCH_GC, "Garbage collection", "in seconds, summed over the JVMs",
		 BENCH_PLOT_NARROW, to);
	put_bars(b, gc, BENCH_CPU_IDLE, "CPU idle", "in % of the allowed CPUs’ time",
		 BENCH_PLOT_NARROW, to);
	put_bars(b, gc, BENCH_LOCAL, "Local pages", "in % of accesses, as expected from placement",
		 BENCH_PLOT_NARROW, to);
	fputs("</div>\n</section>\n", to);
	return true;
}

/* ---- tables */

static void put_titles(const char *more, FILE *to)
{
	fprintf(to, "<thead><tr><th scope=\"col\">side</th>%s", more);
	for (unsigned i = 0; i < COLUMNS; i++)
		fprintf(to, "<th scope=\"col\">%s<small>%s</small></th>",
			bench_unit(columns[i])->title, bench_unit(columns[i])->unit);
	fputs("</tr></thead>\n<tbody>\n", to);
}

static void put_row_head(const struct bench *b, const struct bench_case *c, const char *classes,
			 FILE *to)
{
	fprintf(to, "<tr class=\"%s%s\"><th scope=\"row\">%s", bench_side_name(c->side), classes,
		bench_side_words(c->side));
	if (bench_has_collectors(b))
		fprintf(to, " <small>%s</small>", bench_collector(c->gc));
	fputs("</th>", to);
}

static void put_spread_cell(const struct bench *b, unsigned case_id, enum bench_metric metric,
			    FILE *to)
{
	const struct bench_spread s = bench_spread(b, case_id, metric);
	const double scale = bench_unit(metric)->scale;

	fprintf(to, "<td data-case=\"%u\" data-metric=\"%s\"", case_id, bench_metric_name(metric));
	if (s.count == 0) {
		fputs(">–</td>", to);
		return;
	}
	fprintf(to, " data-value=\"%.12g\"><b data-stat=\"median\">%s</b>", s.median * scale,
		BENCH_FIGURE_STRING(metric, s.median));
	if (s.count > 1)
		fprintf(to,
			"<small><span data-stat=\"min\">%s</span>\u2009…\u2009<span "
			"data-stat=\"max\">%s</span></small>",
			BENCH_FIGURE_STRING(metric, s.min), BENCH_FIGURE_STRING(metric, s.max));
	fputs("</td>", to);
}

static void put_case_row(const struct bench *b, unsigned case_id, FILE *to)
{
	const struct bench_case *c = &b->cases[case_id];
	const struct bench_result result = bench_result(b);
	const double times = bench_times_plain(b, case_id);

	put_row_head(b, c, case_id == result.best || case_id == result.plain ? " best" : "", to);
	fprintf(to, "<td>%u</td><td>%u</td><td data-case=\"%u\" data-metric=\"runs\">%u</td>",
		c->slices, c->cores, case_id, bench_spread(b, case_id, BENCH_SECONDS).count);
	fprintf(to, "<td data-case=\"%u\" data-metric=\"times_plain\">%s</td>", case_id,
		times > 0 ? BENCH_NUMBER_STRING(times) : "–");
	for (unsigned i = 0; i < COLUMNS; i++)
		put_spread_cell(b, case_id, columns[i], to);
	fputs("</tr>\n", to);
}

/* The cases that are compared, or those of the sweep. */
static void put_cases(const struct bench *b, bool is_sweep, FILE *to)
{
	unsigned count = 0;

	for (unsigned i = 0; i < b->case_count; i++)
		count += !b->cases[i].skipped[0] && b->cases[i].is_sweep == is_sweep;
	if (count == 0)
		return;
	fprintf(to,
		"<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">\n"
		"<table><caption>%s: medians, and below them the least and the most%s</caption>\n",
		is_sweep ? "Cases on fewer cores" : "Cases",
		is_sweep ? "On fewer cores" : "The sides",
		is_sweep ? "" : "; bold are the two that the verdict is about");
	put_titles("<th scope=\"col\">slices</th><th scope=\"col\">cores</th>"
		   "<th scope=\"col\">runs</th><th scope=\"col\">×&nbsp;plain</th>",
		   to);
	for (unsigned i = 0; i < b->case_count; i++)
		if (!b->cases[i].skipped[0] && b->cases[i].is_sweep == is_sweep)
			put_case_row(b, i, to);
	fputs("</tbody></table></div>\n", to);
}

static void put_run_row(const struct bench *b, unsigned place, FILE *to)
{
	const struct bench_run *run = &b->runs[place];
	const struct bench_case *c = &b->cases[run->case_id];

	put_row_head(b, c, "", to);
	fprintf(to, "<td>%u</td><td>%u</td><td>%u</td>", c->cores, run->repetition + 1, place + 1);
	if (run->failed[0]) {
		fprintf(to, "<td class=\"why\" colspan=\"%d\">failed: ", COLUMNS);
		foreign_put_html(run->failed, to);
		fputs("</td></tr>\n", to);
		return;
	}
	for (unsigned i = 0; i < COLUMNS; i++) {
		const enum bench_metric metric = columns[i];
		const double value = bench_value(b, run, metric);

		fprintf(to, "<td data-run=\"%u\" data-case=\"%u\" data-metric=\"%s\"", place,
			run->case_id, bench_metric_name(metric));
		if (value < 0)
			fputs(">–</td>", to);
		else
			fprintf(to, " data-value=\"%.12g\">%s</td>",
				value * bench_unit(metric)->scale,
				BENCH_FIGURE_STRING(metric, value));
	}
	fputs("</tr>\n", to);
}

/* Case by case; the last of the first columns says when each was run. */
static void put_runs(const struct bench *b, FILE *to)
{
	if (b->run_count == 0)
		return;
	fputs("<div class=\"scroll\" role=\"region\" aria-label=\"Runs\" tabindex=\"0\">\n"
	      "<table><caption>Every run</caption>\n",
	      to);
	put_titles("<th scope=\"col\">cores</th><th scope=\"col\">run</th><th scope=\"col\">"
		   "place<small>in the order</small></th>",
		   to);
	for (unsigned c = 0; c < b->case_count; c++)
		for (unsigned i = 0; i < b->run_count; i++)
			if (b->runs[i].case_id == c)
				put_run_row(b, i, to);
	fputs("</tbody></table></div>\n", to);
}

/* ---- what is missing */

static void put_case_words(const struct bench *b, unsigned case_id, FILE *to)
{
	char words[BENCH_WORDS];

	bench_case_words(b, case_id, words);
	fputs(words, to);
	if (b->cases[case_id].is_sweep)
		fprintf(to, " on %u cores", b->cases[case_id].cores);
}

static void put_missing(const struct bench *b, FILE *to)
{
	unsigned skipped = 0, failed = 0;

	for (unsigned i = 0; i < b->case_count; i++) {
		if (!b->cases[i].skipped[0])
			continue;
		fprintf(to, "%s<li data-skipped=\"%u\">",
			skipped++ ? "" : "<h2>Not run here</h2>\n<ul>\n", i);
		put_case_words(b, i, to);
		fputs(": ", to);
		foreign_put_html(b->cases[i].skipped, to);
		fputs("</li>\n", to);
	}
	fputs(skipped ? "</ul>\n" : "", to);
	for (unsigned i = 0; i < b->run_count; i++) {
		if (!b->runs[i].failed[0])
			continue;
		fprintf(to, "%s<li data-failed=\"%u\">", failed++ ? "" : "<h2>Failed</h2>\n<ul>\n",
			i);
		put_case_words(b, b->runs[i].case_id, to);
		fprintf(to, ", run %u: ", b->runs[i].repetition + 1);
		foreign_put_html(b->runs[i].failed, to);
		fputs("</li>\n", to);
	}
	fputs(failed ? "</ul>\n" : "", to);
	for (unsigned i = 0; i < b->note_count; i++) {
		fputs(i ? "<li>" : "<h2>Notes</h2>\n<ul>\n<li>", to);
		foreign_put_html(b->notes[i], to);
		fputs("</li>\n", to);
	}
	fputs(b->note_count ? "</ul>\n" : "", to);
}

/* ---- the page */

static void put_page(const struct bench *b, FILE *to)
{
	bool is_shown[GC_SERIAL + 1] = {false}, is_first = true;
	char sentence[BENCH_TEXT];

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<title>",
	      to);
	foreign_put_html(b->workload[0] ? b->workload : b->name, to);
	fprintf(to, ": plain Spark and slices</title>\n<style>\n%s</style>\n</head>\n", style);
	bench_sentence(b, sentence);
	fprintf(to, "<body>\n<main>\n<h1 data-verdict=\"%s\">",
		bench_verdict_name(bench_result(b).verdict));
	foreign_put_html(sentence, to);
	fputs("</h1>\n", to);
	put_facts(b, to);
	/* A section a collector; what its marks mean stands in the first. */
	for (unsigned i = 0; i < b->case_count; i++) {
		const enum gc gc = b->cases[i].gc;

		if (!is_shown[gc])
			is_first &= !put_plots(b, gc, is_first, to);
		is_shown[gc] = true;
	}
	fputs("<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">Figures</h2>\n", to);
	if (b->run_count == 0)
		fputs("<p>There is no run yet.</p>\n", to);
	put_cases(b, false, to);
	put_cases(b, true, to);
	put_runs(b, to);
	fputs("</section>\n", to);
	put_missing(b, to);
	fputs("<footer><p>Slicing <em>paid</em> if every run of the fastest sliced side was faster "
	      "than every run of the fastest plain one, and the medians differ by 2 % at least; it "
	      "<em>did not</em> if every one was slower. – is what could not be measured. MB are "
	      "10<sup>6</sup> bytes, GB are 2<sup>30</sup>. GC: of the executors’ JVMs, by their "
	      "own counters. Local pages: the share of accesses to the own node that the "
	      "executors’ pages let expect. Peak memory: the most that Workers and executors had "
	      "resident at once. Written: to disk, by them and their children. Start-up: until "
	      "Master and Workers were there.</p></footer>\n"
	      "</main>\n</body>\n</html>\n",
	      to);
}

int bench_page_print(const struct bench *b, FILE *to)
{
	/* Decimal points, whatever the language of the one who calls. */
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), before;

	if (!c)
		return -ENOMEM;
	before = uselocale(c);
	put_page(b, to);
	uselocale(before);
	freelocale(c);
	return ferror(to) ? -EIO : 0;
}
