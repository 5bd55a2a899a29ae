/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of fields walked in both directions: each kind of field, each way to be wrong, bytes that
 * are no UTF-8.
 */

#include "launcher/system/json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "decision/base/cleanup.h"
#include "tests/harness.h"

enum colour { RED, GREEN, COLOURS };

struct item {
	char name[8];
	unsigned parent; /* the place of an item that is read before */
};

struct figure {
	double weight;
};

struct sample {
	unsigned small;
	int number;
	uint64_t large;
	double real;
	bool flag;
	char text[16];
	enum colour colour;
	struct cpuset cpus;
	uint32_t address;
	struct strings strings;
	unsigned note_count;
	char notes[3][8];
	bool has_extra;
	unsigned extra;
	unsigned newer;
	unsigned item_count;
	struct item items[4];
	struct figure figures[4];
};

static const char *colour_name(unsigned colour)
{
	static const char *const names[] = {[RED] = "red", [GREEN] = "green"};

	return names[colour];
}

static bool is_green(const void *value, const void *document)
{
	const struct sample *s = value;

	ck_assert_ptr_eq(value, document);
	return s->colour == GREEN;
}

static bool is_name(const char *text)
{
	return text[0];
}

static const struct json_field item_fields[] = {
	{"name", JSON_AT(struct item, name), .is_valid = is_name, .valid = "a name"},
	{"parent", JSON_BY(JSON_AS_PLACE, struct item, parent), .max = 4},
	JSON_END,
};

static const struct json_field figure_fields[] = {
	{"weight", JSON_AT(struct figure, weight)},
	JSON_END,
};

#define T struct sample
static const struct json_field group_fields[] = {
	{"small", JSON_AT(T, small), .max = 9},
	{"number", JSON_AT(T, number)},
	{"large", JSON_AT(T, large)},
	JSON_END,
};

static const char *item_name(const void *document, unsigned place)
{
	const struct sample *s = document;

	return place < s->item_count ? s->items[place].name : NULL;
}

static const struct json_field sample_fields[] = {
	{"numbers", JSON_GROUP(group_fields)},
	{"real", JSON_AT(T, real)},
	{"flag", JSON_AT(T, flag)},
	{"text", JSON_AT(T, text)},
	{"colour", JSON_WORD(T, colour, colour_name, COLOURS)},
	{"cpus", JSON_AT(T, cpus)},
	{"address", JSON_BY(JSON_AS_ADDRESS, T, address), .when = is_green},
	{"strings", JSON_AT(T, strings)},
	{"notes", JSON_ITEMS(T, notes, note_count)},
	{"extra", JSON_AT(T, extra), .is_optional = true, .beside = offsetof(T, has_extra)},
	{"newer", JSON_AT(T, newer), .max = 9, .is_new = true},
	{"items", JSON_LIST(T, items, item_count, item_fields),
	 JSON_MORE(T, figures, figure_fields)},
	JSON_END,
};
static const struct json_table by_number = {
	.fields = sample_fields, .schema = "sample/1", .size = sizeof(T), .style = JSON_COMPACT};
static const struct json_table by_name = {.fields = sample_fields,
					  .schema = "sample/1",
					  .size = sizeof(T),
					  .style = JSON_COMPACT,
					  .name = item_name,
					  .named = "item"};
#undef T

static struct sample sample, back;
static struct err e;

static void fill(void)
{
	memset(&sample, 0, sizeof(sample));
	sample.small = 9;
	sample.number = INT32_MAX;
	sample.large = INT64_MAX;
	sample.real = 0.5;
	sample.flag = true;
	string_copy(sample.text, "a \"text\"");
	sample.colour = GREEN;
	cpuset_add(&sample.cpus, 3);
	sample.address = 0x7f00000a;
	strings_add(&sample.strings, "one");
	strings_add(&sample.strings, "");
	sample.note_count = 2;
	string_copy(sample.notes[1], "second");
	sample.has_extra = true;
	sample.extra = 7;
	sample.newer = 5;
	sample.item_count = 2;
	string_copy(sample.items[0].name, "first");
	string_copy(sample.items[1].name, "last");
	sample.figures[1].weight = 2;
}

