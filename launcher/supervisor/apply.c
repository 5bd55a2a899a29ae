#include <arpa/inet.h>
#include <errno.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "launcher/supervisor/parts.h"
#include "launcher/system/listening.h"

static const uint64_t millisecond = 1000000;

/* ---- coming into being: groups, and what lives in them already */

static int make_group(struct supervisor *s, const char *name, const struct cpuset *cpus,
		      const struct cpuset *nodes, unsigned weight, struct err *e)
{
	struct group_spec group = {.name = name, .cpus = *cpus, .nodes = *nodes, .weight = weight};

	return s->driver->ops->create(s->driver, &group, e);
}

/* Our own leaf: on all allowed CPUs, ahead of the slices' threads. */
static int enter_own_group(struct supervisor *s, const struct observation *seen,
			   const struct plan *plan, struct err *e)
{
	int r = 0;

	if (s->kind != SUPERVISOR_DAEMON)
		return 0;
	if (!observed_find(seen, GROUP_SUPERVISOR))
		r = make_group(s, GROUP_SUPERVISOR, &plan->allowed, &plan->host.nodes, WEIGHT_MAX,
			       e);
	return r ? r : s->driver->ops->enter(s->driver, GROUP_SUPERVISOR, e);
}

static int make_host_group(struct supervisor *s, const struct observation *seen,
			   const struct plan *plan, struct err *e)
{
	struct cpuset cpus = plan_host_cpus(plan);

	if (observed_find(seen, GROUP_HOST))
		return 0;
	return make_group(s, GROUP_HOST, &cpus, &plan->host.nodes, WEIGHT_DEFAULT, e);
}

static bool mentions(pid_t pid, const char *text)
{
	char path[64];
	cleanup_fclose FILE *file = NULL;
	cleanup_free char *line = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "re");
	while (file && getdelim(&line, &size, '\0', file) > 0)
		if (strstr(line, text))
			return true;
	return false;
}

/*
 * Groups of our name without a state of ours: left by ourselves (the state was lost), or a cluster that runs from another
 * state directory. Daemons name their directory in their command lines.
 */
static int check_ownership(struct supervisor *s, const struct observation *seen, struct err *e)
{
	const struct cluster *c = s->state ? &s->state->cluster : &s->wanted->cluster;
	pid_t pids[64], stranger = 0;

	for (unsigned i = 0; i < seen->count; i++) {
		int count =
			seen->groups[i].populated
				? s->driver->ops->pids(s->driver, seen->groups[i].name, pids, 64, e)
				: 0;

		if (count < 0)
			return count;
		for (int p = 0; p < count && p < 64; p++) {
			if (mentions(pids[p], c->state) || mentions(pids[p], c->data))
				return 0;
			stranger = pids[p];
		}
	}
	if (!stranger)
		return 0;
	return err_set(
		e, -EEXIST,
		"a cluster named %s runs already from another state directory (process %d): choose "
		"another name, or its --state-dir",
		c->name, (int)stranger);
}

static int adopt_daemon(struct supervisor *s, struct daemon *d, const struct process_id *recorded,
			struct err *e)
{
	int r = daemon_adopt(d, s->driver, s->state ? s->state : s->wanted, recorded, e);

	if (r <= 0)
		return r;
	watch_event(s, d, WORKER_ADOPTED);
	s->adopted = true;
	return 0;
}

static int adopt_daemons(struct supervisor *s, const struct observation *seen, struct err *e)
{
	static const struct process_id none;
	const struct state *known = s->state ? s->state : s->wanted;
	int r = 0;

	if (!known)
		return 0;
	if (observed_find(seen, GROUP_HOST))
		r = adopt_daemon(s, s->master, s->state ? &s->state->master_process : &none, e);
	for (unsigned i = 0; !r && i < SLICES_MAX; i++) {
		struct daemon *d = &s->daemons[i];

		if (i >= known->plan.slice_count || !observed_find(seen, d->group))
			continue;
		r = adopt_daemon(s, d, s->state ? &s->state->workers[i].id : &none, e);
		if (s->state)
			d->life.restarts = s->state->workers[i].restarts;
	}
	return r;
}

