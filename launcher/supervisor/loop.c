/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/loop.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/supervisor/lend_by_hand.h"

enum { LOOP_FDS = 3 + 2 * DAEMONS + CONTROL_FDS };

/* ---- stages */

static bool is_applying(const struct supervisor *s)
{
	if (s->stage == STAGE_OPEN)
		return s->apply.wanted != NULL;
	return s->stage > STAGE_IDLE && s->stage < STAGE_STOP;
}

/* Whether it is inside `down`, where no supervisor was: nobody can ask it for anything. */
static bool is_alone(const struct supervisor *s)
{
	return !s->clients.control;
}

/* Whether CPUs may be lent: a plan is in force and nothing else is under way. */
static bool is_watching(const struct supervisor *s)
{
	return s->stage == STAGE_IDLE && s->monitor.has_plan;
}

/* What the machine has now, and what others wrote to our groups. */
static void look_for_drift(struct supervisor *s)
{
	const struct observation *seen = &s->drift.seen;

	if (drift_watch_look(&s->drift))
		monitor_read_topology(&s->monitor);
	for (unsigned i = 0; i < seen->count; i++)
		if (seen->groups[i].is_frozen)
			crew_unpause(&s->crew, seen->groups[i].name);
}

static void finish(struct supervisor *s)
{
	notify_manager(&s->manager, "READY=1\nSTATUS=all workers are registered");
	monitor_begin(&s->monitor);
	drift_watch_begin(&s->drift);
	if (s->monitor.is_on) /* reads the topology: nobody has to wait for that */
		look_for_drift(s);
}

static void stop_all(struct supervisor *s)
{
	struct site *site = &s->site;

	if (site->driver)
		monitor_end(&s->monitor);
	site_unlock_groups(site);
	notify_manager(&s->manager, "STOPPING=1");
	apply_forget(&s->apply);
	crew_dismiss(&s->crew);
	site->state->phase = PHASE_STOPPING;
	site->is_dirty = true;
	events_note(&site->events, "down", site->state->cluster.name,
		    s->failure.code ? s->failure.msg : "asked for", {"pid", getpid()});
}

/* A step of the monitor that cannot wait for its tick. */
static void lend_now(struct supervisor *s)
{
	if (is_watching(s) && s->monitor.is_on && !s->drift.has_given_up)
		monitor_step(&s->monitor);
}

/* The CPUs that a slice has borrowed go back before its worker's JVM counts them. */
static void start_due(struct supervisor *s)
{
	if (!crew_has_due(&s->crew))
		return;
	lend_now(s);
	crew_start_due(&s->crew);
}

static void fail(struct supervisor *s, const struct err *why);

/* One cluster at a time changes its groups; whoever waits for ours hears whose turn it is. */
static int lock_groups(struct supervisor *s, struct err *e)
{
	int r = site_lock_groups(&s->site, e);

	if (r == STEP_WAIT && s->site.lock_holder != s->told_holder) {
		s->told_holder = s->site.lock_holder;
		clients_report_turn(&s->clients, s->told_holder);
		if (is_alone(s))
			fprintf(stderr, "waiting for another cluster's up or down (process %d)\n",
				(int)s->told_holder);
	}
	return r;
}

/* Once it has the lock. STEP_WAIT, or STEP_MORE: the ops come next. */
static int begin_apply(struct supervisor *s, struct err *e)
{
	int r = lock_groups(s, e);

	if (r == STEP_DONE)
		r = apply_begin(&s->apply, e) ? e->code : STEP_MORE;
	return r;
}

/*
 * Open the groups, adopt what lives in them. `up`: what is wanted is to come in force. `down`: what
 * is in force goes.
 */
static int open_groups(struct supervisor *s, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	const struct state *described;
	int r = seen ? lock_groups(s, e) : err_set(e, -ENOMEM, "no memory for the groups");

	if (r != STEP_DONE)
		return r;
	described =
		s->apply.wanted && s->site.known != KNOWN_STATE ? s->apply.wanted : s->site.state;
	r = site_open_groups(&s->site, described, seen, e);
	if (r)
		return r;
	s->apply.is_new = s->site.known != KNOWN_STATE && seen->count == 0;
	if (s->apply.wanted)
		r = apply_choose(&s->apply, e);
	if (!r)
		r = crew_adopt(&s->crew, described, seen, e);
	if (r && s->apply.is_new) { /* nothing is in it yet */
		driver_destroy(s->site.driver, &(struct err){0});
		s->site.driver = NULL;
	}
	return r ? r : STEP_DONE;
}