static void check_text(const struct json_table *t, const char *wanted)
{
	cleanup_free char *text = NULL;

	ck_assert_msg(json_table_format(t, &sample, &text, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(text, wanted);
	ck_assert_msg(json_table_parse(t, text, strlen(text), &back, &e) == 0, "%s", e.msg);
	ck_assert_int_eq(memcmp(&sample, &back, sizeof(sample)), 0);
}

#define HEAD                                                                                     \
	"{\"schema\":\"sample/1\",\"numbers\":{\"small\":9,\"number\":2147483647,"               \
	"\"large\":9223372036854775807},\"real\":0.5,\"flag\":true,\"text\":\"a \\\"text\\\"\"," \
	"\"colour\":"
#define NOTES "\"strings\":[\"one\",\"\"],\"notes\":[\"\",\"second\"],"

START_TEST(there_and_back)
{
	fill();
	check_text(&by_number,
		   HEAD "\"green\",\"cpus\":\"3\",\"address\":\"127.0.0.10\"," NOTES
			"\"extra\":7,\"newer\":5,\"items\":[{\"name\":\"first\",\"parent\":0,"
			"\"weight\":0.0},{\"name\":\"last\",\"parent\":0,"
			"\"weight\":2.0}]}");
	check_text(&by_name, HEAD
		   "\"green\",\"cpus\":\"3\",\"address\":\"127.0.0.10\"," NOTES
		   "\"extra\":7,\"newer\":5,\"items\":[{\"name\":\"first\",\"parent\":\"first\","
		   "\"weight\":0.0},{\"name\":\"last\",\"parent\":\"first\","
		   "\"weight\":2.0}]}");
	sample.colour = RED;
	sample.address = 0;
	sample.has_extra = false;
	sample.extra = 0;
	sample.item_count = 0;
	memset(sample.items, 0, sizeof(sample.items));
	memset(sample.figures, 0, sizeof(sample.figures));
	check_text(&by_number, HEAD "\"red\",\"cpus\":\"3\"," NOTES "\"newer\":5,\"items\":[]}");
}
END_TEST

START_TEST(a_text_of_an_older_version_lacks_a_key)
{
	static const char key[] = "\"newer\":5,";
	cleanup_free char *text = NULL;
	char *at;

	fill();
	ck_assert_int_eq(json_table_format(&by_number, &sample, &text, &e), 0);
	at = strstr(text, key);
	memmove(at, at + strlen(key), strlen(at + strlen(key)) + 1);
	ck_assert_msg(json_table_parse(&by_number, text, strlen(text), &back, &e) == 0, "%s",
		      e.msg);
	sample.newer = 0;
	ck_assert_int_eq(memcmp(&sample, &back, sizeof(sample)), 0);
}
END_TEST

/* Each with what it is answered; the value stays as it was. */
START_TEST(what_is_wrong_is_named)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
		{"sample/1", "sample/2",
		 "schema: sample/1 is expected, found sample/2, which another version of cleave "
		 "writes"},
		{"sample/1", "other/1", "schema: sample/1 is expected, found other/1"},
		{"\"newer\":5", "\"newer\":10", "newer: 10 is not in 0 … 9"},
		{"\"small\":9", "\"small\":10", "numbers: small: 10 is not in 0 … 9"},
		{"\"small\":9", "\"small\":-1", "numbers: small: -1 is not in 0 … 9"},
		{":2147483647", ":2147483648",
		 "numbers: number: 2147483648 is not in 0 … 2147483647"},
		{":2147483647", ":1.0", "numbers: number: an integer is expected"},
		{"{\"small\"", "[{\"small\"", "no JSON"},
		{"\"real\":0.5", "\"real\":\"x\"", "real: a number is expected"},
		{"\"flag\":true", "\"flag\":1", "flag: true or false is expected"},
		{"\"flag\":true,", "", "flag: true or false is expected"},
		{"\"a \\", "\"a long text of 16\\", "text: more than 15 bytes"},
		{"\"green\"", "\"grey\"", "colour is 'grey', which is none of its words"},
		{"\"green\"", "1", "colour is '', which is none of its words"},
		{"\"cpus\":\"3\"", "\"cpus\":3", "cpus: a string is expected"},
		{"\"cpus\":\"3\"", "\"cpus\":\"3-\"", "cpus: "},
		{"127.0.0.10", "127.0.0.256", "address is not an IPv4 address"},
		{"[\"one\"", "[1", "strings[0]: a string is expected"},
		{"[\"\",\"second\"]", "[\"1\",\"2\",\"3\",\"4\"]",
		 "notes: a list of at most 3 is expected"},
		{"\"second\"", "\"12345678\"", "notes[1]: not a text of at most 7 bytes"},
		{"\"extra\":7", "\"extra\":null", "extra: an integer is expected"},
		{"\"parent\":\"first\"", "\"parent\":\"more\"",
		 "items[0]: parent: there is no item more"},
		{"\"parent\":\"first\"", "\"parent\":1", "items[0]: parent: a string is expected"},
		{"\"name\":\"last\"", "\"name\":\"\"", "items[1]: name '' is not a name"},
		{"\"weight\":2.0", "\"weight\":[]", "items[1]: weight: a number is expected"},
		{"[{\"name\":\"first\"", "[7,{\"name\":\"first\"",
		 "items[0]: name: a string is expected"},
	};
	cleanup_free char *text = NULL;

	fill();
	ck_assert_int_eq(json_table_format(&by_name, &sample, &text, &e), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = strstr(text, cases[i].from);
		cleanup_free char *bad = NULL;

		ck_assert_msg(at, "%s", cases[i].from);
		ck_assert_int_gt(asprintf(&bad, "%.*s%s%s", (int)(at - text), text, cases[i].to,
					  at + strlen(cases[i].from)),
				 0);
		back.small = 12345;
		ck_assert_msg(json_table_parse(&by_name, bad, strlen(bad), &back, &e) == -EINVAL,
			      "%s", bad);
		ck_assert_int_eq(e.exit, ERR_WRONG);
		ck_assert_msg(strncmp(e.msg, cases[i].says, strlen(cases[i].says)) == 0, "%s: %s",
			      cases[i].to, e.msg);
		ck_assert_uint_eq(back.small, 12345);
	}
	ck_assert_int_lt(json_table_parse(&by_name, text, (size_t)JSON_MAX_BYTES + 1, &back, &e),
			 0);
}
END_TEST

