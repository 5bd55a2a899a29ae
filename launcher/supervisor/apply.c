/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/apply.h"

#include <arpa/inet.h>
#include <errno.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "launcher/protocol/state_recover.h"
#include "launcher/spark/ui.h"
#include "launcher/system/listening.h"
#include "launcher/system/scratch.h"

enum {
	REMOVE_PATIENCE_MS = 10000, /* of killed processes that have not ended */
	MOVES = 5, /* of the master, before what keeps taking its ports is the user's matter */
	QUIET_MS = 1000, /* an answer from a daemon that is well takes less */
	LOOK_MS = 1000,	 /* between two looks into the log of who is waited for */
	GONE_MS = 3000,	 /* one that ends has ended by then, and is told of as such */
	CAUSE = 300,
};

/* Progress is told from the first change on: an apply that changes nothing is silent. */
static void report(struct apply *a, const char *what, const char *object, unsigned done,
		   unsigned total)
{
	if (a->has_changed)
		clients_report(a->clients, what, object, done, total);
}

/* Who runs and has not answered as yet: told only where somebody is waited for. */
static void report_answers(struct apply *a, unsigned answered, const struct daemon *missing)
{
	if (a->site->now_ns < a->quiet_until_ns || answered == a->answered)
		return;
	a->answered = answered;
	clients_report(a->clients, "answers", missing->name, answered,
		       a->site->state->plan.slice_count + 1);
}

/* ---- scratch directories elsewhere */

/* Those that nothing uses any more: what cannot be removed is told, and stops nothing. */
static void drop_other_scratch(struct site *s)
{
	char *top = s->state->other_scratch;
	struct err e;

	if (!top[0])
		return;
	if (scratch_remove(&s->state->cluster, top, &e))
		events_note(&s->events, "scratch-left", top, e.msg, {"pid", getpid()});
	top[0] = '\0';
	s->is_dirty = true;
}

static bool is_other_scratch(const struct state *a, const struct state *b)
{
	return strcmp(a->profile.memory.scratch.path, b->profile.memory.scratch.path) != 0;
}

/* What is there where we have not been is somebody else's, and is not to go with us. */
static int check_scratch(const struct apply *a, struct err *e)
{
	const struct state *is = a->site->state, *wanted = a->wanted;
	const char *top = wanted->profile.memory.scratch.path;

	bool is_known = a->site->known == KNOWN_STATE
				? !is_other_scratch(is, wanted) || !strcmp(is->other_scratch, top)
				: !a->is_new; /* its state was lost */

	if (!top[0] || is_known)
		return 0;
	return scratch_check(&wanted->cluster, top, wanted->plan.slice_count, e);
}

/* ---- groups */

/* From what the kernel shows, and `recorded` (NULL: nothing) tells of it, to the wanted plan. */
static int plan_ops(struct apply *a, const struct plan *recorded, const struct observation *seen,
		    struct err *e)
{
	const struct profile *before = &a->site->state->profile, *after = &a->wanted->profile;
	cleanup_free struct plan *actual = calloc(1, sizeof(*actual));

	a->ops = calloc(1, sizeof(*a->ops));
	if (!actual || !a->ops)
		return err_set(e, -ENOMEM, "no memory for the steps");
	actual_plan(seen, recorded, &a->wanted->plan, after->memory.policy, actual);
	/*
	 * Limits of I/O are set when a group is made and are no part of a plan: slices that differ
	 * in it are made anew.
	 */
	if (before->io_count != after->io_count ||
	    memcmp(before->io, after->io, before->io_count * sizeof(before->io[0])) != 0)
		for (unsigned i = 0; i < actual->slice_count; i++)
			actual->slices[i].slots = 0;
	a->next_op = 0;
	return plan_diff(actual, &a->wanted->plan, a->ops);
}

/*
 * Where the state was lost, the home sets that were in force may still be known: without them no
 * loan can be told from them.
 */
static bool recover_homes(struct apply *a, struct plan *out)
{
	struct site *s = a->site;
	struct err e;

	if (state_recover_plan(&s->state->cluster, &a->wanted->plan, out, &e))
		return false;
	events_note(&s->events, "recovered", s->state->cluster.name,
		    "the home sets are those of home.json", {"slices", out->slice_count});
	return true;
}

