/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a profile: refused with a place in the text, or read, and then what profile_emit()
 * writes reads back to the same values.
 */

#include "decision/base/cleanup.h"
#include "profiles/fields.h"
#include "profiles/load.h"
#include "profiles/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct err *e)
{
	if (e->exit != ERR_WRONG || e->code >= 0 || strncmp(e->msg, "p.yaml:", 7) != 0 ||
	    strlen(e->msg) >= sizeof(e->msg))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct profile read, again;
	cleanup_free char *text = NULL;
	struct strings keys;
	struct err e = {0};

	if (profile_parse((const char *)data, size, "p.yaml", &read, &e)) {
		check_error(&e);
		return 0;
	}
	if (profile_not_yet(&read, &keys) || profile_emit(&read, &text, &e) ||
	    profile_parse(text, strlen(text), "p.yaml", &again, &e))
		abort();
	for (unsigned i = 0; i < profile_fields.count; i++) {
		if (!value_is_equal(&profile_fields.list[i], &read, &again))
			abort();
	}
	return 0;
}
