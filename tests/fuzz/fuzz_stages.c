/* A driver's stages and environment, as foreign bytes. */

#include <assert.h>
#include <stdint.h>

#include "launcher/spark/rest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stages s;
	char value[64];
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
	return 0;
}
