/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/application.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "decision/base/cleanup.h"
#include "decision/base/strings.h"
#include "launcher/system/json.h"

_Static_assert(SLICES_MAX <= 64, "a slice is a bit of struct application");

/* Neither sum overflows: executors and stages are few, and each counts at most INT_MAX tasks. */
_Static_assert(EXECUTORS_MAX <= 1 << 20 && STAGES_MAX <= 1 << 20, "at most 2^20 times 2^31 tasks");

/* What is not kept costs time alone: some 10 ms. */
enum { MOST_BYTES = 8 << 20 };

/* "17", as Spark counts executors. False, and *number untouched, for anything else. */
static bool parse_number(const char *text, uint32_t *number)
{
	/* Nine digits always fit. */
	if (!text[0] || strlen(text) > 9 || text[strspn(text, "0123456789")])
		return false;
	*number = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

/* Whether it is what Spark counts with, tasks and stages. */
static bool is_count(json_int_t n)
{
	return n >= 0 && n <= INT_MAX;
}

/* The address in "127.0.0.10:38201", host order; 0: a name. */
static uint32_t parse_address(const char *host_port)
{
	struct in_addr address;
	char host[64];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(host_port, ":"), host_port);
	return inet_pton(AF_INET, host, &address) == 1 ? ntohl(address.s_addr) : 0;
}

struct json_limits application_executors_limits(unsigned slices, unsigned executors)
{
	static const char *const wanted[] = {"id", "hostPort", "activeTasks", "isActive", NULL};
	/*
	 * One has 40 members in 1.5 KB (Spark 4.1), attributes of the user's, and with --slices a
	 * resource for each slice that it is not to use.
	 */
	const size_t bytes = (256 << 10) + executors * (2048 + (size_t)slices * 128);

	return (struct json_limits){
		.bytes = bytes < MOST_BYTES ? bytes : MOST_BYTES,
		.values = (1 << 12) + executors * 96,
		.depth = JSON_MAX_DEPTH,
		.wanted = wanted,
	};
}

static const char *const of_stages[] = {
	"stageId", "attemptId", "numTasks", "numCompletedIndices", "numActiveTasks", NULL};

/* STAGES_MAX of 70 members, and ten times as many, of which it is only said that there are more. */
const struct json_limits application_stages_limits = {MOST_BYTES, 11 * STAGES_MAX * 150,
						      JSON_MAX_DEPTH, of_stages};

static const char *const of_environment[] = {"sparkProperties", NULL};

/* Some thousand properties of a user's. */
const struct json_limits application_environment_limits = {MOST_BYTES, 1 << 15, JSON_MAX_DEPTH,
							   of_environment};

/* A list of at most `max`, or NULL and a sentence. */
static json_t *read_list(const char *text, size_t size, const struct json_limits *most, size_t max,
			 const char *what, struct err *e)
{
	json_t *list = json_read_within(most, text, size, e);

	if (json_is_array(list) && json_array_size(list) <= max)
		return list;
	err_set(e, -EBADMSG, "%s: a list of at most %zu is expected", what, max);
	json_decref(list);
	return NULL;
}

int application_read_executors(struct application *a, const struct slice_addresses *slices,
			       const char *text, size_t size, uint64_t requested_ns, struct err *e)
{
	const struct json_limits most = application_executors_limits(SLICES_MAX, EXECUTORS_MAX);
	json_auto_t *list = read_list(text, size, &most, EXECUTORS_MAX + 1, "executors", e);
	struct application next = *a;
	json_t *item;
	size_t i;

	if (!list)
		return e->code;
	next.executors_at_ns = requested_ns;
	next.slices = next.running_everywhere = 0;
	next.number_count = 0;
	memset(next.executors, 0, sizeof(next.executors));
	memset(next.running, 0, sizeof(next.running));
	json_array_foreach(list, i, item)
	{
		const char *id, *host_port;
		json_int_t tasks;
		int is_active = true;
		uint32_t address;

		if (json_unpack(item, "{s:s, s:s, s:I, s?b}", "id", &id, "hostPort", &host_port,
				"activeTasks", &tasks, "isActive", &is_active) ||
		    !is_count(tasks))
			return err_set(e, -EBADMSG, "executor %zu of the answer is incomplete", i);
		if (!is_active || strcmp(id, "driver") == 0)
			continue;
		if (!parse_number(id, &next.numbers[next.number_count++]))
			return err_set(e, -EBADMSG, "the id of executor %zu is no number", i);
		next.running_everywhere += (uint64_t)tasks;
		address = parse_address(host_port);
		for (unsigned slice = 0; address && slice < slices->count; slice++) {
			if (slices->items[slice] != address)
				continue;
			next.slices |= UINT64_C(1) << slice;
			next.executors[slice]++;
			next.running[slice] += (uint64_t)tasks;
		}
	}
	*a = next;
	return 0;
}

