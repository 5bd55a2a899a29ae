#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>

#include "decision/base/cleanup.h"
#include "launcher/supervisor/monitor.h"

enum {
	POLL_SOON_MS = 100, /* while something has to register */
	POLL_STEADY_MS = 5000,
	POLL_TIMEOUT_MS = 2000,
	SAMPLE_MS = 1000,
	ASK_TIMEOUT_MS = 1000, /* an answer to `status` waits at most so long for Spark */
};

static const uint64_t millisecond = 1000000;

/* ---- daemons */

static void start_daemon(struct supervisor *s, struct daemon *d)
{
	struct err e;
	int r;

	lend_slice_starts(s);
	r = daemon_spawn(d, s->driver, s->state, &e);
	s->dirty = true;
	if (!r) {
		s->has_logs = true;
		events_note(&s->events, "start", d->name, "its process was started",
			    {"pid", d->process.pid}, {"restarts", d->life.restarts});
		return;
	}
	events_note(&s->events, "start-failed", d->name, e.msg, {"errno", -e.code});
	apply_note_failure(s, &e);
	watch_event(s, d, WORKER_EXITED);
}

static void kill_daemon(struct supervisor *s, struct daemon *d)
{
	struct err e;

	if (daemon_kill(d, s->driver, &e))
		events_note(&s->events, "kill-failed", d->name, e.msg, {"errno", -e.code});
}

/* Five exits in ten minutes are the cluster's matter, not only the daemon's. */
static void note_degraded(struct supervisor *s, const struct daemon *d)
{
	s->state->phase = PHASE_DEGRADED;
	snprintf(
		s->state->why, sizeof(s->state->why),
		"%s ended %d times within %d minutes and is not restarted: see its log, then run up",
		d->name, WORKER_EXITS, WORKER_EXITS_WITHIN_S / 60);
	events_note(&s->events, "degraded", d->name, s->state->why, {"exits", WORKER_EXITS});
}

void watch_event(struct supervisor *s, struct daemon *d, enum worker_event event)
{
	enum worker_state before = d->life.state;

	switch (worker_step(&d->life, event, s->now_ns)) {
	case WORKER_DO_NOTHING:
		break;
	case WORKER_DO_SPAWN:
		start_daemon(s, d);
		break;
	case WORKER_DO_TERMINATE:
		daemon_signal(d, SIGTERM);
		break;
	case WORKER_DO_KILL:
		kill_daemon(s, d);
		break;
	}
	if (d->life.state == before)
		return;
	s->dirty = true;
	s->poll_at_ns = s->now_ns;
	if (d->life.state == WORKER_DEGRADED)
		note_degraded(s, d);
}

void watch_exit(struct supervisor *s, struct daemon *d)
{
	pid_t pid = d->process.pid;
	bool is_expected = d->life.state == WORKER_STOPPING;
	char how[64];
	struct err e;

	daemon_reap(d);
	daemon_exit_text(d, how, sizeof(how));
	events_note(&s->events, "exit", d->name, how, {"pid", pid}, {"expected", is_expected});
	if (!is_expected && (s->stage == STAGE_MASTER || s->stage == STAGE_WORKERS)) {
		supervisor_report_log(s, d);
		err_set(&e, -ECHILD, "%s %s while the cluster was starting: see its log %s",
			d->name, how, d->log);
		apply_note_failure(s, &e);
	}
	watch_event(s, d, WORKER_EXITED);
}

/* ---- what Spark says */

static const struct master_worker *listed(const struct master_state *m, uint32_t address)
{
	struct in_addr a;

	for (unsigned i = 0; i < m->worker_count; i++)
		if (strcmp(m->workers[i].state, "ALIVE") == 0 &&
		    inet_pton(AF_INET, m->workers[i].host, &a) == 1 && ntohl(a.s_addr) == address)
			return &m->workers[i];
	return NULL;
}

static void compare_workers(struct supervisor *s)
{
	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		bool alive = listed(s->seen, s->state->plan.slices[i].address);

		watch_event(s, &s->daemons[i], alive ? WORKER_REGISTERED : WORKER_LOST);
	}
}

