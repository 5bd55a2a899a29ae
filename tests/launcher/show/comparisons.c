/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/show/comparisons.h"

#include <string.h>

#include "decision/base/strings.h"
#include "tests/harness.h"

static void add_case(struct bench *b, enum bench_side side, enum gc gc, unsigned cores,
		     double seconds)
{
	const unsigned case_id = b->case_count++;

	b->cases[case_id] = (struct bench_case){
		.side = side, .gc = gc, .cores = cores, .slices = side < BENCH_WORKERS ? 1 : 2};
	for (unsigned i = 0; i < b->repetitions && seconds > 0; i++)
		b->runs[b->run_count++] = (struct bench_run){.case_id = case_id,
							     .repetition = i,
							     .seconds = seconds * (1 + 0.01 * i),
							     .start_seconds = 3.5,
							     .cpu_idle = 0.25,
							     .gc_seconds = 12.5 + i,
							     .local_share = -1,
							     .peak_bytes = 3ull << 30,
							     .written_bytes = UINT64_MAX};
}

void comparison_make(struct bench *b, double plain, double sliced)
{
	memset(b, 0, sizeof(*b));
	string_copy(b->name, "two");
	string_copy(b->workload, "wordcount");
	string_copy(b->application, "count.py /data");
	string_copy(b->machine, "2 packages, 16 cores");
	string_copy(b->spark, "4.1.0");
	string_copy(b->made, "2026-11-21T15:04:05Z");
	b->java = 17;
	b->repetitions = 3;
	add_case(b, BENCH_PLAIN, GC_PARALLEL, 16, plain);
	add_case(b, BENCH_SLICED, GC_PARALLEL, 16, sliced);
}

void comparison_make_full(struct bench *b)
{
	comparison_make(b, 60, 40);
	b->data_bytes = 6000000000;
	string_copy(b->application, HOSTILE);
	string_copy(b->notes[b->note_count++], "a note: " HOSTILE);
	add_case(b, BENCH_BALANCED, GC_PARALLEL, 0, 0);
	string_copy(b->cases[2].skipped, "not here: " HOSTILE);
	add_case(b, BENCH_PLAIN, GC_G1, 16, 70);
	add_case(b, BENCH_LENT, GC_G1, 16, 50);
	string_copy(b->runs[b->run_count - 1].failed, "it failed: " HOSTILE);
	for (unsigned cores = 4; cores < 16; cores += 4) {
		add_case(b, BENCH_PLAIN, GC_PARALLEL, cores, 600.0 / cores);
		b->cases[b->case_count - 1].is_sweep = true;
		add_case(b, BENCH_SLICED, GC_PARALLEL, cores, 500.0 / cores);
		b->cases[b->case_count - 1].is_sweep = true;
	}
}

char *comparison_print(const struct bench *b, int (*print)(const struct bench *b, FILE *to))
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_int_eq(print(b, to), 0);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}
