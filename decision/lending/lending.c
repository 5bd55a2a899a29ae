/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/lending/lending.h"

#include <string.h>

#include "decision/machine/nearness.h"

enum { NO_CORE = TOPOLOGY_NONE, NOBODY = SLICES_MAX, HELD = SLICES_MAX + 1 };

/*
 * Cores of one donor on one node of one package that one borrower has, or nobody: alike for whoever
 * wants them. A list through `next`, from `head`; those before `first` are given away.
 */
struct segment {
	uint16_t head, first, last;
	uint8_t donor, holder;
};

/* Loans in the making, by core. */
struct lending {
	const struct plan *now;
	const struct topology *t;
	const struct rebalance_policy *policy;
	const struct rebalance_verdict *verdicts;
	unsigned keep;
	uint16_t core_of[CPUSET_MAX];  /* by OS index; NO_CORE: not allowed */
	uint8_t owner[TOPOLOGY_CPUS];  /* a slice, or NOBODY */
	uint8_t holder[TOPOLOGY_CPUS]; /* who borrows it; NOBODY; HELD: lent by hand */
	uint16_t cpus[TOPOLOGY_CPUS];  /* the owner has of it */
	unsigned home[SLICES_MAX], width[SLICES_MAX];	 /* CPUs it owns, and has */
	unsigned rest[SLICES_MAX];			 /* home CPUs it has */
	unsigned lends[SLICES_MAX], borrows[SLICES_MAX]; /* cores, by hand too */
	uint16_t pair_cores[SLICES_MAX][SLICES_MAX]; /* donor, borrower; without those by hand */
	bool has_near[SLICES_MAX];
	struct nearness near[SLICES_MAX];	/* of home sets */
	enum rebalance_reason ends[SLICES_MAX]; /* by loan of `now` */
	bool released[SLICES_MAX];		/* by donor: got some back to keep */
	unsigned segment_count;
	struct segment segments[TOPOLOGY_CPUS];
	uint16_t next[TOPOLOGY_CPUS];
	unsigned loan_count; /* as many as there are pairs, and loans by hand */
	struct loan loans[SLICES_MAX];
};

/* ---- what is ---- */

static void read_homes(struct lending *l)
{
	memset(l->core_of, 0xff, sizeof(l->core_of));
	memset(l->owner, NOBODY, sizeof(l->owner));
	memset(l->holder, NOBODY, sizeof(l->holder));
	for (unsigned i = 0; i < l->t->cpu_count; i++)
		l->core_of[l->t->cpus[i].os_index] = l->t->cpus[i].core;
	for (unsigned i = 0; i < l->now->slice_count; i++) {
		cpuset_for_each(cpu, &l->now->slices[i].cpus)
		{
			unsigned core = l->core_of[cpu];

			if (core == NO_CORE)
				continue;
			l->owner[core] = (uint8_t)i;
			l->cpus[core]++;
			l->home[i]++;
		}
		l->width[i] = l->rest[i] = l->home[i];
	}
}

static const struct nearness *near_of(struct lending *l, unsigned slice)
{
	if (!l->has_near[slice]) {
		l->near[slice] = nearness_of(l->t, &l->now->slices[slice].cpus);
		l->has_near[slice] = true;
	}
	return &l->near[slice];
}

static bool is_in_scope(struct lending *l, unsigned core, unsigned borrower)
{
	return l->policy->scope == SCOPE_MACHINE ||
	       nearness_has_package(near_of(l, borrower), l->t, core);
}

static enum rebalance_reason why_ends(struct lending *l, const struct loan *loan)
{
	if (loan->by_hand)
		return REBALANCE_STAYS;
	if (l->policy->mode == REBALANCE_OFF || loan->mode != l->policy->loans)
		return REBALANCE_POLICY;
	cpuset_for_each(cpu, &loan->cpus)
	{
		if (l->core_of[cpu] != NO_CORE && !is_in_scope(l, l->core_of[cpu], loan->to))
			return REBALANCE_POLICY;
	}
	if (l->verdicts[loan->from].lending != REBALANCE_STAYS)
		return l->verdicts[loan->from].lending;
	return l->verdicts[loan->to].borrowing;
}

/* ---- one core changes hands ---- */

/* From whoever borrows it to another, or, NOBODY, back to its owner. */
static void move_core(struct lending *l, unsigned core, unsigned to)
{
	unsigned donor = l->owner[core], from = l->holder[core], cpus = l->cpus[core];

	if (from != NOBODY) {
		l->width[from] -= cpus;
		l->lends[donor]--;
		l->borrows[from]--;
		if (!--l->pair_cores[donor][from])
			l->loan_count--;
	}
	if (to != NOBODY) {
		l->width[to] += cpus;
		l->lends[donor]++;
		l->borrows[to]++;
		if (!l->pair_cores[donor][to]++)
			l->loan_count++;
	}
	if (l->policy->loans == LOANS_EXCLUSIVE && from == NOBODY) {
		l->rest[donor] -= cpus;
		l->width[donor] -= cpus;
	} else if (l->policy->loans == LOANS_EXCLUSIVE && to == NOBODY) {
		l->rest[donor] += cpus;
		l->width[donor] += cpus;
	}
	l->holder[core] = (uint8_t)to;
}