int apply_choose(struct apply *a, struct err *e)
{
	const struct site *s = a->site;
	cleanup_free struct state *found = calloc(1, sizeof(*found));
	const struct state *known = s->known == KNOWN_STATE ? s->state : NULL;
	int r = found ? 0 : err_set(e, -ENOMEM, "no memory for a state");

	/* Where the state was lost, daemons still tell where they listen. */
	if (!r && !known && state_recover_daemons(&a->wanted->cluster, s->driver, found))
		known = found;
	if (!r)
		r = endpoints_choose(&a->claims, known, a->wanted, e);
	endpoints_keep(&a->claims, known, r ? NULL : a->wanted);
	return r;
}

int apply_begin(struct apply *a, struct err *e)
{
	struct site *s = a->site;
	struct spark_cluster spark = state_spark(a->wanted);
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	cleanup_free struct plan *homes = calloc(1, sizeof(*homes));
	const struct plan *recorded = &s->state->plan;
	int r;

	if (!seen || !homes)
		return err_set(e, -ENOMEM, "no memory for the groups");
	if (check_scratch(a, e))
		return e->code;
	a->has_changed = false;
	a->registered = a->answered = UINT32_MAX;
	a->moves = 0;
	a->quiet_until_ns = s->now_ns + QUIET_MS * CLOCK_MS;
	crew_call(a->crew);
	string_copy(a->wanted->location, driver_location(s->driver));
	/* What is wanted is all that can be told of it, and home.json. */
	if (s->known != KNOWN_STATE) {
		recorded = recover_homes(a, homes) ? homes : NULL;
		*s->state = *a->wanted;
	} else if (is_other_scratch(s->state, a->wanted)) {
		/* Before it is made: a successor of ours finds it. */
		string_copy(s->state->other_scratch, a->wanted->profile.memory.scratch.path);
	}
	string_copy(s->state->location, a->wanted->location);
	s->state->phase = PHASE_STARTING;
	s->state->why[0] = '\0';
	s->known = KNOWN_STATE;
	s->is_dirty = true;
	r = site_claim_groups(s, &a->wanted->plan, e);
	if (!r)
		r = crew_save(a->crew, e);
	if (!r)
		r = cluster_make(&a->wanted->cluster, e);
	if (!r && a->is_new)
		r = cluster_clear_data(&a->wanted->cluster, e);
	if (!r)
		r = spark_prepare(&spark, e);
	if (!r)
		r = s->driver->ops->observe(s->driver, seen, e);
	if (!r)
		r = site_make_own_groups(s, seen, &a->wanted->plan, e);
	return r ? r : plan_ops(a, recorded, seen, e);
}

int apply_groups(struct apply *a, struct err *e)
{
	const struct op *op = &a->ops->ops[a->next_op];
	struct site *s = a->site;
	char text[PLAN_TEXT];
	int r;

	if (a->next_op == a->ops->count)
		return STEP_DONE;
	a->has_changed = true;
	if (op->kind == OP_REMOVE && op->slice < SLICES_MAX) {
		crew_unwant(a->crew, op->slice);
		if (a->crew->daemons[op->slice].life.state != WORKER_STOPPED)
			return STEP_WAIT;
	}
	if (op->kind == OP_REMOVE && !s->wait_since_ns)
		site_expel(s, op->name);
	r = driver_execute(s->driver, op, &a->wanted->plan, &a->wanted->profile, NULL, e);
	if (r == -ETIMEDOUT && site_wait(s, REMOVE_PATIENCE_MS) == STEP_WAIT)
		return STEP_WAIT;
	if (r)
		return err_wrap(e, "step %u of %u", a->next_op + 1, a->ops->count);
	site_wait_no_more(s);
	a->next_op++;
	events_note(&s->events, "op", op->name, op_format(op, &a->wanted->plan, text, sizeof(text)),
		    {"step", a->next_op}, {"steps", a->ops->count});
	report(a, "groups", op->name, a->next_op, a->ops->count);
	return STEP_MORE;
}

