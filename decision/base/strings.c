/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/base/strings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int strings_add(struct strings *list, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > sizeof(list->pool) - list->used)
		return -E2BIG;
	memcpy(list->pool + list->used, text, size);
	list->used = (uint16_t)(list->used + size);
	list->count++;
	return 0;
}

int strings_addf(struct strings *list, const char *format, ...)
{
	char text[STRINGS_POOL];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -E2BIG;
	return strings_add(list, text);
}

const char *strings_next(const struct strings *list, const char *item)
{
	const char *next = item ? item + strlen(item) + 1 : list->pool;

	return next < list->pool + list->used ? next : NULL;
}

const char *strings_get(const struct strings *list, unsigned index)
{
	strings_for_each(item, list)
	{
		if (index-- == 0)
			return item;
	}
	return NULL;
}

const char *strings_value(const struct strings *pairs, const char *key)
{
	const char *last_key = NULL, *value = NULL;

	strings_for_each(item, pairs)
	{
		if (last_key && strcmp(last_key, key) == 0)
			value = item;
		last_key = last_key ? NULL : item;
	}
	return value;
}

int string_copy_n(char *to, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
		return -E2BIG;
	memmove(to, text, length + 1);
	return 0;
}

/* Bytes of a character by its first one (RFC 3629, section 3); 1 for bytes that begin none. */
static size_t character_bytes(unsigned char first)
{
	if ((first & 0xe0) == 0xc0)
		return 2;
	if ((first & 0xf0) == 0xe0)
		return 3;
	if ((first & 0xf8) == 0xf0)
		return 4;
	return 1;
}

size_t string_cut(const char *text, size_t max)
{
	size_t end = strnlen(text, max);
	size_t last = end;

	if (end == 0)
		return 0;
	do {
		last--;
	} while (last > 0 && end - last < 4 && ((unsigned char)text[last] & 0xc0) == 0x80);
	return last + character_bytes((unsigned char)text[last]) > end ? last : end;
}

bool strings_is_equal(const struct strings *a, const struct strings *b)
{
	return a->count == b->count && a->used == b->used && memcmp(a->pool, b->pool, a->used) == 0;
}
