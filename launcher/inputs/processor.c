#include "launcher/inputs/processor.h"

#include <ctype.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

void processor_name(char name[PROFILE_WORD])
{
	static const char key[] = "model name";
	cleanup_fclose FILE *file = fopen("/proc/cpuinfo", "re");
	char line[PROFILE_WORD + 64];

	name[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		const char *value = strchr(line, ':');

		if (strncmp(line, key, sizeof(key) - 1) != 0 || !value)
			continue;
		for (value++; isspace((unsigned char)*value);)
			value++;
		line[strcspn(line, "\n")] = '\0';
		snprintf(name, PROFILE_WORD, "%.*s", (int)string_cut(value, PROFILE_WORD - 1),
			 value);
		return;
	}
}
