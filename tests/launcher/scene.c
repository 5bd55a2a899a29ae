/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/launcher/scene.h"

#include "decision/base/strings.h"

struct scene scene;

/* ---- the network */

int __wrap_rest_get(struct rest *r, const char *url, unsigned timeout_ms,
		    const struct json_limits *most, rest_answer *answer, void *context,
		    struct err *e);
void __wrap_rest_drop(struct rest *r, const void *context);

int __wrap_rest_get(struct rest *r, const char *url, unsigned timeout_ms,
		    const struct json_limits *most, rest_answer *answer, void *context,
		    struct err *e)
{
	ck_assert_ptr_null(r);
	ck_assert_uint_le(most->bytes, 8 << 20);
	if (scene.refusal)
		return err_errno(e, scene.refusal, "refused");
	ck_assert_uint_lt(scene.request_count, REQUESTS_MAX);
	/* Never two of a kind for an application. */
	for (unsigned i = 0; i < scene.request_count; i++)
		ck_assert_str_ne(scene.requests[i].url, url);
	ck_assert_int_eq(string_copy(scene.requests[scene.request_count].url, url), 0);
	scene.requests[scene.request_count].timeout_ms = timeout_ms;
	scene.requests[scene.request_count].answer = answer;
	scene.requests[scene.request_count++].context = context;
	scene.sent_count++;
	return 0;
}

void __wrap_rest_drop(struct rest *r, const void *context)
{
	ck_assert_ptr_null(r);
	for (unsigned i = scene.request_count; i-- > 0;)
		if (scene.requests[i].context == context)
			scene.requests[i] = scene.requests[--scene.request_count];
}

struct sent *scene_find(const char *app, const char *what)
{
	char url[400];

	snprintf(url, sizeof(url), "http://127.0.0.1:8080/proxy/%s/api/v1/applications/%s/%s", app,
		 app, what);
	for (unsigned i = 0; i < scene.request_count; i++)
		if (strncmp(scene.requests[i].url, url, strlen(url)) == 0)
			return &scene.requests[i];
	return NULL;
}

void scene_answer_status(const char *app, const char *what, int status, const char *body)
{
	struct sent *a = scene_find(app, what);
	struct sent taken;

	ck_assert_msg(a, "%s was not requested for its %s", app, what);
	taken = *a;
	*a = scene.requests[--scene.request_count];
	taken.answer(taken.context, status, body, strlen(body));
}

void scene_answer(const char *app, const char *what, const char *body)
{
	scene_answer_status(app, what, 200, body);
}

/* ---- the watch */

static void on_change(void *context)
{
	ck_assert_ptr_eq(context, &scene.changes);
	scene.changes++;
}

void scene_begin(void)
{
	static struct plan p;

	p.slice_count = 3;
	for (unsigned i = 0; i < p.slice_count; i++)
		p.slices[i].address = 0x7f00000a + i;
	task_watch_begin(scene.watch, "127.0.0.1", 8080, &p);
}

static void setup(void)
{
	struct err e;

	scene = (struct scene){.now = 100000 * SCENE_MS};
	ck_assert_int_eq(task_watch_open(NULL, on_change, &scene.changes, &scene.watch, &e), 0);
	scene_begin();
}

static void teardown(void)
{
	task_watch_close(scene.watch);
	ck_assert_uint_eq(scene.request_count, 0); /* all of it dropped */
	task_watch_close(NULL);
}

TCase *scene_case(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	return c;
}

void scene_list(const char *first, const char *second)
{
	static struct master_state m;

	m.app_count = 0;
	if (first)
		string_copy(m.apps[m.app_count++], first);
	if (second)
		string_copy(m.apps[m.app_count++], second);
	task_watch_apps(scene.watch, &m, scene.now);
}

void scene_tick_at(enum task_watch_pace pace)
{
	task_watch_tick(scene.watch, pace, scene.now);
	ck_assert_uint_gt(task_watch_deadline(scene.watch), scene.now); /* nothing due is left */
}

void scene_tick(void)
{
	scene_tick_at(TASK_WATCH_SELDOM);
}

void scene_tick_after(uint64_t milliseconds)
{
	scene.now += milliseconds * SCENE_MS;
	scene_tick();
}

uint64_t scene_deadline_ms(void)
{
	uint64_t at = task_watch_deadline(scene.watch);

	return at == UINT64_MAX ? at : (at - scene.now) / SCENE_MS;
}

struct sample scene_fill(unsigned slice)
{
	struct sample s = {.known = SAMPLE_PRESSURE};

	task_watch_fill(scene.watch, slice, scene.now, &s);
	ck_assert_uint_eq(s.known & ~(unsigned)SAMPLE_TASKS, SAMPLE_PRESSURE);
	return s;
}

bool scene_is_known(unsigned slice)
{
	return scene_fill(slice).known & SAMPLE_TASKS;
}

void scene_why_has(const char *text)
{
	ck_assert_msg(strstr(task_watch_why(scene.watch), text), "\"%s\" has no \"%s\"",
		      task_watch_why(scene.watch), text);
}

void scene_heard(const char *app, const char *executors, const char *stages)
{
	scene_tick();
	scene_answer(app, "executors", executors);
	scene_tick();
	scene_answer(app, "stages", stages);
	scene_answer(app, "environment", ENVIRONMENT(1));
}

void scene_answer_both(void)
{
	scene_answer("app-1", "executors", "[" ON_0(1) "]");
	scene_answer("app-1", "stages", "[]");
}
