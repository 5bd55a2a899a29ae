/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "decision/base/cleanup.h"

/* ---- texts of any bytes: U+F780 … U+F7FF is ef 9e 80 … ef 9f bf in UTF-8 */

json_t *json_text(const char *text)
{
	cleanup_free char *encoded = NULL;
	json_t *plain =
		strstr(text, "\xef\x9e") || strstr(text, "\xef\x9f") ? NULL : json_string(text);
	char *to;

	if (plain)
		return plain;
	encoded = to = malloc(3 * strlen(text) + 1);
	for (; encoded && *text; text++) {
		unsigned byte = (unsigned char)*text;

		if (byte < 0x80) {
			*to++ = *text;
			continue;
		}
		*to++ = '\xef';
		*to++ = (char)(0x9e | (byte >> 6 & 1));
		*to++ = (char)(0x80 | (byte & 0x3f));
	}
	return encoded ? json_stringn(encoded, (size_t)(to - encoded)) : NULL;
}

/* -E2BIG if it does not fit. */
static int decode(const char *text, char *to, size_t size)
{
	size_t used = 0;

	while (*text) {
		if (used + 1 == size)
			return -E2BIG;
		if ((unsigned char)text[0] == 0xef && ((unsigned char)text[1] & 0xfe) == 0x9e) {
			to[used++] = (char)(0x80 | (text[1] & 1) << 6 | (text[2] & 0x3f));
			text += 3;
		} else {
			to[used++] = *text++;
		}
	}
	to[used] = '\0';
	return 0;
}

/* ---- writing */

int json_put(json_t *object, const char *key, json_t *json, struct err *e)
{
	return json_object_set_new(object, key, json) ? err_set(e, -ENOMEM, "%s: no memory", key)
						      : 0;
}

/* Whether there is such a key, but for optional ones. */
static bool has_field(const struct json_field *f, const void *value, const struct json_walk *w)
{
	const char *members = value;

	if (f->is_only && *(const unsigned *)(const void *)(members + f->only) != f->only_for)
		return false;
	return !f->when || f->when(value, w->document);
}

static int write_fields(const struct json_field *fields, const void *value,
			const struct json_walk *w, json_t *object);

static json_t *strings_json(const struct strings *strings)
{
	json_auto_t *list = json_array();

	strings_for_each(item, strings)
	{
		if (json_array_append_new(list, json_text(item)))
			return NULL;
	}
	return take_pointer(list);
}

static int write_list(const struct json_field *f, const char *value, const struct json_walk *w,
		      json_t **out)
{
	const unsigned *count = (const void *)(value + f->beside);
	json_auto_t *list = json_array();

	for (unsigned i = 0; i < *count; i++) {
		const char *one = value + f->offset + i * f->size;
		json_auto_t *item = f->fields ? json_object() : json_text(one);
		int r = f->fields ? write_fields(f->fields, one, w, item) : 0;

		if (!r && f->more)
			r = write_fields(f->more, value + f->more_offset + i * f->more_size, w,
					 item);
		if (!r && json_array_append(list, item))
			r = err_set(w->e, -ENOMEM, "no memory for JSON");
		if (r)
			return err_wrap(w->e, "%s[%u]", f->key, i);
	}
	*out = take_pointer(list);
	return 0;
}

static int write_part(const struct json_field *f, const void *part, const struct json_walk *w,
		      json_t **out)
{
	json_auto_t *object = f->table ? json_table_build(f->table, part, w->e) : json_object();

	if (!object || (f->fields && write_fields(f->fields, part, w, object)))
		return err_wrap(w->e, "%s", f->key);
	*out = take_pointer(object);
	return 0;
}