int apply_take_over(struct apply *a, struct err *e)
{
	struct site *s = a->site;
	struct spark_cluster spark;
	char key[UI_KEY];
	int r;

	free(a->ops);
	a->ops = NULL;
	if (is_other_scratch(s->state, a->wanted))
		string_copy(a->wanted->other_scratch, s->state->profile.memory.scratch.path);
	a->wanted->phase = PHASE_STARTING;
	free(s->state);
	s->state = a->wanted;
	a->wanted = NULL;
	s->is_dirty = true;
	spark = state_spark(s->state);
	r = crew_save(a->crew, e);
	if (!r)
		r = home_write(&s->state->cluster, &s->state->plan, e);
	if (!r)
		r = ui_read_key(&spark, key, e);
	if (!r) {
		rest_set_key(a->crew->rest, key, s->state->cluster.uid);
		r = crew_unwant_others(a->crew, e);
	}
	a->has_changed |= r > 0;
	return r < 0 ? r : 0;
}

/* ---- daemons */

void apply_start_master(struct apply *a)
{
	struct site *s = a->site;

	/*
	 * Each worker's environment named the scratch of before, so all that used it have been
	 * stopped.
	 */
	drop_other_scratch(s);
	a->deadline_ns = s->now_ns + s->state->profile.spark.start_timeout_ms * CLOCK_MS;
	a->look_at_ns = 0;
	a->gone_pid = 0;
	a->has_changed |= crew_want(a->crew, DAEMON_MASTER);
	site_unlock_groups(s); /* they are made, and a process in them tells whose they are */
	report(a, "master", s->state->master.address, 0, 1);
}

void apply_start_workers(struct apply *a)
{
	struct site *s = a->site;

	report(a, "master", s->state->master.address, 1, 1);
	for (unsigned i = 0; i < s->state->plan.slice_count; i++)
		a->has_changed |= crew_want(a->crew, i);
}

/*
 * A JVM whose main thread has ended with an exception lives on with the threads that it has begun
 * (JDK 25 and a Spark that cannot do with it), and nothing is to be waited for.
 */
static bool is_gone(struct apply *a, const struct daemon *d)
{
	uint64_t now_ns = a->site->now_ns;
	struct first_error f;

	if (now_ns < a->look_at_ns || d->pidfd < 0)
		return false;
	a->look_at_ns = now_ns + LOOK_MS * CLOCK_MS;
	if (!daemon_first_error(d, &f) || !f.is_fatal) {
		a->gone_pid = 0;
	} else if (a->gone_pid != d->process.pid) {
		a->gone_pid = d->process.pid;
		a->gone_since_ns = now_ns;
	}
	return a->gone_pid && now_ns - a->gone_since_ns >= GONE_MS * CLOCK_MS;
}

static int wait_for(struct apply *a, unsigned daemon, const char *what, struct err *e)
{
	const struct daemon *d = &a->crew->daemons[daemon];
	double timeout_s = (double)a->site->state->profile.spark.start_timeout_ms / 1000;
	bool is_late = a->site->now_ns >= a->deadline_ns;
	struct first_error f;
	char why[CAUSE] = "";

	if (!is_late && !is_gone(a, d))
		return STEP_WAIT;
	if (daemon_first_error(d, &f))
		first_error_cause(&f, why, sizeof(why));
	clients_report_log(a->clients, d);
	if (!is_late)
		return err_set(e, -ECHILD, "%s will not %s: %s: see its log %s", d->name, what, why,
			       d->log);
	return err_set(e, -ETIMEDOUT,
		       "%s did not %s within spark.start_timeout (%g s)%s%s: see its log %s",
		       d->name, what, timeout_s, why[0] ? ": " : "", why, d->log);
}

int apply_master(struct apply *a, struct err *e)
{
	if (crew_has_answered(a->crew, DAEMON_MASTER))
		return STEP_DONE;
	report_answers(a, 0, crew_master(a->crew));
	return wait_for(a, DAEMON_MASTER, "answer", e);
}

bool apply_may_move_master(const struct apply *a, const struct crew_news *news)
{
	return a->moves < MOVES && news->daemon == DAEMON_MASTER &&
	       (news->failure == CREW_OTHER_MASTER || news->failure == CREW_EXITED) &&
	       endpoints_may_be_taken(a->site->state);
}

