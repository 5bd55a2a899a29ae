#include "launcher/protocol/status.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "decision/base/cleanup.h"
#include "decision/reconcile/actual.h"
#include "decision/reconcile/life.h"
#include "launcher/system/json.h"

static const char schema[] = "cleave.status/1";
static const char unknown[] = "unknown: "; /* then why */

/* ---- collecting */

static void collect_slice(const struct state *s, unsigned id, const struct observed_group *group,
			  const struct sample *sample, struct slice_status *out)
{
	const struct slice *slice = &s->plan.slices[id];
	const struct worker_record *record = &s->workers[id];
	bool alive = process_is_alive(&record->id);

	*out = (struct slice_status){.home_cpus = slice->cpus, .nodes = slice->nodes};
	string_copy(out->name, slice->name);
	string_copy(out->state, worker_state_name(alive ? WORKER_RUNNING : WORKER_STOPPED));
	out->worker_pid = alive ? record->id.pid : 0;
	out->restarts = record->restarts;
	out->local_share = 1;
	if (!group)
		return;
	out->cpus = group->cpus;
	out->nodes = group->nodes;
	out->memory_bytes = sample->memory_bytes;
	out->memory_max_bytes = sample->memory_max_bytes;
	out->oom_kills = sample->oom_kills;
	if (sample->anon_bytes)
		out->local_share = (double)sample->anon_local_bytes / (double)sample->anon_bytes;
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
	out->slice_count = s->plan.slice_count;
	out->warning_count = s->plan.warning_count;
	memcpy(out->warnings, s->plan.warnings, sizeof(out->warnings));
	out->monitor.mode = s->profile.rebalance.mode;
	out->monitor.loans = s->profile.rebalance.loans;
	out->loan_count = s->plan.loan_count;
	for (unsigned i = 0; i < s->plan.loan_count; i++) {
		const struct loan *loan = &s->plan.loans[i];

		out->loans[i] = (struct status_loan){.from = loan->from,
						     .to = loan->to,
						     .mode = loan->mode,
						     .cpus = loan->cpus,
						     .by_hand = loan->by_hand};
	}
}

int status_collect(const struct state *s, struct driver *d, struct sample *samples,
		   struct status *out, struct err *e)
{
	cleanup_free struct observation *seen = calloc(1, sizeof(*seen));
	int r;

	if (!seen)
		return err_set(e, -ENOMEM, "no memory for the status");
	r = d->ops->observe(d, seen, e);
	if (r)
		return r;
	memset(out, 0, sizeof(*out));
	collect_cluster(s, out);
	for (unsigned i = 0; i < s->plan.slice_count; i++) {
		const struct observed_group *group = observed_find(seen, s->plan.slices[i].name);

		samples[i] = (struct sample){0};
		if (group)
			r = d->ops->sample(d, group->name, &samples[i], e);
		if (r)
			return r;
		collect_slice(s, i, group, &samples[i], &out->slices[i]);
	}
	return 0;
}

void status_plan_loans(const struct status *s, struct plan *out)
{
	out->loan_count = s->loan_count;
	for (unsigned i = 0; i < s->loan_count; i++)
		out->loans[i] = (struct loan){.from = s->loans[i].from,
					      .to = s->loans[i].to,
					      .mode = s->loans[i].mode,
					      .cpus = s->loans[i].cpus,
					      .by_hand = s->loans[i].by_hand};
}

double sample_cpus_used(const struct sample *before, const struct sample *now)
{
	if (!before->at_ns || now->at_ns <= before->at_ns ||
	    now->cpu_usage_us < before->cpu_usage_us)
		return 0;
	return (double)(now->cpu_usage_us - before->cpu_usage_us) * 1000 /
	       (double)(now->at_ns - before->at_ns);
}

/* ---- writing */

static json_t *format_slice(const struct slice_status *s, unsigned id)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:I, s:I, s:f, "
			 "s:i, s:I, s:b, s:s}",
			 "id", (int)id, "name", s->name, "state", s->state, "cpus",
			 CPUSET_STRING(&s->cpus), "home_cpus", CPUSET_STRING(&s->home_cpus),
			 "nodes", CPUSET_STRING(&s->nodes), "worker_pid", (int)s->worker_pid,
			 "executors", (int)s->executors, "tasks_running", (int)s->tasks_running,
			 "tasks_pending", (int)s->tasks_pending, "cpu_used", s->cpu_used,
			 "memory_bytes", (json_int_t)s->memory_bytes, "memory_max_bytes",
			 (json_int_t)s->memory_max_bytes, "local_share", s->local_share, "restarts",
			 (int)s->restarts, "oom_kills", (json_int_t)s->oom_kills, "throttled",
			 (int)s->throttled, "doing", s->doing);
}

static json_t *format_slices(const struct status *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->slice_count; i++)
		json_array_append_new(list, format_slice(&s->slices[i], i));
	return list;
}

json_t *status_loans_build(const struct status_loan *loans, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		const struct status_loan *loan = &loans[i];

		json_array_append_new(
			list, json_pack("{s:i, s:i, s:s, s:s, s:f, s:b}", "from", (int)loan->from,
					"to", (int)loan->to, "cpus", CPUSET_STRING(&loan->cpus),
					"mode", loan_mode_name(loan->mode), "since_s",
					loan->since_s, "by_hand", (int)loan->by_hand));
	}
	return list;
}

