/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/protocol/status.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "decision/reconcile/life.h"
#include "launcher/protocol/loan_json.h"
#include "launcher/protocol/plan_json.h"

/* ---- collecting */

static void collect_slice(const struct state *s, unsigned id, const struct observed_group *group,
			  const struct sample *sample, struct slice_status *out)
{
	const struct slice *slice = &s->plan.slices[id];
	const struct worker_record *record = &s->workers[id];
	bool alive = process_is_alive(&record->id);

	*out = (struct slice_status){.id = id, .home_cpus = slice->cpus, .nodes = slice->nodes};
	string_copy(out->name, slice->name);
	string_copy(out->state, worker_state_name(alive ? WORKER_RUNNING : WORKER_STOPPED));
	out->worker_pid = alive ? record->id.pid : 0;
	if (s->engine.socket[0])
		spark_container_name(s->cluster.name, slice->name, out->container);
	out->restarts = record->restarts;
	out->executors_planned = slice->executors;
	out->local_share = 1;
	if (!group)
		return;
	out->cpus = group->cpus;
	out->nodes = group->nodes;
	out->memory_bytes = sample->memory_bytes;
	out->memory_max_bytes = sample->memory_max_bytes;
	out->oom_kills = sample->oom_kills;
	out->local_share = sample_local_share(sample);
}

static void collect_cluster(const struct state *s, struct status *out)
{
	out->phase = s->phase;
	string_copy(out->name, s->cluster.name);
	string_copy(out->why, s->why);
	if (s->phase == PHASE_STOPPING) { /* the schema has no word of its own for it */
		out->phase = PHASE_DEGRADED;
		string_copy(out->why, "it is being taken down");
	}
	if (process_is_alive(&s->supervisor))
		out->supervisor_pid = s->supervisor.pid;
	if (process_is_alive(&s->master_process))
		out->master_pid = s->master_process.pid;
	snprintf(out->master_url, sizeof(out->master_url), "spark://%.200s:%d", s->master.address,
		 s->master.port);
	snprintf(out->ui_url, sizeof(out->ui_url), "http://%.200s:%d/", s->master.address,
		 s->master.ui_port);
	out->ui = s->profile.security.ui;
	out->engine = s->engine;
	out->slice_count = s->plan.slice_count;
	out->warning_count = s->plan.warning_count;
	memcpy(out->warnings, s->plan.warnings, sizeof(out->warnings));
	out->monitor.mode = s->profile.rebalance.mode;
	out->monitor.loans = s->profile.rebalance.loans;
	out->loan_count = s->plan.loan_count;
	for (unsigned i = 0; i < s->plan.loan_count; i++)
		out->loans[i].loan = s->plan.loans[i];
}

int status_collect(const struct state *s, struct driver *d, struct sample *samples,
		   struct status *out, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	int r;

	if (!seen)
		return err_set(e, -ENOMEM, "no memory for the status");
	r = d ? d->ops->observe(d, seen, e) : 0;
	if (r)
		return r;
	memset(out, 0, sizeof(*out));
	collect_cluster(s, out);
	for (unsigned i = 0; i < s->plan.slice_count; i++) {
		const struct observed_group *group =
			d ? observed_find(seen, s->plan.slices[i].name) : NULL;

		samples[i] = (struct sample){0};
		if (group)
			r = d->ops->sample(d, group->name, &samples[i], e);
		if (r)
			return r;
		collect_slice(s, i, group, &samples[i], &out->slices[i]);
		/* For people: that it cannot be told is no reason to show nothing. */
		if (group && d->ops->strangers)
			d->ops->strangers(d, group->name, &out->slices[i].foreign,
					  &(struct err){0});
	}
	return 0;
}

void status_plan_loans(const struct status *s, struct plan *out)
{
	out->loan_count = s->loan_count;
	for (unsigned i = 0; i < s->loan_count; i++)
		out->loans[i] = s->loans[i].loan;
}