START_TEST(what_cannot_be_written)
{
	char *text = NULL;

	fill();
	sample.figures[1].weight = (double)INFINITY;
	ck_assert_int_eq(json_table_format(&by_name, &sample, &text, &e), -EINVAL);
	ck_assert_str_eq(e.msg, "items[1]: weight: JSON has no number inf");
	fill();
	sample.colour = COLOURS;
	ck_assert_int_eq(json_table_format(&by_name, &sample, &text, &e), -EINVAL);
	ck_assert_ptr_null(text);
}
END_TEST

/* Also such as look like our way to write them, and as fill their place to the last byte. */
START_TEST(texts_of_any_bytes)
{
	static const char *const texts[] = {
		"",
		"plain",
		"gr\xc3\xbc\xc3\x9f",
		"\xff",
		"\xc3",
		"a\x80z",
		"\xef\x9e\x80",
		"\xef\x9f\xbf\xef",
		"\xf0\x9f\x98",
		"\xed\xa0\x80",
		"123456789012345",
		"12345678901234\xfe",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_free char *text = NULL;

		fill();
		memset(sample.text, 0, sizeof(sample.text));
		ck_assert_int_eq(string_copy(sample.text, texts[i]), 0);
		strings_add(&sample.strings, texts[i]);
		ck_assert_int_eq(json_table_format(&by_number, &sample, &text, &e), 0);
		ck_assert_msg(json_table_parse(&by_number, text, strlen(text), &back, &e) == 0,
			      "%zu: %s", i, e.msg);
		ck_assert_msg(memcmp(&sample, &back, sizeof(sample)) == 0, "%zu", i);
	}
}
END_TEST

TEST_MAIN("json", test_case("table", there_and_back, a_text_of_an_older_version_lacks_a_key,
			    what_is_wrong_is_named, what_cannot_be_written, texts_of_any_bytes))
