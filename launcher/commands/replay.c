/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/replay.h"

#include <errno.h>
#include <jansson.h>

#include "launcher/system/json.h"

/* rebalance_decide() lends whole cores, each of one slice: so it was decided then. */
static int check_cores(const struct plan *p, const struct topology *t, struct err *e)
{
	uint8_t owner[CPUSET_MAX];

	memset(owner, SLICES_MAX, sizeof(owner));
	for (unsigned i = 0; i < p->slice_count; i++)
		cpuset_for_each(cpu, &p->slices[i].cpus) owner[cpu] = (uint8_t)i;
	for (unsigned i = 0; i < t->cpu_count; i++) {
		const struct topology_cpu *cpu = &t->cpus[i];
		unsigned first = t->cpus[t->cores[cpu->core].first_cpu].os_index;

		if (owner[first] != owner[cpu->os_index])
			return err_impossible(e,
					      "CPUs %u and %u are one core of %s, but were not of "
					      "one slice: give the machine of the events with "
					      "--topology",
					      first, cpu->os_index, t->source);
	}
	return 0;
}

/* The machine as it was then: with the CPUs of the event alone. */
static int recall_machine(const struct topology *machine, const struct rebalance_event *ev,
			  struct topology *then, struct err *e)
{
	struct cpuset missing = cpuset_and_not(&ev->allowed, &machine->allowed);
	unsigned kept = 0;

	if (!cpuset_is_empty(&missing))
		return err_impossible(e,
				      "CPUs %s are not there, or not allowed, on %s: give the "
				      "machine of the events with --topology",
				      CPUSET_STRING(&missing), machine->source);
	if (!then->cpu_count || !cpuset_is_equal(&ev->allowed, &then->allowed)) {
		*then = *machine;
		for (unsigned i = 0; i < machine->cpu_count; i++) {
			if (cpuset_has(&ev->allowed, machine->cpus[i].os_index))
				then->cpus[kept++] = machine->cpus[i];
			else
				cpuset_add(&then->disallowed, machine->cpus[i].os_index);
		}
		then->cpu_count = kept;
		if (topology_derive(then, e))
			return err_wrap(e, "allowed");
	}
	return check_cores(&ev->before, then, e);
}

static bool is_same_decision(const struct rebalance_decision *a, const struct rebalance_decision *b)
{
	return a->reason == b->reason && a->from == b->from && a->to == b->to &&
	       a->mode == b->mode && cpuset_is_equal(&a->cpus, &b->cpus);
}

static const char *sentence(const struct rebalance_decisions *d, unsigned i, char *text,
			    size_t size)
{
	return i < d->count ? rebalance_format(&d->items[i], text, size) : "nothing";
}

/* Its decisions against ours, and the loans that it ended with against those that come of ours. */
static void compare(struct replay *r)
{
	const struct rebalance_event *ev = &r->event;
	const struct rebalance_decisions *then = &ev->decisions, *now = &r->decisions;
	char a[REPLAY_TEXT / 2], b[REPLAY_TEXT / 2];
	bool are_same_loans = ev->loan_count == r->now.loan_count;
	unsigned i = 0;

	r->difference[0] = '\0';
	while (i < then->count && i < now->count &&
	       is_same_decision(&then->items[i], &now->items[i]))
		i++;
	for (unsigned k = 0; are_same_loans && k < ev->loan_count; k++)
		are_same_loans = loan_is_same(&ev->loans[k], &r->now.loans[k]) &&
				 cpuset_is_equal(&ev->loans[k].cpus, &r->now.loans[k].cpus);
	if (i < then->count || i < now->count)
		snprintf(r->difference, sizeof(r->difference), "decided then: %.450s; now: %.450s",
			 sentence(then, i, a, sizeof(a)), sentence(now, i, b, sizeof(b)));
	else if (!are_same_loans)
		string_copy(r->difference, "other loans come of it");
	r->is_same = !r->difference[0];
}

/* Empty, or the beginning of an event without its end: what a write that failed leaves. */
static bool is_torn(const char *line, size_t length)
{
	struct err ignored;
	json_auto_t *whole = NULL;

	if (!length)
		return true;
	if (line[0] != '{')
		return false;
	whole = json_read(line, length, &ignored);
	return !whole;
}

int replay_next(struct replay *r, struct err *e)
{
	struct rebalance_event *ev = &r->event;
	int found = 0;

	while (!found && r->text < r->end) {
		const char *line = r->text, *stop = memchr(line, '\n', (size_t)(r->end - line));
		size_t length = (size_t)((stop ? stop : r->end) - line);
		struct err ignored;
		json_auto_t *last = stop ? NULL : json_read(line, length, &ignored);

		r->line++;
		if (!stop && !last) {
			r->cut_line = r->line;
			return 0;
		}
		r->text = line + length + !!stop;
		if (is_torn(line, length)) {
			if (r->torn_count < REPLAY_TORN)
				r->torn_lines[r->torn_count] = r->line;
			r->torn_count++;
			continue;
		}
		found = rebalance_event_parse(line, length, ev, e);
		if (found < 0 || (found && recall_machine(r->machine, ev, &r->then, e) < 0))
			return err_wrap(e, "line %u", r->line);
	}
	if (!found)
		return 0;
	r->now = ev->before;
	rebalance_decide(&ev->before, &r->then, &ev->policy, ev->verdicts, &r->decisions, &r->now);
	compare(r);
	r->steps++;
	r->same += r->is_same;
	return 1;
}
