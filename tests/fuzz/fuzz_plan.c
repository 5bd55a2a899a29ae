/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a plan's JSON (state file, control socket): refused with a sentence, or read, and
 * then written and read back equal, and sound or refused with another sentence.
 */

#include "decision/base/cleanup.h"
#include "decision/check/plan_check.h"
#include "launcher/protocol/plan_json.h"
#include "tests/decision/equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct plan read, again;
	cleanup_free char *text = NULL;
	struct err e = {0};

	if (json_table_parse(&plan_table, (const char *)data, size, &read, &e) < 0) {
		if (e.exit != ERR_WRONG || !e.msg[0])
			abort();
		return 0;
	}
	if (json_table_format(&plan_table, &read, &text, &e) < 0 ||
	    json_table_parse(&plan_table, text, strlen(text), &again, &e) < 0 ||
	    !plan_is_equal(&read, &again))
		abort();
	e = (struct err){0};
	if (plan_check(&read, NULL, &e) < 0 && !e.msg[0])
		abort();
	return 0;
}