int apply_move_master(struct apply *a, struct err *e)
{
	struct site *s = a->site;
	struct spark_cluster spark;
	char text[PLAN_TEXT];
	int r = endpoints_move_master(&a->claims, s->state, e);

	if (r)
		return r;
	a->moves++;
	a->has_changed = true;
	endpoints_keep(&a->claims, s->state, NULL);
	snprintf(text, sizeof(text), "others listen at its ports: it tries %d and %d",
		 s->state->master.port, s->state->master.ui_port);
	events_note(&s->events, "other-ports", "master", text, {"moves", a->moves});
	s->is_dirty = true;
	spark = state_spark(s->state);
	r = spark_prepare(&spark, e);
	if (!r)
		r = crew_save(a->crew, e);
	if (!r)
		r = crew_unwant_others(a->crew, e);
	return r < 0 ? r : 0;
}

/* Spark moves to other ports, or to every address, without a word: so look. */
static int check_sockets(struct apply *a, struct err *e)
{
	const struct state *s = a->site->state;
	const struct daemon *d = crew_master(a->crew);
	const int ports[2] = {s->master.port, s->master.ui_port};
	static const int any[2];
	struct in_addr master;
	int r;

	if (inet_pton(AF_INET, s->master.address, &master) != 1)
		return STEP_DONE; /* a name: only the user knows what it stands for */
	r = listening_check("the master", d->process.pid, ntohl(master.s_addr), ports, e);
	for (unsigned i = 0; !r && i < s->plan.slice_count; i++) {
		d = &a->crew->daemons[i];
		r = listening_check(d->name, d->process.pid, s->plan.slices[i].address, any, e);
	}
	/* One that has just ended listens nowhere: the loop will hear of it. */
	return r && !process_is_alive(&d->process) ? STEP_WAIT : r ? r : STEP_DONE;
}

int apply_workers(struct apply *a, struct err *e)
{
	unsigned total = a->site->state->plan.slice_count, count = 0, missing = 0;
	unsigned answered = crew_has_answered(a->crew, DAEMON_MASTER), mute = DAEMON_MASTER;

	for (unsigned i = total; i-- > 0;) {
		if (crew_is_running(a->crew, i))
			count++;
		else
			missing = i;
		if (crew_has_answered(a->crew, i))
			answered++;
		else
			mute = i;
	}
	if (count != a->registered)
		report(a, "workers", "registered", count, total);
	a->registered = count;
	if (count < total)
		return wait_for(a, missing, "register", e);
	if (answered <= total) {
		report_answers(a, answered, &a->crew->daemons[mute]);
		return wait_for(a, mute, "answer", e);
	}
	return check_sockets(a, e);
}

/* ---- ends */

int apply_finish(struct apply *a, struct err *e)
{
	struct site *s = a->site;
	enum reply_result result = a->is_new	    ? REPLY_STARTED
				   : a->has_changed ? REPLY_CHANGED
						    : REPLY_UNCHANGED;
	int r;

	s->state->phase = PHASE_UP;
	s->is_dirty = true;
	r = crew_save(a->crew, e);
	if (r)
		return r;
	a->is_new = false;
	endpoints_keep(&a->claims, s->state, NULL);
	events_note(&s->events, "up", s->state->cluster.name, reply_result_name(result),
		    {"slices", s->state->plan.slice_count}, {"pid", getpid()});
	clients_answer_up(a->clients, result, a->crew->has_adopted, s->why_lost);
	a->crew->has_adopted = false;
	s->why_lost[0] = '\0';
	return 0;
}

void apply_give_up(struct apply *a, const struct err *why)
{
	struct site *s = a->site;

	/* What was made for the wanted cluster, and only for it, goes. */
	if (a->wanted)
		drop_other_scratch(s);
	apply_forget(a);
	endpoints_keep(&a->claims, s->state, NULL);
	site_unlock_groups(s);
	/* If it was not begun, all is as it was. */
	if (s->state->phase == PHASE_STARTING)
		site_degrade(s, "%s",
			     strlen(why->msg) < sizeof(s->state->why) ? why->msg
								      : "the last up failed");
	clients_refuse_up(a->clients, why);
}

void apply_forget(struct apply *a)
{
	free(a->ops);
	a->ops = NULL;
	free(a->wanted);
	a->wanted = NULL;
}
