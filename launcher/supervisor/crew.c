/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/crew.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"

enum {
	EMPTY_MS = 20,		  /* between two looks whether a group has become empty … */
	EMPTY_PATIENCE_MS = 5000, /* … before a worker is started in it */
	ENGINE_MS = 1000,	  /* between two questions whether the engine is back */
	ASK_SOON_MS = 100,	  /* while something has to register or to answer */
	ASK_MASTER_MS = 5000,
	ASK_WORKER_MS = 10000, /* an answer costs a worker 2 … 4 ms of CPU time */
	ASK_TIMES = 4,	       /* at least, before a daemon is given up */
};

int crew_open(struct crew *c, struct site *site, struct rest *rest, struct err *e)
{
	c->site = site;
	c->rest = rest;
	for (unsigned i = 0; i < DAEMONS; i++) {
		daemon_init(&c->daemons[i], i);
		c->contacts[i] = (struct contact){.crew = c, .daemon = i};
	}
	c->seen = calloc(1, sizeof(*c->seen));
	return c->seen ? 0 : err_set(e, -ENOMEM, "no memory for the master's state");
}

void crew_close(struct crew *c)
{
	/* Without a site it was never opened. */
	for (unsigned i = 0; c->site && i < DAEMONS; i++) {
		if (c->daemons[i].pidfd >= 0)
			close(c->daemons[i].pidfd);
		errand_drop(&c->daemons[i].errand);
	}
	free(c->seen);
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
	char why[120];
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
		/* What is left of a hung one's group goes before it is started again. */
		if (d->life.state == WORKER_HUNG) {
			daemon_signal(d, SIGKILL);
			break;
		}
		if (d->id != DAEMON_MASTER)
			site_expel(s, d->group);
		if (daemon_kill(d, s->driver, &e))
			events_note(&s->events, "kill-failed", d->name, e.msg, {"errno", -e.code});
		/* An engine that does not come to an end is not waited for any longer. */
		if (d->pidfd < 0 && d->errand.fd >= 0) {
			errand_drop(&d->errand);
			worker_step(&d->life, WORKER_EXITED, s->now_ns);
		}
		break;
	}
	if (d->life.state == before)
		return;
	s->is_dirty = true;
	crew_ask_soon(c);
	if (d->life.state != WORKER_DEGRADED)
		return;
	/* Too many exits are the cluster's matter, not only the daemon's. */
	foreign_escape(d->why, why, sizeof(why));
	site_degrade(
		s,
		"%s ended %d times within %d minutes and is not restarted%s%s: see its log, then run up",
		d->name, WORKER_EXITS, WORKER_EXITS_WITHIN_S / 60, why[0] ? ": " : "", why);
	events_note(&s->events, "degraded", d->name, s->state->why, {"exits", WORKER_EXITS});
}

/* ---- who is missed: the cluster is degraded until all are back */

static void tell_missed(struct crew *c)
{
	const struct contact *first = NULL;
	char date[EVENT_TIME], others[48] = "";
	unsigned count = 0;

	for (unsigned i = 0; i < DAEMONS; i++) {
		const struct contact *k = &c->contacts[i];

		if (!k->missed_since_ns)
			continue;
		count++;
		if (!first || k->missed_since_ns < first->missed_since_ns)
			first = k;
	}
	if (!first) {
		site_mend(c->site);
		return;
	}
	if (count > 1)
		snprintf(others, sizeof(others), ", nor have %u others", count - 1);
	event_time(first->missed_since_ns, date);
	site_degrade_for_now(c->site, "%s has not answered since %s%s: killed, to be started again",
			     c->daemons[first->daemon].name, date, others);
}

static void miss(struct crew *c, struct contact *k)
{
	struct daemon *d = &c->daemons[k->daemon];

	k->missed_since_ns = clock_date_ns() - k->pulse.silent_ns;
	events_note(&c->site->events, "no-answer", d->name,
		    "it lives and does not answer: it is killed and started again",
		    {"pid", d->process.pid},
		    {"silent_ms", (int64_t)(k->pulse.silent_ns / CLOCK_MS)});
	tell_missed(c);
	carry_on(c, d, WORKER_MUTE);
}

static void stop_missing(struct crew *c, struct contact *k)
{
	if (!k->missed_since_ns)
		return;
	k->missed_since_ns = 0;
	events_note(&c->site->events, "answers", c->daemons[k->daemon].name,
		    "it is not missed any more", {"pid", c->daemons[k->daemon].process.pid});
	tell_missed(c);
}

