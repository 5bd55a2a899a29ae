/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comparison's file as foreign bytes: refused with a sentence and nothing written, or one that is
 * in its range, that can be written and read back, and that can be shown.
 */

#include <assert.h>
#include <stdint.h>

#include "launcher/protocol/bench_json.h"
#include "launcher/show/bench_page.h"
#include "launcher/show/bench_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench b, again;
	static FILE *nowhere;
	struct err e = {0};
	char sentence[BENCH_TEXT];
	char *text = NULL;

	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	b.run_count = 12345;
	if (json_table_parse(&bench_table, (const char *)data, size, &b, &e)) {
		assert(e.msg[0] && b.run_count == 12345);
		return 0;
	}
	assert(bench_check(&b, &e) == 0);
	assert(bench_next(&b) <= b.case_count);
	bench_sentence(&b, sentence);
	assert(sentence[strlen(sentence) - 1] == '.');
	assert(bench_text_print(&b, nowhere) == 0);
	assert(bench_page_print(&b, nowhere) == 0);
	assert(bench_format(&b, &text, &e) == 0);
	assert(json_table_parse(&bench_table, text, strlen(text), &again, &e) == 0);
	assert(b.case_count == again.case_count && b.run_count == again.run_count);
	for (unsigned i = 0; i < b.run_count; i++)
		assert(b.runs[i].seconds == again.runs[i].seconds &&
		       b.runs[i].peak_bytes == again.runs[i].peak_bytes);
	free(text);
	return 0;
}
