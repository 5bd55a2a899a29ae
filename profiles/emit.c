#include "profiles/load.h"

#include <errno.h>

#include "decision/base/cleanup.h"
#include "profiles/fields.h"
#include "profiles/text.h"
#include "profiles/value.h"

enum { INDENT = 2, COMMENT_COLUMN = 36 };

static void indent(FILE *file, unsigned depth)
{
	fprintf(file, "%*s", (int)(depth * INDENT), "");
}

static void write_pairs(FILE *file, const struct strings *list, unsigned depth)
{
	bool is_key = true;

	strings_for_each(item, list)
	{
		if (is_key) {
			fputc('\n', file);
			indent(file, depth);
		}
		if (is_key && text_is_plain(item))
			fputs(item, file);
		else
			text_quote(file, item);
		fputs(is_key ? ": " : "", file);
		is_key = !is_key;
	}
}

/*
 * What stands behind the colon of a list's key: nothing if its texts follow in lines of their
 * own.
 */
static void write_list(FILE *file, const struct field *f, const void *base, unsigned depth)
{
	const struct strings *list = (const void *)((const char *)base + f->offset);

	if (!list->count)
		fputs(f->kind == FIELD_PAIRS ? " {}" : " []", file);
	if (f->kind == FIELD_PAIRS) {
		write_pairs(file, list, depth + 1);
		return;
	}
	strings_for_each(item, list)
	{
		fputc('\n', file);
		indent(file, depth + 1);
		fputs("- ", file);
		text_quote(file, item);
	}
}

static void write_items(FILE *file, const struct field *f, const void *base, unsigned depth)
{
	const struct fields *set = f->items;
	unsigned count = *(const unsigned *)(const void *)((const char *)base + f->beside);

	if (!count)
		fputs(" []", file);
	for (unsigned i = 0; i < count; i++) {
		const char *item = (const char *)base + f->offset + i * set->stride;

		for (unsigned j = 0; j < set->count; j++) {
			const struct field *key = &set->list[j];

			fputc('\n', file);
			indent(file, depth + 1);
			fprintf(file, "%s%s:", j ? "  " : "- ", key->path);
			if (key->kind == FIELD_STRINGS || key->kind == FIELD_PAIRS) {
				write_list(file, key, item, depth + 2);
				continue;
			}
			fputc(' ', file);
			value_write(file, key, item);
		}
	}
}

/* A key with its value, and for one that fits in a line what it may be. */
static void write_scalar(FILE *file, const struct field *f, const void *base, const char *name,
			 unsigned depth)
{
	char allowed[FIELD_ALLOWED_MAX];
	long begin = ftell(file), width;

	indent(file, depth);
	fprintf(file, "%s: ", name);
	value_write(file, f, base);
	width = ftell(file) - begin;
	fprintf(file, "%*s # %s%s%s\n", width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 0,
		"", value_allowed(f, allowed, sizeof(allowed)), f->help ? "; " : "",
		f->help ? f->help : "");
}

/*
 * The lines of the groups that `path` is in and the key before it was not. Return the depth of
 * its name.
 */
static unsigned write_groups(FILE *file, const char *path, const char *before)
{
	unsigned depth = 0;

	for (const char *dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t length = (size_t)(dot - path);
		const char *name = path + length;

		while (name > path && name[-1] != '.')
			name--;
		if (strncmp(path, before, length + 1) != 0) {
			indent(file, depth);
			fprintf(file, "%.*s:\n", (int)(dot - name), name);
		}
		depth++;
	}
	return depth;
}

static void write_field(FILE *file, const struct field *f, const void *base, const char *before)
{
	unsigned depth = write_groups(file, f->path, before);
	const char *dot = strrchr(f->path, '.');
	const char *name = dot ? dot + 1 : f->path;

	if (f->kind != FIELD_ITEMS && f->kind != FIELD_STRINGS && f->kind != FIELD_PAIRS) {
		write_scalar(file, f, base, name, depth);
		return;
	}
	indent(file, depth);
	fprintf(file, "%s:", name);
	if (f->kind == FIELD_ITEMS)
		write_items(file, f, base, depth);
	else
		write_list(file, f, base, depth);
	fputc('\n', file);
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
