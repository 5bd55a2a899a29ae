/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/json_bound.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/system/json.h"
#include "tests/harness.h"

/* What the text costs, as a whole. */
static struct json_bound cost_of(const char *text)
{
	struct json_bound b = {.most = {1 << 20, 1 << 20, 100, NULL}};

	ck_assert_msg(json_bound_feed(&b, text, strlen(text)) == 0, "%s", text);
	return b;
}

START_TEST(what_counts)
{
	static const struct {
		const char *text;
		unsigned values;
	} cases[] = {
		{"", 0},
		{"[]", 3},
		{" { } ", 3},
		{"[1,-2.5e+10 , true,null]", 3 + 4},
		{"[\"a,[{\\\"]\",\"\\\\\"]", 3 + 2},
		{"{\"a\":{\"b\":[1]}}", 9 + 2 + 1},
		{"[1 2]", 3 + 2},
		{"[\"a\"\"b\"1[]]", 3 + 2 + 1 + 3},
		{"Spark is starting up", 4},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct json_bound b = cost_of(cases[i].text);

		ck_assert_msg(b.values == cases[i].values, "%s: %zu", cases[i].text, b.values);
		ck_assert_uint_eq(b.bytes, strlen(cases[i].text));
	}
}
END_TEST

/* Each limit is kept to the last, and not by one more. */
START_TEST(limits)
{
	static const char text[] = "[[{\"a\":\"bcd\"}],5]";
	const struct json_bound fits = {.most = {sizeof(text) - 1, 3 * 3 + 3, 3, NULL}};
	struct json_bound b = fits;

	ck_assert_int_eq(json_bound_feed(&b, text, sizeof(text) - 1), 0);
	ck_assert_uint_eq(b.depth, 0);
	b = fits;
	b.most.bytes--;
	ck_assert_int_eq(json_bound_feed(&b, text, sizeof(text) - 1), -EFBIG);
	b = fits;
	b.most.values--;
	ck_assert_int_eq(json_bound_feed(&b, text, sizeof(text) - 1), -EFBIG);
	b = fits;
	b.most.depth--;
	ck_assert_int_eq(json_bound_feed(&b, text, sizeof(text) - 1), -EBADMSG);
	b = fits;
	ck_assert_int_eq(json_bound_feed(&b, "[]]", 3), -EBADMSG);
	b = (struct json_bound){0};
	ck_assert_int_eq(json_bound_feed(&b, "", 0), 0);
	ck_assert_int_eq(json_bound_feed(&b, "1", 1), -EFBIG);
}
END_TEST

/* Of members that nobody wants a 0 is left, whatever they were and however they came. */
START_TEST(what_is_kept)
{
	static const char *const wanted[] = {"id", "list", NULL};
	static const struct {
		const char *text, *kept;
	} cases[] = {
		{"{\"id\":1,\"x\":2}", "{\"id\":1,\"x\":0}"},
		{"{ \"x\" : [1,{\"id\":[[2]]},\"}\\\",\"] , \"list\" :[ {\"y\":\"z\"},3 ] }",
		 "{ \"x\" :0, \"list\" :[ {\"y\":0},3 ] }"},
		{"[{\"i\":{}},{\"idx\":1},{\"i\\u0064\":2},{\"id\":3}]",
		 "[{\"i\":0},{\"idx\":0},{\"i\\u0064\":0},{\"id\":3}]"},
		{"{\"list of a name that is too long to be kept\":1,\"id\":\"list\"}",
		 "{\"list of a name that is too long to be kept\":0,\"id\":\"list\"}"},
		{"[\"x\":1]", "[\"x\":0]"},
		{"Spark: a, b", "Spark: a, b"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t step = 1; step < 40; step++) {
			struct json_bound b = {.most = {1000, 1000, 10, wanted}};
			cleanup_free char *kept = NULL;
			size_t size;

			b.kept = open_memstream(&kept, &size);
			for (const char *at = cases[i].text; *at;) {
				size_t left = strlen(at), next = step < left ? step : left;

				ck_assert_int_eq(json_bound_feed(&b, at, next), 0);
				at += next;
			}
			fclose(b.kept);
			ck_assert_str_eq(kept, cases[i].kept);
			ck_assert_uint_eq(b.values, cost_of(kept).values);
		}
}
END_TEST

static size_t count(json_t *json)
{
	size_t values = JSON_CONTAINER_VALUES, i;
	const char *key;
	json_t *item;

	if (json_is_object(json))
		json_object_foreach(json, key, item) values += 1 + count(item);
	else if (json_is_array(json))
		json_array_foreach(json, i, item) values += count(item);
	else
		return 1;
	return values;
}

/* Texts of JSON's own characters: whole or in pieces is the same, and a parser finds what it says. */
START_TEST(random_texts)
{
	static const char alphabet[] = "[[[]]]{}\"\"\"\\,,,:: 1a\n-tn";
	unsigned long long state = test_seed();
	unsigned parsed = 0;

	for (unsigned turn = 0; turn < 200000; turn++) {
		struct json_bound whole = {.most = {64, 40, 6, NULL}}, pieces = whole;
		char text[24];
		size_t size = test_random(&state) % sizeof(text), at = 0;
		json_t *json;
		int r, piece = 0;

		for (size_t i = 0; i < size; i++)
			text[i] = alphabet[test_random(&state) % (sizeof(alphabet) - 1)];
		r = json_bound_feed(&whole, text, size);
		while (!piece && at < size) {
			size_t next = 1 + test_random(&state) % 4;

			next = next < size - at ? next : size - at;
			piece = json_bound_feed(&pieces, text + at, next);
			at += next;
		}
		ck_assert_msg(r == piece, "seed %lu: %.*s", test_seed(), (int)size, text);
		json = json_loadb(text, size, 0, NULL);
		if (json) {
			parsed++;
			ck_assert_msg(r || count(json) <= whole.values, "seed %lu: %.*s",
				      test_seed(), (int)size, text);
		}
		json_decref(json);
	}
	ck_assert_uint_gt(parsed, 100);
}
END_TEST

/* What made a hundred megabytes of two is refused before it is parsed. */
START_TEST(a_text_that_is_read)
{
	static const char *const texts[] = {"[],", "{},", "\"\",", "1,"};
	enum { SIZE = 2 << 20 };
	cleanup_free char *text = malloc(SIZE + 1);
	struct err e;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t length = strlen(texts[i]);

		for (size_t at = 0; at < SIZE; at++)
			text[at] = at ? texts[i][(at - 1) % length] : '[';
		ck_assert_ptr_null(json_read(text, SIZE, &e));
		ck_assert_str_eq(e.msg, "JSON of more than 262144 values");
	}
	memset(text, '[', SIZE);
	ck_assert_ptr_null(json_read(text, SIZE, &e));
	ck_assert_str_eq(e.msg, "no JSON of at most 32 lists and objects in one another");
	ck_assert_ptr_null(json_read(text, JSON_MAX_BYTES + 1, &e));
	ck_assert_ptr_nonnull(strstr(e.msg, "4194305 bytes of JSON are more than 4194304"));
}
END_TEST

TEST_MAIN("json_bound",
	  test_case("bound", what_counts, limits, what_is_kept, random_texts, a_text_that_is_read))
