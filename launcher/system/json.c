#include "launcher/system/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "decision/base/cleanup.h"

static const unsigned *count_of(const struct json_field *f, const void *value)
{
	return (const void *)((const char *)value + f->beside);
}

/* ---- texts of any bytes: U+F780 … U+F7FF is ef 9e 80 … ef 9f bf in UTF-8 */

static bool is_byte_character(const char *text)
{
	return (unsigned char)text[0] == 0xef && ((unsigned char)text[1] & 0xfe) == 0x9e;
}

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
		if (is_byte_character(text)) {
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

static int write_fields(const struct json_table *t, const void *value,
			const struct json_document *d, json_t *object, struct err *e);

static json_t *strings_json(const struct strings *strings)
{
	json_auto_t *list = json_array();

	strings_for_each(item,
			 strings) if (json_array_append_new(list, json_text(item))) return NULL;
	return take_pointer(list);
}

static int write_list(const struct json_field *f, const void *value, const struct json_document *d,
		      json_t **out, struct err *e)
{
	const char *items = (const char *)value + f->offset;
	const char *more = (const char *)value + f->more_offset;
	json_auto_t *list = json_array();

	for (unsigned i = 0; i < *count_of(f, value); i++) {
		json_auto_t *item = f->table ? json_object() : json_text(items + i * f->size);
		int r = 0;

		if (f->table)
			r = write_fields(f->table, items + i * f->size, d, item, e);
		if (!r && f->more)
			r = write_fields(f->more, more + i * f->more_size, d, item, e);
		if (!r && json_array_append(list, item))
			r = err_set(e, -ENOMEM, "no memory for JSON");
		if (r)
			return err_wrap(e, "%s[%u]", f->key, i);
	}
	*out = take_pointer(list);
	return 0;
}

static int write_part(const struct json_field *f, const void *part, const struct json_document *d,
		      json_t **out, struct err *e)
{
	const struct json_document own = {f->table, part};
	json_auto_t *object = json_object();

	if (write_fields(f->table, part, f->table->schema ? &own : d, object, e))
		return err_wrap(e, "%s", f->key);
	*out = take_pointer(object);
	return 0;
}

/* *out stays NULL where there is no memory. */
static int write_member(const struct json_field *f, const void *value,
			const struct json_document *d, json_t **out, struct err *e)
{
	const void *member = (const char *)value + f->offset;
	char dotted[INET_ADDRSTRLEN];

	switch (f->kind) {
	case JSON_AS_COUNT:
		*out = json_integer(f->size == sizeof(uint64_t)
					    ? (json_int_t) * (const uint64_t *)member
					    : (json_int_t) * (const unsigned *)member);
		return 0;
	case JSON_AS_NUMBER:
		*out = json_real(*(const double *)member);
		return isfinite(*(const double *)member)
			       ? 0
			       : err_set(e, -EINVAL, "%s: JSON has no number %g", f->key,
					 *(const double *)member);
	case JSON_AS_FLAG:
		*out = json_boolean(*(const bool *)member);
		return 0;
	case JSON_AS_TEXT:
		*out = json_text(member);
		return 0;
	case JSON_AS_WORD:
		if (*(const unsigned *)member >= f->max)
			return err_set(e, -EINVAL, "%s has no word for %u", f->key,
				       *(const unsigned *)member);
		*out = json_string(f->word(*(const unsigned *)member));
		return 0;
	case JSON_AS_PLACE:
		*out = d->table->name
			       ? json_text(d->table->name(d->value, *(const unsigned *)member))
			       : json_integer(*(const unsigned *)member);
		return 0;
	case JSON_AS_CPUSET:
		*out = json_string(CPUSET_STRING((const struct cpuset *)member));
		return 0;
	case JSON_AS_ADDRESS:
		*out = json_string(inet_ntop(AF_INET,
					     &(struct in_addr){htonl(*(const uint32_t *)member)},
					     dotted, sizeof(dotted)));
		return 0;
	case JSON_AS_STRINGS:
		*out = strings_json(member);
		return 0;
	case JSON_AS_ANY:
		*out = json_incref(*(json_t *const *)member);
		return 0;
	case JSON_AS_PART:
		return write_part(f, member, d, out, e);
	case JSON_AS_LIST:
		return write_list(f, value, d, out, e);
	case JSON_AS_SAME:
	case JSON_AS_OTHER:
		break;
	}
	return 0;
}

static int write_fields(const struct json_table *t, const void *value,
			const struct json_document *d, json_t *object, struct err *e)
{
	int r = t->schema ? json_put(object, "schema", json_string(t->schema), e) : 0;

	for (const struct json_field *f = t->fields; !r && (f->key || f->table); f++) {
		json_t *json = NULL;

		if ((f->when && !f->when(value, d->value)) ||
		    (f->is_optional && !*(const bool *)count_of(f, value)))
			continue;
		if (f->kind == JSON_AS_SAME) {
			r = write_fields(f->table, (const char *)value + f->offset, d, object, e);
		} else if (f->kind == JSON_AS_OTHER) {
			r = f->type->write ? f->type->write(f, value, d, object, e) : 0;
		} else {
			r = write_member(f, value, d, &json, e);
			if (r)
				json_decref(json);
			else
				r = json_put(object, f->key, json, e);
		}
	}
	return r;
}

/* ---- reading */

static int read_fields(const struct json_table *t, json_t *object, void *value,
		       const struct json_document *d, struct err *e);

static int read_document(const struct json_table *t, json_t *object, void *value, struct err *e)
{
	const struct json_document d = {t, value};
	const char *found = json_string_value(json_object_get(object, "schema"));

	if (t->schema && (!found || strcmp(found, t->schema) != 0))
		return err_wrong(e, "schema: %.40s is expected, found %.40s", t->schema,
				 found ? found : "none");
	return read_fields(t, object, value, &d, e);
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

static int read_text(json_t *json, const char *key, char *to, size_t size, struct err *e)
{
	if (!json_is_string(json))
		return err_wrong(e, "%s: a string is expected", key);
	return decode(json_string_value(json), to, size)
		       ? err_wrong(e, "%s: more than %zu bytes", key, size - 1)
		       : 0;
}

static int read_word(const struct json_field *f, json_t *json, unsigned *to, struct err *e)
{
	const char *text = json_string_value(json);
	unsigned place = 0;

	while (text && place < f->max && strcmp(text, f->word(place)) != 0)
		place++;
	if (!text || place == f->max)
		return err_wrong(e, "%s is '%.40s', which is none of its words", f->key,
				 text ? text : "");
	*to = place;
	return 0;
}

static int read_place(const struct json_field *f, json_t *json, const struct json_document *d,
		      unsigned *to, struct err *e)
{
	const char *wanted = json_string_value(json), *name = NULL;
	uint64_t place = 0;

	if (!d->table->name) {
		if (read_count(json, f->key, f->max - 1, &place, e))
			return e->code;
	} else {
		if (!wanted)
			return err_wrong(e, "%s: a string is expected", f->key);
		while ((name = d->table->name(d->value, (unsigned)place)) &&
		       strcmp(name, wanted) != 0)
			place++;
		if (!name)
			return err_wrong(e, "%s: there is no %s %.40s", f->key, d->table->named,
					 wanted);
	}
	*to = (unsigned)place;
	return 0;
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

static int read_list(const struct json_field *f, json_t *json, void *value,
		     const struct json_document *d, struct err *e)
{
	char *items = (char *)value + f->offset, *more = (char *)value + f->more_offset;
	unsigned *count = (void *)((char *)value + f->beside);

	if (!json_is_array(json) || json_array_size(json) > f->max)
		return err_wrong(e, "%s: a list of at most %llu is expected", f->key,
				 (unsigned long long)f->max);
	if (f->is_counted && json_array_size(json) != *count)
		return err_wrong(e, "%s: a list of %u is expected", f->key, *count);
	*count = (unsigned)json_array_size(json);
	for (unsigned i = 0; i < *count; i++) {
		json_t *item = json_array_get(json, i);
		int r = 0;

		if (f->table)
			r = read_fields(f->table, item, items + i * f->size, d, e);
		else if (!json_is_string(item) ||
			 decode(json_string_value(item), items + i * f->size, f->size))
			return err_wrong(e, "%s[%u]: not a text of at most %zu bytes", f->key, i,
					 f->size - 1);
		if (!r && f->more)
			r = read_fields(f->more, item, more + i * f->more_size, d, e);
		if (r)
			return err_wrap(e, "%s[%u]", f->key, i);
	}
	return 0;
}

static int read_part(const struct json_field *f, json_t *json, void *part,
		     const struct json_document *d, struct err *e)
{
	int r;

	if (!json_is_object(json))
		return err_wrong(e, "%s: an object is expected", f->key);
	r = f->table->schema ? read_document(f->table, json, part, e)
			     : read_fields(f->table, json, part, d, e);
	return r ? err_wrap(e, "%s", f->key) : 0;
}

static int read_member(const struct json_field *f, json_t *json, void *value,
		       const struct json_document *d, struct err *e)
{
	const uint64_t most = f->size == sizeof(uint64_t) ? INT64_MAX : INT32_MAX;
	void *member = (char *)value + f->offset;
	struct in_addr address;
	uint64_t count;
	int r;

	switch (f->kind) {
	case JSON_AS_COUNT:
		r = read_count(json, f->key, f->max ? f->max : most, &count, e);
		if (!r && f->size == sizeof(uint64_t))
			*(uint64_t *)member = count;
		else if (!r)
			*(unsigned *)member = (unsigned)count;
		return r;
	case JSON_AS_NUMBER:
		if (!json_is_number(json) || !isfinite(json_number_value(json)))
			return err_wrong(e, "%s: a number is expected", f->key);
		*(double *)member = json_number_value(json);
		return 0;
	case JSON_AS_FLAG:
		if (!json_is_boolean(json))
			return err_wrong(e, "%s: true or false is expected", f->key);
		*(bool *)member = json_is_true(json);
		return 0;
	case JSON_AS_TEXT:
		return read_text(json, f->key, member, f->size, e);
	case JSON_AS_WORD:
		return read_word(f, json, member, e);
	case JSON_AS_PLACE:
		return read_place(f, json, d, member, e);
	case JSON_AS_CPUSET:
		if (!json_is_string(json))
			return err_wrong(e, "%s: a string is expected", f->key);
		r = cpuset_parse(json_string_value(json), member, e);
		return r ? err_wrap(e, "%s", f->key) : 0;
	case JSON_AS_ADDRESS:
		if (!json_is_string(json) ||
		    inet_pton(AF_INET, json_string_value(json), &address) != 1)
			return err_wrong(e, "%s is not an IPv4 address", f->key);
		*(uint32_t *)member = ntohl(address.s_addr);
		return 0;
	case JSON_AS_STRINGS:
		return read_strings(json, f->key, member, e);
	case JSON_AS_ANY:
		if (!json_is_object(json))
			return err_wrong(e, "%s: an object is expected", f->key);
		*(json_t **)member = json;
		return 0;
	case JSON_AS_PART:
		return read_part(f, json, member, d, e);
	case JSON_AS_LIST:
		return read_list(f, json, value, d, e);
	case JSON_AS_SAME:
	case JSON_AS_OTHER:
		break;
	}
	return 0;
}

static int read_fields(const struct json_table *t, json_t *object, void *value,
		       const struct json_document *d, struct err *e)
{
	int r = 0;

	for (const struct json_field *f = t->fields; !r && (f->key || f->table); f++) {
		json_t *json = f->key ? json_object_get(object, f->key) : NULL;

		if (f->when && !f->when(value, d->value))
			continue;
		if (f->is_optional && !(*(bool *)((char *)value + f->beside) = json))
			continue;
		if (f->kind == JSON_AS_SAME)
			r = read_fields(f->table, object, (char *)value + f->offset, d, e);
		else if (f->kind == JSON_AS_OTHER)
			r = f->type->read ? f->type->read(f, object, value, d, e) : 0;
		else
			r = read_member(f, json, value, d, e);
	}
	return r || !t->check ? r : t->check(value, e);
}

/* ---- whole texts */

json_t *json_table_build(const struct json_table *t, const void *value, struct err *e)
{
	const struct json_document d = {t, value};
	json_auto_t *object = json_object();

	if (!object)
		err_set(e, -ENOMEM, "no memory for JSON");
	return !object || write_fields(t, value, &d, object, e) ? NULL : take_pointer(object);
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

json_t *json_read(const char *text, size_t size, struct err *e)
{
	json_error_t error;
	json_t *root;

	if (size > JSON_MAX_BYTES) {
		err_wrong(e, "%zu bytes of JSON are more than %d", size, JSON_MAX_BYTES);
		return NULL;
	}
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		err_wrong(e, "no JSON: %s at byte %d", error.text, error.position);
	return root;
}

/* ---- single members */

int json_read_text(json_t *object, const char *key, char *to, size_t size, struct err *e)
{
	return read_text(json_object_get(object, key), key, to, size, e);
}

int json_read_unsigned(json_t *object, const char *key, unsigned max, unsigned *to, struct err *e)
{
	uint64_t count;
	int r = read_count(json_object_get(object, key), key, max, &count, e);

	if (!r)
		*to = (unsigned)count;
	return r;
}
