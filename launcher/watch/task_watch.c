/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/watch/task_watch.h"

#include <errno.h>
#include <limits.h>

#include "decision/base/strings.h"
#include "launcher/system/json.h"
#include "launcher/watch/application.h"

enum question_kind {
	QUESTION_EXECUTORS,
	QUESTION_STAGES,
	QUESTION_ENVIRONMENT, /* once */
	QUESTIONS,
};

enum {
	TIMEOUT_MS = 1000,
	/* A driver's REST begins with the first question: 2.0 … 2.6 s on a busy machine. */
	FIRST_TIMEOUT_MS = 4000,
	WAVES = 4,
	WHY = 320, /* an application's id of 127 bytes, and a sentence */
};

#define MS(n) (UINT64_C(1000000) * (n))

static const uint64_t wave_ns[WAVES] = {0, MS(50), MS(100), MS(200)};
/*
 * What a wave costs is in launcher/spark/README.md, "Observing". A job whose slices go to and fro
 * between busy and idle would trigger them all the time.
 */
static const uint64_t series_ns = MS(1000), series_saved_ns = MS(4000), single_ns = MS(1000);
static const uint64_t short_period_ns = MS(1000), long_period_ns = MS(5000);
static const unsigned times_took = 100; /* an application answers at most 1 % of the time */
static const uint64_t least_pause_ns = MS(1000), longest_pause_ns = MS(30000);
static const uint64_t starting_pause_ns = MS(500);
static const uint64_t old_ns = MS(10000);

static const struct {
	const char *name, *path;
} questions[QUESTIONS] = {
	[QUESTION_EXECUTORS] = {"executors", "executors"},
	[QUESTION_STAGES] = {"stages", "stages?status=active&details=false"},
	[QUESTION_ENVIRONMENT] = {"environment", "environment"},
};

struct question {
	struct watched *app;
	enum question_kind kind;
	bool under_way;
	uint64_t requested_ns; /* last; 0: never */
	bool is_answered;      /* since the last tick */
	uint64_t took_ns;      /* the last answer */
	uint64_t pause_ns;     /* 0: it was answered, or never asked */
	uint64_t retry_ns;     /* when the pause ends; 0: the next tick decides */
	char why[WHY];	       /* it was not answered; "": it was */
};

/* One application of the Master's list. */
struct watched {
	struct task_watch *watch;
	char id[128];
	struct question questions[QUESTIONS];
	struct application said;
};

struct task_watch {
	struct rest *rest;
	task_watch_changed *changed;
	void *context;

	char master[96]; /* "http://127.0.0.1:8080"; "": not begun */
	struct slice_addresses slices;
	unsigned executors;	    /* the most that an application can have here */
	uint64_t begun[SLICES_MAX]; /* stages */

	uint64_t apps_at_ns; /* when the Master was last heard; 0: not yet */
	unsigned app_count, apps_left_out;
	struct watched *apps[MASTER_APPS];

	uint64_t now_ns; /* of the last call that had it */
	enum task_watch_pace pace;
	uint64_t hint_ns;      /* what was asked before this is asked again soon */
	uint64_t series_at_ns; /* when the waves of the last trigger began */
	unsigned next_wave;    /* WAVES: all have passed */
	uint64_t wave_at_ns;   /* what was asked before this is asked again */
	uint64_t paid_for_ns;  /* up to when series have used what they may cost */
};

static uint64_t between(uint64_t least, uint64_t value, uint64_t most)
{
	return value < least ? least : value < most ? value : most;
}

static bool is_fresh(uint64_t then_ns, uint64_t now_ns)
{
	return then_ns && (then_ns >= now_ns || now_ns - then_ns <= old_ns);
}

/* ---- questions */

static unsigned timeout_ms(const struct question *q)
{
	return q->app->said.executors_at_ns ? TIMEOUT_MS : FIRST_TIMEOUT_MS;
}

static uint64_t period_ns(const struct question *q)
{
	const struct task_watch *w = q->app->watch;
	uint64_t lending = between(short_period_ns, times_took * q->took_ns, long_period_ns);

	switch (w->pace) {
	case TASK_WATCH_SELDOM:
		return q->requested_ns < w->hint_ns ? lending : long_period_ns;
	case TASK_WATCH_LENDING:
		return lending;
	case TASK_WATCH_WAITING:
		break;
	}
	return short_period_ns;
}

