/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/crew.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

enum {
	ASK_SOON_MS = 100, /* while something has to register */
	ASK_STEADY_MS = 5000,
	ASK_TIMEOUT_MS = 2000,
	EMPTY_MS = 20,		  /* between two looks whether a group has become empty … */
	EMPTY_PATIENCE_MS = 5000, /* … before a worker is started in it */
	KILLED_S = 20, /* after SIGKILL: a JVM with hundreds of GB to unmap needs seconds */
};

int crew_open(struct crew *c, struct site *site, struct rest *rest, struct err *e)
{
	c->site = site;
	c->rest = rest;
	for (unsigned i = 0; i < DAEMONS; i++)
		daemon_init(&c->daemons[i], i);
	c->seen = calloc(1, sizeof(*c->seen));
	return c->seen ? 0 : err_set(e, -ENOMEM, "no memory for the master's state");
}

void crew_close(struct crew *c)
{
	for (unsigned i = 0; c->site && i < DAEMONS; i++) /* without a site it was never opened */
		if (c->daemons[i].pidfd >= 0)
			close(c->daemons[i].pidfd);
	free(c->seen);
}

struct daemon *crew_master(struct crew *c)
{
	return &c->daemons[DAEMON_MASTER];
}

/* ---- lives */

static void fail(struct crew *c, const struct daemon *d, enum crew_failure failure,
		 const struct err *why)
{
	if (c->news.failure)
		return;
	c->news.failure = failure;
	c->news.why = *why;
	c->news.daemon = d->id;
}

static void carry_on(struct crew *c, struct daemon *d, enum worker_event event)
{
	enum worker_state before = d->life.state;
	struct site *s = c->site;
	struct err e;

	switch (worker_step(&d->life, event, s->now_ns)) {
	case WORKER_DO_NOTHING:
		break;
	case WORKER_DO_SPAWN:
		c->due[d->id / 64] |= UINT64_C(1) << d->id % 64;
		break;
	case WORKER_DO_TERMINATE:
		daemon_signal(d, SIGTERM);
		break;
	case WORKER_DO_KILL:
		if (d->id != DAEMON_MASTER)
			site_expel(s, d->group);
		if (daemon_kill(d, s->driver, &e))
			events_note(&s->events, "kill-failed", d->name, e.msg, {"errno", -e.code});
		break;
	}
	if (d->life.state == before)
		return;
	s->is_dirty = true;
	crew_ask_soon(c);
	if (d->life.state != WORKER_DEGRADED)
		return;
	/* Too many exits are the cluster's matter, not only the daemon's. */
	site_degrade(
		s,
		"%s ended %d times within %d minutes and is not restarted: see its log, then run up",
		d->name, WORKER_EXITS, WORKER_EXITS_WITHIN_S / 60);
	events_note(&s->events, "degraded", d->name, s->state->why, {"exits", WORKER_EXITS});
}

bool crew_want(struct crew *c, unsigned daemon)
{
	bool has_none = !c->daemons[daemon].life.has_process;

	carry_on(c, &c->daemons[daemon], WORKER_WANTED);
	return has_none;
}

void crew_unwant(struct crew *c, unsigned daemon)
{
	carry_on(c, &c->daemons[daemon], WORKER_UNWANTED);
}

void crew_dismiss(struct crew *c)
{
	c->is_dismissed = true;
	for (unsigned i = 0; i < DAEMONS; i++)
		crew_unwant(c, i);
}

int crew_unwant_others(struct crew *c, struct err *e)
{
	unsigned slices = c->site->state->plan.slice_count;
	int count = 0;

	for (unsigned i = 0; i < DAEMONS; i++) {
		cleanup_process struct process p = {0};
		struct daemon *d = &c->daemons[i];

		if ((i >= slices && i != DAEMON_MASTER) || !d->life.has_process)
			continue;
		if (daemon_process(d, c->site->state, &p, e))
			return e->code;
		if (daemon_is(d, &p))
			continue;
		crew_unwant(c, i);
		count++;
	}
	return count;
}

static int adopt(struct crew *c, struct daemon *d, const struct state *described,
		 const struct process_id *recorded, struct err *e)
{
	int r = daemon_adopt(d, c->site->driver, described, recorded, e);

	if (r <= 0)
		return r;
	carry_on(c, d, WORKER_ADOPTED);
	c->has_adopted = true;
	return 0;
}

