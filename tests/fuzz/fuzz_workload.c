/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs and programs, as foreign bytes. What a log tells is what its lines tell, one by one,
 * and a line may be cut anywhere. A program whose comments and texts are gone is still the same.
 */

#include <assert.h>
#include <stdint.h>

#include "decision/base/cleanup.h"
#include "launcher/inputs/workload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned seen = workload_of_events((const char *)data, size), by_line = 0;
	cleanup_free char *code = malloc(size + 1);
	const uint8_t *end = data + size;
	const char *word = NULL, *again = NULL;
	enum workload_type type;

	for (const uint8_t *line = data; line < end;) {
		const uint8_t *newline = memchr(line, '\n', (size_t)(end - line));
		size_t length = newline ? (size_t)(newline + 1 - line) : (size_t)(end - line);

		by_line |= workload_of_events((const char *)line, length);
		line += length;
	}
	assert(by_line == seen);
	assert(!(workload_of_events((const char *)data, size / 2) & ~seen));
	memcpy(code, data, size);
	type = workload_of_code(code, size, &word);
	assert((type == WORKLOAD_AUTO) == !word);
	assert(workload_of_code(code, size, &again) == type && again == word);
	return 0;
}
