/* The supervisor's status, as foreign bytes. */

#include <assert.h>
#include <stdint.h>

#include "launcher/protocol/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct status s;
	struct err e = {0};
	char *text = NULL;

	if (status_parse((const char *)data, size, &s, &e)) {
		assert(e.msg[0]);
		return 0;
	}
	assert(s.slice_count <= SLICES_MAX && s.loan_count <= SLICES_MAX);
	assert(s.warning_count <= PLAN_WARNINGS);
	assert(status_format(&s, &text, &e) == 0);
	free(text);
	return 0;
}