int crew_adopt(struct crew *c, const struct state *described, const struct observation *seen,
	       struct err *e)
{
	const struct state *s = c->site->state; /* without pids where it was not known */
	int r = 0;

	if (observed_find(seen, GROUP_HOST))
		r = adopt(c, crew_master(c), described, &s->master_process, e);
	for (unsigned i = 0; !r && i < described->plan.slice_count; i++) {
		struct daemon *d = &c->daemons[i];

		if (!observed_find(seen, d->group))
			continue;
		r = adopt(c, d, described, &s->workers[i].id, e);
		d->life.restarts = s->workers[i].restarts;
	}
	return r;
}

/* ---- processes that begin and end */

static bool is_due(const struct crew *c, unsigned daemon)
{
	return c->due[daemon / 64] >> daemon % 64 & 1;
}

bool crew_has_due(const struct crew *c)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (is_due(c, i) && c->site->now_ns >= c->daemons[i].wait_until_ns)
			return true;
	return false;
}

/* What is left in its group has been killed and has not ended: look again. Return whether to. */
static bool may_wait(struct crew *c, struct daemon *d)
{
	uint64_t now_ns = c->site->now_ns;

	if (!d->wait_since_ns)
		d->wait_since_ns = now_ns;
	d->wait_until_ns = now_ns + EMPTY_MS * CLOCK_MS;
	return now_ns - d->wait_since_ns < EMPTY_PATIENCE_MS * CLOCK_MS;
}

void crew_start_due(struct crew *c)
{
	struct site *s = c->site;

	for (unsigned i = 0; i < DAEMONS; i++) {
		struct daemon *d = &c->daemons[i];
		bool is_wanted = d->life.state == WORKER_STARTING;
		struct err e;
		int r = 0;

		if (!is_due(c, i) || s->now_ns < d->wait_until_ns)
			continue;
		/* Its group is emptied before. */
		if (is_wanted && d->id != DAEMON_MASTER && !d->wait_since_ns)
			site_expel(s, d->group);
		if (is_wanted)
			r = daemon_spawn(d, s->driver, s->state, &e);
		if (r == -ETIMEDOUT && may_wait(c, d))
			continue;
		c->due[i / 64] &= ~(UINT64_C(1) << i % 64);
		d->wait_since_ns = d->wait_until_ns = 0;
		s->is_dirty = true;
		if (is_wanted && !r) {
			c->has_started = true;
			events_note(&s->events, "start", d->name, "its process was started",
				    {"pid", d->process.pid}, {"restarts", d->life.restarts});
			continue;
		}
		if (r) {
			events_note(&s->events, "start-failed", d->name, e.msg, {"errno", -e.code});
			fail(c, d, CREW_CANNOT_START, &e);
		}
		carry_on(c, d, WORKER_EXITED);
	}
}

void crew_reap(struct crew *c, struct daemon *d)
{
	bool is_expected = d->life.state == WORKER_STOPPING;
	pid_t pid = d->process.pid;
	char how[64];
	struct err e;

	daemon_reap(d);
	daemon_exit_text(d, how, sizeof(how));
	events_note(&c->site->events, "exit", d->name, how, {"pid", pid},
		    {"expected", is_expected});
	if (!is_expected) {
		err_set(&e, -ECHILD, "%s %s while the cluster was starting: see its log %s",
			d->name, how, d->log);
		fail(c, d, CREW_EXITED, &e);
	}
	carry_on(c, d, WORKER_EXITED);
}

/* ---- what the master says */

void crew_ask_soon(struct crew *c)
{
	c->ask_at_ns = c->site->now_ns;
}

static bool is_listed(const struct master_state *m, uint32_t address)
{
	struct in_addr a;

	for (unsigned i = 0; i < m->worker_count; i++)
		if (strcmp(m->workers[i].state, "ALIVE") == 0 &&
		    inet_pton(AF_INET, m->workers[i].host, &a) == 1 && ntohl(a.s_addr) == address)
			return true;
	return false;
}