/* *out stays NULL where there is no memory. */
static int write_member(const struct json_field *f, const char *value, const struct json_walk *w,
			json_t **out)
{
	const void *member = value + f->offset;
	const unsigned *place = member;
	const double *number = member;
	char dotted[INET_ADDRSTRLEN];

	switch (f->kind) {
	case JSON_AS_COUNT:
		*out = json_integer(f->size == sizeof(uint64_t)
					    ? (json_int_t) * (const uint64_t *)member
					    : (json_int_t)*place);
		return 0;
	case JSON_AS_NUMBER:
		if (!isfinite(*number))
			return err_set(w->e, -EINVAL, "%s: JSON has no number %g", f->key, *number);
		*out = json_real(*number);
		return 0;
	case JSON_AS_FLAG:
		*out = json_boolean(*(const bool *)member);
		return 0;
	case JSON_AS_TEXT:
		*out = json_text(member);
		return 0;
	case JSON_AS_WORD:
		if (*place >= f->max)
			return err_set(w->e, -EINVAL, "%s has no word for %u", f->key, *place);
		*out = json_string(f->word(*place));
		return 0;
	case JSON_AS_PLACE:
		*out = w->table->name ? json_text(w->table->name(w->document, *place))
				      : json_integer(*place);
		return 0;
	case JSON_AS_CPUSET:
		*out = json_string(CPUSET_STRING((const struct cpuset *)member));
		return 0;
	case JSON_AS_ADDRESS:
		*out = json_string(inet_ntop(AF_INET, &(struct in_addr){htonl(*place)}, dotted,
					     sizeof(dotted)));
		return 0;
	case JSON_AS_STRINGS:
		*out = strings_json(member);
		return 0;
	case JSON_AS_ANY:
		*out = json_incref(*(json_t *const *)member);
		return 0;
	case JSON_AS_PART:
		return write_part(f, member, w, out);
	case JSON_AS_LIST:
		return write_list(f, value, w, out);
	case JSON_AS_SAME:
	case JSON_AS_OTHER:
		break;
	}
	return 0;
}

static int write_fields(const struct json_field *fields, const void *value,
			const struct json_walk *w, json_t *object)
{
	const char *members = value;
	int r = 0;

	for (const struct json_field *f = fields; !r && (f->key || f->fields); f++) {
		json_t *json = NULL;

		if (!has_field(f, value, w) ||
		    (f->is_optional && !*(const bool *)(members + f->beside)))
			continue;
		if (f->kind == JSON_AS_SAME)
			r = write_fields(f->fields, members + f->offset, w, object);
		else if (f->kind == JSON_AS_OTHER)
			r = f->type->write ? f->type->write(f, value, w, object) : 0;
		else if (!(r = write_member(f, value, w, &json)))
			r = json_put(object, f->key, json, w->e);
	}
	return r;
}

/* ---- reading */

static int read_fields(const struct json_field *fields, void *value, const struct json_walk *w,
		       json_t *object);

static int read_document(const struct json_table *t, json_t *object, void *value, struct err *e)
{
	const struct json_walk w = {t, value, e};
	const char *found = json_string_value(json_object_get(object, "schema"));
	int r;

	if (t->schema && (!found || strcmp(found, t->schema) != 0))
		return err_wrong(e, "schema: %.40s is expected, found %.40s%s", t->schema,
				 found ? found : "none",
				 found && !strncmp(found, t->schema, strcspn(t->schema, "/") + 1)
					 ? ", which another version of cleave writes"
					 : "");
	r = read_fields(t->fields, value, &w, object);
	return r || !t->check ? r : t->check(value, e);
}

static int read_count(json_t *json, const char *key, uint64_t max, uint64_t *to, struct err *e)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json))
		return err_wrong(e, "%s: an integer is expected", key);
	if (value < 0 || (uint64_t)value > max)
		return err_wrong(e, "%s: %lld is not in 0 … %llu", key, (long long)value,
				 (unsigned long long)max);
	*to = (uint64_t)value;
	return 0;
}

int json_read_text(json_t *object, const char *key, char *to, size_t size, struct err *e)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		return err_wrong(e, "%s: a string is expected", key);
	return decode(text, to, size) ? err_wrong(e, "%s: more than %zu bytes", key, size - 1) : 0;
}

static int read_word(const struct json_field *f, json_t *json, unsigned *to, struct err *e)
{
	const char *text = json_string_value(json);

	for (unsigned place = 0; text && place < f->max; place++)
		if (strcmp(text, f->word(place)) == 0) {
			*to = place;
			return 0;
		}
	return err_wrong(e, "%s is '%.40s', which is none of its words", f->key, text ? text : "");
}

static int read_name(const struct json_field *f, json_t *json, unsigned *to,
		     const struct json_walk *w)
{
	const char *text = json_string_value(json), *name;

	if (!text)
		return err_wrong(w->e, "%s: a string is expected", f->key);
	for (unsigned place = 0; (name = w->table->name(w->document, place)); place++)
		if (strcmp(text, name) == 0) {
			*to = place;
			return 0;
		}
	return err_wrong(w->e, "%s: there is no %s %.40s", f->key, w->table->named, text);
}

