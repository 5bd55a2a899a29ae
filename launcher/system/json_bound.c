/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/json_bound.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Whether the member whose key was just read is one of those to be kept. */
static bool is_wanted(const struct json_bound *b)
{
	for (const char *const *key = b->most.wanted; *key; key++)
		if (strlen(*key) == b->key_size && memcmp(*key, b->key, b->key_size) == 0)
			return true;
	return false;
}

static void keep(const struct json_bound *b, char c)
{
	if (b->kept && !b->left_out)
		putc_unlocked(c, b->kept);
}

/* A byte outside strings. */
static int feed_between(struct json_bound *b, char c)
{
	bool was_in_word = b->at == JSON_IN_WORD;
	unsigned values = 0;

	b->at = JSON_BETWEEN;
	switch (c) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
		break;
	case ',':
		if (b->left_out == b->depth)
			b->left_out = 0;
		break;
	case ':':
		keep(b, c);
		if (b->most.wanted && b->depth && !b->left_out && !is_wanted(b)) {
			keep(b, '0');
			b->values++;
			b->left_out = b->depth;
		}
		return 0;
	case ']':
	case '}':
		if (b->left_out == b->depth)
			b->left_out = 0;
		if (!b->depth--)
			return -EBADMSG;
		break;
	case '[':
	case '{':
		if (++b->depth > b->most.depth)
			return -EBADMSG;
		values = JSON_CONTAINER_VALUES;
		break;
	case '"':
		b->at = JSON_IN_STRING;
		b->key_size = 0;
		values = 1;
		break;
	default: /* of a number or a word, or nothing that JSON knows */
		b->at = JSON_IN_WORD;
		values = !was_in_word;
		break;
	}
	keep(b, c);
	b->values += b->left_out ? 0 : values;
	return 0;
}

static void feed_string(struct json_bound *b, char c)
{
	if (b->at == JSON_IN_ESCAPE)
		b->at = JSON_IN_STRING;
	else if (c == '\\')
		b->at = JSON_IN_ESCAPE;
	else if (c == '"')
		b->at = JSON_BETWEEN;
	if (b->at != JSON_BETWEEN && b->key_size < JSON_KEY)
		b->key[b->key_size++] = c;
	keep(b, c);
}

int json_bound_feed(struct json_bound *b, const char *text, size_t size)
{
	if (size > b->most.bytes - b->bytes)
		return -EFBIG;
	b->bytes += size;
	for (const char *c = text; c < text + size; c++) {
		int r = 0;

		if (b->at == JSON_IN_STRING || b->at == JSON_IN_ESCAPE)
			feed_string(b, *c);
		else
			r = feed_between(b, *c);
		if (r)
			return r;
		if (b->values > b->most.values)
			return -EFBIG;
	}
	return 0;
}
