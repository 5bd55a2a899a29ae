#include "launcher/system/json.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>

#include "decision/base/strings.h"

int json_read_text(json_t *object, const char *key, char *to, size_t size, struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		return err_wrong(e, "%s: a string is expected", key);
	if (string_copy_n(to, size, json_string_value(value)))
		return err_wrong(e, "%s: more than %zu bytes", key, size - 1);
	return 0;
}

int json_read_integer(json_t *object, const char *key, int64_t min, int64_t max, int64_t *to,
		      struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		return err_wrong(e, "%s: an integer is expected", key);
	if (json_integer_value(value) < min || json_integer_value(value) > max)
		return err_wrong(e, "%s: %lld is not in %lld … %lld", key,
				 (long long)json_integer_value(value), (long long)min,
				 (long long)max);
	*to = json_integer_value(value);
	return 0;
}

int json_read_int(json_t *object, const char *key, int min, int max, int *to, struct err *e)
{
	int64_t value;
	int r = json_read_integer(object, key, min, max, &value, e);

	if (!r)
		*to = (int)value;
	return r;
}

int json_read_unsigned(json_t *object, const char *key, unsigned max, unsigned *to, struct err *e)
{
	int64_t value;
	int r = json_read_integer(object, key, 0, max, &value, e);

	if (!r)
		*to = (unsigned)value;
	return r;
}

int json_read_real(json_t *object, const char *key, double *to, struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_number(value) || !isfinite(json_number_value(value)))
		return err_wrong(e, "%s: a number is expected", key);
	*to = json_number_value(value);
	return 0;
}

int json_read_cpuset(json_t *object, const char *key, struct cpuset *to, struct err *e)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		return err_wrong(e, "%s: a string is expected", key);
	return cpuset_parse(text, to, e) ? err_wrap(e, "%s", key) : 0;
}

int json_read_bool(json_t *object, const char *key, bool *to, struct err *e)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return err_wrong(e, "%s: true or false is expected", key);
	*to = json_is_true(value);
	return 0;
}

int json_read_word(json_t *object, const char *key, const char *(*name)(unsigned), unsigned count,
		   unsigned *to, struct err *e)
{
	const char *text = json_string_value(json_object_get(object, key));

	for (unsigned i = 0; text && i < count; i++) {
		if (!strcmp(text, name(i))) {
			*to = i;
			return 0;
		}
	}
	return err_wrong(e, "%s is '%.40s', which is none of its words", key, text ? text : "");
}

int json_read_object(json_t *object, const char *key, json_t **to, struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return err_wrong(e, "%s: an object is expected", key);
	*to = value;
	return 0;
}

int json_read_list(json_t *object, const char *key, size_t max, json_t **to, struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_array(value) || json_array_size(value) > max)
		return err_wrong(e, "%s: a list of at most %zu is expected", key, max);
	*to = value;
	return 0;
}

int json_check_schema(json_t *root, const char *schema, struct err *e)
{
	const char *found = json_string_value(json_object_get(root, "schema"));

	if (!found || strcmp(found, schema) != 0)
		return err_wrong(e, "schema: %.40s is expected, found %.40s", schema,
				 found ? found : "none");
	return 0;
}

json_t *json_read(const char *text, size_t size, struct err *e)
{
	json_error_t error;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		err_wrong(e, "no JSON: %s at byte %d", error.text, error.position);
	return root;
}
