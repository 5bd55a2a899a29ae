/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/supervisor/report.h"

#include <errno.h>
#include <unistd.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

enum {
	SAMPLE_MS = 1000,
	KILLED_MS = 10000, /* from the kernel's kill to the end of a JVM on a busy machine */
};

bool report_take_second(struct report *r, const struct site *s)
{
	if (s->now_ns < r->sample_at_ns)
		return false;
	r->sample_at_ns = s->now_ns + SAMPLE_MS * CLOCK_MS;
	return true;
}

static void note_kills(struct report *r, struct site *s, unsigned slice, const struct sample *now)
{
	uint64_t before = r->samples[slice].oom_kills;

	if (!r->samples[slice].at_ns || now->oom_kills <= before)
		return;
	r->killed_ns[slice] = s->now_ns;
	events_note(&s->events, "oom-kill", s->state->plan.slices[slice].name,
		    "the kernel killed a process at the slice's memory limit: "
		    "raise memory.limit or lower memory.heap",
		    {"kills", (int64_t)(now->oom_kills - before)},
		    {"memory_max_bytes", (int64_t)now->memory_max_bytes});
}

void report_sample(struct report *r, struct site *s)
{
	for (unsigned i = 0; i < s->state->plan.slice_count; i++) {
		const struct sample *before = &r->samples[i];
		struct sample now = {0};
		struct err e;

		if (s->driver->ops->sample(s->driver, s->state->plan.slices[i].name, &now, &e))
			continue;
		r->cpu_used[i] = sample_cpus_used(before, &now);
		r->throttled[i] = before->at_ns && now.throttled > before->throttled;
		note_kills(r, s, i, &now);
		r->samples[i] = now;
	}
}

bool report_saw_kill(struct report *r, struct site *s, unsigned slice)
{
	struct sample now = {0};
	struct err e;

	if (s->driver->ops->sample(s->driver, s->state->plan.slices[slice].name, &now, &e) == 0) {
		note_kills(r, s, slice, &now);
		if (r->samples[slice].at_ns)
			r->samples[slice].oom_kills = now.oom_kills;
	}
	return r->killed_ns[slice] && s->now_ns - r->killed_ns[slice] < KILLED_MS * CLOCK_MS;
}

static void say_what_it_does(const struct monitor *m, unsigned slice, char *text, size_t size)
{
	const struct rebalance_verdict *v = &m->memory.verdicts[slice];
	const char *why = executor_ends_why(&m->ends, slice, m->site->now_ns);
	uint64_t idle_since_ns = m->memory.slices[slice].idle_since_ns;

	if (why[0])
		snprintf(text, size, "executors end as soon as they begin: %s", why);
	else if (m->samples[slice].starting)
		snprintf(text, size, "a JVM is starting");
	else if (v->idle_ticks >= REBALANCE_TICKS)
		snprintf(text, size, "idle for %.1f s",
			 (double)(m->site->now_ns - idle_since_ns) / 1e9);
	else if (v->busy_ticks && v->wants > v->width && v->wants < REBALANCE_WANTS)
		snprintf(text, size, "busy, has work for %u CPUs", v->wants);
	else if (v->busy_ticks)
		snprintf(text, size, "busy");
	else
		snprintf(text, size, "uses %.1f of %u CPUs", v->used, v->width);
}

static void show_monitor(struct monitor *m, struct status *out)
{
	struct status_monitor *to = &out->monitor;

	to->mode = REBALANCE_OFF;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice_status *slice = &out->slices[i];
		struct sample tasks = {0};

		task_watch_fill(m->tasks, i, m->site->now_ns, &tasks);
		slice->executors = task_watch_executors(m->tasks, i);
		slice->tasks_running = tasks.tasks_running;
		slice->tasks_pending = tasks.tasks_pending;
		if (m->is_on)
			say_what_it_does(m, i, slice->doing, sizeof(slice->doing));
	}
	string_copy(to->tasks, task_watch_why(m->tasks));
	if (!m->is_on)
		return;
	to->mode = m->policy.mode;
	to->loans = m->policy.loans;
	loan_book_list(&m->book, &m->site->state->plan, out->loans);
	for (; to->recent_count < STATUS_RECENT && to->recent_count < m->book.recent_count;
	     to->recent_count++) {
		unsigned last = m->book.recent_count - 1 - to->recent_count;
		unsigned i = last % STATUS_RECENT;

		to->recent[to->recent_count].ago_s =
			(double)(m->site->now_ns - m->book.recent[i].at_ns) / 1e9;
		string_copy(to->recent[to->recent_count].text, m->book.recent[i].text);
	}
}

int report_status(const struct report *r, const struct site *s, struct crew *c, struct monitor *m,
		  char **text, struct err *e)
{
	cleanup_free struct status *out = calloc(1, sizeof(*out));
	struct sample samples[SLICES_MAX];

	if (!out)
		return err_set(e, -ENOMEM, "no memory for the status");
	if (!s->driver && s->wait_since_ns)
		return err_set(e, -EAGAIN,
			       "the cluster waits for another one's up or down (process %d)",
			       (int)s->lock_holder);
	if (!s->driver)
		return err_set(e, -EAGAIN, "the cluster is only just beginning");
	if (status_collect(s->state, s->driver, samples, out, e))
		return e->code;
	if (s->unsaved.code)
		snprintf(out->unsaved, sizeof(out->unsaved),
			 "%.100s/state.json cannot be written (%s): make room there; what changes "
			 "until then would be lost with the supervisor",
			 s->state->cluster.state, strerror(-s->unsaved.code));
	out->uptime_s = (double)(s->now_ns - r->begin_ns) / 1e9;
	out->supervisor_pid = getpid();
	out->master_pid = crew_master(c)->process.pid;
	out->alive_workers = crew_is_running(c, DAEMON_MASTER) ? c->seen->alive_workers : 0;
	for (unsigned i = 0; i < out->slice_count; i++) {
		struct slice_status *slice = &out->slices[i];
		const struct daemon *d = &c->daemons[i];

		string_copy(slice->state, worker_state_name(d->life.state));
		slice->worker_pid = d->process.pid;
		slice->restarts = d->life.restarts;
		slice->cpu_used = r->cpu_used[i];
		slice->throttled = r->throttled[i];
	}
	show_monitor(m, out);
	return json_table_format(&status_table, out, text, e);
}
