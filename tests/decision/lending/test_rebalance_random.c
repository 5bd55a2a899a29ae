/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebalance_step() on random machines, plans, samples and faults: after every step the loans keep
 * the rules of decision/lending/README.md, the decisions account for every CPU and can be replayed,
 * and the ops that put them in force keep the ownership rule one by one in a model of the kernel.
 */

#include "decision/lending/loan_request.h"
#include "decision/lending/rebalance.h"
#include "tests/decision/check/oracle.h"
#include "tests/decision/equal.h"
#include "tests/decision/kernel.h"
#include "tests/decision/machines.h"
#include "tests/decision/plans.h"
#include "tests/harness.h"

enum { HISTORIES = 1100, STEPS = 100 };

static const uint64_t ms = 1000000;

/* What a slice does, for a while. */
struct actor {
	double load;   /* CPUs it would use */
	unsigned left; /* steps */
	bool deaf;     /* its samples fail */
	bool liar;     /* its counters are garbage */
};

static unsigned long long state;
static struct topology t, whole;
static struct plan now, out, base, spare;
static struct rebalance memory;
static struct rebalance_policy policy;
static struct sample samples[SLICES_MAX];
static struct actor actors[SLICES_MAX];
static struct kernel kernel;
static uint64_t now_ns;
static char where[128];
static unsigned steps, changes, reasons[REBALANCE_REASONS];

/* ---- what happens ---- */

static double random_load(const struct slice *slice)
{
	unsigned home = cpuset_count(&slice->cpus);

	switch (random_below(&state, 6)) {
	case 0:
	case 1:
		return 0;
	case 2:
	case 3:
		return 2 * home + 1;
	case 4:
		return 0.5 * home;
	default:
		return (0.03 + 0.01 * random_below(&state, 5)) * home;
	}
}

static void next_mood(unsigned i)
{
	struct actor *a = &actors[i];
	struct sample *s = &samples[i];

	/*
	 * One by one: an initializer's order is the compiler's, and a seed is to mean the same
	 * everywhere.
	 */
	a->load = random_load(&now.slices[i]);
	a->left = 2 + random_below(&state, 12);
	a->deaf = random_once(&state, 30);
	a->liar = random_once(&state, 30);
	s->known = random_once(&state, 2) ? 0 : random_below(&state, 8);
	if (policy.loans == LOANS_EXCLUSIVE && !random_once(&state, 4))
		s->known |= SAMPLE_TASKS;
	s->runnable = random_below(&state, 40);
	s->tasks_running = a->load > 1 ? random_below(&state, 40) : random_once(&state, 5);
	s->tasks_pending = random_once(&state, 5);
	s->task_cpus = random_below(&state, 3);
	s->starting = random_once(&state, 20);
	s->processes = random_once(&state, 12) ? 0 : 2;
	s->stages += random_once(&state, 3);
}

/* Of any size. */
static uint64_t garbage(void)
{
	unsigned shift = random_below(&state, 64);

	return test_random(&state) >> shift;
}

static void tell(unsigned i, uint64_t elapsed_ns)
{
	struct actor *a = &actors[i];
	struct sample *s = &samples[i];
	struct cpuset has = plan_effective_cpus(&now, i);
	double cpus = cpuset_count(&has);

	s->at_ns = now_ns;
	s->cpu_usage_us += (uint64_t)((a->load < cpus ? a->load : cpus) * (double)elapsed_ns / 1e3);
	s->pressure_us += random_below(&state, 50000);
	if (!random_once(&state, 3))
		s->tasks_at_ns = now_ns;
	if (a->deaf)
		s->at_ns = 0;
	if (a->liar && random_once(&state, 2))
		s->cpu_usage_us = garbage();
	if (a->liar && random_once(&state, 4))
		s->at_ns = garbage();
}

