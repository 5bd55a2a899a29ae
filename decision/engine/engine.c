/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/engine.h"
#include "decision/partition/parents.h"
#include "decision/partition/usable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the question ---- */

static void read_job(struct engine *g, const struct facts *f)
{
	/* What is mostly done with such data, where the profile does not say. */
	static const enum workload_type by_format[] = {
		[FORMAT_AUTO] = WORKLOAD_WORDCOUNT,
		[FORMAT_TEXT] = WORKLOAD_WORDCOUNT,
		[FORMAT_COLUMNAR] = WORKLOAD_SQL,
		[FORMAT_VECTORS] = WORKLOAD_KMEANS,
	};
	const struct profile_workload *w = &g->profile->workload;
	unsigned cores = 0;

	for (unsigned core = 0; core < g->t->core_count; core++) {
		g->cpus[core] =
			(uint16_t)partition_core_cpus(g->t, &g->profile->partition, core, NULL);
		cores += g->cpus[core] > 0;
	}
	g->job = (struct cost_job){
		.type = w->type == WORKLOAD_AUTO ? by_format[w->data_format] : w->type,
		.gc = g->profile->jvm.gc,
		.data_bytes = w->data_size.unit == SIZE_BYTES ? w->data_size.value : f->data_bytes,
	};
	g->data_assumed = g->job.data_bytes == 0;
	if (g->data_assumed)
		g->job.data_bytes = cost_assumed_bytes(cores);
	g->is_measured = f->has_model;
	g->coefficients = f->has_model ? &f->model : cost_builtin(g->job.type);
}

/* ---- one candidate ---- */

int engine_cut(const struct engine *g, const struct choice *choice, struct cut *out, struct err *e)
{
	const struct profile *p = g->profile;
	struct profile_partition wanted = p->partition;

	wanted.by = choice->by;
	wanted.slices = choice->slices;
	wanted.cores = choice->cores;
	out->partition.slices = 0;
	if (partition_make(g->t, &wanted, &out->partition, e) < 0)
		return e->code;
	budget_shares(g->t, &out->partition, wanted.memory_only_nodes, g->reserve, out->shares);
	for (unsigned i = 0; i < out->partition.slices; i++)
		out->shares[i].slots = 0;
	for (unsigned core = 0; core < g->t->core_count; core++) {
		if (out->partition.owner[core] < out->partition.slices)
			out->shares[out->partition.owner[core]].slots +=
				g->cpus[core] * g->slots_per_cpu;
	}
	return budget_make(&p->memory, out->shares, out->partition.slices,
			   !(g->t->oddities & TOPOLOGY_MEMORY_UNKNOWN), &out->budget, e);
}

static int predict_with(const struct engine *g, enum gc gc, struct candidate *c, struct err *e)
{
	struct cost_job job = g->job;

	job.gc = gc;
	if (cost_features(&c->shape, &job, &c->features, e) < 0)
		return e->code;
	c->gc = gc;
	c->seconds = cost_seconds(g->coefficients, &c->features);
	return 0;
}

/*
 * An automatic collector is the parallel one unless another is clearly faster. ZGC and Shenandoah
 * trade throughput for short pauses, which a batch job does not ask for, and not every JDK has
 * them.
 */
static int predict(const struct engine *g, struct candidate *c, struct err *e)
{
	static const enum gc others[] = {GC_G1, GC_SERIAL};
	enum gc wanted = g->job.gc;

	if (predict_with(g, wanted == GC_AUTO ? GC_PARALLEL : wanted, c, e) < 0)
		return e->code;
	for (unsigned i = 0; wanted == GC_AUTO && i < sizeof(others) / sizeof(others[0]); i++) {
		struct candidate other = *c;

		if (predict_with(g, others[i], &other, e) == 0 &&
		    other.seconds * (1 + ENGINE_TIE) < c->seconds)
			*c = other;
	}
	c->predicted = true;
	return 0;
}

/*
 * Whether it can be made at all, and what it takes. A prediction may fail where the making does
 * not: the model assumes what tasks hold, so it cannot forbid what the profile fixes.
 */
static int judge(const struct engine *g, struct candidate *c, struct err *e)
{
	struct err ignored;
	struct cut cut;
	int r = engine_cut(g, &c->choice, &cut, e);

	if (!cut.partition.slices)
		return r;
	c->slices = cut.partition.slices;
	for (unsigned i = 0; i < c->slices; i++)
		c->cores = cut.partition.cores[i] > c->cores ? cut.partition.cores[i] : c->cores;
	if (c->choice.by == BY_AUTO)
		c->choice.by = cut.partition.by;
	shape_read(g->t, &cut.partition, g->cpus, g->slots_per_cpu, &c->shape, &c->place);
	c->feasible = r == 0;
	if (!c->feasible) { /* what it would take, were its memory no concern */
		predict_with(g, GC_PARALLEL, c, &ignored);
		return r;
	}
	c->shape.heap_bytes = cut.budget.known ? cut.budget.slices[0].heap_bytes : 0;
	return predict(g, c, e);
}

