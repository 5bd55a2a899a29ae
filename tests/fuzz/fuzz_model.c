/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model file as foreign bytes: refused with a sentence and nothing written, or a usable model
 * that is written and read back equal.
 */

#include <assert.h>
#include <stdint.h>

#include "launcher/protocol/model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model m, again;
	struct err e = {0};
	char *text = NULL;

	m.run_count = 12345;
	if (json_table_parse(&model_table, (const char *)data, size, &m, &e)) {
		assert(e.msg[0] && m.run_count == 12345);
		return 0;
	}
	assert(model_check(&m, &e) == 0);
	for (unsigned i = 0; i < COST_TERMS; i++)
		assert(m.theta.c[i] >= 0 && m.theta.c[i] <= MODEL_COEFFICIENT_MOST);
	assert(json_table_format(&model_table, &m, &text, &e) == 0);
	assert(json_table_parse(&model_table, text, strlen(text), &again, &e) == 0);
	for (unsigned i = 0; i < COST_TERMS; i++)
		assert(m.theta.c[i] == again.theta.c[i]);
	assert(m.type == again.type && m.run_count == again.run_count);
	free(text);
	return 0;
}