static void pass_time(void)
{
	uint64_t elapsed = (45 + random_below(&state, 10)) * ms;

	if (random_once(&state, 30))
		elapsed = 0;
	else if (random_once(&state, 100))
		elapsed = 3000 * ms;
	now_ns += elapsed;
	if (random_once(&state, 500))
		now_ns -= 1000 * ms;
	for (unsigned i = 0; i < now.slice_count; i++) {
		if (!actors[i].left--)
			next_mood(i);
		tell(i, elapsed);
	}
}

static void random_policy(void)
{
	static const uint64_t cool_downs[] = {0, 200, 500, 500, 2000};

	policy.mode = REBALANCE_ACT;
	if (random_once(&state, 4))
		policy.mode = random_once(&state, 2) ? REBALANCE_OFF : REBALANCE_OBSERVE;
	policy.loans = (enum loan_mode)random_below(&state, 2);
	policy.scope = random_once(&state, 3) ? SCOPE_PACKAGE : SCOPE_MACHINE;
	policy.keep = 1 + random_below(&state, 3);
	policy.tick_ns = 50 * ms;
	policy.cool_down_ns = cool_downs[random_below(&state, 5)] * ms;
}

/* ---- in force ---- */

static void check_machine(const struct plan *p)
{
	struct err e = {0};

	if (cpuset_is_equal(&t.allowed, &whole.allowed))
		ck_assert_msg(oracle_check(p, &t, &e) == 0, "%s: %s", where, e.msg);
}

/* Op by op; or only some of them before a crash, and on from what is there. */
static void apply(const struct plan *from, const struct plan *to)
{
	static struct oplist ops;
	static struct plan seen;

	ck_assert_int_eq(plan_diff(from, to, &ops), 0);
	if (random_once(&state, 10)) {
		kernel_walk(&kernel, from, to, random_below(&state, ops.count + 1), &whole.allowed,
			    where);
		kernel_observe(&kernel, to, &seen);
		kernel_walk(&kernel, &seen, to, UINT32_MAX, &whole.allowed, where);
	} else {
		kernel_walk(&kernel, from, to, UINT32_MAX, &whole.allowed, where);
	}
	kernel_check_reached(&kernel, to, where);
}

/* A plan that everything is in force of; groups are made of `base`. */
static void boot(void)
{
	for (unsigned i = 0; i < now.slice_count; i++)
		now.slices[i].memory = (struct slice_memory){0};
	for (unsigned i = 0; i < now.loan_count; i++)
		now.loans[i].by_hand = random_once(&state, 4);
	base = now;
	kernel_boot(&base, &kernel);
	check_machine(&now);
}

static void apply_another_profile(void)
{
	spare = now;
	plan_mutate(&state, &t, &spare);
	apply(&now, &spare);
	now = spare;
	boot();
}

static void lend_by_hand(void)
{
	struct err e = {0};
	struct loan_request request = {.keep = policy.keep};

	request.from = random_below(&state, now.slice_count + 1);
	request.to = random_below(&state, now.slice_count + 1);
	request.cores = random_below(&state, 5);
	request.mode = (enum loan_mode)random_below(&state, 2);
	if (loan_request(&now, &t, &request, &spare, &e) == 0) {
		check_machine(&spare);
		apply(&now, &spare);
		now = spare;
	} else {
		ck_assert_msg(e.exit == ERR_IMPOSSIBLE || (e.exit == ERR_WRONG && !request.cores),
			      "%s: %s", where, e.msg);
	}
}

static void lend_nothing(void)
{
	loan_reset(&now, &spare);
	apply(&now, &spare);
	now = spare;
}

/* Somebody takes CPUs offline, or all are online again. */
static void plug(void)
{
	static struct topology less;
	unsigned kept = 0, gone = whole.cpus[random_below(&state, whole.cpu_count)].os_index;
	struct err e = {0};

	if (random_once(&state, 2)) {
		t = whole;
		return;
	}
	less = t;
	for (unsigned i = 0; i < t.cpu_count; i++) {
		if (t.cpus[i].os_index != gone)
			less.cpus[kept++] = t.cpus[i];
	}
	less.cpu_count = kept;
	cpuset_add(&less.disallowed, gone);
	if (kept && topology_derive(&less, &e) == 0)
		t = less;
}