int supervisor_open_groups(struct supervisor *s, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	struct driver_request request =
		state_groups(s->state ? s->state : s->wanted, s->cgroup_root);
	int r;

	if (!seen)
		return err_set(e, -ENOMEM, "no memory for the groups");
	r = claim_groups(s, e);
	if (!r)
		r = driver_open(&request, &s->driver, e);
	if (!r)
		r = s->driver->ops->observe(s->driver, seen, e);
	if (!r && !s->is_known)
		r = check_ownership(s, seen, e);
	if (r) { /* nothing of it is ours */
		if (s->driver && !s->is_known && !seen->count)
			driver_destroy(s->driver, &(struct err){0});
		else if (s->driver)
			s->driver->ops->close(s->driver);
		s->driver = NULL;
		return r;
	}
	s->fresh = !s->state && seen->count == 0;
	return adopt_daemons(s, seen, e);
}

/* ---- applying */

static bool is_same_io(const struct profile *a, const struct profile *b)
{
	return a->io_count == b->io_count &&
	       memcmp(a->io, b->io, a->io_count * sizeof(a->io[0])) == 0;
}

static int plan_the_ops(struct supervisor *s, const struct observation *seen, struct err *e)
{
	cleanup_free struct plan *actual = calloc(1, sizeof(*actual));
	bool is_known = s->state != s->wanted;

	if (!actual || !s->ops)
		return err_set(e, -ENOMEM, "no memory for the steps");
	actual_plan(seen, is_known ? &s->state->plan : NULL, &s->wanted->plan,
		    s->wanted->profile.memory.policy, actual);
	/* Limits of I/O are set when a group is made and are no part of a plan: slices that differ in it are made anew. */
	if (is_known && !is_same_io(&s->state->profile, &s->wanted->profile))
		for (unsigned i = 0; i < actual->slice_count; i++)
			actual->slices[i].slots = 0;
	s->next_op = 0;
	return plan_diff(actual, &s->wanted->plan, s->ops);
}

static int prepare_files(struct supervisor *s, struct err *e)
{
	struct spark_cluster c = state_spark(s->wanted);
	int r = cluster_make(&s->wanted->cluster, e);

	if (!r && s->fresh)
		r = cluster_clear_data(&s->wanted->cluster, e);
	return r ? r : spark_prepare(&c, e);
}

static int begin_groups(struct supervisor *s, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	int r;

	s->ops = calloc(1, sizeof(*s->ops));
	if (!seen)
		return err_set(e, -ENOMEM, "no memory for the groups");
	r = s->driver->ops->observe(s->driver, seen, e);
	if (!r)
		r = make_host_group(s, seen, &s->wanted->plan, e);
	if (!r)
		r = enter_own_group(s, seen, &s->wanted->plan, e);
	return r ? r : plan_the_ops(s, seen, e);
}

int apply_begin(struct supervisor *s, struct err *e)
{
	int r;

	s->changed = false;
	s->registered = UINT32_MAX;
	if (s->state)
		lend_end(s);
	else
		s->state = s->wanted;
	string_copy(s->wanted->location, driver_location(s->driver));
	string_copy(s->state->location, s->wanted->location);
	s->state->phase = PHASE_STARTING;
	s->state->why[0] = '\0';
	s->dirty = true;
	r = claim_groups(s, e);
	if (!r)
		r = supervisor_save(s, e);
	if (!r)
		r = prepare_files(s, e);
	if (!r)
		r = begin_groups(s, e);
	s->stage = STAGE_GROUPS;
	return r;
}

static int do_op(struct supervisor *s, const struct op *op, struct err *e)
{
	char text[PLAN_TEXT];
	int r = driver_execute(s->driver, op, &s->wanted->plan, &s->wanted->profile, NULL, e);

	if (r)
		return err_wrap(e, "step %u of %u", s->next_op + 1, s->ops->count);
	events_note(&s->events, "op", op->name, op_format(op, &s->wanted->plan, text, sizeof(text)),
		    {"step", s->next_op + 1}, {"steps", s->ops->count});
	return 0;
}

static int step_groups(struct supervisor *s, struct err *e)
{
	const struct op *op = &s->ops->ops[s->next_op];
	int r;

	if (s->next_op == s->ops->count) {
		s->stage = STAGE_REPLACE;
		return 1;
	}
	s->changed = true;
	if (op->kind == OP_REMOVE && op->slice < SLICES_MAX) {
		struct daemon *d = &s->daemons[op->slice];

		watch_event(s, d, WORKER_UNWANTED);
		if (d->life.state != WORKER_STOPPED)
			return 0;
	}
	r = do_op(s, op, e);
	if (r)
		return r;
	s->next_op++;
	supervisor_report(s, "groups", op->name, s->next_op, s->ops->count);
	return 1;
}

