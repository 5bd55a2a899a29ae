/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/site.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "containers/proc/process.h"
#include "containers/where/tree.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/cost/facts.h"

enum {
	RETRY_MS = 20,
	GROUP_EMPTIES_MS = 10000, /* a JVM with hundreds of GB to unmap needs seconds */
	LOCK_PATIENCE_MS = 60000, /* longer than another cluster's worker takes to stop */
	SAVE_PAUSE_MAX_S = 60,
};

/* ---- the state */

int site_recall(struct site *s, const struct cluster *c, struct err *e)
{
	s->state = calloc(1, sizeof(*s->state));
	if (!s->state)
		return err_set(e, -ENOMEM, "no memory for the state");
	if (state_read(c, s->state, e) == 0) {
		s->known = KNOWN_STATE; /* its user, and the paths as this caller spells them */
		string_copy(s->state->cluster.state, c->state);
		string_copy(s->state->cluster.data, c->data);
		return 0;
	}
	if (cluster_has_file(c, "state.json") || cluster_has_file(c, "home.json")) {
		s->known = KNOWN_LOST;
		string_copy(s->why_lost, e->msg);
	}
	s->state->cluster = *c;
	profile_default(&s->state->profile);
	return 0;
}

/* Each failure doubles the pause; the first of several and their end are told. */
static void note_save(struct site *s, int r, const struct err *e)
{
	bool had_failed = s->unsaved.code != 0;

	if (!r) {
		s->unsaved.code = 0;
		s->save_at_ns = 0;
		s->save_pause_s = 0;
		if (had_failed)
			events_note(&s->events, "saved", "state.json", "it can be written again",
				    {"pid", getpid()});
		return;
	}
	s->unsaved = *e;
	s->save_pause_s = s->save_pause_s ? 2 * s->save_pause_s : 1;
	if (s->save_pause_s > SAVE_PAUSE_MAX_S)
		s->save_pause_s = SAVE_PAUSE_MAX_S;
	s->save_at_ns = s->now_ns + s->save_pause_s * 1000 * CLOCK_MS;
	if (!had_failed)
		events_note(&s->events, "save-failed", "state.json", e->msg, {"errno", -e->code});
}

int site_save(struct site *s, struct err *e)
{
	struct state *state = s->state;
	unsigned loans = state->plan.loan_count;
	int r;

	if (!s->is_dirty)
		return 0;
	process_identify(getpid(), &state->supervisor, &(struct err){0});
	state->plan.loan_count = 0;
	r = state_write(state, e);
	state->plan.loan_count = loans;
	s->is_dirty = r != 0;
	note_save(s, r, e);
	return r;
}

bool site_is_save_due(const struct site *s)
{
	return s->is_dirty && s->now_ns >= s->save_at_ns;
}

