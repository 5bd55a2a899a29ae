/*
 * Questions and what follows from their answers, with a clock and a network of the test's own:
 * link: -Wl,--wrap=rest_get_bounded -Wl,--wrap=rest_drop
 */

#include "launcher/task_watch.h"

#include <errno.h>

#include "decision/strings.h"
#include "tests/harness.h"

enum { ASKED_MAX = 3 * REST_APPS };

static const uint64_t ms = 1000000;

/* ---- the network */

static struct asked {
	char url[400];
	unsigned timeout_ms;
	rest_answer *answer;
	void *context;
} asked[ASKED_MAX];
static unsigned asked_count, sent_count;
static int refusal; /* of the next rest_get_bounded() */

int __wrap_rest_get_bounded(struct rest *r, const char *url, unsigned timeout_ms, size_t max_size,
			    rest_answer *answer, void *context, struct err *e);
void __wrap_rest_drop(struct rest *r, const void *context);

int __wrap_rest_get_bounded(struct rest *r, const char *url, unsigned timeout_ms, size_t max_size,
			    rest_answer *answer, void *context, struct err *e)
{
	ck_assert_ptr_null(r);
	ck_assert_uint_le(max_size, 2 << 20);
	if (refusal)
		return err_errno(e, refusal, "refused");
	ck_assert_uint_lt(asked_count, ASKED_MAX);
	/* Never two of a kind for an application. */
	for (unsigned i = 0; i < asked_count; i++)
		ck_assert_str_ne(asked[i].url, url);
	ck_assert_int_eq(string_copy(asked[asked_count].url, url), 0);
	asked[asked_count].timeout_ms = timeout_ms;
	asked[asked_count].answer = answer;
	asked[asked_count++].context = context;
	sent_count++;
	return 0;
}

void __wrap_rest_drop(struct rest *r, const void *context)
{
	ck_assert_ptr_null(r);
	for (unsigned i = asked_count; i-- > 0;)
		if (asked[i].context == context)
			asked[i] = asked[--asked_count];
}

static struct asked *find_asked(const char *app, const char *what)
{
	char url[400];

	snprintf(url, sizeof(url), "http://127.0.0.1:8080/proxy/%s/api/v1/applications/%s/%s", app,
		 app, what);
	for (unsigned i = 0; i < asked_count; i++)
		if (strncmp(asked[i].url, url, strlen(url)) == 0)
			return &asked[i];
	return NULL;
}

/* Answer the question of one application that is under way. */
static void answer_status(const char *app, const char *what, int status, const char *body)
{
	struct asked *a = find_asked(app, what);
	struct asked taken;

	ck_assert_msg(a, "%s was not asked for its %s", app, what);
	taken = *a;
	*a = asked[--asked_count];
	taken.answer(taken.context, status, body, strlen(body));
}

static void answer(const char *app, const char *what, const char *body)
{
	answer_status(app, what, 200, body);
}

/* ---- Spark's words */

#define STAGE(id, attempt, tasks, completed, active)                           \
	"{\"stageId\":" #id ",\"attemptId\":" #attempt ",\"numTasks\":" #tasks \
	",\"numCompletedIndices\":" #completed ",\"numActiveTasks\":" #active  \
	",\"numFailedTasks\":0,\"name\":\"s\"}"
#define EXECUTOR(id, host, active) \
	"{\"id\":\"" #id "\",\"hostPort\":\"" host ":1\",\"activeTasks\":" #active "}"
#define ON_0(active)	  EXECUTOR(0, "127.0.0.10", active)
#define ON_1(active)	  EXECUTOR(1, "127.0.0.11", active)
#define ENVIRONMENT(cpus) "{\"sparkProperties\":[[\"spark.task.cpus\",\"" #cpus "\"]]}"
#define STARTING	  "Spark is starting up. Please wait a while until it's ready."

/* ---- the watch, and a clock that begins at 100 s */

static struct task_watch *watch;
static unsigned changes;
static uint64_t now;

static void on_change(void *context)
{
	ck_assert_ptr_eq(context, &changes);
	changes++;
}

static void begin(void)
{
	static struct plan p;

	p.slice_count = 3;
	for (unsigned i = 0; i < p.slice_count; i++)
		p.slices[i].address = 0x7f00000a + i;
	task_watch_begin(watch, "127.0.0.1", 8080, &p);
}

