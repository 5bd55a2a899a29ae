/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/show/plan_text.h"

#include <arpa/inet.h>
#include <errno.h>

#include "decision/base/foreign.h"
#include "decision/base/size_text.h"
#include "launcher/show/plan_chart.h"
#include "launcher/show/table.h"

int plan_text_print(const struct plan *p, FILE *to)
{
	static const char *const titles[] = {"",      "slice",	 ">cores", ">slots", ">memory",
					     ">heap", "address", "nodes",  "CPUs",   NULL};
	const struct plan_host *h = &p->host;
	struct cpuset host = plan_host_cpus(p);
	cleanup_table struct table table;
	int r;

	table_init(&table, titles);
	for (unsigned i = 0; i < p->slice_count; i++) {
		const struct slice *s = &p->slices[i];
		struct in_addr address = {htonl(s->address)};
		char dotted[INET_ADDRSTRLEN];

		table_add(&table, "%c", picture_mark(i));
		table_add(&table, "%s", s->name);
		table_add(&table, "%u", s->cores);
		table_add(&table, "%u", s->slots);
		table_add(&table, "%s",
			  s->memory.max_bytes ? SIZE_STRING(s->memory.max_bytes) : "no limit");
		if (s->executors > 1)
			table_add(&table, "%u × %s", s->executors,
				  SIZE_STRING(s->memory.heap_bytes / s->executors));
		else
			table_add(&table, "%s", SIZE_STRING(s->memory.heap_bytes));
		table_add(&table, "%s", inet_ntop(AF_INET, &address, dotted, sizeof(dotted)));
		table_add(&table, "%s", CPUSET_STRING(&s->nodes));
		table_add(&table, "%s", CPUSET_STRING(&s->cpus));
	}
	r = table_print(&table, to);
	fprintf(to, "\nhost group: ");
	if (h->shared && cpuset_is_empty(&p->apart))
		fprintf(to, "all allowed CPUs (none is reserved)");
	else
		fprintf(to, "CPUs %s%s", CPUSET_STRING(&host),
			h->shared ? " (none is reserved)" : "");
	fprintf(to, ", nodes %s", CPUSET_STRING(&h->nodes));
	if (h->memory_bytes)
		fprintf(to, ", %s of memory left free", SIZE_STRING(h->memory_bytes));
	fputc('\n', to);
	for (unsigned i = 0; i < p->unused_count; i++)
		fprintf(to, "unused: CPUs %s: %s\n", CPUSET_STRING(&p->unused[i].cpus),
			FOREIGN(p->unused[i].why));
	for (unsigned i = 0; i < p->warning_count; i++)
		fprintf(to, "warning: %s: %s\n", warning_code_name(p->warnings[i].code),
			FOREIGN(p->warnings[i].message));
	for (unsigned i = 0; i < p->note_count; i++)
		fprintf(to, "note: %s\n", FOREIGN(p->notes[i]));
	return r;
}

static void add_candidate(struct table *table, const struct plan_candidate *c, bool chosen)
{
	double terms[PLAN_CHART_TERMS], seconds = plan_chart_terms(c, terms);
	char ratio[PLAN_CHART_RATIO], low[PLAN_CHART_RATIO], high[PLAN_CHART_RATIO];

	table_add(table, "%s", chosen ? "*" : "");
	table_add(table, "%s", partition_by_name(c->by));
	table_add(table, "%u", c->slices);
	table_add(table, "%u", c->cores);
	table_add(table, "%u", c->executors);
	plan_chart_ratio(c->throughput, ratio);
	plan_chart_ratio(c->low, low);
	plan_chart_ratio(c->high, high);
	table_add(table, "%s", c->throughput > 0 ? ratio : c->feasible ? "?" : "no");
	table_add(table, c->high > 0 ? "%s … %s" : "-", low, high);
	table_add(table, seconds > 0 ? "%.*f" : "-", seconds < 10 ? 1 : 0, seconds);
	for (unsigned i = 0; i < PLAN_CHART_TERMS; i++)
		table_add(table, seconds > 0 ? "%.*f" : "-", terms[i] < 10 ? 1 : 0, terms[i]);
	table_add(table, "%s", chosen ? "taken" : c->why);
}

