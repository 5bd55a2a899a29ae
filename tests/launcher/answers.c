#include "tests/launcher/answers.h"

#include "launcher/system/files.h"
#include "tests/harness.h"

char *recorded(const char *file, size_t *size)
{
	char path[128];
	struct err e;
	char *text;

	snprintf(path, sizeof(path), "tests/launcher/answers/%s.json", file);
	if (file_read(path, 1 << 20, &text, size, &e))
		ck_abort_msg("%s", e.msg);
	return text;
}
