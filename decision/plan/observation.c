#include "decision/plan/observation.h"

const struct observed_group *observed_find(const struct observation *seen, const char *name)
{
	for (unsigned i = 0; i < seen->count; i++)
		if (strcmp(seen->groups[i].name, name) == 0)
			return &seen->groups[i];
	return NULL;
}