static void setup(void)
{
	struct err e;

	asked_count = sent_count = changes = 0;
	refusal = 0;
	now = 100000 * ms;
	ck_assert_int_eq(task_watch_open(NULL, on_change, &changes, &watch, &e), 0);
	begin();
}

static void teardown(void)
{
	task_watch_close(watch);
	ck_assert_uint_eq(asked_count, 0); /* all of it dropped */
	task_watch_close(NULL);
}

static void list(const char *first, const char *second)
{
	static struct master_state m;

	m.app_count = 0;
	if (first)
		string_copy(m.apps[m.app_count++], first);
	if (second)
		string_copy(m.apps[m.app_count++], second);
	task_watch_apps(watch, &m, now);
}

static void tick_at(enum task_watch_pace pace)
{
	task_watch_tick(watch, pace, now);
	ck_assert_uint_gt(task_watch_deadline(watch), now); /* nothing due is left */
}

static void tick(void)
{
	tick_at(TASK_WATCH_SELDOM);
}

static void tick_after(uint64_t milliseconds)
{
	now += milliseconds * ms;
	tick();
}

static uint64_t deadline_ms(void)
{
	uint64_t at = task_watch_deadline(watch);

	return at == UINT64_MAX ? at : (at - now) / ms;
}

static struct sample fill(unsigned slice)
{
	struct sample s = {.known = SAMPLE_PRESSURE};

	task_watch_fill(watch, slice, now, &s);
	ck_assert_uint_eq(s.known & ~(unsigned)SAMPLE_TASKS, SAMPLE_PRESSURE);
	return s;
}

static bool is_known(unsigned slice)
{
	return fill(slice).known & SAMPLE_TASKS;
}

static void why_has(const char *text)
{
	ck_assert_msg(strstr(task_watch_why(watch), text), "\"%s\" has no \"%s\"",
		      task_watch_why(watch), text);
}

/* An application that has said all that it is asked for at first. */
static void heard(const char *app, const char *executors, const char *stages)
{
	tick();
	answer(app, "executors", executors);
	tick();
	answer(app, "stages", stages);
	answer(app, "environment", ENVIRONMENT(1));
}

/* ---- what is known */

START_TEST(nothing_runs)
{
	ck_assert(!is_known(0));
	why_has("the Master has not said yet");
	ck_assert_uint_eq(task_watch_deadline(watch), UINT64_MAX);
	list(NULL, NULL);
	tick();
	ck_assert(is_known(0) && is_known(2) && !is_known(3));
	ck_assert_uint_eq(fill(0).tasks_at_ns, now);
	ck_assert_uint_eq(fill(0).tasks_running + fill(0).tasks_pending, 0);
	ck_assert_uint_eq(fill(0).task_cpus, 1);
	ck_assert_str_eq(task_watch_why(watch), "");
	task_watch_trigger(watch, now);
	ck_assert_uint_eq(task_watch_deadline(watch), UINT64_MAX);
	tick_after(10000);
	ck_assert(is_known(0));
	tick_after(1);
	ck_assert(!is_known(0));
	why_has("the Master has not said for ten seconds");
	ck_assert_uint_eq(sent_count, 0);
}
END_TEST

START_TEST(one_application)
{
	list("app-1", NULL);
	ck_assert(!is_known(0));
	why_has("application app-1 has not answered yet");
	ck_assert(task_watch_is_asking(watch));
	tick();
	ck_assert_uint_eq(sent_count, 1); /* the rest when it is there at all */
	ck_assert_uint_eq(find_asked("app-1", "executors")->timeout_ms, 4000);
	answer("app-1", "executors", "[" ON_0(2) "," ON_1(0) "]");
	ck_assert_uint_eq(changes, 1);
	ck_assert(!is_known(0) && is_known(2));
	why_has("application app-1 has not answered yet");
	now += 3 * ms;
	tick();
	ck_assert_uint_eq(asked_count, 2);
	ck_assert_uint_eq(find_asked("app-1", "stages")->timeout_ms, 1000);
	answer("app-1", "stages", "[" STAGE(4, 0, 9, 1, 2) "]");
	ck_assert_uint_eq(changes, 2);
	ck_assert_uint_eq(fill(0).task_cpus, 1); /* as long as nobody has said */
	ck_assert(task_watch_is_asking(watch));
	answer("app-1", "environment", ENVIRONMENT(2));
	ck_assert(!task_watch_is_asking(watch));
	ck_assert_str_eq(task_watch_why(watch), "");
	for (unsigned slice = 0; slice < 2; slice++) {
		struct sample s = fill(slice);

		ck_assert(s.known & SAMPLE_TASKS);
		ck_assert_uint_eq(s.tasks_at_ns, now - 3 * ms); /* of the older question */
		ck_assert_uint_eq(s.stages, 1);
		ck_assert_uint_eq(s.tasks_running, slice ? 0 : 2);
		ck_assert_uint_eq(s.tasks_pending, 6);
		ck_assert_uint_eq(s.task_cpus, 2);
		ck_assert_uint_eq(task_watch_executors(watch, slice), 1);
	}
	ck_assert_uint_eq(fill(2).stages, 0);
	ck_assert_uint_eq(fill(2).tasks_pending, 0);
	ck_assert_uint_eq(task_watch_executors(watch, 2), 0);
	ck_assert_uint_eq(task_watch_executors(watch, 64), 0);
	tick_after(5000);
	ck_assert_uint_eq(asked_count, 2); /* the environment once */
	ck_assert_uint_eq(find_asked("app-1", "executors")->timeout_ms, 1000);
}
END_TEST