/* ---- all of them ---- */

/* The candidate of these sizes; g->count if there is none. */
static unsigned find(const struct engine *g, unsigned slices, unsigned cores)
{
	for (unsigned i = 0; i < g->count; i++) {
		if (g->candidates[i].slices == slices && g->candidates[i].cores == cores)
			return i;
	}
	return g->count;
}

/* The numbers of a refusal: what to change is for those who asked for it. */
static void note_refusal(struct candidate *c, const struct err *e)
{
	static const char *const ends[] = {" (", ": write", "; write"};
	size_t length = string_cut(e->msg, PLAN_TEXT - 1);

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *end = strstr(e->msg, ends[i]);

		if (end && (size_t)(end - e->msg) < length)
			length = (size_t)(end - e->msg);
	}
	snprintf(c->why, PLAN_TEXT, "%.*s", (int)length, e->msg);
}

/*
 * Append the choice unless its sizes are listed already. Return 0, or why it cannot be or is not
 * predicted.
 */
static int consider(struct engine *g, const struct choice *choice, struct err *e)
{
	struct candidate *c = &g->candidates[g->count];
	int r;

	*c = (struct candidate){.choice = *choice};
	r = judge(g, c, e);
	if (r < 0)
		note_refusal(c, e);
	if (r < 0 && c->slices && choice->by == BY_SOCKET && choice->slices == AMOUNT_AUTO) {
		g->refused = c->slices;
		g->refused_seconds = c->seconds;
	}
	if (!c->slices) { /* cannot even be divided: what it would have come to */
		c->slices = choice->slices != AMOUNT_AUTO ? (unsigned)choice->slices
							  : parents_count(g->t, choice->by);
		c->cores = choice->cores != AMOUNT_AUTO ? (unsigned)choice->cores
			   : g->usable / c->slices	? g->usable / c->slices
							: 1;
	}
	c->needs_reason = c->place.splits_node || c->shape.cores < g->usable;
	if (g->count < PLAN_CANDIDATES - 1 && find(g, c->slices, c->cores) == g->count)
		g->count++;
	return r;
}

/* ---- the choice ---- */

const char *engine_preference(const struct candidate *a, const struct candidate *b)
{
	if (a->place.crosses_packages != b->place.crosses_packages)
		return b->place.crosses_packages ? "its slices cross packages" : NULL;
	if (a->place.crosses_nodes != b->place.crosses_nodes)
		return b->place.crosses_nodes ? "its slices cross nodes" : NULL;
	if (a->place.splits_l3 != b->place.splits_l3)
		return b->place.splits_l3 ? "its slices share L3 caches" : NULL;
	if (a->slices != b->slices)
		return a->slices < b->slices ? "it has more slices" : NULL;
	return a->cores > b->cores ? "it has fewer cores" : NULL;
}

/* Which of two that are predicted alike; where coefficients were measured, they are not. */
static bool is_preferred(const struct engine *g, const struct candidate *a,
			 const struct candidate *b)
{
	if (g->is_measured && a->place.crosses_packages == b->place.crosses_packages &&
	    a->seconds != b->seconds)
		return a->seconds < b->seconds;
	return engine_preference(a, b);
}

/* Which candidates are looked at. */
enum pool { POOL_ALL, POOL_INSIDE /* those that cross no package */ };

static bool is_in(const struct candidate *c, enum pool pool)
{
	return candidate_is_open(c) && !(pool == POOL_INSIDE && c->place.crosses_packages);
}

/* Least seconds of those that need a reason, or of those that need none; HUGE_VAL without any. */
static double least_seconds(const struct engine *g, enum pool pool, bool needs_reason)
{
	double least = HUGE_VAL;

	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (is_in(c, pool) && c->needs_reason == needs_reason && c->seconds < least)
			least = c->seconds;
	}
	return least;
}

/*
 * The preferred one of the fastest, those that need a reason only if they have it; g->count if
 * there is none.
 */
static unsigned choose_in(const struct engine *g, enum pool pool)
{
	double whole = least_seconds(g, pool, false), cut = least_seconds(g, pool, true);
	double with_reason = g->is_measured ? whole : whole / (1 + ENGINE_REASON);
	double most = (cut < with_reason ? cut : whole) * (1 + ENGINE_TIE);
	unsigned best = g->count;

	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (!is_in(c, pool) || c->seconds > most ||
		    (c->needs_reason && c->seconds >= with_reason))
			continue;
		if (best == g->count || is_preferred(g, c, &g->candidates[best]))
			best = i;
	}
	return best;
}