/* Whether the one that answers is our master, at the port it was told. */
static bool is_our_master(struct supervisor *s)
{
	char url[PROFILE_WORD + 32];
	struct err e;

	snprintf(url, sizeof(url), "spark://%s:%d", s->state->master.address,
		 s->state->master.port);
	if (strcmp(url, s->seen->url) == 0)
		return true;
	if (s->stage == STAGE_MASTER) {
		err_set(&e, -EADDRINUSE,
			"%s answers at the master's port %d instead of %s: choose other ports "
			"(spark.master.port, spark.master.ui_port)",
			s->seen->url, s->state->master.ui_port, url);
		apply_note_failure(s, &e);
	}
	return false;
}

static void answer_askers(struct supervisor *s);

static bool has_askers(const struct supervisor *s)
{
	for (unsigned i = 0; i < ASKERS_MAX; i++)
		if (s->askers[i])
			return true;
	return false;
}

static void on_master(void *context, int status, const char *body, size_t size)
{
	struct supervisor *s = context;
	struct err e;

	s->poll_busy = false;
	if (s->stage >= STAGE_STOP || !s->master->life.has_process)
		return;
	if (status == 200 && master_state_parse(body, size, s->seen, &e) == 0 && is_our_master(s)) {
		watch_event(s, s->master, WORKER_REGISTERED);
		compare_workers(s);
		task_watch_apps(s->lend->tasks, s->seen, s->now_ns);
		if (has_askers(s) && lend_is_watching(s))
			task_watch_request(s->lend->tasks, s->now_ns);
		s->is_listed = true;
	} else if (has_askers(s)) {
		answer_askers(s);
	}
}

static bool is_settled(const struct supervisor *s)
{
	if (s->master->life.state == WORKER_STARTING)
		return false;
	for (unsigned i = 0; i < SLICES_MAX; i++)
		if (s->daemons[i].life.state == WORKER_STARTING)
			return false;
	return true;
}

static void poll_master(struct supervisor *s)
{
	char url[PROFILE_WORD + 32];
	struct err e;

	if (s->poll_busy || s->now_ns < s->poll_at_ns || s->stage >= STAGE_STOP || !s->state ||
	    !s->master->life.has_process)
		return;
	snprintf(url, sizeof(url), "http://%s:%d/json/", s->state->master.address,
		 s->state->master.ui_port);
	s->poll_busy = rest_get(s->rest, url, POLL_TIMEOUT_MS, REST_ANSWER_MAX, on_master, s, &e) == 0;
	s->poll_at_ns = s->now_ns + (is_settled(s) ? POLL_STEADY_MS : POLL_SOON_MS) * millisecond;
}

/* ---- samples */

static void note_oom(struct supervisor *s, const struct daemon *d, const struct sample *before,
		     const struct sample *now)
{
	if (!before->at_ns || now->oom_kills <= before->oom_kills)
		return;
	events_note(
		&s->events, "oom-kill", d->name,
		"the kernel killed a process at the slice's memory limit: raise memory.limit or "
		"lower memory.heap",
		{"kills", (int64_t)(now->oom_kills - before->oom_kills)},
		{"memory_max_bytes", (int64_t)now->memory_max_bytes});
}

/* Once a second, while the plan in force is the one that the kernel should show. */
static bool is_second(struct supervisor *s)
{
	if (s->now_ns < s->sample_at_ns || s->stage >= STAGE_STOP || !s->driver || s->wanted)
		return false;
	s->sample_at_ns = s->now_ns + SAMPLE_MS * millisecond;
	return true;
}

static void take_samples(struct supervisor *s)
{
	struct err e;

	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		struct sample now = {0};

		if (s->driver->ops->sample(s->driver, s->daemons[i].group, &now, &e))
			continue;
		s->cpu_used[i] = sample_cpus_used(&s->samples[i], &now);
		s->throttled[i] = s->samples[i].at_ns && now.throttled > s->samples[i].throttled;
		note_oom(s, &s->daemons[i], &s->samples[i], &now);
		s->samples[i] = now;
	}
}