/* When it is to be asked; UINT64_MAX: not as things are. */
static uint64_t due_ns(const struct question *q)
{
	const struct task_watch *w = q->app->watch;
	const struct application *said = &q->app->said;

	if (q->under_way || (q->kind != QUESTION_EXECUTORS && !said->slices) ||
	    (q->kind == QUESTION_ENVIRONMENT && said->task_cpus))
		return UINT64_MAX;
	if (q->pause_ns)
		return q->retry_ns;
	if (q->requested_ns < w->wave_at_ns)
		return w->wave_at_ns;
	return q->requested_ns ? q->requested_ns + period_ns(q) : 0;
}

/*
 * The Master passes the question on. Spark 4.1.0 answers 500 ("Invalid URI host: null") for an
 * application without a UI, 404 without the proxy, and 502 when the driver is gone.
 */
static void explain(struct question *q, int status)
{
	const char *id = q->app->id;
	char how[64] = "answers with something else";

	if (status == -ETIMEDOUT)
		snprintf(how, sizeof(how), "does not answer within %u ms", timeout_ms(q));
	else if (status == -EFBIG)
		snprintf(how, sizeof(how), "answers with more than a cluster of %u slices can have",
			 q->app->watch->slices.count);
	if (status == 200 || status == -ETIMEDOUT || status == -EFBIG || status == -EBADMSG)
		snprintf(q->why, WHY, "application %s %s when asked for its %s", id, how,
			 questions[q->kind].name);
	else if (status < 0)
		snprintf(q->why, WHY, "the Master passes nothing on to application %s: %s", id,
			 strerrordesc_np(-status));
	else if (status == 502 || status == 504)
		snprintf(q->why, WHY,
			 "the Master does not reach the driver of application %s (status %d)", id,
			 status);
	else if (status == 401 || status == 403)
		snprintf(
			q->why, WHY,
			"application %s does not take our token (status %d): it began with another "
			"security.ui, or has filters of its own",
			id, status);
	else
		snprintf(q->why, WHY,
			 "application %s answers no REST (status %d): spark.ui.enabled or "
			 "spark.ui.reverseProxy is off",
			 id, status);
}

/* It was not answered: leave it alone for a while, twice as long as the last time. */
static void put_off(struct question *q, int status)
{
	if (status != -EALREADY) /* a late answer is still to come: nothing is new */
		explain(q, status);
	q->pause_ns = between(least_pause_ns, 2 * q->pause_ns, longest_pause_ns);
	q->retry_ns = 0;
}

static int read_answer(struct question *q, const char *body, size_t size)
{
	struct application *said = &q->app->said;
	struct err ignored; /* may quote the answer, which is nothing to show on a terminal */

	switch (q->kind) {
	case QUESTION_EXECUTORS:
		return application_read_executors(said, &q->app->watch->slices, body, size,
						  q->requested_ns, &ignored);
	case QUESTION_STAGES:
		return application_read_stages(said, body, size, q->requested_ns, &ignored);
	case QUESTION_ENVIRONMENT:
	case QUESTIONS:
		break;
	}
	return application_read_environment(said, body, size, &ignored);
}

static void on_answer(void *context, int status, const char *body, size_t size)
{
	/* A driver's UI says so, with status 200, until all is there (SparkUI.scala). */
	static const char starting[] = "Spark is starting up";
	struct question *q = context;
	struct task_watch *w = q->app->watch;

	q->under_way = false;
	if (status == 200 && strncmp(body, starting, sizeof(starting) - 1) == 0) {
		/* Which takes seconds, and costs the driver nothing. */
		snprintf(q->why, WHY, "application %s is starting", q->app->id);
		q->pause_ns = starting_pause_ns;
		q->retry_ns = 0;
		return;
	}
	if (status != 200 || read_answer(q, body, size)) {
		put_off(q, status);
		return;
	}
	q->is_answered = true;
	q->pause_ns = 0;
	q->why[0] = '\0';
	application_count_stages(&q->app->said, w->begun);
	/* Last: whoever hears it may begin anew, and `q` is gone. */
	w->changed(w->context);
}

static void send_question(struct task_watch *w, struct question *q)
{
	const struct json_limits most[QUESTIONS] = {
		[QUESTION_EXECUTORS] = application_executors_limits(w->slices.count, w->executors),
		[QUESTION_STAGES] = application_stages_limits,
		[QUESTION_ENVIRONMENT] = application_environment_limits,
	};
	char url[sizeof(w->master) + 2 * sizeof(q->app->id) + 96];
	struct err e;

	snprintf(url, sizeof(url), "%s/proxy/%s/api/v1/applications/%s/%s", w->master, q->app->id,
		 q->app->id, questions[q->kind].path);
	q->requested_ns = w->now_ns;
	q->retry_ns = 0;
	q->under_way = rest_get(w->rest, url, timeout_ms(q), &most[q->kind], on_answer, q, &e) == 0;
	if (!q->under_way)
		put_off(q, e.code);
}

