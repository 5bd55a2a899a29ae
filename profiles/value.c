#include "profiles/value.h"

#include <ctype.h>
#include <inttypes.h>

#include "decision/base/cpuset.h"
#include "decision/base/nearest.h"
#include "decision/plan/profile.h"
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

static void *member_of(const struct field *f, void *base)
{
	return (char *)base + f->offset;
}

/* ---- text → value */

/*
 * Take decimal digits off *at. False if there are none, if they begin with a needless 0 (octal
 * to YAML 1.1, decimal to YAML 1.2), or on overflow.
 */
static bool take_digits(const char **at, uint64_t *out)
{
	const char *c = *at;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*c) || (*c == '0' && isdigit((unsigned char)c[1])))
		return false;
	for (; isdigit((unsigned char)*c); c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return false;
	}
	*at = c;
	*out = value;
	return true;
}

static bool in_range(const struct field *f, uint64_t value)
{
	return value >= f->min && value <= f->max;
}

static bool read_number(const struct field *f, const char *text, uint64_t *out)
{
	return take_digits(&text, out) && !*text && in_range(f, *out);
}

/* A number and one of `units`; 0 may stand alone, so that its unit need not be chosen. */
static bool read_units(const struct field *f, const char *text, const struct unit *units,
		       uint64_t *out)
{
	uint64_t value;

	if (!take_digits(&text, &value))
		return false;
	if (value == 0 && !*text) {
		*out = 0;
		return in_range(f, 0);
	}
	while (units->factor && strcmp(text, units->name) != 0)
		units++;
	return units->factor && !__builtin_mul_overflow(value, units->factor, out) &&
	       in_range(f, *out);
}

static bool read_size(const struct field *f, const char *text, struct size *out)
{
	uint64_t value;

	if (read_units(f, text, byte_units, &value)) {
		*out = (struct size){SIZE_BYTES, value};
		return true;
	}
	if (!f->percent || !take_digits(&text, &value) || strcmp(text, "%") != 0 || value > 100 ||
	    (value == 0 && f->min))
		return false;
	*out = (struct size){SIZE_PERCENT, value};
	return true;
}

static bool read_address(const struct field *f, const char *text, uint32_t *out)
{
	uint64_t address = 0, part;

	for (int i = 0; i < 4; i++) {
		if ((i && *text++ != '.') || !take_digits(&text, &part) || part > 255)
			return false;
		address = address << 8 | part;
	}
	if (*text || !in_range(f, address))
		return false;
	*out = (uint32_t)address;
	return true;
}

static bool read_cpus(const struct field *f, const char *text, void *base)
{
	struct cpuset cpus;
	struct err ignored;

	if (cpuset_parse(text, &cpus, &ignored) || cpuset_is_empty(&cpus))
		return false;
	*(struct cpuset *)member_of(f, base) = cpus;
	*(bool *)((char *)base + f->beside) = false;
	return true;
}

/* Put the value that the word number `place` of the field stands for. */
static void put_word(const struct field *f, int place, void *base)
{
	void *to = member_of(f, base);
	struct size automatic = {.unit = SIZE_AUTO}, none = {.unit = SIZE_NONE};

	if (f->kind == FIELD_NUMBER)
		*(int *)to = f->word_value;
	else if (f->kind == FIELD_WORD)
		memcpy(to, &place, sizeof(place));
	else if (f->kind == FIELD_SIZE)
		*(struct size *)to = strcmp(f->words[place], "none") ? automatic : none;
	else
		memset(to, 0, f->size);
	if (f->kind == FIELD_CPUS)
		*(bool *)((char *)base + f->beside) = true;
}

static bool read_word(const struct field *f, const char *text, void *base)
{
	for (int place = 0; f->words && f->words[place]; place++) {
		if (!strcmp(f->words[place], text)) {
			put_word(f, place, base);
			return true;
		}
	}
	return false;
}

static enum value_result read_text(const struct field *f, const char *text, void *base)
{
	size_t size = f->max ? f->max : f->size;

	if (strlen(text) >= size)
		return VALUE_LONG;
	if (f->is_valid && !f->is_valid(text))
		return VALUE_WRONG;
	return string_copy_n(member_of(f, base), size, text) ? VALUE_LONG : VALUE_READ;
}

static enum value_result read_flag(const struct field *f, const char *text, void *base)
{
	bool value = !strcmp(text, "true");

