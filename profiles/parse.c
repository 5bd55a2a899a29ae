/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <yaml.h>

#include "decision/base/cleanup.h"
#include "profiles/check.h"
#include "profiles/fields.h"
#include "profiles/text.h"
#include "profiles/value.h"

/*
 * A walk over libyaml's events, never over a loaded document: aliases are refused where they
 * stand, and the depth is that of the table of fields, since nothing below an unknown key is
 * read.
 */

enum { SHOWN_PATH = 512, MESSAGE = ERR_TEXT };

struct parse {
	yaml_parser_t yaml;
	yaml_event_t event; /* the current one */
	yaml_mark_t mark;   /* where it begins, or what else a message is about */
	const char *source;
	struct err *e;
	size_t path_length;
	char path[SHOWN_PATH];	    /* where we are: "services[0].env" */
	yaml_mark_t at[FIELDS_MAX]; /* where the values of the profile's own keys stand */
};

static const char *const byte_order_mark = "\xef\xbb\xbf";

static int __attribute__((format(printf, 2, 3))) fail(struct parse *p, const char *format, ...)
{
	char text[MESSAGE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_wrong(p->e, "%s:%zu:%zu: %s%s%s", p->source, p->mark.line + 1,
			 p->mark.column + 1, p->path, p->path_length ? ": " : "", text);
}

/* Append to the path; return its length before, for leave(). */
static size_t __attribute__((format(printf, 2, 3))) enter(struct parse *p, const char *format, ...)
{
	size_t before = p->path_length, room = sizeof(p->path) - before;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(p->path + before, room, format, args);
	va_end(args);
	p->path_length = (size_t)length < room ? before + (size_t)length : sizeof(p->path) - 1;
	return before;
}

static void leave(struct parse *p, size_t before)
{
	p->path_length = before;
	p->path[before] = '\0';
}

/* ---- events */

static int fail_syntax(struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;
	const char *problem = y->problem ? y->problem : "it cannot be read";

	if (y->error == YAML_MEMORY_ERROR)
		return err_set(p->e, -ENOMEM, "%s: out of memory", p->source);
	leave(p, 0);
	p->mark = y->problem_mark;
	if (strstr(problem, "cannot start any token"))
		return fail(p, "not YAML: this character cannot begin a value; indent by blanks, "
			       "not tabs, and quote texts that begin with a special character");
	if (y->context)
		return fail(p, "not YAML: %s, %s that begins in line %zu", problem, y->context,
			    y->context_mark.line + 1);
	return fail(p, "not YAML: %s", problem);
}

/* Anchors and tags of the node that the current event begins. */
static int check_node(struct parse *p)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch ((int)p->event.type) {
	case YAML_SCALAR_EVENT:
		anchor = p->event.data.scalar.anchor;
		tag = p->event.data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = p->event.data.sequence_start.anchor;
		tag = p->event.data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = p->event.data.mapping_start.anchor;
		tag = p->event.data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		return fail(p, "found an alias (*), allowed are none: write the value out");
	}
	if (anchor)
		return fail(p, "found an anchor (&), allowed are none: write the value out");
	if (tag)
		return fail(p, "found a tag (!), allowed are none: a key's type is known");
	return 0;
}

/* Go to the next event. */
static int next(struct parse *p)
{
	yaml_event_delete(&p->event);
	if (!yaml_parser_parse(&p->yaml, &p->event))
		return fail_syntax(p);
	p->mark = p->event.start_mark;
	return check_node(p);
}

static const char *scalar(const struct parse *p)
{
	return (const char *)p->event.data.scalar.value;
}

static bool is_quoted(const struct parse *p)
{
	return p->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

/* YAML 1.1's null (yaml.org/type/null). */
static bool is_nothing(const struct parse *p)
{
	static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};

	for (const char *const *word = nothing; *word && !is_quoted(p); word++) {
		if (!strcmp(scalar(p), *word))
			return true;
	}
	return false;
}