/* All candidates with their predicted seconds, those that cannot be last; why the taken one was. */
static int print_candidates(const struct plan *p, FILE *to)
{
	static const char *const titles[] = {
		"",	   ">by",      ">slices", ">cores", ">executors", ">throughput",
		">range",  ">seconds", ">start",  ">cold",  ">work",	  ">GC",
		">remote", ">shuffle", ">spill",  ">tail",  "why (not)",  NULL};
	const char *why = p->candidates[p->chosen].why;
	cleanup_table struct table table;

	table_init(&table, titles);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < p->candidate_count; i++) {
			if (p->candidates[i].feasible == (pass == 0))
				add_candidate(&table, &p->candidates[i], i == p->chosen);
		}
	}
	if (table_print(&table, to) < 0)
		return -ENOMEM;
	fprintf(to, "\ntaken: %s\n", FOREIGN(why));
	return 0;
}

/*
 * The budget of one slice, for all slices that have the same; of several executors what each has.
 */
static int print_memory(const struct slice *s, const struct cpuset *slices, FILE *to)
{
	static const char *const titles[] = {"memory of a slice", ">", "profile key", NULL};
	static const char *const titles_each[] = {"memory of a slice", ">", ">each executor",
						  "profile key", NULL};
	const struct slice_memory *m = &s->memory;
	const bool has_each = s->executors > 1;
	const struct {
		const char *name;
		uint64_t bytes;
		const char *key;
		bool is_shared_out; /* evenly to the executors */
	} terms[] = {
		{"limit", m->max_bytes, "memory.limit", false},
		{"- heap", m->heap_bytes, has_each ? "memory.heap (of one)" : "memory.heap", true},
		{"- direct buffers", m->direct_bytes, "memory.direct", true},
		{"- off-heap", m->off_heap_bytes, "memory.off_heap", true},
		{"- Python", m->python_bytes, "memory.python", false},
		{"- JVM native", m->native_bytes, "memory.heap (a share of it)", true},
		{"- worker daemon", m->daemon_bytes, "spark.env: SPARK_DAEMON_MEMORY", false},
		{"- tmpfs scratch", m->scratch_bytes, "memory.scratch.size", false},
		{"= page cache", m->page_cache_bytes, "memory.page_cache (the least)", false},
		{"throttled above", m->high_bytes, "memory.high", false},
		{"protected", m->low_bytes, "memory.low", false},
		{"swap", m->swap_bytes, "memory.swap", false},
	};
	cleanup_table struct table table;

	table_init(&table, has_each ? titles_each : titles);
	for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++) {
		table_add(&table, "%s", terms[i].name);
		table_add(&table, "%s", SIZE_STRING(terms[i].bytes));
		if (has_each)
			table_add(&table, "%s",
				  terms[i].is_shared_out
					  ? SIZE_STRING(terms[i].bytes / s->executors)
					  : "");
		table_add(&table, "%s", terms[i].key);
	}
	fprintf(to, "\nslices %s\n", CPUSET_STRING(slices));
	return table_print(&table, to);
}

int plan_text_explain(const struct plan *p, const struct picture_style *style, FILE *to)
{
	struct cpuset done = {0};
	int r;

	fputc('\n', to);
	if (style) {
		plan_chart_print(p, style, to);
		fputc('\n', to);
	}
	r = print_candidates(p, to);
	for (unsigned i = 0; i < p->slice_count && r == 0; i++) {
		struct cpuset same = {0};

		if (cpuset_has(&done, i))
			continue;
		for (unsigned j = i; j < p->slice_count; j++)
			if (slice_memory_is_equal(&p->slices[i].memory, &p->slices[j].memory))
				cpuset_add(&same, j);
		done = cpuset_or(&done, &same);
		r = print_memory(&p->slices[i], &same, to);
	}
	return r;
}

void plan_text_ops(const struct oplist *ops, FILE *to)
{
	char text[2 * CPUSET_TEXT];

	for (unsigned i = 0; i < ops->count; i++)
		fprintf(to, "%s\n", FOREIGN(op_format(&ops->ops[i], ops->to, text, sizeof(text))));
	if (ops->count == 0)
		fputs("nothing to do\n", to);
}