static void on_master(void *context, int status, const char *body, size_t size)
{
	struct crew *c = context;
	const struct state *s = c->site->state;
	char url[PROFILE_WORD + 32];
	struct err e;

	c->is_asking = false;
	if (c->is_dismissed || !crew_master(c)->life.has_process)
		return;
	c->news.is_mute = true;
	if (status != 200 || master_state_parse(body, size, c->seen, &e) != 0)
		return;
	snprintf(url, sizeof(url), "spark://%s:%d", s->master.address, s->master.port);
	if (strcmp(url, c->seen->url) != 0) { /* Spark moves to another port without a word */
		err_set(&e, -EADDRINUSE,
			"%s answers at the master's port %d instead of %s: choose other ports "
			"(spark.master.port, spark.master.ui_port)",
			c->seen->url, s->master.ui_port, url);
		fail(c, crew_master(c), CREW_OTHER_MASTER, &e);
		return;
	}
	c->news.is_mute = false;
	c->news.has_answer = true;
	carry_on(c, crew_master(c), WORKER_REGISTERED);
	for (unsigned i = 0; i < s->plan.slice_count; i++)
		carry_on(c, &c->daemons[i],
			 is_listed(c->seen, s->plan.slices[i].address) ? WORKER_REGISTERED
								       : WORKER_LOST);
}

static bool can_ask(const struct crew *c)
{
	return !c->is_asking && !c->is_dismissed && c->daemons[DAEMON_MASTER].life.has_process;
}

void crew_tick(struct crew *c)
{
	const struct endpoints *master = &c->site->state->master;
	unsigned pause_ms = ASK_STEADY_MS;
	char url[PROFILE_WORD + 32];
	struct err e;

	for (unsigned i = 0; c->site->driver && i < DAEMONS; i++)
		carry_on(c, &c->daemons[i], WORKER_TICK);
	for (unsigned i = 0; i < DAEMONS; i++)
		if (crew_is_starting(c, i))
			pause_ms = ASK_SOON_MS;
	if (!can_ask(c) || c->site->now_ns < c->ask_at_ns)
		return;
	snprintf(url, sizeof(url), "http://%s:%d/json/", master->address, master->ui_port);
	c->is_asking =
		rest_get(c->rest, url, ASK_TIMEOUT_MS, &master_limits, on_master, c, &e) == 0;
	c->ask_at_ns = c->site->now_ns + pause_ms * CLOCK_MS;
}

uint64_t crew_deadline(const struct crew *c)
{
	uint64_t next = can_ask(c) ? c->ask_at_ns : UINT64_MAX;

	for (unsigned i = 0; i < DAEMONS; i++) {
		uint64_t deadline_ns = c->daemons[i].life.deadline_ns;

		if (deadline_ns && deadline_ns < next)
			next = deadline_ns;
		if (is_due(c, i) && c->daemons[i].wait_until_ns < next)
			next = c->daemons[i].wait_until_ns;
	}
	return next;
}

/* ---- how it is */

bool crew_is_running(const struct crew *c, unsigned daemon)
{
	return c->daemons[daemon].life.state == WORKER_RUNNING;
}

bool crew_is_starting(const struct crew *c, unsigned daemon)
{
	return c->daemons[daemon].life.state == WORKER_STARTING;
}

bool crew_is_stopping(const struct crew *c)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (c->daemons[i].life.state == WORKER_STOPPING)
			return true;
	return false;
}

bool crew_has_stopped(const struct crew *c)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		if (c->daemons[i].life.state != WORKER_STOPPED)
			return false;
	return true;
}

int crew_check_stopping(const struct crew *c, struct err *e)
{
	const struct daemon *left = NULL;
	const unsigned patience_s = WORKER_STOP_S + KILLED_S;

	for (unsigned i = 0; i < DAEMONS; i++) {
		const struct daemon *d = &c->daemons[i];

		if (d->life.state != WORKER_STOPPING)
			continue;
		if (c->site->now_ns - d->life.since_ns <= patience_s * 1000 * CLOCK_MS)
			return 0;
		left = d;
	}
	if (!left)
		return 0;
	return err_set(
		e, -ETIMEDOUT,
		"%s (process %d) has not ended within %d s of SIGKILL: see what it waits for "
		"(/proc/%d/wchan), then run down again",
		left->name, (int)left->process.pid, KILLED_S, (int)left->process.pid);
}

int crew_save(struct crew *c, struct err *e)
{
	struct state *s = c->site->state;

	if (!c->site->is_dirty)
		return 0;
	s->master_process = crew_master(c)->process;
	for (unsigned i = 0; i < s->plan.slice_count; i++)
		s->workers[i] =
			(struct worker_record){c->daemons[i].process, c->daemons[i].life.restarts};
	return site_save(c->site, e);
}
