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

<<<<<<< HEAD:tests/fuzz/fuzz_status.c
	if (status_parse((const char *)data, size, &s, &e)) {
=======
	if (executors_parse((const char *)data, size, &x, &e))
		assert(e.msg[0]);
	else
		assert(x.count <= EXECUTORS_MAX);
	if (json_table_parse(&status_table, (const char *)data, size, &s, &e)) {
>>>>>>> refs/heads/protocol:tests/fuzz/fuzz_executors.c
		assert(e.msg[0]);
		return 0;
	}
	assert(s.slice_count <= SLICES_MAX && s.loan_count <= SLICES_MAX);
	assert(s.warning_count <= PLAN_WARNINGS);
	assert(json_table_format(&status_table, &s, &text, &e) == 0);
	free(text);
	return 0;
}