int application_read_stages(struct application *a, const char *text, size_t size,
			    uint64_t requested_ns, struct err *e)
{
	json_auto_t *list =
		read_list(text, size, &application_stages_limits, SIZE_MAX, "stages", e);
	struct application next = *a;

	if (!list)
		return e->code;
	next.stages_at_ns = requested_ns;
	next.waiting = next.active = 0;
	next.has_more_stages = json_array_size(list) > STAGES_MAX;
	next.stage_count = next.has_more_stages ? STAGES_MAX : (unsigned)json_array_size(list);
	for (unsigned i = 0; i < next.stage_count; i++) {
		struct application_stage *stage = &next.stages[i];
		json_int_t id, attempt, tasks, completed, active;

		/* Indices, not tasks: a copy of a task that also ends does not count twice. */
		if (json_unpack(json_array_get(list, i), "{s:I, s:I, s:I, s:I, s:I}", "stageId",
				&id, "attemptId", &attempt, "numTasks", &tasks,
				"numCompletedIndices", &completed, "numActiveTasks", &active) ||
		    !is_count(id) || !is_count(attempt) || !is_count(tasks) ||
		    !is_count(completed) || !is_count(active))
			return err_set(e, -EBADMSG, "stage %u of the answer is incomplete", i);
		*stage = (struct application_stage){(int)id, (int)attempt, 0};
		for (unsigned k = 0; k < a->stage_count; k++)
			if (a->stages[k].id == id && a->stages[k].attempt == attempt)
				stage->counted = a->stages[k].counted;
		/* Counters that do not fit together (an event is missing) leave none. */
		if (tasks > completed + active)
			next.waiting += (uint64_t)(tasks - completed - active);
		next.active += (uint64_t)active;
	}
	*a = next;
	return 0;
}

int application_read_environment(struct application *a, const char *text, size_t size,
				 struct err *e)
{
	json_auto_t *root = json_read_within(&application_environment_limits, text, size, e);
	json_t *pairs = json_object_get(root, "sparkProperties"), *pair;
	const char *key, *value;
	uint32_t cpus = 0;
	size_t i;

	if (!json_is_array(pairs))
		return err_set(e, -EBADMSG, "the application's environment has no sparkProperties");
	json_array_foreach(pairs, i, pair)
	{
		if (json_unpack(pair, "[s, s]", &key, &value) == 0 &&
		    strcmp(key, "spark.task.cpus") == 0) {
			parse_number(value, &cpus);
			break;
		}
	}
	/* Spark's default is 1; it would have refused to start with anything that is no number. */
	a->task_cpus = cpus ? cpus : 1;
	return 0;
}

void application_count_stages(struct application *a, uint64_t begun[SLICES_MAX])
{
	for (unsigned i = 0; i < a->stage_count; i++) {
		uint64_t fresh = a->slices & ~a->stages[i].counted;

		a->stages[i].counted |= fresh;
		for (unsigned slice = 0; fresh; slice++, fresh >>= 1)
			begun[slice] += fresh & 1;
	}
}

uint64_t application_pending(const struct application *a)
{
	uint64_t pending = a->waiting;

	if (a->executors_at_ns < a->stages_at_ns && a->active > a->running_everywhere)
		pending += a->active - a->running_everywhere;
	return pending || !a->has_more_stages ? pending : 1;
}

bool application_has_executor(const struct application *a, const char *id)
{
	uint32_t number;

	if (!parse_number(id, &number))
		return false;
	for (unsigned i = 0; i < a->number_count; i++)
		if (a->numbers[i] == number)
			return true;
	return false;
}