/* The current event is of another kind than `allowed` says: say what it is. */
static int fail_kind(struct parse *p, const char *allowed)
{
	char excerpt[TEXT_EXCERPT];

	switch ((int)p->event.type) {
	case YAML_MAPPING_START_EVENT:
		return fail(p, "found a mapping, allowed %s", allowed);
	case YAML_SEQUENCE_START_EVENT:
		return fail(p, "found a sequence, allowed %s", allowed);
	}
	if (is_nothing(p))
		return fail(p, "found no value, allowed %s; remove the key to keep its default",
			    allowed);
	return fail(p, "found %s, allowed %s", text_excerpt(scalar(p), excerpt), allowed);
}

/* The current event must be a scalar with a text. */
static int check_scalar(struct parse *p, const char *allowed)
{
	if (p->event.type != YAML_SCALAR_EVENT || is_nothing(p))
		return fail_kind(p, allowed);
	if (strlen(scalar(p)) != p->event.data.scalar.length)
		return fail(p, "found a text with a NUL character, allowed %s", allowed);
	return 0;
}

/* The current event must be a mapping's key. */
static int check_key(struct parse *p)
{
	if (p->event.type != YAML_SCALAR_EVENT)
		return fail(p, "found a %s as key, allowed are plain words",
			    p->event.type == YAML_MAPPING_START_EVENT ? "mapping" : "sequence");
	if (!is_quoted(p) && !strcmp(scalar(p), "<<"))
		return fail(p, "found a merge key (<<), allowed are none: write the keys out");
	return check_scalar(p, "a key");
}

/* ---- values */

static int read_scalar(struct parse *p, const struct field *f, void *base, const char *allowed)
{
	char excerpt[TEXT_EXCERPT], near[FIELD_NAME_MAX];
	enum value_result r;
	const char *hint;

	if (check_scalar(p, allowed))
		return p->e->code;
	r = value_read(f, scalar(p), is_quoted(p), base);
	if (r == VALUE_READ)
		return 0;
	text_excerpt(scalar(p), excerpt);
	if (r == VALUE_QUOTED)
		return fail(p, "found the text %s, allowed %s; remove the quotes", excerpt,
			    allowed);
	if (r == VALUE_LONG)
		return fail(p, "found %s of %zu bytes, allowed are at most %zu", excerpt,
			    strlen(scalar(p)), (size_t)(f->max ? f->max : f->size) - 1);
	hint = value_hint(f, scalar(p), near);
	return fail(p, "found %s, allowed %s%s%s%s", excerpt, allowed,
		    hint ? "; did you mean " : "", hint ? hint : "", hint ? "?" : "");
}

/* Add the current scalar, unless `why` says why not. */
static int add_string(struct parse *p, struct strings *list, const char *why)
{
	char excerpt[TEXT_EXCERPT];

	if (why)
		return fail(p, "found %s: %s", text_excerpt(scalar(p), excerpt), why);
	if (strings_add(list, scalar(p)))
		return fail(p, "all texts together may have at most %d bytes", STRINGS_POOL);
	return 0;
}

static int read_strings(struct parse *p, const struct field *f, struct strings *list,
			const char *allowed)
{
	for (unsigned i = 0;; i++) {
		size_t outer = enter(p, "[%u]", i);

		if (next(p))
			return p->e->code;
		if (p->event.type == YAML_SEQUENCE_END_EVENT) {
			leave(p, outer);
			break;
		}
		if (check_scalar(p, "a text") ||
		    add_string(p, list, f->refuse ? f->refuse(scalar(p)) : NULL))
			return p->e->code;
		leave(p, outer);
	}
	if (f->required && !list->count)
		return fail(p, "found an empty sequence, allowed %s", allowed);
	return 0;
}