static void happen(void)
{
	bool is_whole = cpuset_is_equal(&t.allowed, &whole.allowed);

	if (random_once(&state, 200) && is_whole)
		apply_another_profile();
	if (random_once(&state, 60))
		lend_by_hand();
	if (random_once(&state, 200))
		lend_nothing();
	if (random_once(&state, 100))
		random_policy();
	if (random_once(&state, is_whole ? 60 : 12))
		plug();
	if (random_once(&state, 300))
		memset(&memory, 0, sizeof(memory));
}

/* ---- what must hold ---- */

static struct cpuset all_lent(const struct plan *p, const struct loan *key)
{
	struct cpuset cpus = {0};

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];

		if (loan->from == key->from && loan->to == key->to && loan->mode == key->mode)
			cpus = cpuset_or(&cpus, &loan->cpus);
	}
	return cpus;
}

/* Before, less what was returned, with what was lent, is after. */
static void check_account(const struct loan *key)
{
	struct cpuset cpus = all_lent(&now, key), after = all_lent(&out, key);

	for (unsigned i = 0; i < memory.decisions.count; i++) {
		const struct rebalance_decision *d = &memory.decisions.items[i];
		bool lends = rebalance_is_lent(d->reason);

		if (d->from != key->from || d->to != key->to || d->mode != key->mode)
			continue;
		ck_assert_msg(lends != cpuset_intersects(&cpus, &d->cpus), "%s: decision %u", where,
			      i);
		cpus = lends ? cpuset_or(&cpus, &d->cpus) : cpuset_and_not(&cpus, &d->cpus);
	}
	ck_assert_msg(cpuset_is_equal(&cpus, &after), "%s: %u to %u: %s, but decisions say %s",
		      where, key->from, key->to, CPUSET_STRING(&after), CPUSET_STRING(&cpus));
}

static void check_accounts(void)
{
	for (unsigned i = 0; i < now.loan_count; i++)
		check_account(&now.loans[i]);
	for (unsigned i = 0; i < out.loan_count; i++)
		check_account(&out.loans[i]);
	for (unsigned i = 0; i < memory.decisions.count; i++)
		reasons[memory.decisions.items[i].reason]++;
}

/* What begins to be lent was idle, and goes to who lacks it. */
static void check_lent(const struct rebalance_decision *d)
{
	const struct rebalance_verdict *donor = &memory.verdicts[d->from];
	const struct rebalance_verdict *borrower = &memory.verdicts[d->to];

	ck_assert_msg(!samples[d->from].starting && !samples[d->to].starting, "%s: a JVM starts",
		      where);
	ck_assert_msg(borrower->busy_ticks >= 2 && borrower->used >= 0.9 * borrower->width &&
			      borrower->wants > borrower->width && samples[d->to].processes,
		      "%s: slice %u lacks nothing", where, d->to);
	ck_assert_msg(d->reason == REBALANCE_SHARES ||
			      (donor->idle_ticks >= 2 && donor->used < 0.05 * donor->width),
		      "%s: slice %u is not idle", where, d->from);
	ck_assert_msg(policy.mode != REBALANCE_OFF && policy.loans == d->mode, "%s: policy", where);
	if (d->mode == LOANS_EXCLUSIVE && d->reason == REBALANCE_LENDS)
		ck_assert_msg(samples[d->from].known & SAMPLE_TASKS &&
				      !samples[d->from].tasks_running &&
				      !samples[d->from].tasks_pending,
			      "%s: Spark has not confirmed that %u is idle", where, d->from);
}

/* Whether two sets of CPUs have a package in common: on the machine, not in the plan. */
static bool share_package(const struct cpuset *a, const struct cpuset *b)
{
	for (unsigned i = 0; i < t.package_count; i++) {
		struct cpuset package = topology_span_cpus(&t, t.packages[i]);

		if (cpuset_intersects(&package, a) && cpuset_intersects(&package, b))
			return true;
	}
	return false;
}