static int read_strings(json_t *json, const char *key, struct strings *to, struct err *e)
{
	char text[STRINGS_POOL];
	json_t *item;
	size_t i;

	if (!json_is_array(json))
		return err_wrong(e, "%s: a list is expected", key);
	json_array_foreach(json, i, item)
	{
		if (!json_is_string(item) || decode(json_string_value(item), text, sizeof(text)) ||
		    strings_add(to, text))
			return err_wrong(e,
					 "%s[%zu]: a string is expected, all of them together of "
					 "less than %d bytes",
					 key, i, STRINGS_POOL);
	}
	return 0;
}

static int read_list(const struct json_field *f, json_t *json, char *value,
		     const struct json_walk *w)
{
	unsigned *count = (void *)(value + f->beside);

	if (!json_is_array(json) || json_array_size(json) > f->max)
		return err_wrong(w->e, "%s: a list of at most %llu is expected", f->key,
				 (unsigned long long)f->max);
	if (f->is_counted && json_array_size(json) != *count)
		return err_wrong(w->e, "%s: a list of %u is expected", f->key, *count);
	*count = (unsigned)json_array_size(json);
	for (unsigned i = 0; i < *count; i++) {
		json_t *item = json_array_get(json, i);
		char *one = value + f->offset + i * f->size;
		int r = f->fields ? read_fields(f->fields, one, w, item) : 0;

		if (!f->fields &&
		    (!json_is_string(item) || decode(json_string_value(item), one, f->size)))
			return err_wrong(w->e, "%s[%u]: not a text of at most %zu bytes", f->key, i,
					 f->size - 1);
		if (!r && f->more)
			r = read_fields(f->more, value + f->more_offset + i * f->more_size, w,
					item);
		if (r)
			return err_wrap(w->e, "%s[%u]", f->key, i);
	}
	return 0;
}

static int read_member(const struct json_field *f, json_t *object, char *value,
		       const struct json_walk *w)
{
	json_t *json = json_object_get(object, f->key);
	const bool is_long = f->size == sizeof(uint64_t);
	void *member = value + f->offset;
	unsigned *place = member;
	struct in_addr address;
	uint64_t count;
	int r = 0;

	switch (f->kind) {
	case JSON_AS_COUNT:
		r = read_count(json, f->key,
			       f->max	 ? f->max
			       : is_long ? INT64_MAX
					 : INT32_MAX,
			       &count, w->e);
		if (!r && is_long)
			*(uint64_t *)member = count;
		else if (!r)
			*place = (unsigned)count;
		return r;
	case JSON_AS_NUMBER:
		if (!json_is_number(json) || !isfinite(json_number_value(json)))
			return err_wrong(w->e, "%s: a number is expected", f->key);
		*(double *)member = json_number_value(json);
		return 0;
	case JSON_AS_FLAG:
		if (!json_is_boolean(json))
			return err_wrong(w->e, "%s: true or false is expected", f->key);
		*(bool *)member = json_is_true(json);
		return 0;
	case JSON_AS_TEXT:
		r = json_read_text(object, f->key, member, f->size, w->e);
		if (!r && f->is_valid && !f->is_valid(member))
			r = err_wrong(w->e, "%s '%s' is not %s", f->key, (char *)member, f->valid);
		return r;
	case JSON_AS_WORD:
		return read_word(f, json, place, w->e);
	case JSON_AS_PLACE:
		if (w->table->name)
			return read_name(f, json, place, w);
		r = read_count(json, f->key, f->max - 1, &count, w->e);
		if (!r)
			*place = (unsigned)count;
		return r;
	case JSON_AS_CPUSET:
		if (!json_is_string(json))
			return err_wrong(w->e, "%s: a string is expected", f->key);
		r = cpuset_parse(json_string_value(json), member, w->e);
		return r ? err_wrap(w->e, "%s", f->key) : 0;
	case JSON_AS_ADDRESS:
		if (!json_is_string(json) ||
		    inet_pton(AF_INET, json_string_value(json), &address) != 1)
			return err_wrong(w->e, "%s is not an IPv4 address", f->key);
		*place = ntohl(address.s_addr);
		return 0;
	case JSON_AS_STRINGS:
		return read_strings(json, f->key, member, w->e);
	case JSON_AS_ANY:
	case JSON_AS_PART:
		if (!json_is_object(json))
			return err_wrong(w->e, "%s: an object is expected", f->key);
		if (f->kind == JSON_AS_ANY)
			*(json_t **)member = json;
		else if (f->table)
			r = read_document(f->table, json, member, w->e);
		else
			r = read_fields(f->fields, member, w, json);
		if (!r && f->check)
			r = f->check(member, w->e);
		return r ? err_wrap(w->e, "%s", f->key) : 0;
	case JSON_AS_LIST:
		return read_list(f, json, value, w);
	case JSON_AS_SAME:
	case JSON_AS_OTHER:
		break;
	}
	return 0;
}