START_TEST(two_applications)
{
	list("app-1", "app-2");
	heard("app-1", "[" ON_0(1) "," ON_1(3) "]", "[" STAGE(0, 0, 6, 0, 4) "]");
	ck_assert(!is_known(0) && !is_known(2)); /* the other may run anywhere */
	why_has("app-2");
	answer("app-2", "executors", "[" EXECUTOR(0, "127.0.0.11", 1) "]");
	ck_assert(is_known(0) && !is_known(1) && is_known(2));
	tick();
	answer("app-2", "environment", ENVIRONMENT(4));
	answer("app-2", "stages", "[" STAGE(0, 0, 2, 0, 1) "," STAGE(1, 0, 1, 0, 0) "]");
	ck_assert(is_known(1));
	ck_assert_uint_eq(fill(0).tasks_pending, 2);
	ck_assert_uint_eq(fill(1).tasks_pending, 2 + 2);
	ck_assert_uint_eq(fill(1).tasks_running, 4);
	ck_assert_uint_eq(fill(0).stages, 1);
	ck_assert_uint_eq(fill(1).stages, 3);
	ck_assert_uint_eq(fill(0).task_cpus, 1);
	ck_assert_uint_eq(fill(1).task_cpus, 4);
	ck_assert_uint_eq(task_watch_executors(watch, 1), 2);
	ck_assert(task_watch_has_executor(watch, "app-1", "1"));
	ck_assert(!task_watch_has_executor(watch, "app-2", "1"));
	ck_assert(!task_watch_has_executor(watch, "app-3", "0"));
	/* Where both run, it is as old as the older one. */
	now += ms;
	task_watch_ask(watch, now);
	tick();
	answer("app-2", "executors", "[" EXECUTOR(0, "127.0.0.11", 1) "]");
	answer("app-2", "stages", "[]");
	ck_assert_uint_eq(fill(1).tasks_at_ns, now - ms);
	answer("app-1", "executors", "[" ON_0(1) "," ON_1(3) "]");
	answer("app-1", "stages", "[]");
	ck_assert_uint_eq(fill(1).tasks_at_ns, now);
	/* One that is gone takes its tasks along, but what began has begun. */
	list("app-1", NULL);
	ck_assert_uint_eq(fill(1).tasks_running, 3);
	ck_assert_uint_eq(fill(1).stages, 3);
	ck_assert(!task_watch_has_executor(watch, "app-2", "0"));
}
END_TEST

/* It has said where it runs, and then says nothing more. */
START_TEST(one_of_two_falls_silent)
{
	list("app-1", "app-2");
	heard("app-1", "[" ON_0(1) "]", "[]");
	answer("app-2", "executors", "[" ON_1(0) "]");
	tick();
	answer("app-2", "stages", "[]");
	answer("app-2", "environment", ENVIRONMENT(1));
	for (unsigned seconds = 0; seconds <= 10; seconds++) {
		ck_assert(is_known(0) && is_known(1) && is_known(2));
		now += 1000 * ms;
		list("app-1", "app-2");
		tick();
		if (find_asked("app-1", "executors")) {
			answer("app-1", "executors", "[" ON_0(1) "]");
			answer("app-1", "stages", "[]");
		}
		if (find_asked("app-2", "executors"))
			answer_status("app-2", "executors", -ETIMEDOUT, "");
	}
	ck_assert(is_known(0) && !is_known(1) && is_known(2));
	why_has("application app-2 does not answer within 1000 ms when asked for its executors");
	ck_assert_uint_eq(task_watch_executors(watch, 1), 1);
}
END_TEST