static int read_pairs(struct parse *p, const struct field *f, struct strings *list)
{
	for (;;) {
		const char *why;
		size_t outer;

		if (next(p))
			return p->e->code;
		if (p->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (check_key(p))
			return p->e->code;
		why = f->refuse(scalar(p));
		if (!why && strings_value(list, scalar(p)))
			why = "this key stands here twice";
		if (add_string(p, list, why))
			return p->e->code;
		outer = enter(p, ".%s", scalar(p));
		if (next(p) || check_scalar(p, "a text; \"\" is the empty one") ||
		    add_string(p, list, NULL))
			return p->e->code;
		leave(p, outer);
	}
}

static int read_mapping(struct parse *p, const struct fields *set, const char *prefix, void *base);

static int read_items(struct parse *p, const struct field *f, void *base, const char *allowed)
{
	const struct fields *set = f->items;
	unsigned *count = (unsigned *)(void *)((char *)base + f->beside);
	char *items = (char *)base + f->offset, *item;

	for (;; ++*count) {
		yaml_mark_t mark;
		size_t outer;

		if (next(p))
			return p->e->code;
		if (p->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		mark = p->event.start_mark;
		if (*count == set->max)
			return fail(p, "found another item, allowed %s", allowed);
		outer = enter(p, "[%u]", *count);
		item = items + *count * set->stride;
		if (read_mapping(p, set, "", item))
			return p->e->code;
		p->mark = mark;
		for (unsigned i = 0; i < *count; i++) {
			if (value_is_equal(&set->list[0], items + i * set->stride, item))
				return fail(p, "has the same %s as item [%u]", set->list[0].path,
					    i);
		}
		leave(p, outer);
	}
}

static int read_field(struct parse *p, const struct field *f, void *base)
{
	struct strings *list = (struct strings *)(void *)((char *)base + f->offset);
	bool is_sequence = f->kind == FIELD_STRINGS || f->kind == FIELD_ITEMS;
	char allowed[FIELD_ALLOWED_MAX];

	value_allowed(f, allowed, sizeof(allowed));
	if (!is_sequence && f->kind != FIELD_PAIRS)
		return read_scalar(p, f, base, allowed);
	if (p->event.type != (is_sequence ? YAML_SEQUENCE_START_EVENT : YAML_MAPPING_START_EVENT))
		return fail_kind(p, allowed);
	if (f->kind == FIELD_ITEMS)
		return read_items(p, f, base, allowed);
	return is_sequence ? read_strings(p, f, list, allowed) : read_pairs(p, f, list);
}

/* ---- mappings */

/* Go into the key that is the current event, for a message about it. */
static void enter_key(struct parse *p)
{
	char excerpt[TEXT_EXCERPT];

	enter(p, "%s%s", p->path_length ? "." : "",
	      text_is_plain(scalar(p)) ? scalar(p) : text_excerpt(scalar(p), excerpt));
}

/* The current event is a key that `set` does not have below `prefix`. */
static int fail_unknown(struct parse *p, const struct fields *set, const char *prefix)
{
	char path[FIELD_PATH_MAX], allowed[FIELD_ALLOWED_MAX];
	const char *key = scalar(p), *near;
	struct field_names names;
	size_t used = 0;

	enter_key(p);
	if (*key && !key[strspn(key, "0123456789-")])
		return fail(p, "unknown key; a list of CPUs inside { } needs quotes, as in "
			       "{cpus: \"0-3,8\"}");
	if (strchr(key, '.') && fields_find(&profile_fields, key))
		return fail(p,
			    "unknown key; dots do not nest, write \"%s:\" indented below \"%.*s:\"",
			    strchr(key, '.') + 1, (int)strcspn(key, "."), key);
	fields_below(set, prefix, &names);
	for (unsigned i = 0; i < names.count && used < sizeof(allowed); i++)
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 i ? ", " : "", names.list[i]);
	near = fields_nearest(set, &names, prefix, key, path);
	return fail(p, "unknown key, allowed %s%s%s%s", allowed, near ? "; did you mean " : "",
		    near ? near : "", near ? "?" : "");
}

/*
 * The field of the key that is the current event, or the first one below it if it is a group; NULL
 * on error. `lines` has the line of each key of this mapping that was read, at the place of its
 * (first) field.
 */
static const struct field *find_key(struct parse *p, const struct fields *set, const char *prefix,
				    size_t *lines, char path[FIELD_PATH_MAX])
{
	const struct field *f = NULL;
	const char *key;

	if (check_key(p))
		return NULL;
	key = scalar(p);
	if (!strchr(key, '.') && *key &&
	    (size_t)snprintf(path, FIELD_PATH_MAX, "%s%s", prefix, key) < FIELD_PATH_MAX)
		f = fields_find(set, path);
	if (!f) {
		fail_unknown(p, set, prefix);
		return NULL;
	}
	if (lines[f - set->list]) {
		enter_key(p);
		fail(p, "this key stands here twice, first in line %zu", lines[f - set->list]);
		return NULL;
	}
	lines[f - set->list] = p->event.start_mark.line + 1;
	return f;
}

static int check_required(struct parse *p, const struct fields *set, const size_t *lines,
			  yaml_mark_t mark)
{
	char allowed[FIELD_ALLOWED_MAX];

	p->mark = mark;
	for (unsigned i = 0; i < set->count; i++) {
		if (set->list[i].required && !lines[i])
			return fail(p, "needs a key \"%s\": %s", set->list[i].path,
				    value_allowed(&set->list[i], allowed, sizeof(allowed)));
	}
	return 0;
}

/* The current event must begin a mapping; read it into `base`. */
static int read_mapping(struct parse *p, const struct fields *set, const char *prefix, void *base)
{
	size_t lines[FIELDS_MAX] = {0};
	yaml_mark_t mark = p->event.start_mark;

	if (p->event.type != YAML_MAPPING_START_EVENT)
		return fail_kind(p, "a mapping of keys");
	for (;;) {
		char path[FIELD_PATH_MAX], below[FIELD_PATH_MAX + 1];
		const struct field *f;
		size_t outer;

		if (next(p))
			return p->e->code;
		if (p->event.type == YAML_MAPPING_END_EVENT)
			return check_required(p, set, lines, mark);
		f = find_key(p, set, prefix, lines, path);
		if (!f)
			return p->e->code;
		outer = enter(p, "%s%s", p->path_length ? "." : "", scalar(p));
		if (next(p))
			return p->e->code;
		if (set == &profile_fields)
			p->at[f - set->list] = p->event.start_mark;
		snprintf(below, sizeof(below), "%s.", path);
		if (strlen(f->path) > strlen(path) ? read_mapping(p, set, below, base)
						   : read_field(p, f, base))
			return p->e->code;
		leave(p, outer);
	}
}

/* ---- the document */

/* The current event begins the document. Comments alone, or "---", are the empty profile. */
static int read_document(struct parse *p, struct profile *profile)
{
	const yaml_tag_directive_t *tags = p->event.data.document_start.tag_directives.start;
	const char *path, *why;

	if (tags != p->event.data.document_start.tag_directives.end)
		return fail(p, "found a %%TAG directive, allowed are none");
	if (next(p))
		return p->e->code;
	if (!(p->event.type == YAML_SCALAR_EVENT && is_nothing(p)) &&
	    read_mapping(p, &profile_fields, "", profile))
		return p->e->code;
	if (next(p) || next(p))
		return p->e->code;
	if (p->event.type != YAML_STREAM_END_EVENT)
		return fail(p,
			    "found a second document, allowed is one a file: remove the \"---\"");
	why = conflict_find(profile, &path);
	if (!why)
		return 0;
	enter(p, "%s", path);
	p->mark = p->at[fields_find(&profile_fields, path) - profile_fields.list];
	return fail(p, "%s", why);
}

int profile_parse(const char *text, size_t size, const char *source, struct profile *out,
		  struct err *e)
{
	struct parse p = {.source = source, .e = e};
	cleanup_free struct profile *profile = malloc(sizeof(*profile));
	size_t skip = size >= 3 && !memcmp(text, byte_order_mark, 3) ? 3 : 0;
	int r;

	if (size > PROFILE_TEXT_MAX)
		return err_wrong(e, "%s: has %zu bytes, allowed are at most %d", source, size,
				 PROFILE_TEXT_MAX);
	if (text_check(text + skip, size - skip, source, e))
		return e->code;
	if (!profile || !yaml_parser_initialize(&p.yaml))
		return err_set(e, -ENOMEM, "%s: out of memory", source);
	profile_default(profile);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text + skip, size - skip);
	r = next(&p) || next(&p) ? e->code : 0;
	if (!r && p.event.type != YAML_STREAM_END_EVENT)
		r = read_document(&p, profile);
	if (!r)
		*out = *profile;
	yaml_event_delete(&p.event);
	yaml_parser_delete(&p.yaml);
	return r;
}
