#include "launcher/spark/task_watch.h"

#include <errno.h>
#include <limits.h>

#include "decision/base/strings.h"
#include "launcher/spark/application.h"

enum question_kind {
	ASK_EXECUTORS,
	ASK_STAGES,
	ASK_ENVIRONMENT, /* once */
	QUESTIONS,
};

enum {
	TIMEOUT_MS = 1000,
	/* A driver's REST begins with the first question: measured, 2.0 … 2.6 s on a busy machine. */
	FIRST_TIMEOUT_MS = 4000,
	/*
	 * Room for EXECUTORS_MAX executors of 1.5 KB, or REST_STAGES stages of 3 KB and their
	 * accumulators.
	 */
	ANSWER_MAX = 2 << 20,
	WAVES = 4,
	WHY = 320, /* an application's id of 127 bytes, and a sentence */
};

static const uint64_t millisecond = 1000000;
static const uint64_t wave_ms[WAVES] = {0, 50, 100, 200};
/*
 * Each wave costs the Master and each driver two answers: measured with Spark 4.1.0 on two CPUs, 55
 * ms of CPU time at first and 15 ms after some 400 rounds. A job whose slices go to and
 * fro between busy and idle would trigger them all the time.
 */
static const uint64_t series_ms = 1000, series_saved_ms = 4000, single_ms = 1000;
static const uint64_t short_period_ms = 1000, long_period_ms = 5000;
static const unsigned times_took = 100; /* an application answers at most 1 % of the time */
static const uint64_t least_pause_ms = 1000, longest_pause_ms = 30000;
static const uint64_t starting_pause_ms = 500;
static const uint64_t old_ms = 10000;

static const char *const question_path[QUESTIONS] = {
	"executors", "stages?status=active&details=false", "environment"};
static const char *const question_name[QUESTIONS] = {"executors", "stages", "environment"};

struct watched;

struct question {
	struct watched *app;
	enum question_kind kind;
	bool under_way;
	uint64_t asked_ns; /* last; 0: never */
	bool is_answered;  /* since the last tick */
	uint64_t took_ns;  /* the last answer */
	uint64_t pause_ms; /* 0: it was answered, or never asked */
	uint64_t retry_ns; /* when the pause ends; 0: the next tick decides */
	char why[WHY];	   /* it was not answered; "": it was */
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
	uint64_t begun[SLICES_MAX]; /* stages */

	uint64_t apps_at_ns; /* when the Master was last heard; 0: not yet */
	unsigned app_count, apps_left_out;
	struct watched *apps[REST_APPS];

	uint64_t now_ns; /* the last that was told */
	enum task_watch_pace pace;
	uint64_t hint_ns;     /* what was asked before this is asked again soon */
	uint64_t series_ns;   /* when the waves of the last trigger began */
	unsigned next_wave;   /* WAVES: all have passed */
	uint64_t wave_ns;     /* what was asked before this is asked again */
	uint64_t paid_for_ns; /* up to when series have used what they may cost */
};

static bool is_fresh(uint64_t then_ns, uint64_t now_ns)
{
	return then_ns && (then_ns >= now_ns || now_ns - then_ns <= old_ms * millisecond);
}

/* ---- questions */

static unsigned timeout_ms(const struct question *q)
{
	return q->app->said.executors_at_ns ? TIMEOUT_MS : FIRST_TIMEOUT_MS;
}

static bool is_wanted(const struct question *q)
{
	const struct application *said = &q->app->said;

	switch (q->kind) {
	case ASK_EXECUTORS:
		return true;
	case ASK_STAGES:
		return said->slices;
	case ASK_ENVIRONMENT:
		return said->slices && !said->task_cpus;
	case QUESTIONS:
		break;
	}
	return false;
}

/* Until it is asked again while CPUs are lent. */
static uint64_t lending_period_ns(const struct question *q)
{
	uint64_t period = times_took * q->took_ns;

	if (period < short_period_ms * millisecond)
		return short_period_ms * millisecond;
	return period < long_period_ms * millisecond ? period : long_period_ms * millisecond;
}

