/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bound of JSON against jansson: what it takes costs no more values and nesting than was
 * counted, so nothing within the limits is refused; pieces, cut where the bytes say, count as the
 * whole does; and what is kept is the same text with 0 for all members that are not wanted.
 */

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/system/json_bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(json_t *json, unsigned depth, unsigned *deepest)
{
	size_t values = JSON_CONTAINER_VALUES, i;
	const char *key;
	json_t *item;

	if (!json_is_object(json) && !json_is_array(json))
		return 1;
	*deepest = ++depth > *deepest ? depth : *deepest;
	json_object_foreach(json, key, item) values += 1 + count(item, depth, deepest);
	json_array_foreach(json, i, item) values += count(item, depth, deepest);
	return values;
}

static const char *const wanted[] = {"a", "workers", NULL};

/* What is to be left of it. */
static void leave_out(json_t *json)
{
	const char *key;
	json_t *item;
	void *next;
	size_t i;

	json_object_foreach_safe(json, next, key, item) if (strcmp(key, wanted[0]) != 0 &&
							    strcmp(key, wanted[1]) != 0)
		json_object_set_new(json, key, json_integer(0));
	else leave_out(item);
	json_array_foreach(json, i, item) leave_out(item);
}

static void check_kept(json_t *json, const char *text, size_t size)
{
	struct json_bound bound = {.most = {SIZE_MAX, SIZE_MAX, UINT32_MAX, wanted}};
	char *kept = NULL;
	unsigned deepest = 0;
	size_t kept_size;
	json_t *left;

	bound.kept = open_memstream(&kept, &kept_size);
	assert(json_bound_feed(&bound, text, size) == 0);
	fclose(bound.kept);
	left = json_loadb(kept, kept_size, JSON_REJECT_DUPLICATES, NULL);
	leave_out(json);
	assert(left && json_equal(left, json) && count(left, 0, &deepest) == bound.values);
	json_decref(left);
	free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json_limits wide = {SIZE_MAX, SIZE_MAX, UINT32_MAX, NULL},
				 tight = {4096, 100, 8, NULL};
	const char *text = (const char *)data;
	struct json_bound whole = {.most = wide}, bound = {.most = tight}, pieces = bound;
	json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	int r = json_bound_feed(&bound, text, size), piece = 0;
	unsigned deepest = 0;

	for (size_t at = 0, next; !piece && at < size; at += next) {
		next = 1 + data[at] % 7;
		next = next < size - at ? next : size - at;
		piece = json_bound_feed(&pieces, text + at, next);
	}
	/* A text that is too long as a whole was looked at before that was seen. */
	assert(r == piece || size > tight.bytes);
	if (json) {
		assert(json_bound_feed(&whole, text, size) == 0 && whole.depth == 0);
		assert(count(json, 0, &deepest) == whole.values);
		assert(r == 0 || size > tight.bytes || whole.values > tight.values ||
		       deepest > tight.depth);
		if (!memchr(text, '\\', size)) /* keys are compared as they are written */
			check_kept(json, text, size);
	}
	json_decref(json);
	return 0;
}