static void degrade(struct site *s, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void degrade(struct site *s, const char *format, va_list args)
{
	vsnprintf(s->state->why, sizeof(s->state->why), format, args);
	s->state->phase = PHASE_DEGRADED;
	s->is_dirty = true;
}

void site_degrade(struct site *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	degrade(s, format, args);
	va_end(args);
	s->is_degraded_for_now = false;
}

void site_degrade_for_now(struct site *s, const char *format, ...)
{
	enum cluster_phase phase = s->state->phase;
	va_list args;

	if (phase != PHASE_UP && (phase != PHASE_DEGRADED || !s->is_degraded_for_now))
		return;
	va_start(args, format);
	degrade(s, format, args);
	va_end(args);
	s->is_degraded_for_now = true;
}

void site_mend(struct site *s)
{
	if (s->state->phase != PHASE_DEGRADED || !s->is_degraded_for_now)
		return;
	s->state->phase = PHASE_UP;
	s->state->why[0] = '\0';
	s->is_degraded_for_now = false;
	s->is_dirty = true;
}

/* ---- what cannot be done yet */

int site_wait(struct site *s, unsigned patience_ms)
{
	if (!s->wait_since_ns)
		s->wait_since_ns = s->now_ns;
	s->wait_until_ns = s->now_ns + RETRY_MS * CLOCK_MS;
	return s->now_ns - s->wait_since_ns < patience_ms * CLOCK_MS ? STEP_WAIT : -ETIMEDOUT;
}

void site_wait_no_more(struct site *s)
{
	s->wait_since_ns = s->wait_until_ns = 0;
}

/* ---- one cluster at a time */

int site_lock_groups(struct site *s, struct err *e)
{
	char name[TREE_NAME];
	struct tree tree;
	int r = s->has_groups_lock ? STEP_DONE : tree_read(s->cgroup_root, &tree, e);

	if (r)
		return r;
	r = tree_name(&tree, name, e);
	if (!r && name[0])
		r = groups_lock_take(name, &s->groups_lock, &s->lock_holder, e);
	if (r == -EBUSY && site_wait(s, LOCK_PATIENCE_MS) == STEP_WAIT)
		return STEP_WAIT;
	if (r == -EBUSY)
		return err_set(e, -EBUSY,
			       "another cluster's up or down (process %d) has been changing groups "
			       "for %d s: try again when it is done",
			       (int)s->lock_holder, LOCK_PATIENCE_MS / 1000);
	if (r)
		return r;
	site_wait_no_more(s);
	s->has_groups_lock = true;
	return STEP_DONE;
}

void site_unlock_groups(struct site *s)
{
	groups_lock_release(&s->groups_lock);
	s->has_groups_lock = false;
}

int site_claim_groups(struct site *s, const struct plan *wanted, struct err *e)
{
	struct cpuset cpus = wanted->host.cpus;
	struct facts facts = {0};
	struct claims claims;
	struct tree tree;
	int r = tree_read(s->cgroup_root, &tree, e);

	for (unsigned i = 0; i < wanted->slice_count; i++)
		cpus = cpuset_or(&cpus, &wanted->slices[i].cpus);
	if (!r)
		r = tree_claims(&tree, s->state->cluster.name, &claims, e);
	if (!r) {
		facts.taken = claims.taken;
		string_copy(facts.taken_by, claims.taken_by);
		r = facts_check_cpus(&facts, &cpus, e);
	}
	if (r)
		site_unlock_groups(s);
	return r;
}

/* ---- opening */

/* Whether a word of its command line has one of the two in it. */
static bool mentions(pid_t pid, const char *state, const char *data)
{
	size_t size = 0;
	cleanup_free char *line = proc_read_words(pid, "cmdline", &size);
	struct words words = {line, line + size};
	const char *word;

	while ((word = words_next(&words)))
		if (strstr(word, state) || strstr(word, data))
			return true;
	return false;
}

static bool is_among(const struct strangers *list, pid_t pid)
{
	for (unsigned i = 0; i < list->listed; i++)
		if (list->items[i].pid == pid)
			return true;
	return false;
}

/*
 * Groups of our name without a state of ours: left by ourselves (the state was lost), or a cluster
 * that runs from another state directory. Daemons name their directory in their command lines; what
 * strangers have there says nothing.
 */
static int check_ownership(struct site *s, const struct observation *seen, struct err *e)
{
	const struct cluster *c = &s->state->cluster;
	pid_t pids[64], stranger = 0;

	for (unsigned i = 0; i < seen->count; i++) {
		const struct observed_group *g = &seen->groups[i];
		struct strangers foreign = {0};
		int count =
			g->populated ? s->driver->ops->pids(s->driver, g->name, pids, 64, e) : 0;

		if (count < 0)
			return count;
		if (count && s->driver->ops->strangers)
			s->driver->ops->strangers(s->driver, g->name, &foreign, &(struct err){0});
		for (int p = 0; p < count && p < 64; p++) {
			if (s->driver->ops->has(s->driver, g->name, pids[p]) &&
			    mentions(pids[p], c->state, c->data))
				return 0;
			if (!is_among(&foreign, pids[p]))
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

int site_open_groups(struct site *s, const struct state *described, struct observation *seen,
		     struct err *e)
{
	struct driver_request request = state_groups(described, s->cgroup_root);
	int r = driver_open(&request, &s->driver, e);

	seen->count = 0;
	if (!r)
		r = s->driver->ops->observe(s->driver, seen, e);
	if (!r && s->known != KNOWN_STATE)
		r = check_ownership(s, seen, e);
	if (!r)
		return 0;
	if (s->driver && s->known != KNOWN_STATE && !seen->count)
		driver_destroy(s->driver, &(struct err){0});
	else if (s->driver)
		s->driver->ops->close(s->driver);
	s->driver = NULL;
	return r;
}

int site_make_own_groups(struct site *s, const struct observation *seen, const struct plan *plan,
			 struct err *e)
{
	struct group_spec host = {
		.name = GROUP_HOST,
		.cpus = plan_host_cpus(plan),
		.nodes = plan->host.nodes,
		.weight = WEIGHT_DEFAULT,
	};
	struct group_spec own = {
		.name = GROUP_SUPERVISOR, /* ahead of the slices' threads */
		.cpus = plan_balanced_cpus(plan),
		.nodes = plan->host.nodes,
		.weight = WEIGHT_MAX,
	};
	int r = observed_find(seen, GROUP_HOST) ? 0 : s->driver->ops->create(s->driver, &host, e);

	if (r || !s->has_own_group)
		return r;
	if (!observed_find(seen, GROUP_SUPERVISOR))
		r = s->driver->ops->create(s->driver, &own, e);
	return r ? r : s->driver->ops->enter(s->driver, GROUP_SUPERVISOR, e);
}

/* ---- removing */

/* For the log, for who waits, and for stderr; where there is no room for all of them, the log has. */
static void note_expelled(struct site *s, const char *group, const char *text, pid_t pid)
{
	const struct strings before = s->expelled;

	events_note(&s->events, "expel", group, text, {"pid", pid});
	fprintf(stderr, "cleave: %s: %s\n", group, FOREIGN(text));
	if (strings_add(&s->expelled, group) || strings_add(&s->expelled, text))
		s->expelled = before;
}

void site_expel(struct site *s, const char *group)
{
	struct strangers found = {0};
	char text[PLAN_TEXT];
	struct err e;

	if (s->driver->ops->expel && s->driver->ops->expel(s->driver, group, &found, &e))
		events_note(&s->events, "expel-failed", group, e.msg, {"errno", -e.code});
	for (unsigned i = 0; i < found.listed; i++) {
		const struct stranger *who = &found.items[i];

		snprintf(text, sizeof(text),
			 "process %d (%s) of user %d was not started by cleave: %s", who->pid,
			 who->name, (int)who->uid,
			 who->stays ? "it ends with the group" : "it was moved out and runs on");
		note_expelled(s, group, text, who->pid);
	}
	if (found.count > found.listed) {
		snprintf(text, sizeof(text), "so were %u more", found.count - found.listed);
		note_expelled(s, group, text, 0);
	}
}

static int remove_group(struct site *s, const char *name, struct err *e)
{
	int r;

	if (!s->wait_since_ns)
		site_expel(s, name);
	r = s->driver->ops->kill(s->driver, name, 0, e);
	if (r == -ETIMEDOUT && site_wait(s, GROUP_EMPTIES_MS) == STEP_WAIT)
		return STEP_WAIT;
	if (!r)
		r = s->driver->ops->remove(s->driver, name, e);
	if (!r)
		site_wait_no_more(s);
	return r ? r : STEP_MORE;
}

/* Those of commands, and what is left of daemons whose end was not seen. */
static int clear_containers(struct site *s, struct err *e)
{
	cleanup_free struct container_spec *spec = calloc(1, sizeof(*spec));
	struct pollfd done = {.fd = s->clearing.fd, .events = POLLIN};
	const char *socket = s->state->engine.socket;
	struct errand_result result;

	if (!socket[0] || s->is_cleared)
		return STEP_DONE;
	if (!spec)
		return err_set(e, -ENOMEM, "no memory for a container");
	string_copy(spec->cluster, s->state->cluster.name);
	if (s->clearing.fd < 0)
		return errand_send(&s->clearing, ERRAND_CLEAR, socket, spec, -1, e) ? e->code
										    : STEP_WAIT;
	if (poll(&done, 1, 0) == 0)
		return STEP_WAIT;
	errand_take(&s->clearing, &result);
	if (result.err.code) {
		*e = result.err;
		return err_wrap(e,
				"the containers of %s are left: run down again when the engine "
				"answers",
				s->state->cluster.name);
	}
	s->is_cleared = true;
	return STEP_DONE;
}

int site_remove_next(struct site *s, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	int r;

	if (!s->driver)
		return STEP_DONE;
	r = clear_containers(s, e);
	if (r != STEP_DONE)
		return r;
	r = seen ? s->driver->ops->observe(s->driver, seen, e)
		 : err_set(e, -ENOMEM, "no memory for the groups");
	for (unsigned i = 0; !r && i < seen->count; i++)
		if (strcmp(seen->groups[i].name, GROUP_SUPERVISOR) != 0)
			return remove_group(s, seen->groups[i].name, e);
	if (!r && s->has_own_group) /* out of our own leaf, then it can go */
		r = s->driver->ops->enter(s->driver, NULL, e);
	if (r)
		return r;
	r = remove_group(s, GROUP_SUPERVISOR, e);
	if (r != STEP_MORE)
		return r;
	r = driver_destroy(s->driver, e);
	s->driver = NULL;
	return r ? r : STEP_DONE;
}
