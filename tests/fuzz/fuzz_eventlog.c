/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an event log as foreign bytes: what is told of collectors stays within its bounds. */

#include <assert.h>
#include <string.h>

#include "launcher/measure/eventlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct eventlog log;
	const char *line = (const char *)data, *end = line + size;

	log.count = 0;
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((newline ? newline : end) - line);
		unsigned before = log.count;
		bool told = eventlog_line(&log, line, length);

		assert(log.count == before || (told && log.count == before + 1));
		assert(log.count <= EVENTLOG_EXECUTORS);
		line += length + 1;
	}
	assert((eventlog_gc_seconds(&log) < 0) == !log.count);
	return 0;
}