double sample_local_share(const struct sample *s)
{
	return s->anon_bytes ? (double)s->anon_local_bytes / (double)s->anon_bytes : 1;
}

double sample_cpus_used(const struct sample *before, const struct sample *now)
{
	if (!before->at_ns || now->at_ns <= before->at_ns ||
	    now->cpu_usage_us < before->cpu_usage_us)
		return 0;
	return (double)(now->cpu_usage_us - before->cpu_usage_us) * 1000 /
	       (double)(now->at_ns - before->at_ns);
}

/* ---- as JSON */

#define T struct stranger
static const struct json_field foreign_fields[] = {
	{"pid", JSON_AT(T, pid)},
	{"name", JSON_AT(T, name)},
	{"uid", JSON_AT(T, uid)},
	JSON_END,
};
#undef T

#define T struct slice_status
static const struct json_field slice_fields[] = {
	{"id", JSON_AT(T, id), .max = SLICES_MAX - 1},
	{"name", JSON_AT(T, name)},
	{"state", JSON_AT(T, state)},
	{"cpus", JSON_AT(T, cpus)},
	{"home_cpus", JSON_AT(T, home_cpus)},
	{"nodes", JSON_AT(T, nodes)},
	{"worker_pid", JSON_AT(T, worker_pid)},
	{"container", JSON_AT(T, container), .is_new = true},
	{"executors", JSON_AT(T, executors)},
	{"executors_planned", JSON_AT(T, executors_planned), .max = SLICE_EXECUTORS,
	 .is_new = true},
	{"tasks_running", JSON_AT(T, tasks_running)},
	{"tasks_pending", JSON_AT(T, tasks_pending)},
	{"cpu_used", JSON_AT(T, cpu_used)},
	{"memory_bytes", JSON_AT(T, memory_bytes)},
	{"memory_max_bytes", JSON_AT(T, memory_max_bytes)},
	{"local_share", JSON_AT(T, local_share)},
	{"restarts", JSON_AT(T, restarts)},
	{"oom_kills", JSON_AT(T, oom_kills)},
	{"throttled", JSON_AT(T, throttled)},
	{"doing", JSON_AT(T, doing)},
	{"foreign", JSON_LIST(T, foreign.items, foreign.listed, foreign_fields), .is_new = true},
	{"foreign_count", JSON_AT(T, foreign.count), .is_new = true},
	JSON_END,
};
#undef T

const struct json_field status_loan_fields[] = {
	{JSON_SAME(struct status_loan, loan, loan_fields)},
	{"since_s", JSON_AT(struct status_loan, since_s)},
	JSON_END,
};

/* Why Spark's tasks are not known, behind this; or that they are. */
static const char unknown[] = "unknown: ";

static int write_tasks(const struct json_field *f, const void *value, const struct json_walk *w,
		       json_t *object)
{
	const struct status_monitor *m = value;
	char text[sizeof(unknown) + PLAN_TEXT];

	snprintf(text, sizeof(text), "%s%s", m->tasks[0] ? unknown : "known", m->tasks);
	return json_put(object, f->key, json_text(text), w->e);
}

static int read_tasks(const struct json_field *f, void *value, const struct json_walk *w,
		      json_t *object)
{
	struct status_monitor *m = value;
	char text[sizeof(unknown) + PLAN_TEXT];
	int r = json_read_text(object, f->key, text, sizeof(text), w->e);

	if (!r && strncmp(text, unknown, strlen(unknown)) == 0 &&
	    string_copy(m->tasks, text + strlen(unknown)))
		r = err_wrong(w->e, "%s: more than %d bytes", f->key, PLAN_TEXT - 1);
	return r;
}
static const struct json_type tasks = {write_tasks, read_tasks};

static const struct json_field recent_fields[] = {
	{"ago_s", JSON_AT(struct status_recent, ago_s)},
	{"text", JSON_AT(struct status_recent, text)},
	JSON_END,
};