static void hear(struct crew *c, unsigned daemon)
{
	struct contact *k = &c->contacts[daemon];

	pulse_hear(&k->pulse);
	if (crew_is_running(c, daemon))
		stop_missing(c, k);
}

/* What was asked before is of no interest any more. */
static void drop_question(struct crew *c, struct contact *k)
{
	rest_drop(c->rest, k); /* a late one, too */
	k->is_asking = false;
	k->ask_at_ns = c->site->now_ns;
}

/* It has another process. */
static void begin_contact(struct crew *c, unsigned daemon, bool is_young)
{
	struct contact *k = &c->contacts[daemon];

	drop_question(c, k);
	k->ui_port = 0;
	k->is_new = is_young;
	pulse_begin(&k->pulse, is_young);
}

void crew_call(struct crew *c)
{
	for (unsigned i = 0; i < DAEMONS; i++) {
		drop_question(c, &c->contacts[i]);
		pulse_call(&c->contacts[i].pulse);
		c->contacts[i].is_new = false;
	}
}

/* ---- what is wanted */

bool crew_want(struct crew *c, unsigned daemon)
{
	bool has_none = !c->daemons[daemon].life.has_process;

	carry_on(c, &c->daemons[daemon], WORKER_WANTED);
	return has_none;
}

void crew_unwant(struct crew *c, unsigned daemon)
{
	carry_on(c, &c->daemons[daemon], WORKER_UNWANTED);
	stop_missing(c, &c->contacts[daemon]);
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
	begin_contact(c, d->id, false);
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
		if (d->process.pid == s->workers[i].id.pid)
			c->contacts[i].ui_port = s->workers[i].ui_port;
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

static void has_begun(struct crew *c, struct daemon *d)
{
	c->has_started = c->news.has_started = true;
	begin_contact(c, d->id, true);
	events_note(&c->site->events, "start", d->name, "its process was started",
		    {"pid", d->process.pid}, {"restarts", d->life.restarts});
}

static void has_not_begun(struct crew *c, struct daemon *d, const struct err *why)
{
	d->why[0] = '\0';
	events_note(&c->site->events, "start-failed", d->name, why->msg, {"errno", -why->code});
	fail(c, d, CREW_CANNOT_START, why);
	carry_on(c, d, WORKER_EXITED);
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
		if (is_wanted && !r)
			has_begun(c, d);
		else if (r < 0)
			has_not_begun(c, d, &e);
		else if (!is_wanted)
			carry_on(c, d, WORKER_EXITED);
	}
}

/* Its process has, and all is known of how. */
static void has_ended(struct crew *c, struct daemon *d)
{
	bool is_expected = d->life.state == WORKER_STOPPING || d->life.state == WORKER_HUNG;
	char how[PLAN_TEXT], text[PLAN_TEXT + sizeof(d->why) + 2];
	struct first_error error;
	struct err e;

	daemon_exit_text(d, how, sizeof(how));
	d->why[0] = '\0';
	if (!is_expected && daemon_first_error(d, &error))
		first_error_cause(&error, d->why, sizeof(d->why));
	snprintf(text, sizeof(text), "%s%s%s", how, d->why[0] ? ": " : "", d->why);
	events_note(&c->site->events, "exit", d->name, text, {"pid", d->last_pid},
		    {"expected", is_expected});
	if (!is_expected && c->contacts[d->id].is_new) {
		err_set(&e, -ECHILD, "%s %s while the cluster was starting%s%s: see its log %s",
			d->name, how, d->why[0] ? ": " : "", d->why, d->log);
		fail(c, d, CREW_EXITED, &e);
	}
	carry_on(c, d, WORKER_EXITED);
}

void crew_reap(struct crew *c, struct daemon *d)
{
	daemon_reap(d);
	if (d->errand.fd >= 0) /* to unpause it, in vain */
		errand_drop(&d->errand);
	if (!daemon_end(d, c->site->state))
		has_ended(c, d);
}

/*
 * No engine answers: that is not the daemon's fault, and it is tried again as long as the daemon is
 * wanted; only an `up` does not wait for it.
 */
static void wait_for_engine(struct crew *c, struct daemon *d, const struct err *why)
{
	if (!c->is_without_engine)
		events_note(&c->site->events, "engine-away", d->name, why->msg,
			    {"errno", -why->code});
	c->is_without_engine = true;
	fail(c, d, CREW_CANNOT_START, why);
	site_degrade_for_now(c->site, "%s: its containers start when it does", why->msg);
	c->due[d->id / 64] |= UINT64_C(1) << d->id % 64;
	d->wait_until_ns = c->site->now_ns + ENGINE_MS * CLOCK_MS;
}

