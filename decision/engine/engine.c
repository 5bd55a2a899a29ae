/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/engine/engine.h"
#include "decision/engine/cut.h"
#include "decision/partition/parents.h"
#include "decision/partition/usable.h"

#include <limits.h>
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
	enum workload_type seen = f->workload;
	unsigned cores = 0;

	for (unsigned core = 0; core < g->t->core_count; core++) {
		g->cpus[core] =
			(uint16_t)partition_core_cpus(g->t, &g->profile->partition, core, NULL);
		cores += g->cpus[core] > 0;
	}
	g->job = (struct cost_job){
		.type = w->type != WORKLOAD_AUTO ? w->type
			: seen != WORKLOAD_AUTO	 ? seen
						 : by_format[w->data_format],
		.gc = g->profile->jvm.gc,
		.data_bytes = w->data_size.unit == SIZE_BYTES ? w->data_size.value : f->data_bytes,
	};
	g->data_assumed = g->job.data_bytes == 0;
	if (g->data_assumed)
		g->job.data_bytes = cost_assumed_bytes(cores);
	g->is_measured = f->has_model;
	g->error = f->has_model ? f->model_error : COST_ERROR;
	g->coefficients = f->has_model ? &f->model : cost_builtin(g->job.type);
}

/* ---- one candidate ---- */

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
 * Whether its memory suffices, and what it takes; its cores are divided. A prediction may fail
 * where the making does not: the model assumes what tasks hold, so it cannot forbid what the
 * profile fixes.
 */
static int judge(const struct engine *g, unsigned executors, struct cut *cut, struct candidate *c,
		 struct err *e)
{
	const struct partition *p = &cut->partition;
	struct err ignored;
	int r = cut_memory(g, executors, cut, e);

	c->executors = cut->executors;
	c->shape.executors = cut->executors;
	c->slots = 0;
	for (unsigned i = 0; i < p->slices; i++)
		c->slots = cut->shares[i].slots > c->slots ? cut->shares[i].slots : c->slots;
	c->shape.slots = cut_mean_slots(g, cut);
	c->feasible = r == 0;
	if (!c->feasible) { /* what it would take, were its memory no concern */
		predict_with(g, GC_PARALLEL, c, &ignored);
		return r;
	}
	if (cut->budget.known) {
		const struct slice_memory *m = &cut->budget.slices[0];

		c->shape.heap_bytes = m->heap_bytes / cut->executors;
		c->shape.off_heap_bytes = m->off_heap_bytes / cut->executors;
	}
	return predict(g, c, e);
}

/* ---- all of them ---- */

/* The candidate of these sizes; g->count if there is none. */
static unsigned find(const struct engine *g, unsigned slices, unsigned cores, unsigned executors)
{
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (c->slices == slices && c->cores == cores && c->executors == executors)
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

/* Append it unless its sizes are listed already; `r` is what came of judging it. */
static void append(struct engine *g, struct candidate *c, int r, const struct err *e)
{
	const struct choice *choice = &c->choice;

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
		c->executors = 1;
	}
	c->needs_reason |= c->place.splits_node ||
			   c->shape.cores * PARTITION_FEW < g->usable * (PARTITION_FEW - 1.0);
	if (g->count < PLAN_CANDIDATES - 1 &&
	    find(g, c->slices, c->cores, c->executors) == g->count)
		g->candidates[g->count++] = *c;
}

/* Heap of a task slot in bytes of objects with 4-byte pointers, and with memory outside it. */
static double slot_heap(const struct engine *g, const struct candidate *c)
{
	return cost_heap_worth(&c->shape, &g->job) * c->executors / c->slots;
}

static double slot_memory(const struct engine *g, const struct candidate *c)
{
	return slot_heap(g, c) + (double)c->shape.off_heap_bytes * c->executors / c->slots;
}

/*
 * What one executor leaves a task, where several have a tenth more for it: too little, or a heap
 * whose pointers have 8 bytes.
 */