/* ---- loans that are ---- */

/*
 * The donor's CPUs of the cores that are lent: one that the machine lost is missing, one that came
 * back is there.
 */
static struct cpuset whole_cores(const struct lending *l, unsigned donor, const struct cpuset *lent)
{
	struct cpuset cpus = {0};

	cpuset_for_each(cpu, lent)
	{
		struct cpuset core;

		if (l->core_of[cpu] == NO_CORE || l->owner[l->core_of[cpu]] != donor)
			continue;
		core = topology_core_cpus(l->t, l->core_of[cpu]);
		core = cpuset_and(&core, &l->now->slices[donor].cpus);
		cpus = cpuset_or(&cpus, &core);
	}
	return cpus;
}

static void hold_by_hand(struct lending *l, const struct loan *loan)
{
	struct cpuset cpus = whole_cores(l, loan->from, &loan->cpus);
	unsigned count = cpuset_count(&cpus);

	if (!count)
		return;
	cpuset_for_each(cpu, &cpus) l->holder[l->core_of[cpu]] = HELD;
	l->loans[l->loan_count] = *loan;
	l->loans[l->loan_count++].cpus = cpus;
	l->lends[loan->from] += count;
	l->borrows[loan->to] += count;
	l->width[loan->to] += count;
	if (loan->mode == LOANS_EXCLUSIVE) {
		l->rest[loan->from] -= count;
		l->width[loan->from] -= count;
	}
}

/* Those by hand first: their place in loans[] is theirs. */
static void read_loans(struct lending *l)
{
	for (unsigned i = 0; i < l->now->loan_count; i++) {
		l->ends[i] = why_ends(l, &l->now->loans[i]);
		if (l->now->loans[i].by_hand)
			hold_by_hand(l, &l->now->loans[i]);
	}
	for (unsigned i = 0; i < l->now->loan_count; i++) {
		const struct loan *loan = &l->now->loans[i];

		if (loan->by_hand || l->ends[i] != REBALANCE_STAYS)
			continue;
		cpuset_for_each(cpu, &loan->cpus)
		{
			unsigned core = l->core_of[cpu];

			if (core != NO_CORE && l->owner[core] == loan->from &&
			    l->holder[core] == NOBODY)
				move_core(l, core, loan->to);
		}
	}
}

/* `keep` was raised, or an exclusive donor lost CPUs: it gets back what it lacks. */
static void release(struct lending *l, unsigned donor)
{
	for (unsigned core = l->t->core_count; core-- > 0 && l->rest[donor] < l->keep;) {
		if (l->owner[core] != donor || l->holder[core] >= NOBODY)
			continue;
		move_core(l, core, NOBODY);
		l->released[donor] = true;
	}
}

/* ---- what can be had ---- */

static bool can_be_had(const struct lending *l, unsigned core)
{
	unsigned donor = l->owner[core], holder = l->holder[core];

	if (donor == NOBODY || holder == HELD)
		return false;
	if (holder != NOBODY)
		return l->verdicts[holder].can_yield;
	return l->verdicts[donor].can_lend && l->verdicts[donor].lending == REBALANCE_STAYS &&
	       !l->borrows[donor];
}

static void make_segments(struct lending *l)
{
	unsigned newest[SLICES_MAX];

	memset(newest, 0xff, sizeof(newest));
	for (unsigned i = 0; i < l->t->core_count; i++) {
		const struct topology_core *core = &l->t->cores[i], *first;
		unsigned donor = l->owner[i];
		struct segment *s;

		if (!can_be_had(l, i))
			continue;
		l->next[i] = NO_CORE;
		s = newest[donor] < l->segment_count ? &l->segments[newest[donor]] : NULL;
		first = s ? &l->t->cores[s->first] : NULL;
		/* A node may span packages. */
		if (s && s->holder == l->holder[i] && first->numa == core->numa &&
		    first->package == core->package) {
			l->next[s->last] = (uint16_t)i;
			s->last = (uint16_t)i;
			continue;
		}
		newest[donor] = l->segment_count;
		l->segments[l->segment_count++] = (struct segment){.head = (uint16_t)i,
								   .first = (uint16_t)i,
								   .last = (uint16_t)i,
								   .donor = (uint8_t)donor,
								   .holder = l->holder[i]};
	}
}

/* ---- who gets what ---- */

