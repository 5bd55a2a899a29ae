/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's status, as foreign bytes: refused with a sentence, or written and read back
 * equal.
 */

#include <assert.h>
#include <stdint.h>

#include "launcher/protocol/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct status s, again;
	struct err e = {0};
	char *text = NULL;

	if (json_table_parse(&status_table, (const char *)data, size, &s, &e)) {
		assert(e.msg[0]);
		return 0;
	}
	assert(s.slice_count <= SLICES_MAX && s.loan_count <= SLICES_MAX);
	assert(s.warning_count <= PLAN_WARNINGS);
	assert(json_table_format(&status_table, &s, &text, &e) == 0);
	assert(json_table_parse(&status_table, text, strlen(text), &again, &e) == 0);
	assert(again.slice_count == s.slice_count && !strcmp(again.why, s.why));
	free(text);
	return 0;
}
