/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.json as foreign bytes: refused with a sentence and nothing written, or a state that is
 * written and read back equal.
 */

#include <assert.h>
#include <stdint.h>

#include "launcher/protocol/state.h"
#include "tests/decision/equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct state s, again;
	struct err e = {0};
	char *text = NULL;

	s.phase = PHASE_STOPPING;
	s.plan.slice_count = 12345;
	if (json_table_parse(&state_table, (const char *)data, size, &s, &e)) {
		assert(e.msg[0] && s.plan.slice_count == 12345);
		return 0;
	}
	assert(s.plan.slice_count <= SLICES_MAX && profile_name_is_valid(s.cluster.name));
	assert(json_table_format(&state_table, &s, &text, &e) == 0);
	assert(json_table_parse(&state_table, text, strlen(text), &again, &e) == 0);
	assert(plan_is_equal(&s.plan, &again.plan) && s.phase == again.phase);
	free(text);
	return 0;
}
