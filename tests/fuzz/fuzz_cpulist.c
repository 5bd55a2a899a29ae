/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpulists from profiles, the kernel and the state file: any text is read or refused in one
 * printable sentence; what was read is written and read again as the same set, in the same and
 * shortest words.
 */

#include <errno.h>

#include "decision/base/cpuset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(int result, const struct cpuset *set, const struct err *e)
{
	struct cpuset untouched;

	memset(&untouched, 0xa5, sizeof(untouched));
	if (result != -EINVAL || e->exit != ERR_WRONG || !e->msg[0] || strchr(e->msg, '\n') ||
	    !cpuset_is_equal(set, &untouched))
		abort();
}

static void check_round_trip(const struct cpuset *set, size_t size)
{
	char text[CPUSET_TEXT], again[CPUSET_TEXT];
	struct cpuset back;
	struct err e;
	unsigned count = 0;

	cpuset_format(set, text, sizeof(text));
	if (cpuset_parse(text, &back, &e) < 0 || !cpuset_is_equal(set, &back))
		abort();
	cpuset_format(&back, again, sizeof(again));
	if (strcmp(text, again) != 0 || strlen(text) > size)
		abort();
	cpuset_for_each(index, set) count += cpuset_has(&back, index);
	if (count != cpuset_count(set))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpuset set;
	struct err e = {0};
	char *text = malloc(size + 1);
	int result;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&set, 0xa5, sizeof(set));
	result = cpuset_parse(text, &set, &e);
	if (result < 0)
		check_refusal(result, &set, &e);
	else
		check_round_trip(&set, size);
	free(text);
	return 0;
}