static int read_fields(const struct json_field *fields, void *value, const struct json_walk *w,
		       json_t *object)
{
	char *members = value;
	int r = 0;

	for (const struct json_field *f = fields; !r && (f->key || f->fields); f++) {
		bool *is_there = f->is_optional ? (void *)(members + f->beside) : NULL;

		if (!has_field(f, value, w) ||
		    (is_there && !(*is_there = json_object_get(object, f->key))) ||
		    (f->is_new && !json_object_get(object, f->key)))
			continue;
		if (f->kind == JSON_AS_SAME)
			r = read_fields(f->fields, members + f->offset, w, object);
		else if (f->kind == JSON_AS_OTHER)
			r = f->type->read ? f->type->read(f, value, w, object) : 0;
		else
			r = read_member(f, object, value, w);
	}
	return r;
}

/* ---- whole texts */

json_t *json_table_build(const struct json_table *t, const void *value, struct err *e)
{
	const struct json_walk w = {t, value, e};
	json_auto_t *object = json_object();

	if ((t->schema && json_put(object, "schema", json_string(t->schema), e)) ||
	    write_fields(t->fields, value, &w, object))
		return NULL;
	return take_pointer(object);
}

int json_table_read(const struct json_table *t, json_t *json, void *out, struct err *e)
{
	cleanup_free void *value = calloc(1, t->size);
	int r = value ? read_document(t, json, value, e)
		      : err_set(e, -ENOMEM, "no memory for what JSON says");

	if (!r)
		memcpy(out, value, t->size);
	return r;
}

int json_table_format(const struct json_table *t, const void *value, char **text, struct err *e)
{
	json_auto_t *object = json_table_build(t, value, e);
	char *made = object ? json_dumps(object, t->style) : NULL;

	if (!object)
		return e->code;
	if (!made)
		return err_set(e, -ENOMEM, "no memory for JSON");
	*text = made;
	return 0;
}

int json_table_parse(const struct json_table *t, const char *text, size_t size, void *out,
		     struct err *e)
{
	json_auto_t *json = json_read(text, size, e);

	return json ? json_table_read(t, json, out, e) : e->code;
}

json_t *json_read_within(const struct json_limits *most, const char *text, size_t size,
			 struct err *e)
{
	struct json_bound bound = {.most = *most};
	cleanup_free char *kept = NULL;
	size_t kept_size;
	json_error_t error;
	json_t *root;
	int r;

	if (most->wanted && !(bound.kept = open_memstream(&kept, &kept_size))) {
		err_set(e, -ENOMEM, "no memory for JSON");
		return NULL;
	}
	r = json_bound_feed(&bound, text, size);
	if (bound.kept && fclose(bound.kept)) {
		err_set(e, -ENOMEM, "no memory for JSON");
		return NULL;
	}
	if (r) {
		if (bound.values > most->values)
			err_wrong(e, "JSON of more than %zu values", most->values);
		else if (r == -EFBIG)
			err_wrong(e, "%zu bytes of JSON are more than %zu", size, most->bytes);
		else
			err_wrong(e, "no JSON of at most %u lists and objects in one another",
				  most->depth);
		return NULL;
	}
	root = json_loadb(kept ? kept : text, kept ? kept_size : size, JSON_REJECT_DUPLICATES,
			  &error);
	if (!root)
		err_wrong(e, "no JSON: %s at byte %d", error.text, error.position);
	return root;
}

json_t *json_read(const char *text, size_t size, struct err *e)
{
	static const struct json_limits most = {JSON_MAX_BYTES, JSON_MAX_VALUES, JSON_MAX_DEPTH,
						NULL};

	return json_read_within(&most, text, size, e);
}

int json_print(json_t *taken, size_t flags, struct err *e)
{
	int failed = !taken || json_dumpf(taken, stdout, flags) < 0;

	json_decref(taken);
	if (failed)
		return err_set(e, -ENOMEM, "cannot print JSON");
	putchar('\n');
	return 0;
}