START_TEST(too_many_applications)
{
	static struct master_state m = {.apps_left_out = 1};

	task_watch_apps(watch, &m, now);
	ck_assert(!is_known(0));
	why_has("more than 64 applications");
	m.apps_left_out = 0;
	for (m.app_count = 0; m.app_count < REST_APPS; m.app_count++)
		snprintf(m.apps[m.app_count], sizeof(m.apps[0]), "app-%u", m.app_count);
	task_watch_apps(watch, &m, now);
	tick();
	ck_assert_uint_eq(asked_count, REST_APPS);
	for (unsigned i = 0; i < REST_APPS; i++) {
		ck_assert(!is_known(0));
		answer(m.apps[i], "executors", "[]");
	}
	ck_assert(is_known(0));
}
END_TEST

START_TEST(a_new_plan_forgets)
{
	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[" STAGE(0, 0, 6, 0, 1) "]");
	task_watch_ask(watch, ++now);
	tick();
	ck_assert_uint_eq(asked_count, 2);
	begin();
	ck_assert_uint_eq(asked_count, 0);
	ck_assert(!is_known(0));
	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[" STAGE(0, 0, 6, 0, 1) "]");
	ck_assert_uint_ge(fill(0).stages, 1); /* never less */
}
END_TEST

/* ---- when it is asked */

START_TEST(seldom_by_itself)
{
	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[]");
	ck_assert_uint_eq(deadline_ms(), 5000);
	tick_after(4999);
	ck_assert_uint_eq(asked_count, 0);
	tick_after(1);
	ck_assert_uint_eq(asked_count, 2);
	ck_assert_uint_eq(task_watch_deadline(watch), UINT64_MAX); /* answers wake the loop */
	answer("app-1", "executors", "[" ON_0(1) "]");
	answer("app-1", "stages", "[]");
	tick();
	now += 999 * ms;
	tick_at(TASK_WATCH_LENDING);
	ck_assert_uint_eq(asked_count, 0);
	ck_assert_uint_eq(deadline_ms(), 1);
	now += ms;
	tick_at(TASK_WATCH_LENDING);
	ck_assert_uint_eq(asked_count, 2);
	answer("app-1", "executors", "[]"); /* no executors: no stages of interest */
	answer("app-1", "stages", "[]");
	tick_after(5000);
	ck_assert_uint_eq(asked_count, 1);
}
END_TEST

static void answer_both(void)
{
	answer("app-1", "executors", "[" ON_0(1) "]");
	answer("app-1", "stages", "[]");
}

/* An application that takes long to answer is asked less often, where nobody waits for it. */
START_TEST(the_slow_are_asked_less)
{
	static const struct {
		unsigned took_ms, period_ms;
	} cases[] = {{0, 1000}, {10, 1000}, {25, 2500}, {49, 4900}, {60, 5000}, {900, 5000}};

	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[]");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		now += 5000 * ms;
		list("app-1", NULL);
		tick_at(TASK_WATCH_LENDING);
		now += cases[i].took_ms * ms;
		answer_both();
		tick_at(TASK_WATCH_LENDING);
		ck_assert_uint_eq(deadline_ms(), cases[i].period_ms - cases[i].took_ms);
		tick_at(TASK_WATCH_STARTING);
		ck_assert_uint_eq(deadline_ms(), 1000 - cases[i].took_ms);
		tick();
		ck_assert_uint_eq(deadline_ms(), 5000 - cases[i].took_ms);
		/* A hint is no reason to hurry, and one is enough. */
		now += ms;
		task_watch_hint(watch, now);
		ck_assert_uint_eq(deadline_ms(), cases[i].period_ms - cases[i].took_ms - 1);
		tick_after(cases[i].period_ms - cases[i].took_ms - 1);
		ck_assert_uint_eq(asked_count, 2);
		answer_both();
		tick();
		ck_assert_uint_eq(deadline_ms(), 5000);
	}
}
END_TEST