/* ---- applications */

static void forget(struct task_watch *w, unsigned index)
{
	struct watched *app = w->apps[index];

	for (unsigned kind = 0; kind < QUESTIONS; kind++)
		rest_drop(w->rest, &app->questions[kind]);
	free(app);
	w->apps[index] = w->apps[--w->app_count];
}

static struct watched *find(const struct task_watch *w, const char *id)
{
	for (unsigned i = 0; i < w->app_count; i++)
		if (strcmp(w->apps[i]->id, id) == 0)
			return w->apps[i];
	return NULL;
}

/* There is room: those that are not on the Master's list have been forgotten. */
static void add(struct task_watch *w, const char *id)
{
	struct watched *app = calloc(1, sizeof(*app));

	if (!app || string_copy(app->id, id)) {
		free(app);
		w->apps_left_out++; /* as if the Master had listed too many */
		return;
	}
	app->watch = w;
	for (unsigned kind = 0; kind < QUESTIONS; kind++) {
		struct question *q = &app->questions[kind];

		*q = (struct question){.app = app, .kind = kind};
		snprintf(q->why, WHY, "application %s has not answered yet", id);
	}
	w->apps[w->app_count++] = app;
}

static bool is_listed(const struct master_state *m, const char *id)
{
	for (unsigned i = 0; i < m->app_count; i++)
		if (strcmp(m->apps[i], id) == 0)
			return true;
	return false;
}

void task_watch_apps(struct task_watch *w, const struct master_state *m, uint64_t now_ns)
{
	w->now_ns = w->apps_at_ns = now_ns;
	w->apps_left_out = m->apps_left_out;
	for (unsigned i = w->app_count; i-- > 0;)
		if (!is_listed(m, w->apps[i]->id))
			forget(w, i);
	for (unsigned i = 0; i < m->app_count; i++)
		if (!find(w, m->apps[i]))
			add(w, m->apps[i]);
}

int task_watch_open(struct rest *rest, task_watch_changed *changed, void *context,
		    struct task_watch **out, struct err *e)
{
	struct task_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	w->rest = rest;
	w->changed = changed;
	w->context = context;
	w->next_wave = WAVES;
	*out = w;
	return 0;
}

static void forget_all(struct task_watch *w)
{
	while (w->app_count)
		forget(w, w->app_count - 1);
	w->apps_at_ns = 0;
	w->apps_left_out = 0;
}

void task_watch_close(struct task_watch *w)
{
	if (w)
		forget_all(w);
	free(w);
}

void task_watch_begin(struct task_watch *w, const char *master_address, int ui_port,
		      const struct plan *p)
{
	forget_all(w);
	snprintf(w->master, sizeof(w->master), "http://%s:%d", master_address, ui_port);
	w->slices.count = p->slice_count;
	w->executors = 1; /* the driver is listed, too */
	for (unsigned i = 0; i < p->slice_count; i++) {
		w->slices.items[i] = p->slices[i].address;
		w->executors += p->slices[i].slots; /* one takes at least one */
	}
}

/* ---- time */

void task_watch_trigger(struct task_watch *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	if (w->next_wave < WAVES)
		return;
	if (w->paid_for_ns + series_saved_ns < now_ns)
		w->paid_for_ns = now_ns - series_saved_ns;
	if (w->paid_for_ns + series_ns <= now_ns) {
		w->paid_for_ns += series_ns;
		w->series_at_ns = now_ns;
		w->next_wave = 0;
		return;
	}
	/* The last wave of a series alone, and no sooner than a second after the one before. */
	w->series_at_ns = w->wave_at_ns + single_ns - wave_ns[WAVES - 1];
	w->next_wave = WAVES - 1;
}

void task_watch_hint(struct task_watch *w, uint64_t now_ns)
{
	w->now_ns = w->hint_ns = now_ns;
}

void task_watch_request(struct task_watch *w, uint64_t now_ns)
{
	w->now_ns = w->wave_at_ns = now_ns;
}

static uint64_t wave_due_ns(const struct task_watch *w)
{
	return w->next_wave < WAVES ? w->series_at_ns + wave_ns[w->next_wave] : UINT64_MAX;
}

