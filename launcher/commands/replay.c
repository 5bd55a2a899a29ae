#include "launcher/commands/replay.h"

#include <errno.h>
#include <jansson.h>

#include "decision/base/cleanup.h"
#include "launcher/system/json.h"

/* About 5 MB, on the heap. */
struct replayer {
	const struct topology *machine;
	bool has_then;
	struct topology then; /* the machine with the CPUs of the event alone */
	struct rebalance_event event;
	struct rebalance_decisions decisions;
	struct plan now; /* what comes of them */
	struct replay_step step;
	struct replay result;
};

/* ---- the machine, then */

static int take_away(const struct topology *machine, const struct cpuset *allowed,
		     struct topology *out, struct err *e)
{
	unsigned kept = 0;

	*out = *machine;
	for (unsigned i = 0; i < machine->cpu_count; i++) {
		if (cpuset_has(allowed, machine->cpus[i].os_index))
			out->cpus[kept++] = machine->cpus[i];
		else
			cpuset_add(&out->disallowed, machine->cpus[i].os_index);
	}
	out->cpu_count = kept;
	return topology_derive(out, e);
}

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

static int recall_machine(struct replayer *r, struct err *e)
{
	const struct cpuset *allowed = &r->event.allowed;
	struct cpuset missing = cpuset_and_not(allowed, &r->machine->allowed);

	if (!cpuset_is_empty(&missing))
		return err_impossible(e,
				      "CPUs %s are not there, or not allowed, on %s: give the "
				      "machine of the events with --topology",
				      CPUSET_STRING(&missing), r->machine->source);
	if (!r->has_then || !cpuset_is_equal(allowed, &r->then.allowed)) {
		if (take_away(r->machine, allowed, &r->then, e))
			return err_wrap(e, "allowed");
		r->has_then = true;
	}
	return check_cores(&r->event.before, &r->then, e);
}

/* ---- what was decided then, and now */

static bool is_same_decision(const struct rebalance_decision *a, const struct rebalance_decision *b)
{
	return a->reason == b->reason && a->from == b->from && a->to == b->to &&
	       a->mode == b->mode && cpuset_is_equal(&a->cpus, &b->cpus);
}

static bool is_same_loan(const struct loan *a, const struct loan *b)
{
	return a->from == b->from && a->to == b->to && a->mode == b->mode &&
	       a->by_hand == b->by_hand && cpuset_is_equal(&a->cpus, &b->cpus);
}

static const char *sentence(const struct rebalance_decisions *d, unsigned i, char *text,
			    size_t size)
{
	return i < d->count ? rebalance_format(&d->items[i], text, size) : "nothing";
}

static void compare(struct replayer *r)
{
	const struct rebalance_decisions *then = &r->event.decisions, *now = &r->decisions;
	char a[REPLAY_TEXT / 2], b[REPLAY_TEXT / 2];
	struct replay_step *step = &r->step;
	bool is_same = r->event.loan_count == r->now.loan_count;
	unsigned i = 0;

	while (i < then->count && i < now->count &&
	       is_same_decision(&then->items[i], &now->items[i]))
		i++;
	step->is_same = false;
	if (i < then->count || i < now->count) {
		snprintf(step->difference, sizeof(step->difference),
			 "decided then: %.450s; now: %.450s", sentence(then, i, a, sizeof(a)),
			 sentence(now, i, b, sizeof(b)));
		return;
	}
	for (i = 0; is_same && i < r->now.loan_count; i++)
		is_same = is_same_loan(&r->event.loans[i], &r->now.loans[i]);
	step->is_same = is_same;
	snprintf(step->difference, sizeof(step->difference), "%s",
		 is_same ? "" : "other loans come of it");
}

static int decide_again(struct replayer *r, struct err *e)
{
	int code = recall_machine(r, e);

	if (code)
		return code;
	r->now = r->event.before;
	rebalance_decide(&r->event.before, &r->then, &r->event.policy, r->event.verdicts,
			 &r->decisions, &r->now);
	compare(r);
	return 0;
}

/* ---- lines */

static bool is_json(const char *line, size_t length)
{
	struct err ignored;
	json_auto_t *root = json_read(line, length, &ignored);

	return root;
}

/* 1: a step; 0: another kind of line. */
static int read_step(struct replayer *r, const char *line, size_t length, struct err *e)
{
	int code = rebalance_event_parse(line, length, &r->event, e);

	if (code > 0) {
		code = decide_again(r, e);
		code = code ? code : 1;
	}
	return code < 0 ? err_wrap(e, "line %u", r->step.line) : code;
}

static int run(struct replayer *r, const char *text, size_t size, replay_tell *tell, void *context,
	       struct err *e)
{
	const char *end = text + size;

	for (const char *line = text; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((stop ? stop : end) - line);
		int code;

		r->step.line++;
		if (!stop && !is_json(line, length)) {
			r->result.cut_line = r->step.line;
			break;
		}
		code = read_step(r, line, length, e);
		if (code < 0)
			return code;
		if (code) {
			r->result.steps++;
			r->result.same += r->step.is_same;
			tell(context, &r->step);
		}
		line += length + 1;
	}
	return 0;
}

int replay_run(const char *text, size_t size, const struct topology *machine, replay_tell *tell,
	       void *context, struct replay *out, struct err *e)
{
	cleanup_free struct replayer *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return err_set(e, -ENOMEM, "no memory for a replay");
	r->machine = machine;
	r->step.event = &r->event;
	code = run(r, text, size, tell, context, e);
	if (!code)
		*out = r->result;
	return code;
}