static uint64_t period_ns(const struct question *q)
{
	const struct task_watch *w = q->app->watch;

	switch (w->pace) {
	case TASK_WATCH_SELDOM:
		return q->asked_ns < w->hint_ns ? lending_period_ns(q)
						: long_period_ms * millisecond;
	case TASK_WATCH_LENDING:
		return lending_period_ns(q);
	case TASK_WATCH_WAITING:
		break;
	}
	return short_period_ms * millisecond;
}

/* When it is to be asked; UINT64_MAX: not as things are. */
static uint64_t due_ns(const struct question *q)
{
	const struct task_watch *w = q->app->watch;

	if (q->under_way || !is_wanted(q))
		return UINT64_MAX;
	if (q->pause_ms)
		return q->retry_ns;
	if (q->asked_ns < w->wave_ns)
		return w->wave_ns;
	return q->asked_ns ? q->asked_ns + period_ns(q) : 0;
}

/*
 * It was answered with something else; "starting up" is a matter of seconds and costs the driver
 * nothing.
 */
static void put_off(struct question *q, bool is_starting)
{
	uint64_t pause = 2 * q->pause_ms;

	if (pause < least_pause_ms)
		pause = least_pause_ms;
	if (pause > longest_pause_ms)
		pause = longest_pause_ms;
	q->pause_ms = is_starting ? starting_pause_ms : pause;
	q->retry_ns = 0;
}

/*
 * The Master passes the question on. Spark 4.1.0 answers 500 ("Invalid URI host: null") for an
 * application without a UI, 404 without the proxy, and 502 when the driver is gone.
 */
static void explain(struct question *q, int status)
{
	const char *id = q->app->id, *name = question_name[q->kind];

	if (status == -ETIMEDOUT)
		snprintf(q->why, sizeof(q->why),
			 "application %s does not answer within %u ms when asked for its %s", id,
			 timeout_ms(q), name);
	else if (status == -EFBIG)
		snprintf(q->why, sizeof(q->why),
			 "application %s answers with more than %d MiB when asked for its %s", id,
			 ANSWER_MAX >> 20, name);
	else if (status == 200)
		snprintf(q->why, sizeof(q->why),
			 "application %s answers with something else when asked for its %s", id,
			 name);
	else if (status < 0)
		snprintf(q->why, sizeof(q->why),
			 "the Master passes nothing on to application %s: %s", id,
			 strerrordesc_np(-status));
	else if (status == 502 || status == 504)
		snprintf(q->why, sizeof(q->why),
			 "the Master does not reach the driver of application %s (status %d)", id,
			 status);
	else
		snprintf(
			q->why, sizeof(q->why),
			"application %s answers no REST (status %d): spark.ui.enabled or spark.ui.reverseProxy is off",
			id, status);
}

/*
 * What a driver's UI says until all that it waits for at the start is there (SparkUI.scala), with
 * status 200.
 */
static bool is_starting_up(const char *body)
{
	static const char text[] = "Spark is starting up";

	return strncmp(body, text, sizeof(text) - 1) == 0;
}

static int read_answer(struct question *q, const char *body, size_t size)
{
	struct watched *app = q->app;
	struct err ignored; /* may quote the answer, which is nothing to show on a terminal */

	switch (q->kind) {
	case ASK_EXECUTORS:
		return application_read_executors(&app->said, &app->watch->slices, body, size,
						  q->asked_ns, &ignored);
	case ASK_STAGES:
		return application_read_stages(&app->said, body, size, q->asked_ns, &ignored);
	case ASK_ENVIRONMENT:
		return application_read_environment(&app->said, body, size, &ignored);
	case QUESTIONS:
		break;
	}
	return -EINVAL;
}