static json_t *format_monitor(const struct status_monitor *m)
{
	json_t *recent = json_array();

	for (unsigned i = 0; i < m->recent_count; i++)
		json_array_append_new(recent, json_pack("{s:f, s:s}", "ago_s", m->recent[i].ago_s,
							"text", m->recent[i].text));
	return json_pack("{s:s, s:s, s:s+, s:o}", "mode", rebalance_mode_name(m->mode), "loans",
			 loan_mode_name(m->loans), "tasks", m->tasks[0] ? unknown : "known",
			 m->tasks, "recent", recent);
}

static json_t *format_warnings(const struct status *s)
{
	json_t *list = json_array();

	if (s->why[0])
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "code", "degraded", "message", s->why));
	for (unsigned i = 0; i < s->warning_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "code",
						      warning_code_name(s->warnings[i].code),
						      "message", s->warnings[i].message));
	return list;
}

int status_format(const struct status *s, char **text, struct err *e)
{
	json_auto_t *root = json_pack(
		"{s:s, s:s, s:s, s:{s:i, s:f}, s:{s:s, s:i, s:i}, s:o, s:o, s:o, s:o}", "schema",
		schema, "name", s->name, "state", cluster_phase_name(s->phase), "supervisor", "pid",
		(int)s->supervisor_pid, "uptime_s", s->uptime_s, "master", "url", s->master_url,
		"pid", (int)s->master_pid, "alive_workers", (int)s->alive_workers, "slices",
		format_slices(s), "loans", status_loans_build(s->loans, s->loan_count), "rebalance",
		format_monitor(&s->monitor), "warnings", format_warnings(s));

	*text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	return *text ? 0 : err_set(e, -ENOMEM, "the status of %s cannot be written", s->name);
}

/* ---- reading */

static int parse_slice(json_t *o, struct slice_status *out, struct err *e)
{
	int64_t memory, memory_max, oom_kills;
	int pid, r;

	if ((r = json_read_text(o, "name", out->name, sizeof(out->name), e)) ||
	    (r = json_read_text(o, "state", out->state, sizeof(out->state), e)) ||
	    (r = json_read_cpuset(o, "cpus", &out->cpus, e)) ||
	    (r = json_read_cpuset(o, "home_cpus", &out->home_cpus, e)) ||
	    (r = json_read_cpuset(o, "nodes", &out->nodes, e)) ||
	    (r = json_read_int(o, "worker_pid", 0, INT_MAX, &pid, e)) ||
	    (r = json_read_unsigned(o, "executors", INT_MAX, &out->executors, e)) ||
	    (r = json_read_unsigned(o, "tasks_running", INT_MAX, &out->tasks_running, e)) ||
	    (r = json_read_unsigned(o, "tasks_pending", INT_MAX, &out->tasks_pending, e)) ||
	    (r = json_read_text(o, "doing", out->doing, sizeof(out->doing), e)) ||
	    (r = json_read_real(o, "cpu_used", &out->cpu_used, e)) ||
	    (r = json_read_integer(o, "memory_bytes", 0, INT64_MAX, &memory, e)) ||
	    (r = json_read_integer(o, "memory_max_bytes", 0, INT64_MAX, &memory_max, e)) ||
	    (r = json_read_real(o, "local_share", &out->local_share, e)) ||
	    (r = json_read_unsigned(o, "restarts", INT_MAX, &out->restarts, e)) ||
	    (r = json_read_integer(o, "oom_kills", 0, INT64_MAX, &oom_kills, e)))
		return r;
	out->worker_pid = pid;
	out->memory_bytes = (uint64_t)memory;
	out->memory_max_bytes = (uint64_t)memory_max;
	out->oom_kills = (uint64_t)oom_kills;
	out->throttled = json_is_true(json_object_get(o, "throttled"));
	return 0;
}

static int parse_slices(json_t *root, struct status *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(root, "slices", SLICES_MAX, &list, e);

	for (size_t i = 0; !r && i < json_array_size(list); i++) {
		r = parse_slice(json_array_get(list, i), &out->slices[i], e);
		out->slice_count = (unsigned)i + 1;
	}
	return r;
}

static int read_loan(json_t *o, struct status_loan *out, struct err *e)
{
	unsigned mode;
	int r;

	if ((r = json_read_unsigned(o, "from", SLICES_MAX - 1, &out->from, e)) ||
	    (r = json_read_unsigned(o, "to", SLICES_MAX - 1, &out->to, e)) ||
	    (r = json_read_cpuset(o, "cpus", &out->cpus, e)) ||
	    (r = json_read_real(o, "since_s", &out->since_s, e)) ||
	    (r = json_read_bool(o, "by_hand", &out->by_hand, e)) ||
	    (r = json_read_word(o, "mode", loan_mode_name, LOANS_EXCLUSIVE + 1, &mode, e)))
		return r;
	out->mode = (enum loan_mode)mode;
	return 0;
}