static void check_loan(const struct loan *loan)
{
	struct cpuset one = {0};

	if (loan->by_hand)
		return;
	ck_assert_msg(cpuset_is_subset(&loan->cpus, &t.allowed), "%s: lent CPUs are offline",
		      where);
	ck_assert_msg(memory.verdicts[loan->from].lending == REBALANCE_STAYS &&
			      memory.verdicts[loan->to].borrowing == REBALANCE_STAYS,
		      "%s: a loan of %u to %u should have ended", where, loan->from, loan->to);
	ck_assert_msg(loan->mode == policy.loans && policy.mode != REBALANCE_OFF, "%s: policy",
		      where);
	cpuset_for_each(cpu, &loan->cpus)
	{
		one = (struct cpuset){0};
		cpuset_add(&one, cpu);
		ck_assert_msg(policy.scope == SCOPE_MACHINE ||
				      share_package(&one, &now.slices[loan->to].cpus),
			      "%s: CPU %u is in another package", where, cpu);
	}
}

/* Exclusive donors keep what they are to keep, as far as loans by hand leave it to the monitor. */
static void check_keep(const struct plan *p, unsigned slice)
{
	struct cpuset own = cpuset_and(&p->slices[slice].cpus, &t.allowed);
	bool lends = false;

	for (unsigned i = 0; i < p->loan_count; i++) {
		const struct loan *loan = &p->loans[i];

		if (loan->from != slice || loan->mode != LOANS_EXCLUSIVE)
			continue;
		own = cpuset_and_not(&own, &loan->cpus);
		lends |= !loan->by_hand;
	}
	ck_assert_msg(!lends || cpuset_count(&own) >= policy.keep, "%s: slice %u keeps %u", where,
		      slice, cpuset_count(&own));
}

/* By hand: all stay, less what is offline. */
static void check_by_hand(void)
{
	for (unsigned i = 0; i < now.loan_count; i++) {
		struct cpuset has, had = cpuset_and(&now.loans[i].cpus, &t.allowed);

		if (!now.loans[i].by_hand)
			continue;
		has = all_lent(&out, &now.loans[i]);
		ck_assert_msg(cpuset_is_subset(&had, &has), "%s: a loan by hand is gone", where);
	}
}

static bool is_lent(const struct plan *p, unsigned cpu)
{
	for (unsigned i = 0; i < p->loan_count; i++) {
		if (cpuset_has(&p->loans[i].cpus, cpu))
			return true;
	}
	return false;
}

/* Whoever lacks CPUs has all that could be had. */
static void check_nothing_is_left(const struct plan *p, unsigned borrower)
{
	const struct rebalance_verdict *v = &memory.verdicts[borrower];
	struct cpuset has = plan_effective_cpus(p, borrower);

	has = cpuset_and(&has, &t.allowed);
	if (!v->can_borrow || v->wants <= cpuset_count(&has) || policy.loans == LOANS_EXCLUSIVE ||
	    policy.mode == REBALANCE_OFF || policy.scope == SCOPE_PACKAGE ||
	    p->loan_count == SLICES_MAX ||
	    !cpuset_intersects(&p->slices[borrower].cpus, &t.allowed))
		return;
	for (unsigned i = 0; i < p->loan_count; i++) {
		if (p->loans[i].from == borrower)
			return;
	}
	for (unsigned i = 0; i < p->slice_count; i++) {
		bool borrows = false;

		for (unsigned k = 0; k < p->loan_count; k++)
			borrows |= p->loans[k].to == i;
		if (borrows || !memory.verdicts[i].can_lend)
			continue;
		cpuset_for_each(cpu, &p->slices[i].cpus) ck_assert_msg(
			!cpuset_has(&t.allowed, cpu) || is_lent(p, cpu),
			"%s: slice %u lacks CPUs, and CPU %u is idle", where, borrower, cpu);
	}
}

