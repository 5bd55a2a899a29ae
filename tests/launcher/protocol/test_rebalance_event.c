/* SPDX-License-Identifier: Apache-2.0 */
/* The events of loans: written and read back, nothing that rebalance_decide() reads is lost. */

#include "launcher/protocol/rebalance_event.h"

#include <math.h>

#include "decision/base/cleanup.h"
#include "tests/decision/equal.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

enum { WORLDS = 1500 };

static const uint64_t noon_ns = UINT64_C(1769860800123000000);

static unsigned long long state;
static struct topology t;
static struct plan before, after, again;
static struct rebalance_event ev, back;
static struct rebalance_decisions decisions;
static struct err e;

/* ---- random steps */

static void random_machine(void)
{
	struct machine_shape shape = {.l3s = 1, .node_bytes = 1 << 30};

	shape.packages = 1 + random_below(&state, 3);
	shape.nodes = 1 + random_below(&state, 2);
	shape.cores = 2 + random_below(&state, 8);
	shape.smt = 1 + random_below(&state, 2);
	machine_regular(&shape, &t);
	plan_random(&state, &t, &before);
}

static void random_policy(struct rebalance_policy *p)
{
	p->mode = (enum rebalance_mode)random_below(&state, 3);
	p->loans = (enum loan_mode)random_below(&state, 2);
	p->scope = (enum loan_scope)random_below(&state, 2);
	p->keep = 1 + random_below(&state, 4);
	p->tick_ns = test_random(&state) >> 1;
	p->cool_down_ns = test_random(&state) >> 1;
}

static enum rebalance_reason random_end(void)
{
	static const enum rebalance_reason ends[] = {REBALANCE_DONOR_BACK, REBALANCE_STARTING,
						     REBALANCE_UNUSED, REBALANCE_BLIND};

	return random_once(&state, 3) ? ends[random_below(&state, 4)] : REBALANCE_STAYS;
}

static void random_verdict(struct rebalance_verdict *v)
{
	v->lending = random_end();
	v->borrowing = random_end();
	v->can_lend = random_once(&state, 2);
	v->can_borrow = random_once(&state, 2);
	v->can_yield = random_once(&state, 2);
	v->wants = random_once(&state, 3) ? REBALANCE_WANTS : random_below(&state, 64);
	v->width = random_below(&state, CPUSET_MAX + 1);
	v->used = (double)test_random(&state) / 1e15; /* all digits of a double */
	v->idle_ticks = (unsigned)test_random(&state);
	v->busy_ticks = (unsigned)test_random(&state);
}

/* A step as the monitor does it, and its event. Return what rebalance_decide() did. */
static int random_step(void)
{
	int changed;

	random_machine();
	memset(&ev, 0, sizeof(ev));
	random_policy(&ev.policy);
	ev.before.slice_count = before.slice_count;
	string_copy(ev.before.name, "demo");
	for (unsigned i = 0; i < before.slice_count; i++) {
		struct slice *s = &ev.before.slices[i];

		s->id = i;
		string_copy(s->name, before.slices[i].name);
		s->cpus = before.slices[i].cpus;
		random_verdict(&ev.verdicts[i]);
	}
	ev.before.loan_count = before.loan_count;
	memcpy(ev.before.loans, before.loans, sizeof(before.loans));
	for (unsigned i = 0; i < before.loan_count; i++)
		ev.before.loans[i].by_hand = random_once(&state, 3);
	string_copy(ev.what, ev.policy.mode == REBALANCE_OBSERVE ? "observe" : "loan");
	ev.at_ns = test_random(&state) >> 1;
	ev.allowed = t.allowed;
	after = ev.before;
	changed = rebalance_decide(&ev.before, &t, &ev.policy, ev.verdicts, &ev.decisions, &after);
	ev.loan_count = after.loan_count;
	memcpy(ev.loans, after.loans, sizeof(after.loans));
	ev.idle_us = 12.5;
	ev.write_us = 1.0 / 3;
	ev.writes = random_below(&state, 100);
	return changed;
}

