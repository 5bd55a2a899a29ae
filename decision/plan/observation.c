/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/plan/observation.h"

const struct observed_group *observed_find(const struct observation *seen, const char *name)
{
	for (unsigned i = 0; i < seen->count; i++)
		if (strcmp(seen->groups[i].name, name) == 0)
			return &seen->groups[i];
	return NULL;
}

bool observed_limit_differs(const struct observed_group *g, uint64_t bytes)
{
	enum { PAGE_MOST = 64 << 10 };
	uint64_t seen = g->memory_max_bytes;

	return (seen > bytes ? seen - bytes : bytes - seen) > PAGE_MOST;
}
