/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/supervisor.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "containers/proc/clock.h"
#include "containers/proc/oom.h"
#include "decision/base/cleanup.h"
#include "launcher/supervisor/loop.h"
#include "launcher/system/detach.h"
#include "launcher/system/lock.h"
#include "launcher/system/scratch.h"

/* ---- beginning */

static int open_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(e, -errno, "signalfd") : fd;
}

static int open_parts(struct supervisor *s, struct supervisor_start *start, struct err *e)
{
	struct site *site = &s->site;
	int r;

	site->now_ns = s->report.begin_ns = clock_now_ns();
	s->drift.site = site;
	s->apply = (struct apply){
		.site = site,
		.crew = &s->crew,
		.clients = &s->clients,
		.wanted = start->wanted,
	};
	start->wanted = NULL;
	prctl(PR_SET_CHILD_SUBREAPER, start->kind != SUPERVISOR_ONCE);
	if (start->kind != SUPERVISOR_ONCE)
		oom_protect(); /* where it may: doctor says so */
	signal(SIGPIPE, SIG_IGN);
	r = s->signal_fd = open_signals(e);
	if (r >= 0)
		r = events_open(&start->cluster, &site->events, e);
	if (!r)
		r = rest_open(&s->rest, e);
	if (!r)
		r = crew_open(&s->crew, site, s->rest, e);
	if (!r)
		r = monitor_open(&s->monitor, site, &s->crew, s->rest, e);
	if (!r && start->kind != SUPERVISOR_ONCE)
		r = control_open(&start->cluster, site->now_ns, loop_request, loop_gone, s,
				 &s->clients.control, e);
	if (s->clients.control)
		clients_adopt_up(&s->clients, start->client, start->client_pid);
	return r < 0 ? r : 0;
}

/* ---- end */

static int remove_scratch(const struct state *s, struct err *e)
{
	int r = scratch_remove(&s->cluster, s->profile.memory.scratch.path, e);

	return r ? r : scratch_remove(&s->cluster, s->other_scratch, e);
}

/* Logs are kept where there are any, but not of an `up` that was interrupted. */
static int remove_files(const struct supervisor *s, const struct cluster *c, int r, struct err *e)
{
	bool has_failed = r || s->failure.code;
	bool has_logs = s->crew.has_started && s->failure.code != -ECANCELED;
	int failed = 0;

	if (s->site.state)
		failed = remove_scratch(s->site.state, e);
	return failed ? failed
		      : cluster_remove(c, has_failed && !has_logs ? REMAINS_NOTHING : REMAINS_DATA,
				       e);
}

/*
 * The last words: the waiting `up` hears why, each `down` that it is done (by the end of its
 * connection) or why not.
 */
static void say_farewell(struct supervisor *s, int r, const struct err *e)
{
	const struct err *why = r ? e : &s->failure;

	if (s->clients.up && why->code)
		clients_refuse_up(&s->clients, why);
	clients_answer_downs(&s->clients, r ? e : NULL);
}

static void close_parts(struct supervisor *s)
{
	site_unlock_groups(&s->site);
	if (s->site.driver)
		s->site.driver->ops->close(s->site.driver);
	crew_close(&s->crew);
	if (s->clients.control)
		control_close(s->clients.control);
	monitor_close(&s->monitor);
	rest_close(s->rest);
	events_close(&s->site.events);
	notify_close(&s->manager);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	apply_forget(&s->apply);
	endpoints_keep(&s->apply.claims, NULL, NULL);
	free(s->site.state);
	free(s);
}

int supervisor_run(struct supervisor_start *start, struct err *e)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	bool is_nothing_left;
	struct err unremoved;
	sigset_t before;
	char log[PROFILE_PATH + 32];
	int r = 0;

	if (!s)
		return err_set(e, -ENOMEM, "no memory for the supervisor");
	sigprocmask(SIG_SETMASK, NULL, &before);
	notify_open(&s->manager);
	if (start->kind !=
	    SUPERVISOR_FOREGROUND) /* then it is an `up` or `down` that was started */
		notify_close(&s->manager);
	s->site.has_own_group = start->kind == SUPERVISOR_DAEMON;
	s->site.cgroup_root = start->cgroup_root;
	s->signal_fd = s->site.events.fd = s->site.groups_lock.fd = s->site.clearing.fd = -1;
	snprintf(log, sizeof(log), "%s/supervisor.log", start->cluster.data);
	if (start->kind == SUPERVISOR_DAEMON)
		r = detach(log, start->lock, start->client, e);
	lock_sign(start->lock);
	if (!r)
		r = open_parts(s, start, e);
	if (!r)
		r = site_recall(&s->site, &start->cluster, e);
	malloc_trim(0);
	if (!r)
		r = loop_run(s, e);
	start->signal_number = s->signal_number;
	is_nothing_left = s->stage == STAGE_GONE;
	/* A first `up` that failed before it made anything leaves no trace either. */
	is_nothing_left |= r && s->site.state && s->site.known == KNOWN_NOTHING && s->apply.wanted;
	if (is_nothing_left && remove_files(s, &start->cluster, r, &unremoved) && !r) {
		*e = unremoved;
		r = e->code;
	}
	say_farewell(s, r, e);
	if (!r && s->failure.code) {
		*e = s->failure;
		r = e->code;
	}
	close_parts(s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