/* ---- what must be equal */

static void check_verdicts(const char *where)
{
	for (unsigned i = 0; i < ev.before.slice_count; i++) {
		const struct rebalance_verdict *a = &ev.verdicts[i], *b = &back.verdicts[i];

		ck_assert_msg(
			a->lending == b->lending && a->borrowing == b->borrowing &&
				a->can_lend == b->can_lend && a->can_borrow == b->can_borrow &&
				a->can_yield == b->can_yield && a->wants == b->wants &&
				a->width == b->width && !islessgreater(a->used, b->used) &&
				a->idle_ticks == b->idle_ticks && a->busy_ticks == b->busy_ticks,
			"%s: the verdict on slice %u", where, i);
	}
}

static void check_decisions(const struct rebalance_decisions *a,
			    const struct rebalance_decisions *b, const char *where)
{
	ck_assert_msg(a->count == b->count, "%s: %u and %u decisions", where, a->count, b->count);
	for (unsigned i = 0; i < a->count; i++) {
		const struct rebalance_decision *x = &a->items[i], *y = &b->items[i];

		ck_assert_msg(x->reason == y->reason && x->from == y->from && x->to == y->to &&
				      x->mode == y->mode && cpuset_is_equal(&x->cpus, &y->cpus) &&
				      x->donor.wants == y->donor.wants &&
				      x->borrower.width == y->borrower.width,
			      "%s: decision %u", where, i);
	}
}

static void check_loans(const char *where)
{
	ck_assert_msg(ev.loan_count == back.loan_count, "%s: loans", where);
	for (unsigned i = 0; i < ev.loan_count; i++) {
		const struct loan *a = &ev.loans[i], *b = &back.loans[i];

		ck_assert_msg(a->from == b->from && a->to == b->to && a->mode == b->mode &&
				      a->by_hand == b->by_hand &&
				      cpuset_is_equal(&a->cpus, &b->cpus),
			      "%s: loan %u", where, i);
	}
}

static void read_back(const char *where)
{
	cleanup_free char *line = rebalance_event_format(&ev, noon_ns);

	ck_assert_ptr_nonnull(line);
	ck_assert_msg(strchr(line, '\n') == line + strlen(line) - 1, "%s: one line", where);
	ck_assert_msg(rebalance_event_parse(line, strlen(line), &back, &e) == 1, "%s: %s\n%s",
		      where, e.msg, line);
	ck_assert_str_eq(back.time, "2026-01-31T12:00:00.123Z");
	ck_assert_str_eq(back.what, ev.what);
	ck_assert_msg(back.at_ns == ev.at_ns && back.writes == ev.writes &&
			      !islessgreater(back.write_us, ev.write_us) &&
			      !islessgreater(back.idle_us, ev.idle_us) &&
			      back.policy.tick_ns == ev.policy.tick_ns &&
			      back.policy.cool_down_ns == ev.policy.cool_down_ns,
		      "%s: figures", where);
	ck_assert_msg(cpuset_is_equal(&back.allowed, &ev.allowed), "%s: allowed", where);
	ck_assert_msg(plan_is_equal(&back.before, &ev.before), "%s: the plan before", where);
	check_verdicts(where);
	check_decisions(&ev.decisions, &back.decisions, where);
	check_loans(where);
}

/* Decided again from what was read, it is the same decision. */
START_TEST(nothing_that_decides_is_lost)
{
	unsigned changes = 0;
	char where[64];

	state = test_seed();
	for (unsigned i = 0; i < WORLDS; i++) {
		int changed = random_step();

		snprintf(where, sizeof(where), "SEED=%lu world %u", test_seed(), i);
		read_back(where);
		again = back.before;
		ck_assert_msg(rebalance_decide(&back.before, &t, &back.policy, back.verdicts,
					       &decisions, &again) == changed,
			      "%s: decided again, it is otherwise", where);
		check_decisions(&ev.decisions, &decisions, where);
		ck_assert_msg(plan_is_equal(&after, &again), "%s: another plan", where);
		changes += (unsigned)changed;
	}
	ck_assert_uint_gt(changes, WORLDS / 3);
}
END_TEST