START_TEST(a_trigger_and_its_repeats)
{
	static const uint64_t waits[] = {0, 50, 50, 100};

	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[]");
	now += 7 * ms;
	task_watch_trigger(watch, now);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(deadline_ms(), waits[i]);
		if (waits[i]) {
			tick_after(waits[i] - 1);
			ck_assert_uint_eq(asked_count, 0);
			now += ms;
		}
		ck_assert(!i || !task_watch_is_asking(watch));
		tick();
		ck_assert_uint_eq(asked_count, 2);
		ck_assert(task_watch_is_asking(watch));
		answer_both();
		ck_assert(!task_watch_is_asking(watch));
		ck_assert_uint_eq(fill(0).tasks_at_ns, now);
		task_watch_trigger(watch, now); /* adds nothing, but after the last one */
		if (i == 3)
			break;
		tick();
		ck_assert_uint_eq(asked_count, 0);
	}
	ck_assert_uint_eq(deadline_ms(), 0);
}
END_TEST

/* Somebody who triggers all the time is not worth all of the Master's time. */
START_TEST(triggers_without_end)
{
	unsigned rounds[10] = {0};

	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[]");
	for (unsigned turn = 0; turn < 10000; turn++) {
		unsigned sent = sent_count;

		task_watch_trigger(watch, now);
		list("app-1", NULL);
		tick();
		rounds[turn / 1000] += (sent_count - sent) / 2;
		if (sent_count > sent)
			answer_both();
		now += ms;
	}
	ck_assert_uint_ge(rounds[0], 12); /* those saved while nothing happened */
	for (unsigned i = 2; i < 10; i++)
		ck_assert_msg(rounds[i] >= 1 && rounds[i] <= 6, "second %u: %u rounds", i,
			      rounds[i]);
	/* And then, after some quiet, as at first. */
	tick_after(5000);
	answer_both();
	now += ms;
	task_watch_trigger(watch, now);
	tick();
	answer_both();
	ck_assert_uint_eq(deadline_ms(), 50);
}
END_TEST

/* A question that was under way when something happened says nothing of it. */
START_TEST(asked_again_when_answered)
{
	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[]");
	tick_after(5000);
	ck_assert_uint_eq(asked_count, 2);
	now += 3 * ms;
	task_watch_trigger(watch, now);
	tick();
	ck_assert_uint_eq(asked_count, 2);
	tick_after(500); /* all repeats go by */
	ck_assert_uint_eq(sent_count, 5);
	answer_both();
	ck_assert_uint_eq(fill(0).tasks_at_ns, now - 503 * ms);
	tick();
	ck_assert_uint_eq(asked_count, 2);
	answer_both();
	ck_assert_uint_eq(fill(0).tasks_at_ns, now);
	ck_assert_uint_eq(deadline_ms(), 5000);
	task_watch_ask(watch, now + ms);
	now += ms;
	ck_assert(task_watch_is_asking(watch));
	tick();
	answer_both();
	ck_assert_uint_eq(deadline_ms(), 5000); /* once */
}
END_TEST

/* ---- those that do not answer */

static void fails(int status, const char *body, const char *why)
{
	answer_status("app-1", "executors", status, body);
	why_has(why);
	ck_assert(!is_known(0));
	ck_assert_uint_eq(changes, 0);
}

START_TEST(what_is_no_answer)
{
	static const struct {
		int status;
		const char *body, *why;
	} cases[] = {
		{404, "<html>",
		 "application app-1 answers no REST (status 404): spark.ui.enabled "
		 "or spark.ui.reverseProxy is off"},
		{500, "", "answers no REST (status 500)"},
		{502, "", "does not reach the driver of application app-1 (status 502)"},
		{302, "[]", "answers no REST (status 302)"},
		{-ETIMEDOUT, "", "application app-1 does not answer within 4000 ms"},
		{-EFBIG, "[{", "application app-1 answers with more than 2 MiB"},
		{-ECONNREFUSED, "", "passes nothing on to application app-1: Connection refused"},
		{200, "",
		 "application app-1 answers with something else when asked for its "
		 "executors"},
		{200, "[{\"\x1b[2J", "something else"},
		{200, "{}", "something else"},
		{200, STARTING, "application app-1 is starting"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		list(NULL, NULL);
		list("app-1", NULL);
		tick();
		fails(cases[i].status, cases[i].body, cases[i].why);
	}
}
END_TEST

START_TEST(left_alone_for_longer)
{
	static const unsigned pauses_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};

	list("app-1", NULL);
	tick();
	for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(*pauses_ms); i++) {
		fails(404, "", "status 404");
		now += 17 * ms; /* the pause begins when it is noticed */
		tick();
		task_watch_trigger(watch, now); /* triggers do not shorten it */
		task_watch_ask(watch, now);
		tick_after(pauses_ms[i] - 1);
		ck_assert_uint_eq(asked_count, 0);
		ck_assert(!task_watch_is_asking(watch));
		ck_assert_uint_eq(deadline_ms(), 1);
		tick_after(1);
		ck_assert_uint_eq(asked_count, 1);
		list("app-1", NULL);
	}
	/* Once heard, it is as if nothing had been; and then it begins with a second again. */
	answer("app-1", "executors", "[]");
	ck_assert(is_known(0));
	tick_after(5000);
	changes = 0;
	answer_status("app-1", "executors", 404, "");
	tick();
	ck_assert_uint_eq(deadline_ms(), 1000);
}
END_TEST

