/*
 * A driver's stages and environment, as foreign bytes; and what is shown of them never holds a
 * control character.
 */

#include <assert.h>
#include <stdint.h>

#include "launcher/spark/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stages s;
	char line[512], value[64];
	struct err e = {0};

	application_property_parse((const char *)data, size, "spark.app.name", value, sizeof(value),
				   &e);
	s = (struct stages){.count = 12345};
	e = (struct err){0};
	if (stages_parse((const char *)data, size, &s, &e)) {
		assert(e.msg[0] && s.count == 12345);
		return 0;
	}
	assert(s.count <= REST_STAGES);
	progress_format(&s, 100, line, sizeof(line));
	for (const char *c = line; *c; c++)
		assert((unsigned char)*c >= ' ' && *c != 0x7f);
	return 0;
}