static int remove_next(struct supervisor *s, struct err *e)
{
	int r = lock_groups(s, e);

	return r == STEP_DONE ? site_remove_next(&s->site, e) : r;
}

/* The only way from one stage to another. `why`: of EVENT_FAILED and EVENT_FAILED_NEW. */
static void enter(struct supervisor *s, enum supervisor_event event, const struct err *why)
{
	struct supervisor_step step = supervisor_step(s->stage, event);
	struct err e;
	int r = 0;

	s->stage = step.next;
	site_wait_no_more(&s->site);
	switch (step.action) {
	case ACTION_NONE:
		if (why) /* to STAGE_STUCK */
			s->stuck = *why;
		break;
	case ACTION_REFUSE: /* request_apply() has */
		break;
	case ACTION_BEGIN:
		s->pending.code = 0;
		monitor_end(&s->monitor);
		r = begin_apply(s, &e);
		break;
	case ACTION_TAKE_OVER:
		r = apply_take_over(&s->apply, &e);
		break;
	case ACTION_START_MASTER:
		apply_start_master(&s->apply);
		break;
	case ACTION_START_WORKERS:
		apply_start_workers(&s->apply);
		break;
	case ACTION_MOVE_MASTER:
		r = apply_move_master(&s->apply, &e);
		break;
	case ACTION_FINISH:
		r = apply_finish(&s->apply, &e);
		if (!r)
			finish(s);
		break;
	case ACTION_GIVE_UP:
		apply_give_up(&s->apply, why);
		break;
	case ACTION_STOP_ALL:
		s->pending.code = 0;
		if (why)
			s->failure = *why;
		stop_all(s);
		break;
	}
	if (r < 0)
		fail(s, &e);
	start_due(s);
}

static void fail(struct supervisor *s, const struct err *why)
{
	if (s->stage < STAGE_STOP)
		events_note(&s->site.events, "up-failed", s->site.state->cluster.name, why->msg,
			    {"stage", s->stage});
	enter(s, s->apply.is_new ? EVENT_FAILED_NEW : EVENT_FAILED, why);
}

/* One step of the stage's own work. Return whether there is more to do at once. */
static bool work(struct supervisor *s)
{
	enum supervisor_stage stage = s->stage;
	struct err e = s->pending;
	int r = e.code;

	if (!r && s->site.now_ns < s->site.wait_until_ns)
		return false;
	s->pending.code = 0;
	if (!r && stage > STAGE_IDLE && stage < STAGE_REMOVE)
		r = crew_check_stopping(&s->crew, &e);
	if (!r)
		switch (stage) {
		case STAGE_OPEN:
			r = open_groups(s, &e);
			break;
		case STAGE_GROUPS:
			r = s->apply.ops ? apply_groups(&s->apply, &e) : begin_apply(s, &e);
			break;
		case STAGE_REPLACE:
			r = crew_is_stopping(&s->crew) ? STEP_WAIT : STEP_DONE;
			break;
		case STAGE_MASTER:
			r = apply_master(&s->apply, &e);
			break;
		case STAGE_WORKERS:
			r = apply_workers(&s->apply, &e);
			break;
		case STAGE_STOP:
			r = crew_has_stopped(&s->crew) ? STEP_DONE : STEP_WAIT;
			break;
		case STAGE_REMOVE:
			r = remove_next(s, &e);
			break;
		case STAGE_IDLE:
		case STAGE_GONE:
		case STAGE_STUCK:
		case SUPERVISOR_STAGES:
			break;
		}
	if (r < 0)
		fail(s, &e);
	else if (r == STEP_DONE)
		enter(s, EVENT_DONE, NULL);
	if (r == STEP_DONE && stage == STAGE_OPEN)
		enter(s, s->apply.wanted && !s->is_down_asked ? EVENT_APPLY : EVENT_DOWN, NULL);
	return r != STEP_WAIT;
}

/* The apply under way has to fail, at its next step; the first reason counts. */
static void note_failure(struct supervisor *s, const struct err *why)
{
	if (is_applying(s) && !s->pending.code)
		s->pending = *why;
}