void task_watch_tick(struct task_watch *w, enum task_watch_pace pace, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->pace = pace;
	while (now_ns >= wave_due_ns(w)) {
		w->wave_at_ns = wave_due_ns(w);
		w->next_wave++;
	}
	for (unsigned i = 0; i < w->app_count * QUESTIONS; i++) {
		struct question *q = &w->apps[i / QUESTIONS]->questions[i % QUESTIONS];

		/* The loop comes here at once after an answer. */
		if (q->is_answered)
			q->took_ns = now_ns - q->requested_ns;
		q->is_answered = false;
		if (q->pause_ns && !q->retry_ns)
			q->retry_ns = now_ns + q->pause_ns;
		if (due_ns(q) <= now_ns)
			send_question(w, q);
	}
}

uint64_t task_watch_deadline(const struct task_watch *w)
{
	uint64_t next = w->app_count ? wave_due_ns(w) : UINT64_MAX;

	for (unsigned i = 0; i < w->app_count * QUESTIONS; i++) {
		uint64_t due = due_ns(&w->apps[i / QUESTIONS]->questions[i % QUESTIONS]);

		next = due < next ? due : next;
	}
	return next;
}

bool task_watch_is_requesting(const struct task_watch *w)
{
	for (unsigned i = 0; i < w->app_count * QUESTIONS; i++) {
		const struct question *q = &w->apps[i / QUESTIONS]->questions[i % QUESTIONS];

		if (q->under_way || due_ns(q) <= w->now_ns)
			return true;
	}
	return false;
}

/* ---- what is known */

/* The question that an application owes an answer; NULL: none. */
static const struct question *silent_question(const struct watched *app, uint64_t now_ns)
{
	if (!is_fresh(app->said.executors_at_ns, now_ns))
		return &app->questions[QUESTION_EXECUTORS];
	if (app->said.slices && !is_fresh(app->said.stages_at_ns, now_ns))
		return &app->questions[QUESTION_STAGES];
	return NULL;
}

void task_watch_fill(const struct task_watch *w, unsigned slice, uint64_t now_ns,
		     struct sample *out)
{
	uint64_t at = UINT64_MAX, running = 0, pending = 0;
	unsigned task_cpus = 1;

	if (slice >= w->slices.count || w->apps_left_out || !is_fresh(w->apps_at_ns, now_ns))
		return;
	for (unsigned i = 0; i < w->app_count; i++) {
		const struct application *said = &w->apps[i]->said;

		/* A silent one is where it last was; if that was nowhere, it may be anywhere. */
		if (said->slices ? !(said->slices >> slice & 1)
				 : is_fresh(said->executors_at_ns, now_ns))
			continue;
		if (silent_question(w->apps[i], now_ns))
			return;
		at = said->executors_at_ns < at ? said->executors_at_ns : at;
		at = said->stages_at_ns < at ? said->stages_at_ns : at;
		running += said->running[slice];
		pending += application_pending(said);
		task_cpus = said->task_cpus > task_cpus ? said->task_cpus : task_cpus;
	}
	out->known |= SAMPLE_TASKS;
	out->tasks_at_ns = at < UINT64_MAX ? at : w->apps_at_ns;
	out->stages = w->begun[slice];
	out->tasks_running = running < UINT_MAX ? (unsigned)running : UINT_MAX;
	out->tasks_pending = pending < UINT_MAX ? (unsigned)pending : UINT_MAX;
	out->task_cpus = task_cpus;
}

unsigned task_watch_executors(const struct task_watch *w, unsigned slice)
{
	unsigned count = 0;

	for (unsigned i = 0; slice < w->slices.count && i < w->app_count; i++)
		count += w->apps[i]->said.executors[slice];
	return count;
}

bool task_watch_has_executor(const struct task_watch *w, const char *app, const char *executor)
{
	const struct watched *found = find(w, app);

	return found && application_has_executor(&found->said, executor);
}

const char *task_watch_why(const struct task_watch *w)
{
	if (!w->apps_at_ns)
		return "the Master has not said yet which applications run";
	if (!is_fresh(w->apps_at_ns, w->now_ns))
		return "the Master has not said for ten seconds which applications run";
	if (w->apps_left_out)
		return "the Master lists more than 64 applications, or one without a name";
	for (unsigned i = 0; i < w->app_count; i++) {
		const struct question *q = silent_question(w->apps[i], w->now_ns);

		if (q && q->why[0])
			return q->why;
		if (q) /* it answered once, and is asked again at the next tick */
			return "Spark has not been asked for ten seconds";
	}
	return "";
}
