#include "launcher/spark/rest.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "decision/base/cleanup.h"

/*
 * jansson refuses nesting deeper than 2048 levels and numbers out of range by itself; sizes are
 * checked before.
 */

static void free_json(json_t **value)
{
	json_decref(*value);
}
#define cleanup_json __attribute__((cleanup(free_json)))

static json_t *load(const char *text, size_t size, const char *what, struct err *e)
{
	json_error_t error;
	json_t *value;

	if (size > REST_ANSWER_MAX) {
		err_set(e, -EFBIG, "%s: an answer of %zu bytes (limit %d)", what, size,
			REST_ANSWER_MAX);
		return NULL;
	}
	/* User text may hold "\u0000", which no C string can: refused by jansson, as we want it. */
	value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		err_set(e, -EBADMSG, "%s: no JSON: line %d, column %d: %.100s", what, error.line,
			error.column, error.text);
	return value;
}

/*
 * Copy a name for people to read: control characters become '?', what does not fit is cut at a
 * character's end.
 */
static void copy_text(char *to, size_t size, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t length;

	to[0] = '\0';
	if (!text)
		return;
	length = strnlen(text, size);
	if (length == size) {
		length--;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	for (size_t i = 0; i < length; i++)
		to[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	to[length] = '\0';
}

/*
 * Copy an identifier that goes into URLs or comparisons: whole, of harmless characters, or not at
 * all. Addresses of version 6 have brackets and colons.
 */
static bool copy_id(char *to, size_t size, const json_t *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.:/[]";
	const char *text = json_string_value(value);

	if (!text || !text[0] || strlen(text) >= size || text[strspn(text, allowed)])
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

/* A count: 0 … INT_MAX, or false. */
static bool copy_count(unsigned *to, const json_t *value)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > INT32_MAX)
		return false;
	*to = (unsigned)n;
	return true;
}

static bool parse_worker(const json_t *json, struct master_worker *out)
{
	unsigned port, memory;

	if (!copy_id(out->id, sizeof(out->id), json_object_get(json, "id")) ||
	    !copy_id(out->host, sizeof(out->host), json_object_get(json, "host")) ||
	    !copy_id(out->state, sizeof(out->state), json_object_get(json, "state")) ||
	    !copy_count(&port, json_object_get(json, "port")) ||
	    !copy_count(&out->cores, json_object_get(json, "cores")) ||
	    !copy_count(&out->cores_used, json_object_get(json, "coresused")) ||
	    !copy_count(&memory, json_object_get(json, "memory")))
		return false;
	out->port = (int)port;
	out->memory_mb = memory;
	return true;
}

static int parse_workers(const json_t *workers, struct master_state *out, struct err *e)
{
	const json_t *json;
	size_t i;

	if (!json_is_array(workers))
		return err_set(e, -EBADMSG, "the Master's answer has no workers");
	if (json_array_size(workers) > REST_WORKERS)
		return err_set(e, -E2BIG, "the Master lists %zu workers (limit %d)",
			       json_array_size(workers), REST_WORKERS);
	json_array_foreach(workers, i, json)
	{
		if (!parse_worker(json, &out->workers[i]))
			return err_set(e, -EBADMSG,
				       "worker %zu of the Master's answer is incomplete", i);
	}
	out->worker_count = (unsigned)json_array_size(workers);
	return 0;
}

static void parse_apps(const json_t *apps, struct master_state *out)
{
	const json_t *json;
	size_t i;

	json_array_foreach(apps, i, json)
	{
		if (out->app_count < REST_APPS &&
		    copy_id(out->apps[out->app_count], sizeof(out->apps[0]),
			    json_object_get(json, "id")))
			out->app_count++;
		else
			out->apps_left_out++;
	}
}

int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e)
{
	cleanup_json json_t *json = load(text, size, "the Master's answer", e);
	cleanup_free struct master_state *state = calloc(1, sizeof(*state));

	if (!json)
		return e->code;
	if (!state)
		return err_set(e, -ENOMEM, "out of memory");
	if (!copy_id(state->url, sizeof(state->url), json_object_get(json, "url")) ||
	    !copy_id(state->status, sizeof(state->status), json_object_get(json, "status")) ||
	    !copy_count(&state->alive_workers, json_object_get(json, "aliveworkers")))
		return err_set(e, -EBADMSG,
			       "the Master's answer has no url, status and aliveworkers");
	if (parse_workers(json_object_get(json, "workers"), state, e))
		return e->code;
	parse_apps(json_object_get(json, "activeapps"), state);
	*out = *state;
	return 0;
}

static bool parse_stage(const json_t *json, struct stage *out)
{
	unsigned id, attempt;

	if (!copy_count(&id, json_object_get(json, "stageId")) ||
	    !copy_count(&attempt, json_object_get(json, "attemptId")) ||
	    !copy_count(&out->tasks, json_object_get(json, "numTasks")) ||
	    /* Indices, not tasks: a copy of a task that also ends does not count twice. */
	    !copy_count(&out->completed, json_object_get(json, "numCompletedIndices")) ||
	    !copy_count(&out->active, json_object_get(json, "numActiveTasks")) ||
	    !copy_count(&out->failed, json_object_get(json, "numFailedTasks")))
		return false;
	out->id = (int)id;
	out->attempt = (int)attempt;
	copy_text(out->name, sizeof(out->name), json_object_get(json, "name"));
	return true;
}

int stages_parse(const char *text, size_t size, struct stages *out, struct err *e)
{
	cleanup_json json_t *json = load(text, size, "the stages", e);
	cleanup_free struct stages *stages = calloc(1, sizeof(*stages));
	const json_t *item;
	size_t i;

	if (!json)
		return e->code;
	if (!stages)
		return err_set(e, -ENOMEM, "out of memory");
	if (!json_is_array(json))
		return err_set(e, -EBADMSG, "the stages are no list");
	json_array_foreach(json, i, item)
	{
		if (stages->count == REST_STAGES) {
			stages->left_out = (unsigned)(json_array_size(json) - i);
			break;
		}
		if (!parse_stage(item, &stages->stages[stages->count]))
			return err_set(e, -EBADMSG, "stage %zu of the answer is incomplete", i);
		stages->count++;
	}
	*out = *stages;
	return 0;
}

int application_property_parse(const char *text, size_t size, const char *name, char *value,
			       size_t value_size, struct err *e)
{
	cleanup_json json_t *json = load(text, size, "the application's environment", e);
	const json_t *pairs, *pair;
	size_t i;

	if (!json)
		return e->code;
	pairs = json_object_get(json, "sparkProperties");
	if (!json_is_array(pairs))
		return err_set(e, -EBADMSG, "the application's environment has no sparkProperties");
	json_array_foreach(pairs, i, pair)
	{
		const char *key = json_string_value(json_array_get(pair, 0));

		if (!key || strcmp(key, name) != 0)
			continue;
		copy_text(value, value_size, json_array_get(pair, 1));
		return 0;
	}
	return err_set(e, -ENOENT, "the application has no property %s", name);
}
