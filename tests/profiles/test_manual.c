/* SPDX-License-Identifier: Apache-2.0 */
/* The manual knows every key, with its default and what it may be. */

#include "decision/base/cleanup.h"
#include "decision/plan/profile.h"
#include "profiles/fields.h"
#include "profiles/value.h"
#include "tests/harness.h"

static char *manual_read(void)
{
	FILE *file = fopen("launcher/cleave.8", "re");
	char *text = NULL;
	size_t size = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

static bool is_list(const struct field *f)
{
	return f->kind == FIELD_STRINGS || f->kind == FIELD_PAIRS || f->kind == FIELD_ITEMS;
}

/* "memory.heap Pq auto" as the manual's source has it. */
static void item_format(const struct field *f, const struct profile *p, FILE *file)
{
	cleanup_free char *value = NULL;
	size_t size;
	FILE *out = open_memstream(&value, &size);

	if (is_list(f))
		fputs(f->kind == FIELD_PAIRS ? "{}" : "[]", out);
	else
		value_write(out, f, p);
	fclose(out);
	fprintf(file, "\n.It Ic %s Pq ", f->path);
	for (const char *c = value; *c; c++) {
		if (*c != '"')
			fputc(*c, file);
	}
	fputc('\n', file);
}

/* "Allowed: 1..64, auto." */
static void allowed_format(const struct field *f, FILE *file)
{
	char allowed[FIELD_ALLOWED_MAX];

	fputs("\nAllowed: ", file);
	for (const char *c = value_allowed(f, allowed, sizeof(allowed)); *c; c++) {
		if (!strncmp(c, " | ", 3)) {
			fputs(", ", file);
			c += 2;
		} else {
			fputc(*c, file);
		}
	}
	fputs(".\n", file);
}

START_TEST(every_key_is_described)
{
	static struct profile defaults;
	cleanup_free char *manual = manual_read();
	const char *at = manual;

	profile_default(&defaults);
	for (unsigned i = 0; i < profile_fields.count; i++) {
		const struct field *f = &profile_fields.list[i];
		cleanup_free char *item = NULL, *allowed = NULL;
		const char *end;
		size_t size;
		FILE *file = open_memstream(&item, &size);

		item_format(f, &defaults, file);
		fclose(file);
		at = strstr(at, item);
		ck_assert_msg(at, "not in the manual, or not in the table's order:%s", item);
		at += strlen(item) - 1;
		if (is_list(f))
			continue;
		file = open_memstream(&allowed, &size);
		allowed_format(f, file);
		fclose(file);
		end = strstr(at, "\n.It ");
		ck_assert_msg(strstr(at, allowed) && (!end || strstr(at, allowed) < end),
			      "%s: not in the manual:%s", f->path, allowed);
	}
}
END_TEST

TEST_MAIN("profiles: manual", test_case("manual", every_key_is_described))