static bool may_have(struct lending *l, const struct segment *s, unsigned borrower)
{
	bool is_new = !l->pair_cores[s->donor][borrower];
	unsigned cpus, holder = s->holder;

	if (s->first == NO_CORE || s->donor == borrower || s->holder == borrower ||
	    !is_in_scope(l, s->first, borrower))
		return false;
	cpus = l->cpus[s->first];
	/* Once the borrower has the core, the one who had it must not be the poorer. */
	if (holder != NOBODY)
		return (l->width[holder] - cpus) * l->home[borrower] >=
			       (l->width[borrower] + cpus) * l->home[holder] &&
		       (!is_new || l->loan_count < SLICES_MAX ||
			l->pair_cores[s->donor][holder] == 1);
	return (!is_new || l->loan_count < SLICES_MAX) &&
	       (l->policy->loans == LOANS_SHARED || l->rest[s->donor] - cpus >= l->keep);
}

/*
 * Idle cores before others' ones, then the nearest, then those of a donor that lends to this
 * borrower already, then of one that lends to nobody: so there are few loans.
 */
static struct segment *best_segment(struct lending *l, unsigned borrower)
{
	struct segment *best = NULL;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < l->segment_count; i++) {
		struct segment *s = &l->segments[i];
		unsigned near, donor;
		uint64_t rank;

		if (!may_have(l, s, borrower))
			continue;
		near = nearness_rank(near_of(l, borrower), l->t, s->first);
		donor = l->pair_cores[s->donor][borrower] ? 0 : l->lends[s->donor] ? 2 : 1;
		rank = (uint64_t)(s->holder != NOBODY) << 63 | (uint64_t)near << 2 | donor;
		if (rank < least) {
			least = rank;
			best = s;
		}
	}
	return best;
}

static bool wants_more(const struct lending *l, unsigned slice)
{
	const struct rebalance_verdict *v = &l->verdicts[slice];

	return v->can_borrow && v->borrowing == REBALANCE_STAYS && v->wants > l->width[slice] &&
	       l->home[slice] && !l->lends[slice];
}

/*
 * Who has fewest CPUs for its size of those in `waiting`, the first of equal ones; NOBODY if none
 * is left.
 */
static unsigned poorest(const struct lending *l, uint64_t waiting)
{
	unsigned best = NOBODY;

	for (; waiting; waiting &= waiting - 1) {
		unsigned i = (unsigned)__builtin_ctzll(waiting);

		if (best == NOBODY || l->width[i] * l->home[best] < l->width[best] * l->home[i])
			best = i;
	}
	return best;
}

/*
 * Neighbours to the same borrower, where several share a segment: its cores are alike, so nobody
 * gets more or less by it. Cores of different sizes stay with whom they were given to.
 */
static void untangle(struct lending *l, const struct segment *s)
{
	unsigned count[SLICES_MAX] = {0}, borrower = 0;

	for (unsigned core = s->head; core != s->first; core = l->next[core]) {
		if (l->cpus[core] != l->cpus[s->head])
			return;
		count[l->holder[core]]++;
	}
	for (unsigned core = s->head; core != s->first; core = l->next[core]) {
		while (!count[borrower])
			borrower++;
		count[borrower]--;
		l->holder[core] = (uint8_t)borrower;
	}
}

/*
 * Core by core to the poorest: max-min fairness (Bertsekas, Gallager, Data Networks, 1992, 6.5.2)
 * in CPUs over home CPUs.
 */
static void lend(struct lending *l)
{
	uint64_t waiting = 0;
	unsigned borrower;

	for (unsigned i = 0; i < l->now->slice_count; i++)
		waiting |= (uint64_t)wants_more(l, i) << i;
	if (waiting)
		make_segments(l);
	while ((borrower = poorest(l, waiting)) != NOBODY) {
		struct segment *s = best_segment(l, borrower);

		if (s) {
			unsigned core = s->first;

			s->first = l->next[core];
			move_core(l, core, borrower);
		}
		if (!s || !wants_more(l, borrower))
			waiting &= ~(UINT64_C(1) << borrower);
	}
	for (unsigned i = 0; i < l->segment_count; i++)
		untangle(l, &l->segments[i]);
}

/* ---- the loans that come of it, by donor, then borrower ---- */

static void make_loans(struct lending *l)
{
	unsigned count = 0;
	uint8_t at[SLICES_MAX][SLICES_MAX];

	while (count < l->now->loan_count && l->loans[count].by_hand)
		count++;
	for (unsigned from = 0; from < l->now->slice_count; from++) {
		for (unsigned to = 0; to < l->now->slice_count; to++) {
			if (!l->pair_cores[from][to])
				continue;
			at[from][to] = (uint8_t)count;
			l->loans[count++] =
				(struct loan){.from = from, .to = to, .mode = l->policy->loans};
		}
	}
	for (unsigned i = 0; i < l->now->slice_count; i++) {
		cpuset_for_each(cpu, &l->now->slices[i].cpus)
		{
			unsigned core = l->core_of[cpu];

			if (core != NO_CORE && l->holder[core] < NOBODY)
				cpuset_add(&l->loans[at[i][l->holder[core]]].cpus, cpu);
		}
	}
}

