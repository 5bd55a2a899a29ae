/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/json_bound.h"

#include <errno.h>

int json_bound_feed(struct json_bound *b, const char *text, size_t size)
{
	if (size > b->most.bytes - b->bytes)
		return -EFBIG;
	b->bytes += size;
	for (const char *c = text; c < text + size; c++) {
		if (b->at == JSON_IN_ESCAPE) {
			b->at = JSON_IN_STRING;
			continue;
		}
		if (b->at == JSON_IN_STRING) {
			if (*c == '"')
				b->at = JSON_BETWEEN;
			else if (*c == '\\')
				b->at = JSON_IN_ESCAPE;
			continue;
		}
		switch (*c) {
		case ' ':
		case '\t':
		case '\n':
		case '\r':
		case ',':
		case ':':
			b->at = JSON_BETWEEN;
			continue;
		case ']':
		case '}':
			b->at = JSON_BETWEEN;
			if (!b->depth--)
				return -EBADMSG;
			continue;
		case '[':
		case '{':
			b->at = JSON_BETWEEN;
			if (++b->depth > b->most.depth)
				return -EBADMSG;
			b->values += JSON_CONTAINER_VALUES;
			break;
		case '"':
			b->at = JSON_IN_STRING;
			b->values++;
			break;
		default: /* of a number or a word, or nothing that JSON knows */
			b->values += b->at != JSON_IN_WORD;
			b->at = JSON_IN_WORD;
			break;
		}
		if (b->values > b->most.values)
			return -EFBIG;
	}
	return 0;
}