static bool is_starved(const struct engine *g, const struct candidate *one,
		       const struct candidate *several)
{
	double more = slot_heap(g, several) / slot_heap(g, one);

	if (one->shape.heap_bytes > BUDGET_HEAP_MOST)
		return more > 1;
	return more > 1.1 && (slot_heap(g, one) < (double)BUDGET_SLOT_GOOD ||
			      slot_memory(g, one) < (double)BUDGET_SLOT_FAIR);
}

/*
 * A choice with as many executors as its memory is best divided into, and with one each; with those
 * that the profile writes alone. Return 0, or why the first cannot be or is not predicted.
 */
static int consider(struct engine *g, const struct choice *choice, struct err *e)
{
	struct candidate c = {.choice = *choice}, one;
	struct err of_one;
	struct cut cut;
	int r = cut_cores(g, choice, &cut, e), r_one;
	unsigned least;

	if (r < 0) {
		append(g, &c, r, e);
		return r;
	}
	c.slices = cut.partition.slices;
	least = c.cores = cut.partition.cores[0];
	for (unsigned i = 1; i < c.slices; i++) {
		c.cores = cut.partition.cores[i] > c.cores ? cut.partition.cores[i] : c.cores;
		least = cut.partition.cores[i] < least ? cut.partition.cores[i] : least;
	}
	if (c.choice.by == BY_AUTO)
		c.choice.by = cut.partition.by;
	shape_read(g->t, &cut.partition, g->cpus, &c.shape, &c.place);
	c.is_small = (c.slices > 1 || c.cores < g->usable) && !choice_likes_size(least, c.cores);
	c.is_uneven = least < c.cores && c.place.splits_node;
	one = c;
	r = judge(g, 0, &cut, &c, e);
	if (c.executors == 1 || g->profile->spark.executors != AMOUNT_AUTO) {
		append(g, &c, r, e);
		return r;
	}
	r_one = judge(g, 1, &cut, &one, &of_one);
	if (r < 0 || (r_one == 0 && !is_starved(g, &one, &c)))
		c.needs_reason = true;
	else
		one.is_starved = r_one == 0;
	append(g, &c, r, e);
	append(g, &one, r_one, &of_one);
	if (r < 0) {
		*e = of_one;
		r = r_one;
	}
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
	if (a->executors != b->executors)
		return a->executors < b->executors ? "it has more executors" : NULL;
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
	return candidate_is_open(c) && !c->is_small && !c->is_uneven &&
	       !(pool == POOL_INSIDE && c->place.crosses_packages);
}

/* Least seconds of those that need a reason, or of those that need none; HUGE_VAL without any. */
static double least_seconds(const struct engine *g, enum pool pool, bool needs_reason,
			    bool even_starved)
{
	double least = HUGE_VAL;

	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (is_in(c, pool) && c->needs_reason == needs_reason && c->seconds < least &&
		    (even_starved || !c->is_starved))
			least = c->seconds;
	}
	return least;
}

/* Whether the best of those that need a reason has one: its gain is more than the model's error. */
static bool has_reason(const struct engine *g, double whole, double cut)
{
	if (whole == HUGE_VAL || cut == HUGE_VAL)
		return cut < whole;
	return g->is_measured ? cut < whole : whole / cut > 1 + g->error;
}

/*
 * The preferred one of the fastest; g->count if there is none. Only the best of those that need a
 * reason has to have it: then all are alike, so that neighbouring inputs do not change places.
 */
static unsigned choose_in(const struct engine *g, enum pool pool)
{
	double whole = least_seconds(g, pool, false, false);
	double cut = least_seconds(g, pool, true, false);
	bool reason = has_reason(g, least_seconds(g, pool, false, true), cut);
	double most = (reason && cut < whole ? cut : whole) * (1 + ENGINE_TIE);
	unsigned best = g->count;

	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (!is_in(c, pool) || c->is_starved || c->seconds > most ||
		    (c->needs_reason && !reason))
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
	if (least_seconds(g, POOL_INSIDE, false, false) <= most ||
	    least_seconds(g, POOL_INSIDE, true, false) <= most)
		g->chosen = choose_in(g, POOL_INSIDE);
}