static void check_replay(int changed)
{
	static struct rebalance_decisions decisions;

	ck_assert_msg(rebalance_decide(&now, &t, &policy, memory.verdicts, &decisions, &spare) ==
			      changed,
		      "%s: replayed, it is another decision", where);
	ck_assert_uint_eq(decisions.count, memory.decisions.count);
	ck_assert_msg(!changed || plan_is_equal(&out, &spare), "%s: replayed, it is another plan",
		      where);
}

static void check_change(void)
{
	check_machine(&out);
	check_accounts();
	check_by_hand();
	for (unsigned i = 0; i < memory.decisions.count; i++) {
		const struct rebalance_decision *d = &memory.decisions.items[i];

		if (d->reason == REBALANCE_LENDS || d->reason == REBALANCE_SHARES)
			check_lent(d);
	}
	for (unsigned i = 0; i < out.slice_count; i++)
		check_keep(&out, i);
	spare = out;
	spare.loan_count = now.loan_count;
	memcpy(spare.loans, now.loans, sizeof(spare.loans));
	ck_assert_msg(plan_is_equal(&spare, &now), "%s: more than loans changed", where);
}

static void one_step(void)
{
	int changed =
		rebalance_step(&now, &t, &policy, samples, now.slice_count, now_ns, &memory, &out);

	steps++;
	check_replay(changed);
	if (changed) {
		changes++;
		check_change();
		apply(&now, &out);
		now = out;
	}
	for (unsigned i = 0; i < now.loan_count; i++)
		check_loan(&now.loans[i]);
	for (unsigned i = 0; i < now.slice_count; i++)
		check_nothing_is_left(&now, i);
}

/* ---- histories ---- */

static void random_machine(void)
{
	struct machine_shape shape = {.l3s = 1, .node_bytes = 1 << 30};

	shape.packages = 1 + random_below(&state, 3);
	shape.nodes = 1 + random_below(&state, 2);
	shape.cores = 2 + random_below(&state, 8);
	shape.smt = 1 + random_below(&state, 2);
	if (random_once(&state, 5)) {
		do
			machine_random(&state, &t);
		while (t.cpu_count > 200);
	} else {
		machine_regular(&shape, &t);
	}
	whole = t;
	plan_random(&state, &t, &now);
}

static void begin_history(unsigned history)
{
	random_machine();
	snprintf(where, sizeof(where), "SEED=%lu history %u", test_seed(), history);
	memset(&memory, 0, sizeof(memory));
	memset(samples, 0, sizeof(samples));
	memset(actors, 0, sizeof(actors));
	now_ns = 10000 * ms;
	random_policy();
	boot();
	for (unsigned i = 0; i < SLICES_MAX; i++)
		samples[i].cpu_usage_us = 1000;
}

START_TEST(test_histories)
{
	state = test_seed();
	for (unsigned history = 0; history < HISTORIES; history++) {
		begin_history(history);
		for (unsigned i = 0; i < STEPS; i++) {
			snprintf(where, sizeof(where), "SEED=%lu history %u step %u", test_seed(),
				 history, i);
			happen();
			pass_time();
			one_step();
		}
	}
	printf("rebalance: %u steps, %u of them changed loans, %u + %u + %u ops\n", steps, changes,
	       kernel.ops_seen[OP_SET_CPUS], kernel.ops_seen[OP_SET_WEIGHT],
	       kernel.ops_seen[OP_CREATE] + kernel.ops_seen[OP_REMOVE]);
	ck_assert_uint_ge(steps, 100000);
	ck_assert_uint_gt(changes, steps / 20);
	for (unsigned i = REBALANCE_LENDS; i < REBALANCE_REASONS; i++)
		ck_assert_msg(reasons[i] > 4, "%s: %u times",
			      rebalance_reason_name((enum rebalance_reason)i), reasons[i]);
}
END_TEST

TEST_MAIN("rebalance random", test_case("histories", test_histories))