void crew_unpause(struct crew *c, const char *group)
{
	for (unsigned i = 0; i < DAEMONS; i++) {
		struct daemon *d = &c->daemons[i];
		struct err e;

		if (!d->is_contained || d->pidfd < 0 || d->errand.fd >= 0 ||
		    strcmp(d->group, group) != 0 || c->site->now_ns < d->wait_until_ns)
			continue;
		d->wait_until_ns = c->site->now_ns + ENGINE_MS * CLOCK_MS;
		if (daemon_unpause(d, c->site->state, &e))
			events_note(&c->site->events, "repair-failed", d->name, e.msg,
				    {"errno", -e.code});
		else
			events_note(&c->site->events, "repair", d->name,
				    "its container was paused by somebody: it goes on",
				    {"pid", d->process.pid});
	}
}

static void take_begun(struct crew *c, struct daemon *d)
{
	bool is_wanted = d->life.state == WORKER_STARTING;
	struct err e;
	int r = daemon_take_begun(d, c->site->driver, &e);

	c->site->is_dirty = true;
	if (r == -ECONNREFUSED && is_wanted) {
		wait_for_engine(c, d, &e);
		return;
	}
	if (c->is_without_engine) {
		c->is_without_engine = false;
		tell_missed(c);
	}
	if (r == -ECHILD)
		begin_contact(c, d->id, true);
	if (r == -EXDEV)
		fail(c, d, CREW_CANNOT_START, &e);
	if ((r == -ECHILD || r == -EXDEV) && daemon_end(d, c->site->state))
		return;
	if (r)
		has_not_begun(c, d, &e);
	else
		has_begun(c, d);
	if (!r && d->life.state == WORKER_STOPPING) /* it was wanted no more before it was there */
		daemon_kill(d, c->site->driver, &e);
}

void crew_errand(struct crew *c, struct daemon *d)
{
	struct errand_result ignored; /* what was paused still is: it is tried again */

	switch (d->errand.kind) {
	case ERRAND_BEGIN:
		take_begun(c, d);
		break;
	case ERRAND_END:
		daemon_take_ended(d);
		has_ended(c, d);
		break;
	case ERRAND_UNPAUSE:
	case ERRAND_CLEAR:
		errand_take(&d->errand, &ignored);
		break;
	}
}

/* ---- what they say */

void crew_ask_soon(struct crew *c)
{
	c->contacts[DAEMON_MASTER].ask_at_ns = c->site->now_ns;
}

static const struct master_worker *find_listed(const struct master_state *m, uint32_t address)
{
	struct in_addr a;

	for (unsigned i = 0; i < m->worker_count; i++)
		if (strcmp(m->workers[i].state, "ALIVE") == 0 &&
		    inet_pton(AF_INET, m->workers[i].host, &a) == 1 && ntohl(a.s_addr) == address)
			return &m->workers[i];
	return NULL;
}

/* The master lists it, or (NULL) does not. */
static void note_listed(struct crew *c, unsigned slice, const struct master_worker *listed)
{
	struct contact *k = &c->contacts[slice];

	carry_on(c, &c->daemons[slice], listed ? WORKER_REGISTERED : WORKER_LOST);
	if (!listed || !c->daemons[slice].life.has_process)
		return;
	if (listed->ui_port && listed->ui_port != k->ui_port) {
		k->ui_port = listed->ui_port;
		c->site->is_dirty = true;
	}
	/* To register is to talk; to be listed still is the best sign of one that cannot be asked. */
	if (k->pulse.is_young || !k->ui_port)
		hear(c, slice);
}

static void on_master(void *context, int status, const char *body, size_t size)
{
	struct contact *k = context;
	struct crew *c = k->crew;
	const struct state *s = c->site->state;
	struct err e;
	int r;

	k->is_asking = false;
	if (c->is_dismissed || !crew_master(c)->life.has_process)
		return;
	r = master_answer_read(&s->master, status, body, size, c->seen, &e);
	if (r == -EADDRINUSE)
		fail(c, crew_master(c), CREW_OTHER_MASTER, &e);
	if (r == -EFBIG || r == -E2BIG) /* more than we read, but it talks */
		hear(c, DAEMON_MASTER);
	c->news.is_mute = r != 0;
	if (r)
		return;
	c->news.has_answer = true;
	carry_on(c, crew_master(c), WORKER_REGISTERED);
	hear(c, DAEMON_MASTER);
	for (unsigned i = 0; i < s->plan.slice_count; i++)
		note_listed(c, i, find_listed(c->seen, s->plan.slices[i].address));
}

