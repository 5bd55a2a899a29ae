/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/spark-defaults.conf: the user's own defaults, beneath the profile's spark.conf.
 */

#include "launcher/spark/doors.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "decision/base/cleanup.h"
#include "launcher/spark/room.h"
#include "launcher/system/capture.h"

enum { READ_TIMEOUT_MS = 10 * 1000, DEFAULTS_MAX = 256 << 10 };

/* ---- java.util.Properties.load(Reader) */

void property_release(struct property *p)
{
	free(p->key);
	free(p->value);
	*p = (struct property){0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static void skip_line_end(struct properties *from)
{
	if (from->at + 1 < from->end && from->at[0] == '\r' && from->at[1] == '\n')
		from->at++;
	if (from->at < from->end)
		from->at++;
	from->line++;
}

/* Blanks, empty lines and comments before a property. */
static void skip_to_property(struct properties *from)
{
	while (from->at < from->end) {
		if (is_blank(*from->at)) {
			from->at++;
		} else if (is_line_end(*from->at)) {
			skip_line_end(from);
		} else if (*from->at == '#' || *from->at == '!') {
			while (from->at < from->end && !is_line_end(*from->at))
				from->at++;
		} else {
			return;
		}
	}
}

/* A code point in UTF-8; half of a surrogate pair, or 0, is what no text has: U+FFFD. */
static size_t put_code_point(uint32_t c, char *to)
{
	if (!c || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The four digits behind \u, or false. */
static bool read_unit(const char *at, const char *end, uint32_t *unit)
{
	static const char digits[] = "0123456789abcdef";

	*unit = 0;
	if (end - at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		const char *digit = at[i] ? strchr(digits, at[i] | 0x20) : NULL;

		if (!digit)
			return false;
		*unit = *unit << 4 | (uint32_t)(digit - digits);
	}
	return true;
}

/* What a backslash and what follows it say. Returns the bytes written, at most four. */
static size_t take_escape(struct properties *from, char *to)
{
	static const char escaped[] = "tnrf", meant[] = "\t\n\r\f";
	const char *letter;
	uint32_t unit, low;

	from->at++;
	if (from->at == from->end)
		return 0;
	if (is_line_end(*from->at)) { /* the line goes on */
		skip_line_end(from);
		while (from->at < from->end && is_blank(*from->at))
			from->at++;
		return 0;
	}
	if (*from->at == 'u' && read_unit(from->at + 1, from->end, &unit)) {
		from->at += 5;
		if (unit >= 0xd800 && unit < 0xdc00 && from->end - from->at >= 6 &&
		    from->at[0] == '\\' && from->at[1] == 'u' &&
		    read_unit(from->at + 2, from->end, &low) && low >= 0xdc00 && low < 0xe000) {
			from->at += 6;
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
		return put_code_point(unit, to);
	}
	letter = *from->at ? strchr(escaped, *from->at) : NULL;
	*to = letter ? meant[letter - escaped] : *from->at;
	from->at++;
	return 1;
}

/* What follows, up to a line's end or, of a key, what parts it from its value. */
static char *take_text(struct properties *from, bool is_key)
{
	char *text = malloc((size_t)(from->end - from->at) + 1);
	size_t used = 0;

	while (text && from->at < from->end && !is_line_end(*from->at)) {
		if (is_key && (is_blank(*from->at) || *from->at == '=' || *from->at == ':'))
			break;
		if (*from->at == '\\')
			used += take_escape(from, text + used);
		else
			text[used++] = *from->at++;
	}
	if (text)
		text[used] = '\0';
	return text;
}

int properties_next(struct properties *from, struct property *out)
{
	skip_to_property(from);
	if (from->at == from->end)
		return 0;
	*out = (struct property){.line = from->line + 1};
	out->key = take_text(from, true);
	while (from->at < from->end && is_blank(*from->at))
		from->at++;
	if (from->at < from->end && (*from->at == '=' || *from->at == ':'))
		from->at++;
	while (from->at < from->end && is_blank(*from->at))
		from->at++;
	out->value = take_text(from, false);
	if (out->key && out->value)
		return 1;
	property_release(out);
	return -ENOMEM;
}

/* ---- what of it is used */

/* Line ends that a value has by escapes are its own (Utils.trimExceptCRLF). */
static bool is_around(char c)
{
	return c >= 0 && c <= ' ' && !is_line_end(c);
}

static char *trimmed(char *text)
{
	size_t length;

	while (*text && is_around(*text))
		text++;
	length = strlen(text);
	while (length && is_around(text[length - 1]))
		text[--length] = '\0';
	return text;
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool is_valid = string != NULL;

	json_decref(string);
	return is_valid;
}

static bool closes_pages(const struct profile *p)
{
	return p->security.ui != UI_OPEN;
}

/* Why a property of the file is not for applications, or NULL. */
static const char *refuse(const struct profile *p, const char *key)
{
	const struct setting *s = setting_of_property(key);

	for (const char *c = key; *c; c++)
		if (*c == '=' || *c <= ' ' || *c > '~')
			return "a property's name has visible ASCII characters, none of them '='";
	if (!s || (s->rule == SETTING_PAGES && !closes_pages(p)))
		return NULL;
	return s->why;
}

/* Add it to `found`, in which a later one of a name wins. */
static int take_property(const struct profile *p, const char *path, struct property *q,
			 struct argv *found, struct argv *notes, struct err *e)
{
	const char *key = q->key, *why = refuse(p, key);
	cleanup_free char *value = NULL;
	char from[PROFILE_PATH + 32];

	if (strncmp(key, "spark.", strlen("spark.")) != 0 || strlen(key) == strlen("spark."))
		return 0; /* as Spark does, which says so at each start */
	snprintf(from, sizeof(from), "%s:%u", path, q->line);
	if (why) {
		argv_addf(notes, "%s: %.100s is left out: %s", from, key, why);
		return 0;
	}
	snprintf(from, sizeof(from), "at %s:%u", path, q->line);
	if (strings_value(&p->spark.conf, key))
		return 0; /* the profile's wins */
	if (!is_utf8(q->value)) {
		argv_addf(notes, "%s %s is left out: it is no UTF-8", key, from);
		return 0;
	}
	if (doors_filter_value(key, from, trimmed(q->value), notes, &value, e))
		return e->code;
	argv_put(found, key, value);
	return 0;
}

int spark_take_defaults(const struct cluster *c, const struct spark *s, struct profile *p,
			struct argv *notes, struct err *e)
{
	char directory[PROFILE_PATH], path[PROFILE_PATH];
	cleanup_free char *text = malloc(DEFAULTS_MAX);
	cleanup_free struct printed *printed = calloc(1, sizeof(*printed));
	char reason[PRINTED_REASON];
	cleanup_argv struct argv env = {0}, found = {0};
	const char *const argv[] = {"/bin/cat", path, NULL};
	struct properties from = {0};
	struct property q = {0};
	struct strings all;
	int r;

	if (s->image[0])
		return 0;
	doors_directory(s, directory);
	r = doors_find_file(directory, "spark-defaults.conf", c->uid, path, e);
	if (r <= 0)
		return r;
	argv_put(&env, "LC_ALL", "C");
	if (!text || !printed || env.failed)
		return err_set(e, -ENOMEM, "out of memory");
	printed->out = text;
	printed->size = DEFAULTS_MAX;
	r = capture(c, argv, (const char *const *)env.items, READ_TIMEOUT_MS, printed, e);
	if (r == -EFBIG)
		return err_set(e, r, "%s has more than %d bytes", path, DEFAULTS_MAX - 1);
	if (r < 0)
		return err_wrap(e, "%s", path);
	if (r > 0)
		return err_set(e, -EACCES, "%s cannot be read: %s", path,
			       printed_reason(printed, reason));
	if (memchr(text, '\0', printed->length))
		return err_set(e, -EBADMSG, "%s has a byte 0: it is no text", path);
	from = (struct properties){.at = text, .end = text + printed->length};
	while ((r = properties_next(&from, &q)) > 0) {
		r = take_property(p, path, &q, &found, notes, e);
		property_release(&q);
		if (r)
			return r;
	}
	if (r || found.failed || notes->failed)
		return err_set(e, -ENOMEM, "out of memory");
	all = (struct strings){0};
	for (size_t i = 0; i < found.count; i++) {
		char *value = strchr(found.items[i], '=');
		struct strings with = all;

		*value = '\0';
		if (strings_add(&with, found.items[i]) || strings_add(&with, value + 1) ||
		    with.used + p->spark.conf.used > STRINGS_POOL) {
			argv_addf(notes,
				  "%s: %.100s is left out: with the profile's spark.conf it would "
				  "be more than %d bytes",
				  path, found.items[i], STRINGS_POOL);
			continue;
		}
		all = with;
	}
	strings_for_each(item, &p->spark.conf)
	{
		strings_add(&all, item);
	}
	p->spark.conf = all;
	return 0;
}