/* ---- requests */

static void answer_statuses(struct supervisor *s)
{
	cleanup_free char *text = NULL;
	struct err e;

	if (!clients_have_status(&s->clients))
		return;
	if (report_status(&s->report, &s->site, &s->crew, &s->monitor, &text, &e))
		text = NULL;
	clients_answer_statuses(&s->clients, text, &e);
}

static void request_status(struct supervisor *s, struct control_client *client)
{
	clients_hold_status(&s->clients, client, s->site.now_ns);
	crew_ask_soon(&s->crew);
	if (!crew_is_running(&s->crew, DAEMON_MASTER) || s->stage >= STAGE_STOP)
		answer_statuses(s);
}

/*
 * The state that an `apply` requests, on the heap; NULL and an error if it is none of this cluster.
 */
static struct state *read_wanted(const struct supervisor *s, const struct control_request *request,
				 struct err *e)
{
	cleanup_free struct state *wanted = calloc(1, sizeof(*wanted));
	const char *ours = s->site.state->cluster.name;

	if (!wanted) {
		err_set(e, -ENOMEM, "no memory for a state");
		return NULL;
	}
	if (json_table_read(&state_table, request->state, wanted, e))
		return NULL;
	if (strcmp(wanted->cluster.name, ours) != 0) {
		err_wrong(e, "a state of cluster %s was sent to cluster %s", wanted->cluster.name,
			  ours);
		return NULL;
	}
	return take_pointer(wanted);
}

static void request_apply(struct supervisor *s, struct control_client *client,
			  const struct control_request *request)
{
	struct state *wanted = NULL;
	struct err e;
	int r = -1;

	if (supervisor_step(s->stage, EVENT_APPLY).action != ACTION_REFUSE)
		wanted = read_wanted(s, request, &e);
	else if (is_applying(s))
		err_set(&e, -EBUSY, "cluster %s is being brought up by another up (process %d)",
			s->site.state->cluster.name, (int)s->clients.up_pid);
	else
		err_set(&e, -EBUSY, "cluster %s is being taken down (process %d)",
			s->site.state->cluster.name, (int)getpid());
	if (wanted) {
		s->apply.wanted = wanted;
		r = apply_choose(&s->apply, &e);
	}
	if (r) {
		apply_forget(&s->apply);
		control_refuse(s->clients.control, client, &e);
		return;
	}
	clients_hold_up(&s->clients, client);
	enter(s, EVENT_APPLY, NULL);
}

/* `client`: NULL for a signal. */
static void request_down(struct supervisor *s, struct control_client *client)
{
	struct err e;

	if (client && clients_hold_down(&s->clients, client, &e)) {
		control_refuse(s->clients.control, client, &e);
		return;
	}
	if (s->clients.up) {
		err_set(&e, -ECANCELED, "the cluster is being taken down by process %d",
			client ? (int)control_peer(client) : 0);
		clients_refuse_up(&s->clients, &e);
	}
	s->is_down_asked = true;
	enter(s, EVENT_DOWN, NULL);
}

static void request_rebalance(struct supervisor *s, struct control_client *client,
			      const struct rebalance_request *request)
{
	cleanup_free char *text = NULL;
	struct err e;
	int r = 0;

	if (s->stage != STAGE_IDLE)
		r = err_set(&e, -EBUSY,
			    "cluster %s is being brought up or taken down: try again when it is "
			    "done",
			    s->site.state->cluster.name);
	else if (s->drift.has_given_up)
		r = err_set(&e, -EBUSY, "%s", s->site.state->why);
	if (!r)
		r = lend_by_hand(&s->monitor, request, &text, &e);
	if (r)
		control_refuse(s->clients.control, client, &e);
	else
		control_answer(s->clients.control, client, text);
}

void loop_request(void *context, struct control_client *client, struct control_request *request)
{
	struct supervisor *s = context;

	switch (request->command) {
	case CONTROL_STATUS:
		request_status(s, client);
		break;
	case CONTROL_APPLY:
		request_apply(s, client, request);
		break;
	case CONTROL_DOWN:
		request_down(s, client);
		break;
	case CONTROL_REBALANCE:
		request_rebalance(s, client, &request->rebalance);
		break;
	}
	control_request_release(request);
	malloc_trim(0); /* a request is large beside what we keep */
}

