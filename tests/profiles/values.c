/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/profiles/values.h"

#include "profiles/check.h"
#include "profiles/fields.h"
#include "profiles/value.h"
#include "tests/harness.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Texts that one key or another allows, and that YAML reads as something else if they are
 * written without care.
 */
static const char *const texts[] = {
	"/",
	"/opt/spark",
	"/a b",
	"/\"q\"",
	"/back\\slash",
	"/#no comment",
	"/colon: space",
	"/ü/\u65e5\u672c",
	"/\u2028line",
	"/\ufeffmark",
	"/\U0001f600",
	"relative",
	"hdfs://name:9000/x",
	"null",
	"true",
	"no",
	"0",
	"12",
	"1e3",
	"0x10",
	"1:30",
	"~",
	"-x",
	"- x",
	"a: b",
	"[a]",
	"{a}",
	"*a",
	"&a",
	"!a",
	"%a",
	"@a",
	"`a",
	" a ",
	"x-1",
	"big.example.org",
	"localhost",
	"10.0.0.1",
	"127.0.0.1",
	"0.0.0.0:9400",
	"big:1",
	"spark://big:7077",
	"spark://127.0.0.1:7077",
	"8:0",
	"259:1",
	"4095:1048575",
	"root",
	"spark$",
	"registry/cleave:1.0",
};
static const char *const options[] = {
	"-Xss4m", "-ea", "-Dname=value", "-Dü=ü", "--add-opens=java.base/java.lang=ALL",
	"-X#",	  "-D:", "-Da={b}",	 "/a:/b", "/a b:/#{}:ro"};
static const char *const names[] = {"spark.a",	 "spark.sql.shuffle.partitions",
				    "spark.a:b", "spark.#",
				    "spark.{}",	 "PATH",
				    "_",	 "null",
				    "true",	 "y",
				    "A1"};

static unsigned below(unsigned long long *state, size_t n)
{
	return (unsigned)(test_random(state) % n);
}

/* Some characters, most of them such as YAML or a terminal takes for something else. */
static void random_text(unsigned long long *state, char *text, size_t size)
{
	static const char *const pieces[] = {
		"a",	    " ",      "\t",	    "\n",	  "\r",	    "\"",     "\\",
		"'",	    ":",      "#",	    "\x01",	  "\x1b",   "\x7f",   "\xc2\x80",
		"\xc2\x85", "\u00a0", "\ufeff",	    "\u2028",	  "\u2029", "\ufffe", "\uffff",
		"é",	    "\u65e5", "\U0001f600", "\U0010ffff", "%",	    "${x}"};
	size_t used = 0;

	text[0] = '\0';
	for (unsigned n = below(state, 12); n; n--) {
		const char *piece = pieces[below(state, COUNT_OF(pieces))];

		if (used + strlen(piece) >= size)
			return;
		used += (size_t)snprintf(text + used, size - used, "%s", piece);
	}
}

static void random_texts(unsigned long long *state, const struct field *f, struct strings *list)
{
	char text[64];

	for (unsigned n = below(state, 4) + f->required; n; n--) {
		const char *option = options[below(state, COUNT_OF(options))];

		while (f->refuse && f->refuse(option))
			option = options[below(state, COUNT_OF(options))];
		random_text(state, text, sizeof(text));
		strings_add(list, f->refuse ? option : text);
	}
}

static void random_pairs(unsigned long long *state, const struct field *f, struct strings *list)
{
	for (unsigned i = below(state, 3); i < COUNT_OF(names); i += 1 + below(state, 5)) {
		char text[64];

		if (f->refuse(names[i]))
			continue;
		random_text(state, text, sizeof(text));
		strings_add(list, names[i]);
		strings_add(list, text);
	}
}

static void random_string(unsigned long long *state, const struct field *f, char *to)
{
	for (;;) {
		const char *text = texts[below(state, COUNT_OF(texts))];

		if (f->words && below(state, 3) == 0)
			text = "";
		else if (f->is_valid && !f->is_valid(text))
			continue;
		snprintf(to, f->size, "%s", text);
		return;
	}
}

