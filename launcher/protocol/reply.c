/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/reply.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"

const char *reply_result_name(unsigned result)
{
	static const char *const names[] = {
		[REPLY_STARTED] = "started",
		[REPLY_CHANGED] = "changed",
		[REPLY_UNCHANGED] = "unchanged",
		[REPLY_DOWN] = "down",
	};

	return names[result];
}

static bool is_up(const void *value, const void *document)
{
	const struct reply *r = value;

	(void)document;
	return r->result != REPLY_DOWN;
}

#define T struct reply
static const struct json_field progress_fields[] = {
	{"progress", JSON_AT(T, what)},
	{"object", JSON_AT(T, object)},
	{"count", JSON_AT(T, count), .max = UINT16_MAX},
	{"total", JSON_AT(T, total), .max = UINT16_MAX},
	JSON_END,
};
static const struct json_field log_fields[] = {
	{"log", JSON_AT(T, log)},
	{"line", JSON_AT(T, line)},
	JSON_END,
};
static const struct json_field done_fields[] = {
	{"done", JSON_WORD(T, result, reply_result_name, REPLY_DOWN + 1)},
	{"adopted", JSON_AT(T, is_adopted), .when = is_up},
	{"rebuilt", JSON_AT(T, rebuilt), .when = is_up},
	JSON_END,
};
static const struct json_field error_fields[] = {
	{"error", JSON_AT(T, error.msg)},
	{"exit", JSON_BY(JSON_AS_COUNT, T, error.exit), .max = ERR_DRIFT},
	JSON_END,
};
static const struct json_table tables[] = {
	[REPLY_PROGRESS] = {.fields = progress_fields, .size = sizeof(T), .style = JSON_COMPACT},
	[REPLY_LOG] = {.fields = log_fields, .size = sizeof(T), .style = JSON_COMPACT},
	[REPLY_DONE] = {.fields = done_fields, .size = sizeof(T), .style = JSON_COMPACT},
	[REPLY_ERROR] = {.fields = error_fields, .size = sizeof(T), .style = JSON_COMPACT},
};
#undef T

int reply_format(const struct reply *r, char **text, struct err *e)
{
	return json_table_format(&tables[r->kind], r, text, e);
}

static int read_reply(json_t *json, struct reply *out, struct err *e)
{
	unsigned kind = 0;

	while (kind <= REPLY_ERROR && !json_object_get(json, tables[kind].fields[0].key))
		kind++;
	if (kind > REPLY_ERROR)
		return err_wrong(e, "neither progress nor log, done or error");
	if (json_table_read(&tables[kind], json, out, e))
		return e->code;
	out->kind = (enum reply_kind)kind;
	out->error.code = -ECANCELED;
	if (out->error.exit < ERR_FAILED)
		out->error.exit = ERR_FAILED;
	return 0;
}

int reply_parse(const char *text, size_t size, struct reply *out, struct err *e)
{
	json_auto_t *json = json_read(text, size, e);

	return json ? read_reply(json, out, e) : e->code;
}

int reply_error(json_t *answer, struct err *e)
{
	struct reply reply;

	if (!json_object_get(answer, tables[REPLY_ERROR].fields[0].key))
		return 0;
	if (read_reply(answer, &reply, e))
		return err_wrap(e, "the supervisor's answer");
	*e = reply.error;
	return e->code;
}