START_TEST(starting_takes_no_longer)
{
	list("app-1", NULL);
	tick();
	for (int i = 0; i < 10; i++) {
		fails(200, STARTING, "application app-1 is starting");
		tick();
		ck_assert_uint_eq(deadline_ms(), 500);
		tick_after(500);
		list("app-1", NULL);
	}
	fails(404, "", "status 404");
	tick();
	ck_assert_uint_eq(deadline_ms(), 1000);
}
END_TEST

/* One kind fails: the others go on, and what is known is as old as the older. */
START_TEST(stages_fail)
{
	list("app-1", NULL);
	heard("app-1", "[" ON_0(1) "]", "[" STAGE(0, 0, 5, 0, 1) "]");
	for (unsigned seconds = 0; seconds < 10; seconds++) {
		now += 1000 * ms;
		list("app-1", NULL);
		tick_at(TASK_WATCH_LENDING);
		if (find_asked("app-1", "executors"))
			answer("app-1", "executors", "[" ON_0(3) "]");
		if (find_asked("app-1", "stages"))
			answer("app-1", "stages", "[[]]");
		ck_assert(is_known(0));
		ck_assert_uint_eq(fill(0).tasks_at_ns, 100000 * ms);
		ck_assert_uint_eq(fill(0).tasks_running, 3);
	}
	now += ms;
	tick_at(TASK_WATCH_LENDING);
	ck_assert(!is_known(0) && is_known(1));
	why_has("something else when asked for its stages");
}
END_TEST

START_TEST(the_environment_fails)
{
	list("app-1", NULL);
	tick();
	answer("app-1", "executors", "[" ON_0(1) "]");
	tick();
	answer("app-1", "stages", "[]");
	answer("app-1", "environment", STARTING);
	ck_assert(is_known(0));
	ck_assert_str_eq(task_watch_why(watch), "");
	tick();
	ck_assert_uint_eq(deadline_ms(), 500);
	tick_after(500);
	answer("app-1", "environment", ENVIRONMENT(3));
	ck_assert_uint_eq(fill(0).task_cpus, 3);
}
END_TEST

START_TEST(nothing_can_be_sent)
{
	list("app-1", NULL);
	refusal = -ENOMEM;
	task_watch_tick(watch, TASK_WATCH_SELDOM, now);
	refusal = 0;
	why_has("passes nothing on to application app-1: Cannot allocate memory");
	tick();
	ck_assert_uint_eq(deadline_ms(), 1000);
	tick_after(1000);
	ck_assert_uint_eq(asked_count, 1);
}
END_TEST

/* ---- anything, in any order */

static const char *const executors_texts[] = {
	"[]",
	"[" ON_0(1) "]",
	"[" ON_0(2) "," ON_1(1) "]",
	"[" ON_1(0) "," EXECUTOR(7, "10.0.0.1", 4) "]",
	"[" EXECUTOR(5, "127.0.0.12", 2147483647) "]",
	"[{]",
	STARTING,
};
static const char *const stages_texts[] = {
	"[]",
	"[" STAGE(0, 0, 6, 2, 1) "]",
	"[" STAGE(1, 0, 6, 0, 3) "," STAGE(0, 1, 1, 0, 0) "]",
	"[" STAGE(2, 0, 2147483647, 0, 0) "," STAGE(3, 0, 2147483647, 0, 0) "]",
	"nothing",
};
static const char *const environment_texts[] = {ENVIRONMENT(2), "{}", ENVIRONMENT(x)};