int status_loans_read(json_t *o, struct status_loan loans[SLICES_MAX], unsigned *count,
		      struct err *e)
{
	json_t *list;
	int r = json_read_list(o, "loans", SLICES_MAX, &list, e);

	for (size_t i = 0; !r && i < json_array_size(list); i++)
		r = read_loan(json_array_get(list, i), &loans[i], e);
	if (!r)
		*count = (unsigned)json_array_size(list);
	return r;
}

static int parse_recent(json_t *o, struct status_monitor *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(o, "recent", STATUS_RECENT, &list, e);

	for (size_t i = 0; !r && i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);

		r = json_read_real(item, "ago_s", &out->recent[i].ago_s, e);
		if (!r)
			r = json_read_text(item, "text", out->recent[i].text,
					   sizeof(out->recent[i].text), e);
		out->recent_count = (unsigned)i + 1;
	}
	return r;
}

static int parse_monitor(json_t *root, struct status_monitor *out, struct err *e)
{
	char tasks[PLAN_TEXT + sizeof(unknown)];
	unsigned mode, loans;
	json_t *o;
	int r;

	if ((r = json_read_object(root, "rebalance", &o, e)) ||
	    (r = json_read_word(o, "mode", rebalance_mode_name, REBALANCE_ACT + 1, &mode, e)) ||
	    (r = json_read_word(o, "loans", loan_mode_name, LOANS_EXCLUSIVE + 1, &loans, e)) ||
	    (r = json_read_text(o, "tasks", tasks, sizeof(tasks), e)))
		return r;
	out->mode = (enum rebalance_mode)mode;
	out->loans = (enum loan_mode)loans;
	if (strncmp(tasks, unknown, strlen(unknown)) == 0 &&
	    string_copy(out->tasks, tasks + strlen(unknown)))
		return err_wrong(e, "tasks: more than %d bytes", PLAN_TEXT - 1);
	return parse_recent(o, out, e);
}

static int parse_warning(json_t *o, struct status *out, struct err *e)
{
	struct plan_warning *w = &out->warnings[out->warning_count];
	char code[32];
	int r = json_read_text(o, "code", code, sizeof(code), e);

	if (r)
		return r;
	if (strcmp(code, "degraded") == 0)
		return json_read_text(o, "message", out->why, sizeof(out->why), e);
	for (unsigned c = 0; c < WARN_COUNT && out->warning_count < PLAN_WARNINGS; c++)
		if (strcmp(code, warning_code_name((enum warning_code)c)) == 0) {
			w->code = (enum warning_code)c;
			r = json_read_text(o, "message", w->message, sizeof(w->message), e);
			out->warning_count += !r;
			return r;
		}
	return err_wrong(e, "warnings: %s is unknown or one too many", code);
}

static int parse_warnings(json_t *root, struct status *out, struct err *e)
{
	json_t *list;
	int r = json_read_list(root, "warnings", PLAN_WARNINGS + 1, &list, e);

	for (size_t i = 0; !r && i < json_array_size(list); i++)
		r = parse_warning(json_array_get(list, i), out, e);
	return r;
}

static int parse_processes(json_t *root, struct status *out, struct err *e)
{
	json_t *supervisor, *master;
	int supervisor_pid, master_pid, r;

	if ((r = json_read_object(root, "supervisor", &supervisor, e)) ||
	    (r = json_read_object(root, "master", &master, e)) ||
	    (r = json_read_int(supervisor, "pid", 0, INT_MAX, &supervisor_pid, e)) ||
	    (r = json_read_real(supervisor, "uptime_s", &out->uptime_s, e)) ||
	    (r = json_read_text(master, "url", out->master_url, sizeof(out->master_url), e)) ||
	    (r = json_read_int(master, "pid", 0, INT_MAX, &master_pid, e)) ||
	    (r = json_read_unsigned(master, "alive_workers", INT_MAX, &out->alive_workers, e)))
		return r;
	out->supervisor_pid = supervisor_pid;
	out->master_pid = master_pid;
	return 0;
}

static int parse_status(json_t *root, struct status *out, struct err *e)
{
	char phase[16];
	int r = json_check_schema(root, schema, e);

	if (r || (r = json_read_text(root, "name", out->name, sizeof(out->name), e)) ||
	    (r = json_read_text(root, "state", phase, sizeof(phase), e)) ||
	    (r = cluster_phase_parse(phase, &out->phase, e)) ||
	    (r = parse_processes(root, out, e)) || (r = parse_slices(root, out, e)) ||
	    (r = status_loans_read(root, out->loans, &out->loan_count, e)) ||
	    (r = parse_monitor(root, &out->monitor, e)))
		return r;
	return parse_warnings(root, out, e);
}

int status_parse(const char *text, size_t size, struct status *out, struct err *e)
{
	json_auto_t *root = json_read(text, size, e);
	cleanup_free struct status *status = calloc(1, sizeof(*status));
	int r;

	if (!root)
		return e->code;
	if (!status)
		return err_set(e, -ENOMEM, "no memory for the status");
	r = parse_status(root, status, e);
	if (!r)
		*out = *status;
	return r;
}