void loop_gone(void *context, struct control_client *client, enum control_end end)
{
	struct supervisor *s = context;
	struct err e;

	if (s->clients.up == client) {
		err_set(&e, -ECANCELED, "up (process %d) was interrupted", (int)s->clients.up_pid);
		note_failure(s, &e);
	}
	if (end == CONTROL_CLOSED)
		clients_forget(&s->clients, client);
}

/* ---- signals */

/*
 * Orphans of the slices come to us (subreaper). Our own daemons are told by their pidfd: leave
 * them.
 */
static void reap_strangers(struct supervisor *s)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		for (unsigned i = 0; i < DAEMONS; i++)
			if (s->crew.daemons[i].process.pid == info.si_pid)
				return;
		waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

/* A `down` that does the work itself is left as it is: the next one goes on. */
static void interrupt(struct supervisor *s, int signal_number)
{
	struct err e;

	s->signal_number = signal_number;
	err_set(&e, -EINTR, "interrupted: what is left of %s goes with the next down",
		s->site.state->cluster.name);
	fail(s, &e);
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			reap_strangers(s);
		else if (is_alone(s))
			interrupt(s, (int)info.ssi_signo);
		else if (info.ssi_signo != SIGHUP)
			request_down(s, NULL);
}

/* ---- the loop */

/* Which failure of a daemon ends an apply depends on how far that is. */
static bool is_fatal(const struct supervisor *s, enum crew_failure failure)
{
	switch (failure) {
	case CREW_FINE:
		return false;
	case CREW_CANNOT_START:
		return is_applying(s);
	case CREW_EXITED:
		return s->stage == STAGE_MASTER || s->stage == STAGE_WORKERS;
	case CREW_OTHER_MASTER:
		return s->stage == STAGE_MASTER;
	}
	return false;
}

static void heed_crew(struct supervisor *s)
{
	struct crew_news news = s->crew.news;
	const struct daemon *d = &s->crew.daemons[news.daemon];

	s->crew.news = (struct crew_news){0};
	if (news.has_started && is_applying(s))
		s->apply.has_changed = true;
	if (is_fatal(s, news.failure) && s->stage == STAGE_MASTER &&
	    apply_may_move_master(&s->apply, &news)) {
		enter(s, EVENT_MOVED, NULL);
	} else if (is_fatal(s, news.failure)) {
		if (news.failure == CREW_EXITED)
			clients_report_log(&s->clients, d);
		note_failure(s, &news.why);
	}
	if (news.has_answer) {
		task_watch_apps(s->monitor.tasks, s->crew.seen, s->site.now_ns);
		if (clients_have_status(&s->clients) && is_watching(s))
			task_watch_request(s->monitor.tasks, s->site.now_ns);
		s->clients.has_master = true;
	} else if (news.is_mute) {
		answer_statuses(s);
	}
}

static void reap(struct supervisor *s, struct daemon *d)
{
	d->is_out_of_memory = d->id != DAEMON_MASTER && s->site.driver &&
			      report_saw_kill(&s->report, &s->site, d->id);
	crew_reap(&s->crew, d);
}

/* Wait until something happens or the time is over, and do what it takes. */
static int wait_for_something(struct supervisor *s, int timeout_ms, struct err *e)
{
	struct pollfd fds[LOOP_FDS];
	struct daemon *owners[LOOP_FDS];
	unsigned count = 0, controls;
	int r;

	fds[count++] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = executor_watch_fd(s->monitor.starts, s->site.now_ns),
				       .events = POLLIN};
	fds[count++] = (struct pollfd){.fd = s->site.clearing.fd, .events = POLLIN}; /* work()'s */
	for (unsigned i = 0; i < 2 * DAEMONS; i++) {
		struct daemon *d = &s->crew.daemons[i / 2];
		int fd = i % 2 ? d->errand.fd : d->pidfd;

		if (fd < 0)
			continue;
		owners[count] = d;
		fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	controls = s->clients.control ? control_fds(s->clients.control, fds + count) : 0;
	r = rest_turn(s->rest, fds, count + controls, timeout_ms, e);
	if (r < 0)
		return r;
	s->site.now_ns = clock_now_ns();
	for (unsigned i = 3; i < count; i++) {
		if (!fds[i].revents)
			continue;
		if (owners[i]->pidfd == fds[i].fd)
			reap(s, owners[i]);
		else if (owners[i]->errand.fd == fds[i].fd)
			crew_errand(&s->crew, owners[i]);
	}
	heed_crew(s);
	if (fds[0].revents)
		read_signals(s);
	if (fds[1].revents && monitor_note_starts(&s->monitor))
		lend_now(s);
	if (s->clients.control)
		control_turn(s->clients.control, fds + count, controls, s->site.now_ns);
	return 0;
}

