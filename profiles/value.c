/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/value.h"

#include <ctype.h>
#include <inttypes.h>

#include "decision/base/cpuset.h"
#include "decision/base/nearest.h"
#include "decision/plan/profile.h"
#include "profiles/check.h"
#include "profiles/text.h"

struct unit {
	char name[3];
	uint64_t factor;
};

/* The largest first, and of two the one to write; a factor of 0 ends a list. */
static const struct unit byte_units[] = {
	{"T", UINT64_C(1) << 40},
	{"t", UINT64_C(1) << 40},
	{"G", UINT64_C(1) << 30},
	{"g", UINT64_C(1) << 30},
	{"M", UINT64_C(1) << 20},
	{"m", UINT64_C(1) << 20},
	{"K", UINT64_C(1) << 10},
	{"k", UINT64_C(1) << 10},
	{"", 1},
	{"", 0},
};
static const struct unit time_units[] = {{"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 0}};

static const void *member(const struct field *f, const void *base)
{
	return (const char *)base + f->offset;
}

/* The bool or the count that belongs to the member. */
static const void *beside(const struct field *f, const void *base)
{
	return (const char *)base + f->beside;
}

/* A member that is a number: bool, int, an enum, uint32_t, uint64_t. */
static uint64_t load(const struct field *f, const void *base)
{
	const void *from = member(f, base);

	if (f->size == sizeof(bool))
		return *(const bool *)from;
	return f->size == sizeof(uint32_t) ? *(const uint32_t *)from : *(const uint64_t *)from;
}

static void store(const struct field *f, void *base, uint64_t value)
{
	void *to = (char *)base + f->offset;

	if (f->size == sizeof(bool))
		*(bool *)to = value;
	else if (f->size == sizeof(uint32_t))
		*(uint32_t *)to = (uint32_t)value;
	else
		*(uint64_t *)to = value;
}

static const struct unit no_units[] = {{"", 1}, {"", 0}};

static const struct unit *units_of(const struct field *f)
{
	if (f->kind == FIELD_TIME)
		return time_units;
	return f->kind == FIELD_SIZE || f->kind == FIELD_RATE ? byte_units : no_units;
}

/* ---- text → value */

/*
 * A number and one of the field's units, or an address; 0 may stand alone, so that its unit need
 * not be chosen.
 */
static bool read_number(const struct field *f, const char *text, uint64_t *out)
{
	const struct unit *units = units_of(f);
	bool read;

	if (f->kind == FIELD_ADDRESS) {
		read = text_read_ipv4(text, out);
	} else {
		read = text_take_number(&text, out);
		if (read && *out == 0 && !*text)
			units = no_units;
		while (units->factor && strcmp(text, units->name) != 0)
			units++;
		read = read && units->factor && !__builtin_mul_overflow(*out, units->factor, out);
	}
	return read && *out >= f->min && *out <= f->max;
}

static bool read_size(const struct field *f, const char *text, struct size *out)
{
	uint64_t value;

	if (read_number(f, text, &value)) {
		*out = (struct size){SIZE_BYTES, value};
		return true;
	}
	if (!f->percent || !text_take_number(&text, &value) || strcmp(text, "%") != 0 ||
	    value > 100 || (value == 0 && f->min))
		return false;
	*out = (struct size){SIZE_PERCENT, value};
	return true;
}

/* One of the field's words: the value that it stands for. */
static bool read_word(const struct field *f, const char *text, void *base)
{
	void *to = (char *)base + f->offset;
	unsigned place = 0;

	while (f->words && f->words[place] && strcmp(f->words[place], text) != 0)
		place++;
	if (!f->words || !f->words[place])
		return false;
	if (f->kind == FIELD_NUMBER)
		store(f, base, (uint64_t)f->word_value);
	else if (f->kind == FIELD_WORD)
		store(f, base, place);
	else if (f->kind == FIELD_SIZE)
		*(struct size *)to =
			(struct size){.unit = strcmp(text, "none") ? SIZE_AUTO : SIZE_NONE};
	else
		memset(to, 0, f->size);
	if (f->kind == FIELD_CPUS)
		*(bool *)((char *)base + f->beside) = true;
	return true;
}

enum value_result value_read(const struct field *f, const char *text, bool quoted, void *base)
{
	size_t size = f->max ? f->max : f->size; /* of a text */
	void *to = (char *)base + f->offset;
	uint64_t value = text[0] == 't'; /* of a flag */
	struct cpuset cpus;
	struct err ignored;
	bool read = false;

	if (read_word(f, text, base))
		return VALUE_READ;
	if (quoted && (f->kind == FIELD_NUMBER || f->kind == FIELD_FLAG || f->kind == FIELD_COUNT))
		return VALUE_QUOTED;
	switch (f->kind) {
	case FIELD_TEXT:
		if (strlen(text) >= size)
			return VALUE_LONG;
		read = !f->is_valid || f->is_valid(text);
		if (read)
			string_copy_n(to, size, text);
		break;
	case FIELD_SIZE:
		read = read_size(f, text, to);
		break;
	case FIELD_CPUS:
		read = !cpuset_parse(text, &cpus, &ignored) && !cpuset_is_empty(&cpus);
		if (read) {
			*(struct cpuset *)to = cpus;
			*(bool *)((char *)base + f->beside) = false;
		}
		break;
	case FIELD_FLAG:
	case FIELD_NUMBER:
	case FIELD_COUNT:
	case FIELD_RATE:
	case FIELD_TIME:
	case FIELD_ADDRESS:
		read = f->kind == FIELD_FLAG ? !strcmp(text, "true") || !strcmp(text, "false")
					     : read_number(f, text, &value);
		if (read)
			store(f, base, value);
		break;
	case FIELD_WORD:
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_ITEMS:
		break;
	}
	return read ? VALUE_READ : VALUE_WRONG;
}

/* ---- what was meant */

/* The other words that YAML 1.1 has for true and false. */
static const char *hint_flag(const char *hint)
{
	static const char *const flags[] = {"true", "false", NULL};
	static const char *const yes[] = {"yes", "on", "y", "1", NULL};
	static const char *const no[] = {"no", "off", "n", "0", NULL};

	for (int i = 0; yes[i]; i++) {
		if (!strcmp(hint, yes[i]))
			return flags[0];
		if (!strcmp(hint, no[i]))
			return flags[1];
	}
	return word_nearest(hint, flags);
}

const char *value_hint(const struct field *f, const char *text, char hint[FIELD_NAME_MAX])
{
	bool is_size = f->kind == FIELD_SIZE || f->kind == FIELD_RATE;
	const char *found = NULL, *digits;
	struct size ignored;
	uint64_t number;

	if (string_copy_n(hint, FIELD_NAME_MAX, text))
		return NULL;
	for (char *c = hint; *c && !is_size; c++)
		*c = (char)tolower((unsigned char)*c);
	if (f->words)
		found = word_nearest(hint, f->words);
	if (found)
		return found;
	if (f->kind == FIELD_FLAG)
		return hint_flag(hint);
	if (f->kind == FIELD_NUMBER || f->kind == FIELD_COUNT) { /* "010": 10 */
		digits = hint + strspn(hint, "0");
		return digits > hint && read_number(f, digits, &number) ? digits : NULL;
	}
	if (!is_size)
		return NULL;
	hint[strcspn(hint, "iIbB")] = '\0'; /* "4GB", "4GiB", "4Gi": 4G */
	return read_size(f, hint, &ignored) ? hint : NULL;
}

/* ---- value → text */

enum { NUMBER_TEXT = 32 };

/* "512M", "2s", "10.0.0.1": in the largest unit that divides it. */
static char *format_number(const struct field *f, uint64_t value, char text[NUMBER_TEXT])
{
	const struct unit *units = units_of(f);

	if (f->kind == FIELD_ADDRESS) {
		snprintf(text, NUMBER_TEXT, "%u.%u.%u.%u", (unsigned)value >> 24,
			 (unsigned)value >> 16 & 0xff, (unsigned)value >> 8 & 0xff,
			 (unsigned)value & 0xff);
		return text;
	}
	while (value && value % units->factor)
		units++;
	snprintf(text, NUMBER_TEXT, "%" PRIu64 "%s", value ? value / units->factor : 0,
		 value ? units->name : "");
	return text;
}

void value_write(FILE *file, const struct field *f, const void *base)
{
	const void *from = member(f, base);
	const struct size *size = from;
	char text[NUMBER_TEXT];

	/* What the field's word stands for: a certain number, or but for sizes nothing. */
	if (f->words && (f->kind == FIELD_NUMBER ? load(f, base) == (uint32_t)f->word_value
						 : f->kind != FIELD_WORD && f->kind != FIELD_SIZE &&
							   !value_number(f, base))) {
		fputs(f->words[0], file);
		return;
	}
	switch (f->kind) {
	case FIELD_FLAG:
		fputs(load(f, base) ? "true" : "false", file);
		break;
	case FIELD_WORD:
		fputs(f->words[load(f, base)], file);
		break;
	case FIELD_SIZE:
		if (size->unit == SIZE_AUTO || size->unit == SIZE_NONE)
			fputs(size->unit == SIZE_AUTO ? "auto" : "none", file);
		else if (size->unit == SIZE_PERCENT)
			fprintf(file, "%" PRIu64 "%%", size->value);
		else
			fputs(format_number(f, size->value, text), file);
		break;
	case FIELD_NUMBER:
	case FIELD_RATE:
	case FIELD_COUNT:
	case FIELD_TIME:
	case FIELD_ADDRESS:
		fputs(format_number(f, load(f, base), text), file);
		break;
	case FIELD_TEXT:
		if (text_is_plain(from))
			fputs(from, file);
		else
			text_quote(file, from);
		break;
	case FIELD_CPUS:
		fprintf(file, "\"%s\"", CPUSET_STRING((const struct cpuset *)from));
		break;
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_ITEMS:
		break;
	}
}

char *value_allowed(const struct field *f, char *text, size_t size)
{
	char low[NUMBER_TEXT], high[NUMBER_TEXT], range[2 * NUMBER_TEXT];
	size_t used;

	/* "1..64", or "1" where there is only one. */
	snprintf(range, sizeof(range), "%s%s%s", format_number(f, f->min, low),
		 f->min == f->max ? "" : "..",
		 f->min == f->max ? "" : format_number(f, f->max, high));
	text[0] = '\0';
	switch (f->kind) {
	case FIELD_NUMBER:
	case FIELD_COUNT:
	case FIELD_TIME:
	case FIELD_ADDRESS:
		snprintf(text, size, "%s", range);
		break;
	case FIELD_SIZE:
	case FIELD_RATE:
		snprintf(text, size, "a size like 4G, %s%s", range,
			 !f->percent ? ""
			 : f->min    ? " | 1%..100%"
				     : " | 0%..100%");
		break;
	case FIELD_FLAG:
		snprintf(text, size, "true | false");
		break;
	case FIELD_CPUS:
		snprintf(text, size, "a CPU list like 0-3,8 of CPUs 0..%d", CPUSET_MAX - 1);
		break;
	case FIELD_TEXT:
		snprintf(text, size, "%s", f->allowed);
		break;
	case FIELD_STRINGS:
		snprintf(text, size, "a sequence of %s", f->allowed);
		break;
	case FIELD_PAIRS:
		snprintf(text, size, "a mapping of %s", f->allowed);
		break;
	case FIELD_ITEMS:
		snprintf(text, size, "a sequence of at most %u mappings", f->items->max);
		break;
	case FIELD_WORD:
		break;
	}
	used = strlen(text);
	for (const char *const *word = f->words; word && *word && used < size; word++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " | " : "",
					 *word);
	return text;
}

/* ---- comparing */

unsigned value_number(const struct field *f, const void *base)
{
	const void *from = member(f, base);
	const struct size *size = from;

	if (f->kind == FIELD_WORD)
		return (unsigned)load(f, base);
	if (f->kind == FIELD_SIZE)
		return size->unit > SIZE_NONE && size->value;
	if (f->kind == FIELD_TEXT)
		return *(const char *)from != '\0';
	if (f->kind == FIELD_CPUS)
		return !*(const bool *)beside(f, base);
	if (f->kind == FIELD_STRINGS || f->kind == FIELD_PAIRS)
		return ((const struct strings *)from)->count != 0;
	if (f->kind == FIELD_ITEMS)
		return *(const unsigned *)beside(f, base) != 0;
	return load(f, base) != 0;
}

static bool items_are_equal(const struct field *f, const void *a, const void *b)
{
	const struct fields *items = f->items;
	unsigned count = *(const unsigned *)beside(f, a);

	if (count != *(const unsigned *)beside(f, b))
		return false;
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < items->count; j++) {
			if (!value_is_equal(&items->list[j],
					    (const char *)member(f, a) + i * items->stride,
					    (const char *)member(f, b) + i * items->stride))
				return false;
		}
	}
	return true;
}

bool value_is_equal(const struct field *f, const void *a, const void *b)
{
	const void *x = member(f, a), *y = member(f, b);
	const struct size *m = x, *n = y;

	if (f->kind == FIELD_SIZE)
		return m->unit == n->unit && (m->unit <= SIZE_NONE || m->value == n->value);
	if (f->kind == FIELD_TEXT)
		return !strcmp(x, y);
	if (f->kind == FIELD_CPUS)
		return value_number(f, a) == value_number(f, b) &&
		       (!value_number(f, a) || cpuset_is_equal(x, y));
	if (f->kind == FIELD_STRINGS || f->kind == FIELD_PAIRS)
		return strings_is_equal(x, y);
	return f->kind == FIELD_ITEMS ? items_are_equal(f, a, b) : load(f, a) == load(f, b);
}