static void on_answer(void *context, int status, const char *body, size_t size)
{
	struct question *q = context;
	struct task_watch *w = q->app->watch;

	q->under_way = false;
	if (status != 200 || read_answer(q, body, size)) {
		bool is_starting = status == 200 && is_starting_up(body);

		if (is_starting)
			snprintf(q->why, sizeof(q->why), "application %s is starting", q->app->id);
		else
			explain(q, status);
		put_off(q, is_starting);
		return;
	}
	q->is_answered = true;
	q->pause_ms = 0;
	q->why[0] = '\0';
	application_count_stages(&q->app->said, w->begun);
	/* Last: whoever hears it may begin anew, and `q` is gone. */
	w->changed(w->context);
}

static void send_question(struct task_watch *w, struct question *q)
{
	char url[sizeof(w->master) + 2 * sizeof(q->app->id) + 96];
	struct err e;

	snprintf(url, sizeof(url), "%s/proxy/%s/api/v1/applications/%s/%s", w->master, q->app->id,
		 q->app->id, question_path[q->kind]);
	q->asked_ns = w->now_ns;
	q->retry_ns = 0;
	if (rest_get_bounded(w->rest, url, timeout_ms(q), ANSWER_MAX, on_answer, q, &e) == 0) {
		q->under_way = true;
		return;
	}
	explain(q, e.code);
	put_off(q, false);
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

static void add(struct task_watch *w, const char *id)
{
	struct watched *app = calloc(1, sizeof(*app));

	if (!app || w->app_count == REST_APPS || string_copy(app->id, id)) {
		free(app);
		w->apps_left_out++; /* as if the Master had listed too many */
		return;
	}
	app->watch = w;
	for (unsigned kind = 0; kind < QUESTIONS; kind++)
		app->questions[kind] = (struct question){.app = app, .kind = kind};
	snprintf(app->questions[ASK_EXECUTORS].why, sizeof(app->questions[0].why),
		 "application %s has not answered yet", id);
	memcpy(app->questions[ASK_STAGES].why, app->questions[ASK_EXECUTORS].why,
	       sizeof(app->questions[0].why));
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
	if (!w)
		return;
	forget_all(w);
	free(w);
}

void task_watch_begin(struct task_watch *w, const char *master_address, int ui_port,
		      const struct plan *p)
{
	forget_all(w);
	snprintf(w->master, sizeof(w->master), "http://%s:%d", master_address, ui_port);
	w->slices.count = p->slice_count;
	for (unsigned i = 0; i < p->slice_count; i++)
		w->slices.items[i] = p->slices[i].address;
}

/* ---- time */

static bool may_begin_series(struct task_watch *w)
{
	const uint64_t saved_ns = series_saved_ms * millisecond;

	if (w->now_ns > saved_ns && w->paid_for_ns < w->now_ns - saved_ns)
		w->paid_for_ns = w->now_ns - saved_ns;
	if (w->paid_for_ns + series_ms * millisecond > w->now_ns)
		return false;
	w->paid_for_ns += series_ms * millisecond;
	return true;
}

void task_watch_trigger(struct task_watch *w, uint64_t now_ns)
{
	w->now_ns = now_ns;
	if (w->next_wave < WAVES)
		return;
	if (may_begin_series(w)) {
		w->series_ns = now_ns;
		w->next_wave = 0;
		return;
	}
	/* The last wave of a series alone, and no sooner than a second after the one before. */
	w->series_ns = w->wave_ns + (single_ms - wave_ms[WAVES - 1]) * millisecond;
	w->next_wave = WAVES - 1;
}

void task_watch_hint(struct task_watch *w, uint64_t now_ns)
{
	w->now_ns = w->hint_ns = now_ns;
}

void task_watch_ask(struct task_watch *w, uint64_t now_ns)
{
	w->now_ns = w->wave_ns = now_ns;
}

static uint64_t wave_due_ns(const struct task_watch *w)
{
	return w->next_wave < WAVES ? w->series_ns + wave_ms[w->next_wave] * millisecond
				    : UINT64_MAX;
}

static bool is_due(const struct question *q)
{
	uint64_t due = due_ns(q);

	return due != UINT64_MAX && due <= q->app->watch->now_ns;
}

static void tick_question(struct task_watch *w, struct question *q)
{
	/* The loop comes here at once after an answer. */
	if (q->is_answered)
		q->took_ns = w->now_ns - q->asked_ns;
	q->is_answered = false;
	if (q->pause_ms && !q->retry_ns)
		q->retry_ns = w->now_ns + q->pause_ms * millisecond;
	if (is_due(q))
		send_question(w, q);
}

void task_watch_tick(struct task_watch *w, enum task_watch_pace pace, uint64_t now_ns)
{
	w->now_ns = now_ns;
	w->pace = pace;
	while (now_ns >= wave_due_ns(w)) {
		w->wave_ns = wave_due_ns(w);
		w->next_wave++;
	}
	for (unsigned i = 0; i < w->app_count; i++)
		for (unsigned kind = 0; kind < QUESTIONS; kind++)
			tick_question(w, &w->apps[i]->questions[kind]);
}

uint64_t task_watch_deadline(const struct task_watch *w)
{
	uint64_t next = w->app_count ? wave_due_ns(w) : UINT64_MAX;

	for (unsigned i = 0; i < w->app_count; i++)
		for (unsigned kind = 0; kind < QUESTIONS; kind++) {
			uint64_t due = due_ns(&w->apps[i]->questions[kind]);

			next = due < next ? due : next;
		}
	return next;
}

bool task_watch_is_asking(const struct task_watch *w)
{
	for (unsigned i = 0; i < w->app_count; i++)
		for (unsigned kind = 0; kind < QUESTIONS; kind++) {
			const struct question *q = &w->apps[i]->questions[kind];

			if (q->under_way || is_due(q))
				return true;
		}
	return false;
}

/* ---- what is known */

/* An application that is silent is where it last was; if that was nowhere, it may be anywhere. */
static bool may_run_on(const struct watched *app, unsigned slice, uint64_t now_ns)
{
	if (app->said.slices)
		return app->said.slices >> slice & 1;
	return !is_fresh(app->said.executors_at_ns, now_ns);
}

/* The question that an application owes an answer; NULL: none. */
static const struct question *silent_question(const struct watched *app, uint64_t now_ns)
{
	if (!is_fresh(app->said.executors_at_ns, now_ns))
		return &app->questions[ASK_EXECUTORS];
	if (app->said.slices && !is_fresh(app->said.stages_at_ns, now_ns))
		return &app->questions[ASK_STAGES];
	return NULL;
}

static unsigned clamp(uint64_t value)
{
	return value < UINT_MAX ? (unsigned)value : UINT_MAX;
}

static void add_application(const struct application *said, unsigned slice, struct sample *s)
{
	uint64_t at = said->executors_at_ns < said->stages_at_ns ? said->executors_at_ns
								 : said->stages_at_ns;

	s->tasks_at_ns = s->tasks_at_ns && s->tasks_at_ns < at ? s->tasks_at_ns : at;
	s->tasks_running = clamp(s->tasks_running + said->running[slice]);
	s->tasks_pending = clamp(s->tasks_pending + application_pending(said));
	if (said->task_cpus > s->task_cpus)
		s->task_cpus = said->task_cpus;
}

void task_watch_fill(const struct task_watch *w, unsigned slice, uint64_t now_ns,
		     struct sample *out)
{
	struct sample s = {.task_cpus = 1};

	if (slice >= w->slices.count || w->apps_left_out || !is_fresh(w->apps_at_ns, now_ns))
		return;
	for (unsigned i = 0; i < w->app_count; i++) {
		if (!may_run_on(w->apps[i], slice, now_ns))
			continue;
		if (silent_question(w->apps[i], now_ns))
			return;
		add_application(&w->apps[i]->said, slice, &s);
	}
	out->known |= SAMPLE_TASKS;
	out->tasks_at_ns = s.tasks_at_ns ? s.tasks_at_ns : w->apps_at_ns;
	out->stages = w->begun[slice];
	out->tasks_running = s.tasks_running;
	out->tasks_pending = s.tasks_pending;
	out->task_cpus = s.task_cpus;
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