/* ---- status */

static void fill_status(struct supervisor *s, struct status *out)
{
	out->uptime_s = (double)(s->now_ns - s->begin_ns) / 1e9;
	out->supervisor_pid = getpid();
	out->master_pid = s->master->process.pid;
	out->alive_workers = s->master->life.state == WORKER_RUNNING ? s->seen->alive_workers : 0;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice_status *slice = &out->slices[i];
		const struct daemon *d = &s->daemons[i];

		string_copy(slice->state, worker_state_name(d->life.state));
		slice->worker_pid = d->process.pid;
		slice->restarts = d->life.restarts;
		slice->cpu_used = s->cpu_used[i];
		slice->throttled = s->throttled[i];
	}
	lend_status(s, out);
}

static int make_status(struct supervisor *s, char **text, struct err *e)
{
	cleanup_free struct status *status = calloc(1, sizeof(*status));
	struct sample samples[SLICES_MAX];
	int r;

	if (!status)
		return err_set(e, -ENOMEM, "no memory for the status");
	if (!s->driver || !s->state)
		return err_set(e, -EAGAIN, "the cluster is only just beginning");
	r = status_collect(s->state, s->driver, samples, status, e);
	if (r)
		return r;
	fill_status(s, status);
	return status_format(status, text, e);
}

static void answer_askers(struct supervisor *s)
{
	cleanup_free char *text = NULL;
	struct err e;
	int r;

	if (!has_askers(s))
		return;
	r = make_status(s, &text, &e);
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		struct control_client *client = s->askers[i];

		s->askers[i] = NULL;
		if (client && !r)
			control_answer(s->control, client, text);
		else if (client)
			supervisor_answer_error(s, client, &e);
	}
}

void watch_status(struct supervisor *s, struct control_client *client)
{
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		if (s->askers[i])
			continue;
		if (!has_askers(s))
			s->ask_deadline_ns = s->now_ns + ASK_TIMEOUT_MS * millisecond;
		s->askers[i] = client;
		control_hold(client);
		s->poll_at_ns = s->now_ns;
		s->is_listed = false;
		break;
	}
	if (s->master->life.state != WORKER_RUNNING || s->stage >= STAGE_STOP)
		answer_askers(s);
}

/* ---- time */

void watch_tick(struct supervisor *s)
{
	struct err e;

	for (unsigned i = 0; s->driver && i < DAEMONS; i++)
		watch_event(s, &s->daemons[i], WORKER_TICK);
	poll_master(s);
	if (is_second(s)) {
		take_samples(s);
		machine_second(s);
	}
	if (has_askers(s) && (s->now_ns >= s->ask_deadline_ns ||
			      (s->is_listed && !task_watch_is_requesting(s->lend->tasks))))
		answer_askers(s);
	if (s->dirty && s->state && s->stage != STAGE_GONE && supervisor_save(s, &e))
		events_note(&s->events, "save-failed", "state.json", e.msg, {"errno", -e.code});
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

uint64_t watch_deadline(const struct supervisor *s)
{
	uint64_t next = s->now_ns + SAMPLE_MS * millisecond;

	if (s->sample_at_ns > s->now_ns)
		next = earlier(next, s->sample_at_ns);
	if (!s->poll_busy && s->master->life.has_process && s->stage < STAGE_STOP)
		next = earlier(next, s->poll_at_ns);
	if (has_askers(s))
		next = earlier(next, s->ask_deadline_ns);
	if (s->stage == STAGE_MASTER || s->stage == STAGE_WORKERS)
		next = earlier(next, s->deadline_ns);
	next = earlier(next, lend_deadline(s));
	next = earlier(next, s->master->life.deadline_ns);
	for (unsigned i = 0; i < SLICES_MAX; i++)
		next = earlier(next, s->daemons[i].life.deadline_ns);
	return next;
}
