/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/bench_text.h"

#include <errno.h>

#include "decision/base/strings.h"
#include "launcher/show/foreign.h"
#include "launcher/show/table.h"

static const double GIB = 1 << 30;

const struct bench_unit *bench_unit(enum bench_metric metric)
{
	/* Throughput in powers of ten, as disks and papers have it; memory as everywhere here. */
	static const struct bench_unit units[BENCH_METRICS] = {
		[BENCH_SECONDS] = {"seconds", "s", 1},
		[BENCH_START] = {"start-up", "s", 1},
		[BENCH_THROUGHPUT] = {"throughput", "MB/s", 1e-6},
		[BENCH_CPU_IDLE] = {"CPU idle", "%", 100},
		[BENCH_GC] = {"GC", "s", 1},
		[BENCH_LOCAL] = {"local pages", "%", 100},
		[BENCH_PEAK] = {"peak memory", "GB", 1 / GIB},
		[BENCH_WRITTEN] = {"written", "GB", 1 / GIB},
	};

	return &units[metric];
}

char *bench_figure(enum bench_metric metric, double value, char text[BENCH_NUMBER])
{
	if (!(value >= 0))
		string_copy_n(text, BENCH_NUMBER, "-");
	else
		bench_number(value * bench_unit(metric)->scale, text);
	return text;
}

static void add_figure(struct table *table, const struct bench *b, unsigned case_id,
		       enum bench_metric metric)
{
	const struct bench_spread s = bench_spread(b, case_id, metric);

	table_add(table, "%s", BENCH_FIGURE_STRING(metric, s.count ? s.median : -1));
}

static void add_case(struct table *table, const struct bench *b, unsigned case_id)
{
	const struct bench_case *c = &b->cases[case_id];
	const struct bench_spread s = bench_spread(b, case_id, BENCH_SECONDS);
	const double times = bench_times_plain(b, case_id);

	table_add(table, "%s", bench_side_words(c->side));
	if (bench_has_collectors(b))
		table_add(table, "%s", bench_collector(c->gc));
	table_add(table, "%u", c->slices);
	table_add(table, "%u", c->cores);
	table_add(table, "%u", s.count);
	add_figure(table, b, case_id, BENCH_SECONDS);
	if (s.count > 1)
		table_add(table, "%s … %s", BENCH_NUMBER_STRING(s.min), BENCH_NUMBER_STRING(s.max));
	else
		table_add(table, "%s", "");
	if (b->data_bytes)
		add_figure(table, b, case_id, BENCH_THROUGHPUT);
	table_add(table, "%s", times > 0 ? BENCH_NUMBER_STRING(times) : "-");
	for (unsigned m = BENCH_CPU_IDLE; m < BENCH_METRICS; m++)
		add_figure(table, b, case_id, (enum bench_metric)m);
	add_figure(table, b, case_id, BENCH_START);
}

/* The cases that are compared, or those of the sweep; nothing where there are none. */
static int print_cases(const struct bench *b, bool is_sweep, FILE *to)
{
	const char *titles[24];
	cleanup_table struct table table;
	unsigned t = 0;
	bool any = false;

	titles[t++] = is_sweep ? "on fewer cores" : "side";
	if (bench_has_collectors(b))
		titles[t++] = "collector";
	titles[t++] = ">slices";
	titles[t++] = ">cores";
	titles[t++] = ">runs";
	titles[t++] = ">seconds";
	titles[t++] = "min … max";
	if (b->data_bytes)
		titles[t++] = ">MB/s";
	titles[t++] = ">× plain";
	titles[t++] = ">CPU idle %";
	titles[t++] = ">GC s";
	titles[t++] = ">local %";
	titles[t++] = ">peak GB";
	titles[t++] = ">written GB";
	titles[t++] = ">start-up s";
	titles[t] = NULL;
	table_init(&table, titles);
	for (unsigned i = 0; i < b->case_count; i++) {
		if (b->cases[i].skipped[0] || b->cases[i].is_sweep != is_sweep)
			continue;
		add_case(&table, b, i);
		any = true;
	}
	if (!any)
		return table.failed;
	fputc('\n', to);
	return table_print(&table, to);
}

static void print_line(const char *before, const char *text, FILE *to)
{
	fputs(before, to);
	foreign_put(text, to);
	fputc('\n', to);
}

int bench_text_print(const struct bench *b, FILE *to)
{
	const char *gap = "\n"; /* before the first of the lines below the tables */
	char text[BENCH_TEXT];
	int r;

	bench_sentence(b, text);
	print_line("", text, to);
	if ((r = print_cases(b, false, to)) || (r = print_cases(b, true, to)))
		return r;
	for (unsigned i = 0; i < b->case_count; i++) {
		if (!b->cases[i].skipped[0])
			continue;
		bench_case_words(b, i, text);
		fprintf(to, "%snot run: %s", gap, text);
		if (b->cases[i].is_sweep)
			fprintf(to, " on %u cores", b->cases[i].cores);
		print_line(": ", b->cases[i].skipped, to);
		gap = "";
	}
	for (unsigned i = 0; i < b->run_count; i++) {
		if (!b->runs[i].failed[0])
			continue;
		bench_case_words(b, b->runs[i].case_id, text);
		fprintf(to, "%sfailed: %s, run %u", gap, text, b->runs[i].repetition + 1);
		print_line(": ", b->runs[i].failed, to);
		gap = "";
	}
	for (unsigned i = 0; i < b->note_count; i++) {
		fputs(gap, to);
		print_line("note: ", b->notes[i], to);
		gap = "";
	}
	return 0;
}