/* ---- what people read, and what is refused */

/* Slice 1 lends 4-7 to slice 0. */
static char *small_line(void)
{
	memset(&ev, 0, sizeof(ev));
	string_copy(ev.what, "loan");
	string_copy(ev.before.name, "demo");
	ev.policy = (struct rebalance_policy){REBALANCE_ACT, LOANS_SHARED, SCOPE_MACHINE, 1,
					      50000000,	     500000000};
	ev.at_ns = 7;
	ev.before.slice_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct slice *s = &ev.before.slices[i];

		s->id = i;
		snprintf(s->name, sizeof(s->name), "slice-%u", i);
		for (unsigned cpu = 4 * i; cpu < 4 * i + 4; cpu++)
			cpuset_add(&s->cpus, cpu);
		ev.allowed = cpuset_or(&ev.allowed, &s->cpus);
	}
	ev.verdicts[0] = (struct rebalance_verdict){
		.can_borrow = true, .wants = 8, .width = 4, .used = 4, .busy_ticks = 2};
	ev.verdicts[1] = (struct rebalance_verdict){.can_lend = true, .width = 4, .idle_ticks = 3};
	ev.decisions.count = 1;
	ev.decisions.items[0] = (struct rebalance_decision){.reason = REBALANCE_LENDS,
							    .from = 1,
							    .cpus = ev.before.slices[1].cpus,
							    .donor = ev.verdicts[1],
							    .borrower = ev.verdicts[0]};
	ev.loan_count = 1;
	ev.loans[0] = (struct loan){.from = 1, .cpus = ev.before.slices[1].cpus};
	ev.idle_us = 70000.5;
	ev.write_us = 140.25;
	ev.writes = 2;
	return rebalance_event_format(&ev, noon_ns);
}

START_TEST(a_line_for_people)
{
	cleanup_free char *line = small_line();

	ck_assert_str_eq(
		line,
		"{\"time\":\"2026-01-31T12:00:00.123Z\",\"what\":\"loan\",\"object\":\"demo\","
		"\"reason\":\"slice-1 lends 4-7 to slice-0: it uses 0.00 of 4 CPUs, slice-0 4.00 "
		"of 4\",\"inputs\":{\"at_ns\":7,\"allowed\":\"0-7\",\"policy\":{\"mode\":\"act\","
		"\"loans\":\"shared\",\"scope\":\"machine\",\"keep\":1,\"tick_ns\":50000000,"
		"\"cool_down_ns\":500000000},\"slices\":["
		"{\"name\":\"slice-0\",\"cpus\":\"0-3\",\"lending\":\"stays\",\"borrowing\":"
		"\"stays\",\"can_lend\":false,\"can_borrow\":true,\"can_yield\":false,\"wants\":8,"
		"\"width\":4,\"used\":4.0,\"idle_ticks\":0,\"busy_ticks\":2},"
		"{\"name\":\"slice-1\",\"cpus\":\"4-7\",\"lending\":\"stays\",\"borrowing\":"
		"\"stays\",\"can_lend\":true,\"can_borrow\":false,\"can_yield\":false,\"wants\":0,"
		"\"width\":4,\"used\":0.0,\"idle_ticks\":3,\"busy_ticks\":0}],\"loans\":[]},"
		"\"decisions\":[{\"reason\":\"lends\",\"from\":\"slice-1\",\"to\":\"slice-0\","
		"\"mode\":\"shared\",\"cpus\":\"4-7\",\"text\":\"slice-1 lends 4-7 to slice-0: it "
		"uses 0.00 of 4 CPUs, slice-0 4.00 of 4\"}],"
		"\"loans\":[{\"from\":\"slice-1\",\"to\":\"slice-0\",\"mode\":\"shared\","
		"\"cpus\":\"4-7\",\"by_hand\":false}],"
		"\"idle_us\":70000.5,\"write_us\":140.25,\"writes\":2}\n");
}
END_TEST