static void choose(struct engine *g)
{
	unsigned best = choose_in(g, POOL_ALL);
	double most;

	if (best == g->count) /* nothing is predicted */
		return;
	g->chosen = best;
	if (!g->candidates[best].place.crosses_packages)
		return;
	most = g->candidates[best].seconds * (1 + ENGINE_TIE);
	if (least_seconds(g, POOL_INSIDE, false) <= most ||
	    least_seconds(g, POOL_INSIDE, true) <= most)
		g->chosen = choose_in(g, POOL_INSIDE);
}

/*
 * The profile's own choice first, if it has one: it decides about success. Else one JVM does, which
 * has all the memory there is.
 */
static int judge_all(struct engine *g, unsigned slots_per_cpu, struct err *e)
{
	const struct profile_partition *wanted = &g->profile->partition;
	struct choice choices[CHOICES_MAX], own = {wanted->by, wanted->slices, wanted->cores};
	unsigned count = choices_list(g->t, wanted, choices);
	bool is_auto = partition_is_auto(wanted);
	struct err ignored;

	g->slots_per_cpu = slots_per_cpu;
	g->count = 0;
	g->chosen = 0;
	g->refused = 0;
	g->refused_seconds = 0;
	if (consider(g, is_auto ? &choices[0] : &own, e) < 0 && !g->candidates[0].feasible)
		return e->code;
	for (unsigned i = 0; i < count; i++)
		consider(g, &choices[i], &ignored);
	if (is_auto)
		choose(g);
	return 0;
}

/*
 * Two tasks a CPU, so that a slice has some for CPUs that it is lent, unless what they hold in the
 * heap is predicted to cost too much. Of the slice that is chosen, for the slots decide about its
 * memory.
 */
static int decide_slots(struct engine *g, struct err *e)
{
	const struct profile *p = g->profile;
	struct candidate single;
	double with_two;
	struct err ignored;

	if (p->spark.slots_per_cpu != AMOUNT_AUTO)
		return judge_all(g, (unsigned)p->spark.slots_per_cpu, e);
	if (p->rebalance.mode == REBALANCE_OFF)
		return judge_all(g, 1, e);
	if (judge_all(g, 2, e) < 0)
		return judge_all(g, 1, e);
	if (g->candidates[g->chosen].predicted) {
		single = (struct candidate){.choice = g->candidates[g->chosen].choice};
		with_two = g->candidates[g->chosen].seconds;
		g->slots_per_cpu = 1;
		if (judge(g, &single, &ignored) == 0)
			g->slots_cost = with_two / single.seconds - 1;
		g->slots_per_cpu = 2;
		if (g->slots_cost <= ENGINE_SLOTS)
			return 0;
	}
	return judge_all(g, 1, e);
}

/* One JVM; where that was taken, the best that crosses no package, else the best. */
static unsigned find_rival(const struct engine *g)
{
	unsigned one = find(g, 1, g->usable), best = g->chosen;

	if (one != g->chosen && one < g->count)
		return one;
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i], *b = &g->candidates[best];

		if (i == g->chosen || !candidate_is_open(c) || c->slices == 1)
			continue;
		if (best == g->chosen ||
		    (c->needs_reason != b->needs_reason ? b->needs_reason
							: c->seconds < b->seconds))
			best = i;
	}
	return best;
}

int engine_decide(const struct topology *t, const struct profile *p, const struct facts *f,
		  const struct reserve_memory *reserve, struct engine *out, struct err *e)
{
	struct profile_partition one_jvm = p->partition;
	struct partition whole;

	out->t = t;
	out->profile = p;
	out->reserve = reserve;
	out->slots_cost = 0;
	read_job(out, f);
	one_jvm.by = BY_MACHINE;
	one_jvm.slices = 1;
	one_jvm.cores = AMOUNT_AUTO;
	if (partition_make(t, &one_jvm, &whole, e) < 0)
		return e->code;
	out->usable = whole.cores[0];
	if (decide_slots(out, e) < 0)
		return e->code;
	if (!partition_is_auto(&p->partition) ||
	    out->refused_seconds > out->candidates[out->chosen].seconds * (1 + ENGINE_TIE))
		out->refused = 0; /* more memory would not have made it the choice */
	out->rival = find_rival(out);
	return 0;
}

double engine_throughput(const struct engine *g, const struct candidate *c)
{
	unsigned one = find(g, 1, g->usable);
	const struct candidate *base = &g->candidates[one < g->count ? one : g->chosen];

	if (!candidate_is_open(base))
		base = &g->candidates[g->chosen];
	return candidate_is_open(c) && candidate_is_open(base) ? base->seconds / c->seconds : 0;
}
