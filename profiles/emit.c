/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/load.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "profiles/fields.h"
#include "profiles/text.h"
#include "profiles/value.h"

enum { INDENT = 2, COMMENT_COLUMN = 36 };

/*
 * What stands behind the colon of a list's key: nothing if its texts follow in lines of their own,
 * `indent` blanks before each.
 */
static void write_list(FILE *file, const struct field *f, const void *base, int indent)
{
	const struct strings *list = (const void *)((const char *)base + f->offset);
	bool is_pairs = f->kind == FIELD_PAIRS, is_key = is_pairs;

	if (!list->count)
		fputs(is_pairs ? " {}" : " []", file);
	strings_for_each(item, list)
	{
		if (is_key || !is_pairs)
			fprintf(file, "\n%*s%s", indent, "", is_pairs ? "" : "- ");
		if (is_key && text_is_plain(item))
			fputs(item, file);
		else
			text_quote(file, item);
		fputs(is_key ? ": " : "", file);
		is_key = is_pairs && !is_key;
	}
}

static void write_items(FILE *file, const struct field *f, const void *base, int indent)
{
	const struct fields *set = f->items;
	unsigned count = *(const unsigned *)(const void *)((const char *)base + f->beside);

	if (!count)
		fputs(" []", file);
	for (unsigned i = 0; i < count; i++) {
		const char *item = (const char *)base + f->offset + i * set->stride;

		for (unsigned j = 0; j < set->count; j++) {
			const struct field *key = &set->list[j];

			fprintf(file, "\n%*s%s%s:", indent, "", j ? "  " : "- ", key->path);
			if (key->kind == FIELD_STRINGS || key->kind == FIELD_PAIRS) {
				write_list(file, key, item, indent + 2 * INDENT);
				continue;
			}
			fputc(' ', file);
			value_write(file, key, item);
		}
	}
}

/*
 * The lines of the groups that `path` is in and the key before it was not. Return the indent of
 * its name.
 */
static int write_groups(FILE *file, const char *path, const char *before)
{
	const char *name = path, *dot;
	int indent = 0;

	for (; (dot = strchr(name, '.')); name = dot + 1) {
		if (strncmp(path, before, (size_t)(dot - path) + 1) != 0)
			fprintf(file, "%*s%.*s:\n", indent, "", (int)(dot - name), name);
		indent += INDENT;
	}
	return indent;
}

/* A key with its value, and for one that fits in a line what it may be. */
static void write_field(FILE *file, const struct field *f, const void *base, const char *before)
{
	int indent = write_groups(file, f->path, before);
	const char *dot = strrchr(f->path, '.');
	char allowed[FIELD_ALLOWED_MAX];
	long begin = ftell(file), width;

	fprintf(file, "%*s%s:", indent, "", dot ? dot + 1 : f->path);
	if (f->kind == FIELD_ITEMS) {
		write_items(file, f, base, indent + INDENT);
		fputc('\n', file);
		return;
	}
	if (f->kind == FIELD_STRINGS || f->kind == FIELD_PAIRS) {
		write_list(file, f, base, indent + INDENT);
		fputc('\n', file);
		return;
	}
	fputc(' ', file);
	value_write(file, f, base);
	width = ftell(file) - begin;
	fprintf(file, "%*s # %s%s%s\n", width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 0,
		"", value_allowed(f, allowed, sizeof(allowed)), f->help ? "; " : "",
		f->help ? f->help : "");
}

int profile_emit(const struct profile *p, char **text, struct err *e)
{
	cleanup_free char *out = NULL;
	const char *before = "";
	size_t size;
	FILE *file = open_memstream(&out, &size);
	bool failed;

	if (!file)
		return err_set(e, -ENOMEM, "profile %s: out of memory", p->name);
	for (unsigned i = 0; i < profile_fields.count; i++) {
		write_field(file, &profile_fields.list[i], p, before);
		before = profile_fields.list[i].path;
	}
	failed = ferror(file);
	if (fclose(file) || failed)
		return err_set(e, -ENOMEM, "profile %s: out of memory", p->name);
	*text = take_pointer(out);
	return 0;
}

int profile_not_yet(const struct profile *p, struct strings *keys)
{
	struct strings list = {0};

	for (unsigned i = 0; i < profile_fields.count; i++) {
		const struct field *f = &profile_fields.list[i];
		int r = f->not_yet & 1u << value_number(f, p) ? strings_add(&list, f->path) : 0;

		if (r)
			return r;
	}
	*keys = list;
	return 0;
}