/* When the loop has something to do next if nothing happens. */
static int milliseconds_left(const struct supervisor *s)
{
	uint64_t now_ns = s->site.now_ns, next = now_ns + 1000 * CLOCK_MS;
	const uint64_t deadlines[] = {
		s->report.sample_at_ns > now_ns ? s->report.sample_at_ns : UINT64_MAX,
		crew_deadline(&s->crew),
		clients_have_status(&s->clients) ? s->clients.status_deadline_ns : UINT64_MAX,
		s->stage == STAGE_MASTER || s->stage == STAGE_WORKERS ? s->apply.deadline_ns
								      : UINT64_MAX,
		is_watching(s) ? monitor_deadline(&s->monitor) : UINT64_MAX,
		executor_watch_deadline(s->monitor.starts, now_ns),
		s->site.wait_until_ns ? s->site.wait_until_ns : UINT64_MAX,
	};

	for (unsigned i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] < next)
			next = deadlines[i];
	return next <= now_ns ? 0 : (int)((next - now_ns + CLOCK_MS - 1) / CLOCK_MS);
}

/* Once a second, where the kernel should show the plan in force. */
static void look_after_slices(struct supervisor *s)
{
	enum cluster_phase phase = s->site.state->phase;

	if (s->stage >= STAGE_STOP || s->stage == STAGE_GROUPS || !s->site.driver ||
	    !report_take_second(&s->report, &s->site))
		return;
	report_sample(&s->report, &s->site);
	if (phase != PHASE_UP && phase != PHASE_DEGRADED)
		return;
	if (!s->monitor.is_on)
		look_for_drift(s);
	drift_watch_bring_back(&s->drift);
}

static void look_after_loans(struct supervisor *s)
{
	bool is_due;

	if (!is_watching(s))
		return;
	monitor_ask(&s->monitor);
	is_due = monitor_is_due(&s->monitor);
	if (monitor_take_tick(&s->monitor))
		look_for_drift(s);
	if (is_due)
		lend_now(s);
}

/* Who waits hears of those that were moved out of our groups. */
static void tell_expelled(struct supervisor *s)
{
	struct strings *list = &s->site.expelled;

	for (const char *group = strings_next(list, NULL); group;) {
		const char *text = strings_next(list, group);

		clients_report_expelled(&s->clients, group, text);
		group = strings_next(list, text);
	}
	*list = (struct strings){0};
}

int loop_run(struct supervisor *s, struct err *e)
{
	struct err unsaved;

	while (s->stage < STAGE_GONE) {
		bool has_more;

		s->site.now_ns = clock_now_ns();
		clients_beat(&s->clients, s->site.now_ns);
		crew_tick(&s->crew);
		start_due(s);
		heed_crew(s);
		look_after_slices(s);
		notify_again(&s->manager);
		logs_look(&s->logs, &s->site, &s->crew);
		if (s->site.now_ns >= s->clients.status_deadline_ns ||
		    (s->clients.has_master && !task_watch_is_requesting(s->monitor.tasks)))
			answer_statuses(s);
		if (site_is_save_due(&s->site))
			crew_save(&s->crew, &unsaved); /* it is told */
		look_after_loans(s);
		if (s->monitor.asks_master)
			crew_ask_soon(&s->crew);
		s->monitor.asks_master = false;
		has_more = work(s);
		tell_expelled(s);
		if (s->stage < STAGE_GONE &&
		    wait_for_something(s, has_more ? 0 : milliseconds_left(s), e))
			return e->code;
	}
	if (s->stage == STAGE_STUCK)
		*e = s->stuck;
	return s->stage == STAGE_STUCK ? e->code : 0;
}
