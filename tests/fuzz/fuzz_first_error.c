/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon's log, as foreign bytes: what is shown of it is a few lines that harm no terminal. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "launcher/watch/first_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct first_error f = {0};
	char cause[64];

	first_error_feed(&f, (const char *)data, size / 2);
	first_error_feed(&f, (const char *)data + size / 2, size - size / 2);
	first_error_end(&f);
	assert(f.count <= FIRST_ERROR_LINES && (f.count || !f.has_error));
	for (unsigned i = 0; i < f.count; i++) {
		assert(f.lines[i][0] && memchr(f.lines[i], '\0', FIRST_ERROR_LINE));
		for (const char *at = f.lines[i]; *at; at++)
			assert((unsigned char)*at >= ' ' && *at != 0x7f);
	}
	assert(strlen(first_error_cause(&f, cause, sizeof(cause))) < sizeof(cause));
	return 0;
}
