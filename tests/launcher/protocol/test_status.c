/* SPDX-License-Identifier: Apache-2.0 */
/* A status of any bytes is JSON, and comes back as it was. */

#include "launcher/protocol/status.h"

#include <jansson.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "launcher/system/json.h"
#include "tests/harness.h"

static unsigned long long state;
static struct err e;

/* Any bytes but NUL, often up to the last place. */
static void fill(char *to, size_t size)
{
	static const char *const pieces[] = {"\xff",	     "\xc3",	     "\xe2\x82",
					     "\xef\x9e\x80", "\xef\x9f\xbf", "\xed\xa0\x80",
					     "\x1b[2J",	     "\xe2\x80\xae", "\"\\/"};
	size_t used = 0, length = test_random(&state) % 2 ? size - 1 : test_random(&state) % size;

	while (used < length) {
		const char *piece = pieces[test_random(&state) % 9];

		if (test_random(&state) % 2 && used + strlen(piece) < length)
			while (*piece)
				to[used++] = *piece++;
		else
			to[used++] = (char)(1 + test_random(&state) % 255);
	}
	to[used] = '\0';
}

START_TEST(any_bytes_come_back)
{
	struct status *s = calloc(1, sizeof(*s)), *back = calloc(1, sizeof(*back));

	state = test_seed();
	for (unsigned round = 0; round < 300; round++) {
		cleanup_free char *text = NULL;
		json_error_t wrong;
		json_t *json;

		memset(s, 0, sizeof(*s));
		fill(s->name, sizeof(s->name));
		s->phase = PHASE_DEGRADED;
		fill(s->why, sizeof(s->why));
		fill(s->master_url, sizeof(s->master_url));
		fill(s->monitor.tasks, sizeof(s->monitor.tasks));
		s->monitor.recent_count = 1;
		fill(s->monitor.recent[0].text, sizeof(s->monitor.recent[0].text));
		s->warning_count = 1;
		fill(s->warnings[0].message, sizeof(s->warnings[0].message));
		s->slice_count = 1;
		fill(s->slices[0].name, sizeof(s->slices[0].name));
		fill(s->slices[0].doing, sizeof(s->slices[0].doing));
		ck_assert_msg(json_table_format(&status_table, s, &text, &e) == 0, "%s", e.msg);
		json = json_loads(text, 0, &wrong); /* jansson takes UTF-8 only */
		ck_assert_msg(json != NULL, "round %u: %s", round, wrong.text);
		json_decref(json);
		ck_assert_msg(json_table_parse(&status_table, text, strlen(text), back, &e) == 0,
			      "seed %lu round %u: %s", test_seed(), round, e.msg);
		ck_assert_str_eq(back->name, s->name);
		ck_assert_str_eq(back->why, s->why);
		ck_assert_str_eq(back->master_url, s->master_url);
		ck_assert_str_eq(back->monitor.tasks, s->monitor.tasks);
		ck_assert_str_eq(back->monitor.recent[0].text, s->monitor.recent[0].text);
		ck_assert_str_eq(back->warnings[0].message, s->warnings[0].message);
		ck_assert_str_eq(back->slices[0].doing, s->slices[0].doing);
	}
	free(s);
	free(back);
}
END_TEST

TEST_MAIN("status", test_case("json", any_bytes_come_back))