#define PICK(texts, random) texts[(random) % (sizeof(texts) / sizeof(*texts))]

static void answer_one(unsigned long long *random)
{
	static const int statuses[] = {200, 200, 200, 200, 404, -ETIMEDOUT, -EFBIG};
	unsigned i = (unsigned)(test_random(random) % asked_count);
	struct asked taken = asked[i];
	const char *body = strstr(taken.url, "/stages") ? PICK(stages_texts, test_random(random))
			   : strstr(taken.url, "/executors")
				   ? PICK(executors_texts, test_random(random))
				   : PICK(environment_texts, test_random(random));

	asked[i] = asked[--asked_count];
	taken.answer(taken.context, PICK(statuses, test_random(random)), body, strlen(body));
}

static void do_something(unsigned long long *random)
{
	static struct master_state m;

	switch (test_random(random) % 16) {
	case 0:
		m.app_count = 0;
		m.apps_left_out = test_random(random) % 16 == 0;
		for (unsigned i = 0; i < 4; i++)
			if (test_random(random) % 3)
				snprintf(m.apps[m.app_count++], sizeof(m.apps[0]), "app-%u", i);
		task_watch_apps(watch, &m, now);
		break;
	case 1:
		task_watch_trigger(watch, now);
		break;
	case 2:
		task_watch_ask(watch, now);
		break;
	case 3:
		task_watch_hint(watch, now);
		break;
	case 4:
		if (test_random(random) % 64 == 0)
			begin();
		break;
	default:
		if (asked_count)
			answer_one(random);
	}
}

static void check_slice(unsigned slice, uint64_t *stages, unsigned long seed, unsigned step)
{
	struct sample s = fill(slice);

	if (!(s.known & SAMPLE_TASKS)) {
		ck_assert_msg(!s.tasks_at_ns && !s.stages && !s.tasks_running && !s.tasks_pending &&
				      !s.task_cpus,
			      "seed %lu, step %u: told, but not known", seed, step);
		return;
	}
	ck_assert_msg(s.tasks_at_ns && s.tasks_at_ns <= now && now - s.tasks_at_ns <= 10000 * ms,
		      "seed %lu, step %u: asked %lu ns ago", seed, step,
		      (unsigned long)(now - s.tasks_at_ns));
	ck_assert_msg(s.stages >= *stages, "seed %lu, step %u: stages", seed, step);
	ck_assert_msg(s.task_cpus == 1 || s.task_cpus == 2, "seed %lu, step %u", seed, step);
	*stages = s.stages;
}

START_TEST(random_walk)
{
	unsigned long long random = test_seed();
	uint64_t stages[3] = {0};
	unsigned known = 0, unknown = 0;

	for (unsigned step = 0; step < 30000; step++) {
		do_something(&random);
		task_watch_tick(watch, test_random(&random) % 3, now);
		for (unsigned slice = 0; slice < 3; slice++)
			check_slice(slice, &stages[slice], test_seed(), step);
		/* All slices known: nothing to explain. None with applications: one sentence. */
		if (is_known(0) && is_known(1) && is_known(2)) {
			known++;
			ck_assert_msg(!*task_watch_why(watch), "seed %lu, step %u: %s", test_seed(),
				      step, task_watch_why(watch));
		} else {
			unknown++;
			ck_assert_msg(*task_watch_why(watch), "seed %lu, step %u", test_seed(),
				      step);
		}
		now += test_random(&random) % (300 * ms);
	}
	ck_assert_msg(known > 100 && unknown > 100, "seed %lu: %u known, %u not", test_seed(),
		      known, unknown);
}
END_TEST

/* Each test begins with a watch of its own. */
static TCase *with_watch(TCase *c)
{
	tcase_add_checked_fixture(c, setup, teardown);
	return c;
}

TEST_MAIN("task_watch",
	  with_watch(test_case("known", nothing_runs, one_application, two_applications,
			       one_of_two_falls_silent, too_many_applications, a_new_plan_forgets)),
	  with_watch(test_case("when", seldom_by_itself, the_slow_are_asked_less,
			       a_trigger_and_its_repeats, triggers_without_end,
			       asked_again_when_answered)),
	  with_watch(test_case("silent", what_is_no_answer, left_alone_for_longer,
			       starting_takes_no_longer, stages_fail, the_environment_fails,
			       nothing_can_be_sent)),
	  with_watch(test_case("random", random_walk)))