START_TEST(other_lines_are_passed_by)
{
	cleanup_free char *line = event_format(noon_ns, "restart", "slice-0", "it ended", NULL, 0);

	ck_assert_int_eq(rebalance_event_parse(line, strlen(line), &back, &e), 0);
}
END_TEST

/* `line` with `from` replaced, once. */
static char *edited(const char *line, const char *from, const char *to)
{
	const char *at = strstr(line, from);
	char *text = NULL;

	ck_assert_msg(at != NULL, "no %s", from);
	ck_assert_int_gt(asprintf(&text, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from)),
			 0);
	return text;
}

START_TEST(what_cannot_be_is_refused)
{
	static const struct {
		const char *from, *to, *says;
	} cases[] = {
		{"{\"time\"", "[\"time\"", "no JSON"},
		{"\"what\":\"loan\",", "", "what: a string"},
		{"\"at_ns\":7", "\"at_ns\":-7", "at_ns: -7 is not in"},
		{"\"allowed\":\"0-7\"", "\"allowed\":\"7-0\"", "allowed: "},
		{"\"mode\":\"act\"", "\"mode\":\"acts\"", "mode is 'acts'"},
		{"\"keep\":1", "\"keep\":5000", "keep: 5000 is not in"},
		{"\"used\":4.0", "\"used\":true", "slices[0]: used: a number"},
		{"\"wants\":8", "\"wants\":-1", "slices[0]: wants: -1"},
		{"\"lending\":\"stays\"", "\"lending\":\"leaves\"", "lending is 'leaves'"},
		{"\"can_lend\":true", "\"can_lend\":1", "slices[1]: can_lend: true or false"},
		{"\"name\":\"slice-1\"", "\"name\":\"slice-0\"",
		 "slices[1]: slice-0 is there twice"},
		{"\"cpus\":\"4-7\"", "\"cpus\":\"3-7\"",
		 "slices[1]: slice-0 and slice-1 have a CPU in common"},
		{"\"loans\":[]", "\"loans\":{}", "loans: a list"},
		{"\"to\":\"slice-0\"", "\"to\":\"slice-9\"", "to: there is no slice slice-9"},
		{"\"to\":\"slice-0\"", "\"to\":\"slice-1\"", "slice-1 lends to itself"},
		{"shared\",\"cpus\":\"4-7\"", "shared\",\"cpus\":\"3-7\"",
		 "slice-1 does not own all of them"},
		{"\"reason\":\"lends\"", "\"reason\":\"likes\"", "reason is 'likes'"},
		{",\"by_hand\":false", "", "loans[0]: by_hand: true or false"},
		{"\"writes\":2", "\"writes\":2.5", "writes: an integer"},
	};
	cleanup_free char *line = small_line();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *text = edited(line, cases[i].from, cases[i].to);

		e = (struct err){0};
		back.writes = 12345;
		ck_assert_msg(rebalance_event_parse(text, strlen(text), &back, &e) < 0, "%s", text);
		ck_assert_int_eq(e.exit, ERR_WRONG);
		ck_assert_msg(strstr(e.msg, cases[i].says), "%s: %s", cases[i].to, e.msg);
		ck_assert_uint_eq(back.writes, 12345);
	}
}
END_TEST

TEST_MAIN("rebalance event", test_case("event", nothing_that_decides_is_lost, a_line_for_people,
				       other_lines_are_passed_by, what_cannot_be_is_refused))