/* In a range, often at its ends, often a round number of units. */
static uint64_t random_amount(unsigned long long *state, const struct field *f)
{
	uint64_t value = f->min + test_random(state) % (f->max - f->min + 1);

	switch (below(state, 4)) {
	case 0:
		return f->min;
	case 1:
		return f->max;
	case 2:
		value >>= 10 * below(state, 5);
		value <<= 10 * below(state, 5);
		return value < f->min || value > f->max ? f->max : value;
	}
	return value;
}

static struct size random_size(unsigned long long *state, const struct field *f)
{
	const char *word = f->words && below(state, 3) == 0 ? f->words[0] : "";

	if (*word)
		return (struct size){strcmp(word, "auto") ? SIZE_NONE : SIZE_AUTO, 0};
	if (f->percent && below(state, 2))
		return (struct size){SIZE_PERCENT,
				     f->min ? 1 + below(state, 100) : below(state, 101)};
	return (struct size){SIZE_BYTES, random_amount(state, f)};
}

static void random_cpus(unsigned long long *state, const struct field *f, void *base)
{
	struct cpuset *cpus = (struct cpuset *)(void *)((char *)base + f->offset);
	bool *all = (bool *)((char *)base + f->beside);

	*all = below(state, 2);
	*cpus = (struct cpuset){0};
	if (*all)
		return;
	cpuset_add(cpus, below(state, CPUSET_MAX));
	for (unsigned n = below(state, 40); n; n--)
		cpuset_add(cpus, below(state, 64));
}

static void random_field(unsigned long long *state, const struct field *f, void *base);

static void random_items(unsigned long long *state, const struct field *f, void *base)
{
	const struct fields *set = f->items;
	unsigned *count = (unsigned *)(void *)((char *)base + f->beside);

	*count = 0;
	for (unsigned n = below(state, 3); n; n--) {
		char *items = (char *)base + f->offset, *item = items + *count * set->stride;
		bool taken = false;

		memset(item, 0, set->stride);
		for (unsigned i = 0; i < set->count; i++)
			random_field(state, &set->list[i], item);
		for (unsigned i = 0; i < *count; i++)
			taken |= value_is_equal(&set->list[0], items + i * set->stride, item);
		*count += !taken;
	}
}

static unsigned words_of(const struct field *f)
{
	unsigned n = 0;

	while (f->words[n])
		n++;
	return n;
}

static void random_field(unsigned long long *state, const struct field *f, void *base)
{
	void *to = (char *)base + f->offset;

	switch (f->kind) {
	case FIELD_NUMBER:
		*(int *)to = f->words && below(state, 3) == 0 ? f->word_value
							      : (int)random_amount(state, f);
		break;
	case FIELD_FLAG:
		*(bool *)to = below(state, 2);
		break;
	case FIELD_WORD:
		*(unsigned *)to = below(state, words_of(f));
		break;
	case FIELD_SIZE:
		*(struct size *)to = random_size(state, f);
		break;
	case FIELD_RATE:
	case FIELD_COUNT:
	case FIELD_TIME:
		*(uint64_t *)to = random_amount(state, f);
		break;
	case FIELD_TEXT:
		random_string(state, f, to);
		break;
	case FIELD_CPUS:
		random_cpus(state, f, base);
		break;
	case FIELD_ADDRESS:
		*(uint32_t *)to = below(state, 3) ? (uint32_t)random_amount(state, f) : 0;
		break;
	case FIELD_STRINGS:
		random_texts(state, f, to);
		break;
	case FIELD_PAIRS:
		random_pairs(state, f, to);
		break;
	case FIELD_ITEMS:
		random_items(state, f, base);
		break;
	}
}

void values_random(unsigned long long *state, struct profile *out)
{
	const char *path;

	do {
		profile_default(out);
		for (unsigned i = 0; i < profile_fields.count; i++) {
			if (below(state, 3))
				random_field(state, &profile_fields.list[i], out);
		}
	} while (conflict_find(out, &path));
}

const char *values_difference(const struct profile *a, const struct profile *b)
{
	for (unsigned i = 0; i < profile_fields.count; i++) {
		if (!value_is_equal(&profile_fields.list[i], a, b))
			return profile_fields.list[i].path;
	}
	return NULL;
}