static bool is_other_scratch(const struct state *a, const struct state *b)
{
	return strcmp(a->profile.memory.scratch.path, b->profile.memory.scratch.path) != 0;
}

/* Slices' scratch directories elsewhere that nothing uses: what cannot be removed is told, and stops nothing. */
static void drop_scratch(struct supervisor *s, const struct cluster *c, const char *top)
{
	struct err e;

	if (cluster_remove_scratch(c, top, &e))
		events_note(&s->events, "scratch-left", top, e.msg, {"pid", getpid()});
}

/* The groups are as wanted: from here on the wanted state is the one in force. */
static int take_over(struct supervisor *s, struct err *e)
{
	free(s->ops);
	s->ops = NULL;
	if (s->state != s->wanted) {
		if (is_other_scratch(s->state, s->wanted))
			string_copy(s->left_scratch, s->state->profile.memory.scratch.path);
		s->wanted->phase = PHASE_STARTING;
		s->wanted->supervisor = s->state->supervisor;
		free(s->state);
		s->state = s->wanted;
	}
	s->wanted = NULL;
	s->dirty = true;
	return supervisor_save(s, e) ? e->code : home_write(&s->state->cluster, &s->state->plan, e);
}

static int stop_if_other(struct supervisor *s, struct daemon *d, struct err *e)
{
	cleanup_process struct process p = {0};
	int r;

	if (!d->life.has_process)
		return 0;
	r = daemon_process(d, s->state, &p, e);
	if (r || daemon_is(d, &p))
		return r;
	s->changed = true;
	watch_event(s, d, WORKER_UNWANTED);
	return 0;
}

static bool is_wanted(const struct supervisor *s, const struct daemon *d)
{
	return d->id == DAEMON_MASTER || d->id < s->state->plan.slice_count;
}

static void start_if_stopped(struct supervisor *s, struct daemon *d)
{
	if (!d->life.has_process)
		s->changed = true;
	watch_event(s, d, WORKER_WANTED);
}

static void begin_master(struct supervisor *s)
{
	s->stage = STAGE_MASTER;
	s->deadline_ns = s->now_ns + s->state->profile.spark.start_timeout_ms * millisecond;
	start_if_stopped(s, s->master);
	unlock_groups(s); /* they are made, and a process in them tells whose they are */
	supervisor_report(s, "master", s->state->master.address, 0, 1);
}

static int step_replace(struct supervisor *s, struct err *e)
{
	int r = 0;

	if (s->wanted) {
		r = take_over(s, e);
		for (unsigned i = 0; !r && i < DAEMONS; i++)
			if (is_wanted(s, &s->daemons[i]))
				r = stop_if_other(s, &s->daemons[i], e);
		if (r)
			return r;
	}
	for (unsigned i = 0; i < DAEMONS; i++)
		if (s->daemons[i].life.state == WORKER_STOPPING)
			return 0;
	/* Each worker's environment named the scratch of before, so all that used it have been stopped. */
	drop_scratch(s, &s->state->cluster, s->left_scratch);
	s->left_scratch[0] = '\0';
	begin_master(s);
	return 1;
}

static int too_late(struct supervisor *s, const struct daemon *d, const char *what, struct err *e)
{
	if (s->now_ns < s->deadline_ns)
		return 0;
	supervisor_report_log(s, d);
	return err_set(e, -ETIMEDOUT,
		       "%s did not %s within spark.start_timeout (%g s): see its log %s", d->name,
		       what, (double)s->state->profile.spark.start_timeout_ms / 1000, d->log);
}

static int step_master(struct supervisor *s, struct err *e)
{
	if (s->master->life.state != WORKER_RUNNING)
		return too_late(s, s->master, "answer", e);
	supervisor_report(s, "master", s->state->master.address, 1, 1);
	for (unsigned i = 0; i < s->state->plan.slice_count; i++)
		start_if_stopped(s, &s->daemons[i]);
	s->stage = STAGE_WORKERS;
	return 1;
}

static unsigned count_registered(const struct supervisor *s)
{
	unsigned count = 0;

	for (unsigned i = 0; i < s->state->plan.slice_count; i++)
		count += s->daemons[i].life.state == WORKER_RUNNING;
	return count;
}