/* Whether several executors gain more than the model's error. */
static bool is_better(const struct engine *g, const struct candidate *several,
		      const struct candidate *one)
{
	return candidate_is_open(several) && candidate_is_open(one) &&
	       has_reason(g, one->seconds, several->seconds);
}

/*
 * The profile's own choice first, if it has one: it decides about success. Else one JVM does, which
 * has all the memory there is.
 */
static int judge_all(struct engine *g, struct err *e)
{
	const struct profile_partition *wanted = &g->profile->partition;
	struct choice choices[CHOICES_MAX], own = {wanted->by, wanted->slices, wanted->cores};
	unsigned count = choices_list(g->t, wanted, choices);
	const struct candidate *several = &g->candidates[0], *one = &g->candidates[1];
	bool is_auto = partition_is_auto(wanted);
	struct err ignored;
	int r;

	g->candidates[0].feasible = g->candidates[1].feasible = false;
	g->slots_for_loans = g->profile->rebalance.mode != REBALANCE_OFF;
	g->count = 0;
	g->chosen = 0;
	g->refused = 0;
	g->refused_seconds = 0;
	r = consider(g, is_auto ? &choices[0] : &own, e);
	if (r < 0 && !one->feasible && !several->feasible)
		return r;
	/* Of the profile's cut with several executors and with one. */
	if (g->count > 1 && one->feasible &&
	    (!several->feasible ||
	     (candidate_is_open(one) && !one->is_starved && !is_better(g, several, one))))
		g->chosen = 1;
	for (unsigned i = 0; i < count; i++)
		consider(g, &choices[i], &ignored);
	if (is_auto)
		choose(g);
	return 0;
}

/*
 * Some more tasks than CPUs, so that a slice has some for CPUs that it is lent, unless what they
 * cost is predicted to be too much.
 */
static void decide_slots(struct engine *g)
{
	const struct candidate *chosen = &g->candidates[g->chosen];
	struct cost_shape more = chosen->shape;
	struct cost_features features;
	struct cost_job job = g->job;
	struct err ignored;

	if (!chosen->predicted || chosen->slots <= more.slots)
		return;
	more.slots = chosen->slots;
	job.gc = chosen->gc;
	g->slots_cost = HUGE_VAL;
	if (cost_features(&more, &job, &features, &ignored) == 0)
		g->slots_cost = cost_seconds(g->coefficients, &features) / chosen->seconds - 1;
	g->slots_for_loans = g->slots_cost <= ENGINE_SLOTS;
}

/* One JVM; where that was taken, the best that crosses no package, else the best. */
static unsigned find_rival(const struct engine *g)
{
	unsigned one = find(g, 1, g->usable, 1), best = g->chosen;

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
	out->daemon_heap = f->daemon_heap;
	read_job(out, f);
	one_jvm.by = BY_MACHINE;
	one_jvm.slices = 1;
	one_jvm.cores = AMOUNT_AUTO;
	if (partition_make(t, &one_jvm, &whole, e) < 0)
		return e->code;
	out->usable = whole.cores[0];
	if (judge_all(out, e) < 0)
		return e->code;
	decide_slots(out);
	if (!partition_is_auto(&p->partition) ||
	    out->refused_seconds > out->candidates[out->chosen].seconds * (1 + ENGINE_TIE))
		out->refused = 0; /* more memory would not have made it the choice */
	out->rival = find_rival(out);
	return 0;
}

const struct candidate *engine_base(const struct engine *g)
{
	unsigned one = find(g, 1, g->usable, 1);

	return one < g->count && candidate_is_open(&g->candidates[one]) ? &g->candidates[one]
									: &g->candidates[g->chosen];
}

double engine_throughput(const struct engine *g, const struct candidate *c)
{
	const struct candidate *base = engine_base(g);

	return candidate_is_open(c) && candidate_is_open(base) && c->seconds > 0
		       ? base->seconds / c->seconds
		       : 0;
}