/* ---- and why ---- */

/* What is lent from one to another in one mode; a list may say it in several loans. */
static struct cpuset lent(const struct loan *loans, unsigned count, const struct loan *key)
{
	struct cpuset cpus = {0};

	for (unsigned i = 0; i < count; i++) {
		if (loan_is_same(&loans[i], key))
			cpus = cpuset_or(&cpus, &loans[i].cpus);
	}
	return cpus;
}

static void note(const struct lending *l, struct rebalance_decisions *out, const struct loan *loan,
		 enum rebalance_reason reason, struct cpuset cpus)
{
	if (cpuset_is_empty(&cpus))
		return;
	out->items[out->count++] = (struct rebalance_decision){
		.reason = reason,
		.from = loan->from,
		.to = loan->to,
		.mode = loan->mode,
		.cpus = cpus,
		.donor = l->verdicts[loan->from],
		.borrower = l->verdicts[loan->to],
	};
}

static void note_returned(const struct lending *l, struct rebalance_decisions *out)
{
	for (unsigned i = 0; i < l->now->loan_count; i++) {
		const struct loan *loan = &l->now->loans[i];
		struct cpuset before = lent(l->now->loans, l->now->loan_count, loan);
		struct cpuset after = lent(l->loans, l->loan_count, loan);
		struct cpuset lost = cpuset_and_not(&before, &after);
		unsigned first = 0; /* of those that say the same */

		while (!loan_is_same(&l->now->loans[first], loan))
			first++;
		if (first < i)
			continue;
		if (l->ends[i] != REBALANCE_STAYS) {
			note(l, out, loan, l->ends[i], lost);
			continue;
		}
		note(l, out, loan, REBALANCE_OFFLINE, cpuset_and_not(&lost, &l->t->allowed));
		note(l, out, loan, l->released[loan->from] ? REBALANCE_POLICY : REBALANCE_YIELDS,
		     cpuset_and(&lost, &l->t->allowed));
	}
}

static void note_lent(const struct lending *l, struct rebalance_decisions *out)
{
	for (unsigned i = 0; i < l->loan_count; i++) {
		const struct loan *loan = &l->loans[i];
		struct cpuset before = lent(l->now->loans, l->now->loan_count, loan);
		struct cpuset whole = whole_cores(l, loan->from, &before);
		struct cpuset gained = cpuset_and_not(&loan->cpus, &before);
		struct cpuset others = {0}; /* had them of the donor, and would have kept them */

		for (unsigned k = 0; k < l->now->loan_count; k++) {
			const struct loan *other = &l->now->loans[k];

			if (other->from == loan->from && other->to != loan->to &&
			    l->ends[k] == REBALANCE_STAYS)
				others = cpuset_or(&others, &other->cpus);
		}
		note(l, out, loan, REBALANCE_ONLINE, cpuset_and(&gained, &whole));
		gained = cpuset_and_not(&gained, &whole);
		note(l, out, loan, REBALANCE_SHARES, cpuset_and(&gained, &others));
		note(l, out, loan, REBALANCE_LENDS, cpuset_and_not(&gained, &others));
	}
}

int rebalance_decide(const struct plan *now, const struct topology *t,
		     const struct rebalance_policy *policy,
		     const struct rebalance_verdict *verdicts,
		     struct rebalance_decisions *decisions, struct plan *out)
{
	struct lending l;
	bool any = now->loan_count > 0;

	decisions->count = 0;
	for (unsigned i = 0; i < now->slice_count; i++)
		any |= verdicts[i].can_borrow;
	if (!any) /* most ticks: nothing is lent, and nobody lacks anything */
		return 0;
	l = (struct lending){.now = now,
			     .t = t,
			     .policy = policy,
			     .verdicts = verdicts,
			     .keep = policy->keep ? policy->keep : 1};
	read_homes(&l);
	read_loans(&l);
	for (unsigned i = 0; i < now->slice_count && policy->loans == LOANS_EXCLUSIVE; i++)
		release(&l, i);
	if (policy->mode != REBALANCE_OFF)
		lend(&l);
	make_loans(&l);
	note_returned(&l, decisions);
	note_lent(&l, decisions);
	if (!decisions->count)
		return 0;
	*out = *now;
	out->loan_count = l.loan_count;
	memcpy(out->loans, l.loans, sizeof(out->loans));
	return 1;
}