/* Spark moves to other ports, or to every address, without a word: so look. */
static int check_sockets(struct supervisor *s, struct err *e)
{
	const int ports[2] = {s->state->master.port, s->state->master.ui_port};
	static const int any[2];
	struct in_addr master;
	int r;

	if (inet_pton(AF_INET, s->state->master.address, &master) != 1)
		return 0; /* a name: only the user knows what it stands for */
	r = listening_check("the master", s->master->process.pid, ntohl(master.s_addr), ports, e);
	for (unsigned i = 0; !r && i < s->state->plan.slice_count; i++)
		r = listening_check(s->daemons[i].name, s->daemons[i].process.pid,
				    s->state->plan.slices[i].address, any, e);
	return r;
}

/* The state first, then the answer: whoever hears of it may read the file. */
static int apply_done(struct supervisor *s, struct err *e)
{
	const char *result = s->fresh ? "started" : s->changed ? "changed" : "unchanged";

	s->state->phase = PHASE_UP;
	s->dirty = true;
	if (supervisor_save(s, e))
		return e->code;
	s->stage = STAGE_IDLE;
	s->fresh = false;
	events_note(&s->events, "up", s->state->cluster.name, result,
		    {"slices", s->state->plan.slice_count}, {"pid", getpid()});
	if (s->job)
		supervisor_answer_done(s, result);
	s->job = NULL;
	s->adopted = false;
	s->why_rebuilt[0] = '\0';
	supervisor_notify("READY=1\nSTATUS=all workers are registered");
	lend_begin(s); /* reads the topology: nobody has to wait for that */
	return 0;
}

static int step_workers(struct supervisor *s, struct err *e)
{
	unsigned count = count_registered(s);
	unsigned total = s->state->plan.slice_count;
	int r;

	if (count != s->registered)
		supervisor_report(s, "workers", "registered", count, total);
	s->registered = count;
	for (unsigned i = 0; count < total && i < total; i++)
		if (s->daemons[i].life.state != WORKER_RUNNING)
			return too_late(s, &s->daemons[i], "register", e);
	r = check_sockets(s, e);
	return r ? r : apply_done(s, e);
}

void apply_note_failure(struct supervisor *s, const struct err *why)
{
	if (s->stage > STAGE_IDLE && s->stage < STAGE_STOP && !s->pending.code)
		s->pending = *why;
}

int apply_step(struct supervisor *s, struct err *e)
{
	if (s->pending.code) {
		*e = s->pending;
		s->pending.code = 0;
		return e->code;
	}
	switch (s->stage) {
	case STAGE_GROUPS:
		return step_groups(s, e);
	case STAGE_REPLACE:
		return step_replace(s, e);
	case STAGE_MASTER:
		return step_master(s, e);
	case STAGE_WORKERS:
		return step_workers(s, e);
	case STAGE_IDLE:
	case STAGE_STOP:
	case STAGE_REMOVE:
	case STAGE_GONE:
		break;
	}
	return 0;
}

static void forget_wanted(struct supervisor *s)
{
	free(s->ops);
	s->ops = NULL;
	if (s->wanted != s->state)
		free(s->wanted);
	s->wanted = NULL;
}

/* The cluster goes on as it is: what was made for the wanted one, and only for it, goes. */
static void drop_wanted_scratch(struct supervisor *s)
{
	if (s->wanted && s->wanted != s->state && is_other_scratch(s->state, s->wanted))
		drop_scratch(s, &s->wanted->cluster, s->wanted->profile.memory.scratch.path);
}

void apply_fail(struct supervisor *s, const struct err *why)
{
	events_note(&s->events, "up-failed", s->state ? s->state->cluster.name : "cluster",
		    why->msg, {"stage", s->stage});
	if (s->fresh) {
		s->failure = *why;
		down_begin(s);
		return;
	}
	drop_wanted_scratch(s);
	forget_wanted(s);
	unlock_groups(s);
	s->stage = STAGE_IDLE;
	s->state->phase = PHASE_DEGRADED;
	s->dirty = true;
	string_copy(s->state->why, "the last up failed");
	if (strlen(why->msg) < sizeof(s->state->why))
		string_copy(s->state->why, why->msg);
	if (s->job)
		supervisor_answer_error(s, s->job, why);
	s->job = NULL;
}