	if (!value && strcmp(text, "false") != 0)
		return VALUE_WRONG;
	*(bool *)member_of(f, base) = value;
	return VALUE_READ;
}

static bool is_typed(const struct field *f)
{
	return f->kind == FIELD_NUMBER || f->kind == FIELD_FLAG || f->kind == FIELD_COUNT;
}

static bool read_amount(const struct field *f, const char *text, void *base)
{
	void *to = member_of(f, base);
	uint64_t value;

	if (f->kind == FIELD_TIME   ? !read_units(f, text, time_units, &value)
	    : f->kind == FIELD_RATE ? !read_units(f, text, byte_units, &value)
				    : !read_number(f, text, &value))
		return false;
	if (f->kind == FIELD_NUMBER)
		*(int *)to = (int)value;
	else
		*(uint64_t *)to = value;
	return true;
}

enum value_result value_read(const struct field *f, const char *text, bool quoted, void *base)
{
	bool read = read_word(f, text, base);

	if (read)
		return VALUE_READ;
	if (quoted && is_typed(f))
		return VALUE_QUOTED;
	switch (f->kind) {
	case FIELD_TEXT:
		return read_text(f, text, base);
	case FIELD_FLAG:
		return read_flag(f, text, base);
	case FIELD_NUMBER:
	case FIELD_COUNT:
	case FIELD_RATE:
	case FIELD_TIME:
		read = read_amount(f, text, base);
		break;
	case FIELD_SIZE:
		read = read_size(f, text, member_of(f, base));
		break;
	case FIELD_CPUS:
		read = read_cpus(f, text, base);
		break;
	case FIELD_ADDRESS:
		read = read_address(f, text, member_of(f, base));
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

/* "4GB", "4GiB", "4Gi": 4G. */
static const char *hint_size(const struct field *f, char *hint)
{
	size_t length = strcspn(hint, "iIbB");
	struct size ignored;

	hint[length] = '\0';
	return read_size(f, hint, &ignored) ? hint : NULL;
}

/* "010": 10. */
static const char *hint_number(const struct field *f, const char *hint)
{
	const char *digits = hint + strspn(hint, "0");
	uint64_t ignored;

	return digits > hint && read_number(f, digits, &ignored) ? digits : NULL;
}

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
	const char *found = NULL;

	if (string_copy_n(hint, FIELD_NAME_MAX, text))
		return NULL;
	for (char *c = hint; *c && f->kind != FIELD_SIZE && f->kind != FIELD_RATE; c++)
		*c = (char)tolower((unsigned char)*c);
	if (f->words)
		found = word_nearest(hint, f->words);
	if (!found && f->kind == FIELD_FLAG)
		found = hint_flag(hint);
	else if (!found && (f->kind == FIELD_NUMBER || f->kind == FIELD_COUNT))
		found = hint_number(f, hint);
	else if (!found && (f->kind == FIELD_SIZE || f->kind == FIELD_RATE))
		found = hint_size(f, hint);
	return found;
}

/* ---- value → text */

static char *format_units(uint64_t value, const struct unit *units, char text[VALUE_TEXT])
{
	while (value && value % units->factor)
		units++;
	snprintf(text, VALUE_TEXT, "%" PRIu64 "%s", value ? value / units->factor : 0,
		 value ? units->name : "");
	return text;
}

char *value_bytes_format(uint64_t bytes, char text[VALUE_TEXT])
{
	return format_units(bytes, byte_units, text);
}

char *value_time_format(uint64_t ms, char text[VALUE_TEXT])
{
	return format_units(ms, time_units, text);
}

char *value_address_format(uint32_t address, char text[VALUE_TEXT])
{
	snprintf(text, VALUE_TEXT, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
		 address >> 8 & 0xff, address & 0xff);
	return text;
}

static void write_text(FILE *file, const struct field *f, const char *text)
{
	if (!*text && f->words)
		fputs(f->words[0], file);
	else if (text_is_plain(text))
		fputs(text, file);
	else
		text_quote(file, text);
}

static void write_size(FILE *file, const struct size *size)
{
	char text[VALUE_TEXT];

	switch (size->unit) {
	case SIZE_AUTO:
		fputs("auto", file);
		break;
	case SIZE_NONE:
		fputs("none", file);
		break;
	case SIZE_BYTES:
		fputs(value_bytes_format(size->value, text), file);
		break;
	case SIZE_PERCENT:
		fprintf(file, "%" PRIu64 "%%", size->value);
		break;
	}
}

static void write_cpus(FILE *file, const struct field *f, const void *base)
{
	if (*(const bool *)((const char *)base + f->beside))
		fputs(f->words[0], file);
	else
		fprintf(file, "\"%s\"", CPUSET_STRING((const struct cpuset *)member(f, base)));
}

static void write_number(FILE *file, const struct field *f, int value)
{
	if (f->words && value == f->word_value)
		fputs(f->words[0], file);
	else
		fprintf(file, "%d", value);
}

static void write_address(FILE *file, const struct field *f, uint32_t address)
{
	char text[VALUE_TEXT];

	fputs(address ? value_address_format(address, text) : f->words[0], file);
}

void value_write(FILE *file, const struct field *f, const void *base)
{
	const void *from = member(f, base);
	char text[VALUE_TEXT];

	switch (f->kind) {
	case FIELD_NUMBER:
		write_number(file, f, *(const int *)from);
		break;
	case FIELD_FLAG:
		fputs(*(const bool *)from ? "true" : "false", file);
		break;
	case FIELD_WORD:
		fputs(f->words[*(const int *)from], file);
		break;
	case FIELD_SIZE:
		write_size(file, from);
		break;
	case FIELD_RATE:
		fputs(value_bytes_format(*(const uint64_t *)from, text), file);
		break;
	case FIELD_COUNT:
		fprintf(file, "%" PRIu64, *(const uint64_t *)from);
		break;
	case FIELD_TIME:
		fputs(value_time_format(*(const uint64_t *)from, text), file);
		break;
	case FIELD_TEXT:
		write_text(file, f, from);
		break;
	case FIELD_CPUS:
		write_cpus(file, f, base);
		break;
	case FIELD_ADDRESS:
		write_address(file, f, *(const uint32_t *)from);
		break;
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_ITEMS:
		break;
	}
}

/* ---- comparing */

static unsigned count_of(const struct field *f, const void *base)
{
	return *(const unsigned *)(const void *)((const char *)base + f->beside);
}

unsigned value_number(const struct field *f, const void *base)
{
	const void *from = member(f, base);
	const struct size *size = from;

	switch (f->kind) {
	case FIELD_WORD:
		return *(const unsigned *)from;
	case FIELD_NUMBER:
		return *(const int *)from != 0;
	case FIELD_FLAG:
		return *(const bool *)from;
	case FIELD_SIZE:
		return size->unit > SIZE_NONE && size->value;
	case FIELD_RATE:
	case FIELD_COUNT:
	case FIELD_TIME:
		return *(const uint64_t *)from != 0;
	case FIELD_TEXT:
		return *(const char *)from != '\0';
	case FIELD_CPUS:
		return !*(const bool *)((const char *)base + f->beside);
	case FIELD_ADDRESS:
		return *(const uint32_t *)from != 0;
	case FIELD_STRINGS:
	case FIELD_PAIRS:
		return ((const struct strings *)from)->count != 0;
	case FIELD_ITEMS:
		return count_of(f, base) != 0;
	}
	return 0;
}

static bool items_are_equal(const struct field *f, const void *a, const void *b)
{
	const struct fields *items = f->items;
	unsigned count = count_of(f, a);

	if (count != count_of(f, b))
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

static bool sizes_are_equal(const struct size *a, const struct size *b)
{
	return a->unit == b->unit && (a->unit <= SIZE_NONE || a->value == b->value);
}

bool value_is_equal(const struct field *f, const void *a, const void *b)
{
	const void *x = member(f, a), *y = member(f, b);

	switch (f->kind) {
	case FIELD_SIZE:
		return sizes_are_equal(x, y);
	case FIELD_TEXT:
		return !strcmp(x, y);
	case FIELD_CPUS:
		return value_number(f, a) == value_number(f, b) &&
		       (!value_number(f, a) || cpuset_is_equal(x, y));
	case FIELD_STRINGS:
	case FIELD_PAIRS:
		return strings_is_equal(x, y);
	case FIELD_ITEMS:
		return items_are_equal(f, a, b);
	case FIELD_NUMBER:
	case FIELD_FLAG:
	case FIELD_WORD:
	case FIELD_RATE:
	case FIELD_COUNT:
	case FIELD_TIME:
	case FIELD_ADDRESS:
		return !memcmp(x, y, f->size);
	}
	return false;
}