/* Whatever it says: the port is its own, so it is the one that talks. */
static void on_worker(void *context, int status, const char *body, size_t size)
{
	struct contact *k = context;

	(void)body;
	(void)size;
	k->is_asking = false;
	if ((status > 0 || status == -EFBIG || status == -EBADMSG) &&
	    k->crew->daemons[k->daemon].life.has_process)
		hear(k->crew, k->daemon);
}

/* ---- asking them */

static bool can_ask(const struct crew *c, unsigned daemon)
{
	const struct contact *k = &c->contacts[daemon];

	return !k->is_asking && !c->is_dismissed && c->daemons[daemon].life.has_process &&
	       (daemon == DAEMON_MASTER ||
		(k->ui_port && daemon < c->site->state->plan.slice_count));
}

/* A question stays open for as long as the daemon may be silent: a slow answer is one, too. */
static void ask(struct crew *c, struct contact *k, uint64_t answer_ns, bool is_hurried)
{
	const struct state *s = c->site->state;
	bool is_master = k->daemon == DAEMON_MASTER;
	uint64_t pause_ns = (is_master ? ASK_MASTER_MS : ASK_WORKER_MS) * CLOCK_MS;
	char url[MASTER_QUESTION];
	struct err e;

	if (is_master)
		master_question(&s->master, url);
	else
		worker_question(s->plan.slices[k->daemon].address, k->ui_port, url);
	k->is_asking = rest_get(c->rest, url, (unsigned)(answer_ns / CLOCK_MS),
				is_master ? &master_limits : &worker_limits,
				is_master ? on_master : on_worker, k, &e) == 0;
	if (pause_ns > answer_ns / ASK_TIMES)
		pause_ns = answer_ns / ASK_TIMES;
	if (is_hurried)
		pause_ns = ASK_SOON_MS * CLOCK_MS;
	k->ask_at_ns = c->site->now_ns + pause_ns;
}

/* Whether a daemon would be heard: of a worker that cannot be asked only the master tells. */
static bool is_audible(const struct crew *c, unsigned daemon, const struct pulse_limits *limits)
{
	return daemon == DAEMON_MASTER || c->contacts[daemon].ui_port ||
	       (crew_is_running(c, DAEMON_MASTER) &&
		c->contacts[DAEMON_MASTER].pulse.silent_ns < limits->answer_ns / 2);
}

void crew_tick(struct crew *c)
{
	const struct profile *p = &c->site->state->profile;
	struct pulse_limits limits = pulse_limits(spark_answer_ms(p), p->spark.start_timeout_ms);
	uint64_t now_ns = c->site->now_ns;
	uint64_t silence_ns = c->ticked_ns ? pulse_silence(c->ticked_ns, now_ns) : 0;
	bool is_hurried = false;

	c->ticked_ns = now_ns;
	for (unsigned i = 0; c->site->driver && i < DAEMONS; i++) {
		bool is_to_begin = c->daemons[i].pidfd < 0; /* its process is not there yet */

		carry_on(c, &c->daemons[i], WORKER_TICK);
		is_hurried |= crew_is_starting(c, i);
		if (is_to_begin || c->is_dismissed || !is_audible(c, i, &limits) ||
		    !(crew_is_starting(c, i) || crew_is_running(c, i)))
			continue;
		if (pulse_miss(&c->contacts[i].pulse, silence_ns, &limits))
			miss(c, &c->contacts[i]);
	}
	for (unsigned i = 0; i < DAEMONS; i++) {
		struct contact *k = &c->contacts[i];

		if (can_ask(c, i) && now_ns >= k->ask_at_ns)
			ask(c, k, limits.answer_ns,
			    !k->pulse.is_heard || (i == DAEMON_MASTER && is_hurried));
	}
}

uint64_t crew_deadline(const struct crew *c)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < DAEMONS; i++) {
		uint64_t deadline_ns = c->daemons[i].life.deadline_ns;

		if (deadline_ns && deadline_ns < next)
			next = deadline_ns;
		if (is_due(c, i) && c->daemons[i].wait_until_ns < next)
			next = c->daemons[i].wait_until_ns;
		if (can_ask(c, i) && c->contacts[i].ask_at_ns < next)
			next = c->contacts[i].ask_at_ns;
	}
	return next;
}