#define T struct status_monitor
static const struct json_field monitor_fields[] = {
	{"mode", JSON_WORD(T, mode, rebalance_mode_name, REBALANCE_ACT + 1)},
	{"loans", JSON_WORD(T, loans, loan_mode_name, LOANS_EXCLUSIVE + 1)},
	{"tasks", JSON_OTHER(&tasks)},
	{"recent", JSON_LIST(T, recent, recent_count, recent_fields)},
	JSON_END,
};
#undef T

/* ---- what the supervisor itself warns of, before the warnings of the plan */

static const struct {
	const char *code;
	size_t at; /* of a char[PLAN_TEXT] in struct status, "": nothing */
} own_warnings[] = {
	{"degraded", offsetof(struct status, why)},
	{"unsaved", offsetof(struct status, unsaved)},
};
enum { OWN_WARNINGS = sizeof(own_warnings) / sizeof(own_warnings[0]) };

static int write_own(const struct json_field *f, const void *value, const struct json_walk *w,
		     json_t *object)
{
	json_t *list = json_object_get(object, f->key);

	for (unsigned i = OWN_WARNINGS; i-- > 0;) {
		const char *text = (const char *)value + own_warnings[i].at;

		if (text[0] &&
		    json_array_insert_new(list, 0,
					  json_pack("{s:s, s:o}", "code", own_warnings[i].code,
						    "message", json_text(text))))
			return err_set(w->e, -ENOMEM, "%s: no memory", f->key);
	}
	return 0;
}
static const struct json_type own_written = {.write = write_own};

static int read_own(const struct json_field *f, void *value, const struct json_walk *w,
		    json_t *object)
{
	json_t *list = json_object_get(object, f->key);

	for (unsigned i = 0; i < OWN_WARNINGS; i++) {
		json_t *first = json_array_get(list, 0);
		const char *code = json_string_value(json_object_get(first, "code"));

		if (!code || strcmp(code, own_warnings[i].code) != 0)
			continue;
		if (json_read_text(first, "message", (char *)value + own_warnings[i].at, PLAN_TEXT,
				   w->e))
			return err_wrap(w->e, "%s[0]", f->key);
		json_array_remove(list, 0);
	}
	return 0;
}
static const struct json_type own_read = {.read = read_own};

/* ---- all of it */

#define T struct status
static const struct json_field supervisor_fields[] = {
	{"pid", JSON_AT(T, supervisor_pid)},
	{"uptime_s", JSON_AT(T, uptime_s)},
	JSON_END,
};

static const struct json_field master_fields[] = {
	{"url", JSON_AT(T, master_url)},
	{"ui_url", JSON_AT(T, ui_url), .is_new = true},
	{"ui", JSON_WORD(T, ui, ui_access_name, UI_OFF + 1), .is_new = true},
	{"pid", JSON_AT(T, master_pid)},
	{"alive_workers", JSON_AT(T, alive_workers)},
	JSON_END,
};

static const struct json_field status_fields[] = {
	{"name", JSON_AT(T, name)},
	{"engine", JSON_PART(T, engine, engine_fields), .is_new = true},
	{"state", JSON_WORD(T, phase, cluster_phase_name, PHASE_STOPPING + 1)},
	{"supervisor", JSON_GROUP(supervisor_fields)},
	{"master", JSON_GROUP(master_fields)},
	{"slices", JSON_LIST(T, slices, slice_count, slice_fields)},
	{"loans", JSON_LIST(T, loans, loan_count, status_loan_fields)},
	{"rebalance", JSON_PART(T, monitor, monitor_fields)},
	{"warnings", JSON_OTHER(&own_read)},
	{"warnings", JSON_LIST(T, warnings, warning_count, warning_fields)},
	{"warnings", JSON_OTHER(&own_written)},
	JSON_END,
};
const struct json_table status_table = {
	.fields = status_fields,
	.schema = "cleave.status/1",
	.size = sizeof(T),
	.style = JSON_COMPACT | JSON_REAL_PRECISION(6),
};
