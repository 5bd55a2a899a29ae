/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spark-defaults.conf and strings of JVM options, which users write as they like: each walk ends,
 * reads no byte behind the last, and what is kept of options is found again.
 */

#include "decision/base/cleanup.h"
#include "launcher/spark/doors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(const char *value)
{
	cleanup_argv struct argv notes = {0}, more = {0}, words = {0};
	cleanup_free char *kept = NULL, *again = NULL;
	struct err e;

	if (doors_filter_options(value, SETTING_OF_EXECUTORS, "here", &notes, &kept, &e))
		return;
	if (doors_filter_options(kept, SETTING_OF_EXECUTORS, "here", &more, &again, &e) ||
	    more.count || strcmp(kept, again) != 0 || doors_split_options(kept, &words, &e))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	struct properties from;
	struct property q = {0};
	size_t count = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	from = (struct properties){.at = text, .end = text + size};
	while (properties_next(&from, &q) > 0) {
		if (strlen(q.key) + strlen(q.value) > size || !q.line || ++count > size)
			abort();
		setting_of_property(q.key);
		filter(q.value);
		property_release(&q);
	}
	if (from.at != from.end)
		abort();
	free(text);
	return 0;
}
