/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/decision/choices.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decision/base/size_text.h"
#include "decision/engine/cut.h"
#include "decision/engine/engine.h"
#include "decision/engine/plan_make.h"
#include "decision/partition/usable.h"
#include "tests/decision/check/oracle.h"

static struct plan plan, other;
static struct engine engine, again;

#define broken(...) (snprintf(why, CHOICE_TEXT, __VA_ARGS__), false)

static double seconds(const struct plan_candidate *c)
{
	const struct plan_terms *t = &c->terms;

	return t->startup + t->cold + t->work + t->gc + t->remote + t->shuffle + t->spill + t->tail;
}

static bool is_predicted(const struct plan_candidate *c)
{
	return c->feasible && seconds(c) > 0;
}

/* ---- the list ---- */

static bool is_once(unsigned i)
{
	for (unsigned k = 0; k < i; k++) {
		if (plan.candidates[k].slices == plan.candidates[i].slices &&
		    plan.candidates[k].cores == plan.candidates[i].cores &&
		    plan.candidates[k].executors == plan.candidates[i].executors)
			return false;
	}
	return true;
}

static bool list_is_sound(char why[CHOICE_TEXT])
{
	const struct plan_candidate *chosen = &plan.candidates[plan.chosen];
	double base = chosen->throughput * seconds(chosen);

	for (unsigned i = 0; i < plan.candidate_count; i++) {
		const struct plan_candidate *c = &plan.candidates[i];
		double product = c->throughput * seconds(c);

		if (!is_once(i))
			return broken("%u x %u is listed twice", c->slices, c->cores);
		if (!c->why[0] || (!c->feasible && !strpbrk(c->why, "0123456789")))
			return broken("%u x %u: no number in '%s'", c->slices, c->cores, c->why);
		if (!c->slices || c->by == BY_AUTO || !isfinite(seconds(c)))
			return broken("%u x %u by %d: %g s", c->slices, c->cores, (int)c->by,
				      seconds(c));
		/* throughputs have three decimals */
		if (is_predicted(c) && is_predicted(chosen) &&
		    fabs(product - base) > 0.002 * (seconds(c) + seconds(chosen)))
			return broken("%u x %u: throughput %g of %g s, but %g of %g s is taken",
				      c->slices, c->cores, c->throughput, seconds(c),
				      chosen->throughput, seconds(chosen));
	}
	return true;
}

/* ---- where slices lie, read off a plan of that candidate ---- */

struct place {
	bool made, crosses_packages, cuts_node;
	bool idle; /* more than one core in 16 is left out */
};

static unsigned owner_of(const struct plan *p, const struct topology *t, unsigned core)
{
	for (unsigned i = 0; i < p->slice_count; i++) {
		for (unsigned k = 0; k < t->cores[core].cpus; k++) {
			if (cpuset_has(&p->slices[i].cpus,
				       t->cpus[t->cores[core].first_cpu + k].os_index))
				return i;
		}
	}
	return SLICES_MAX;
}

/* `all`: cores of one JVM on all of them. */
static struct place place_of(const struct plan *p, const struct topology *t, unsigned all)
{
	struct place place = {.made = true};
	uint16_t unit[SLICES_MAX];
	unsigned cores = 0;

	memset(unit, 0xff, sizeof(unit));
	for (unsigned core = 0; core < t->core_count; core++) {
		unsigned owner = owner_of(p, t, core);

		if (owner == SLICES_MAX)
			continue;
		place.crosses_packages |=
			unit[owner] != TOPOLOGY_NONE && unit[owner] != t->cores[core].unit;
		unit[owner] = t->cores[core].unit;
	}
	for (unsigned i = 0; i < p->slice_count; i++)
		cores += p->slices[i].cores;
	place.idle = (all - cores) * 16 > all;
	for (unsigned i = 0; i < t->numa_count; i++) {
		unsigned first = SLICES_MAX;

		for (unsigned k = 0; k < t->numa[i].cores.count; k++) {
			unsigned owner = owner_of(p, t, t->numa[i].cores.first + k);

			if (owner == SLICES_MAX)
				continue;
			place.cuts_node |= first != SLICES_MAX && owner != first;
			first = owner;
		}
	}
	return place;
}

static struct place place_of_candidate(const struct topology *t, const struct profile *p,
				       const struct facts *f, unsigned i, unsigned all)
{
	const struct plan_candidate *c = &plan.candidates[i];
	struct profile wanted = *p;
	struct err e;

	wanted.partition.by = c->by;
	wanted.partition.slices = (int)c->slices;
	wanted.spark.executors = (int)c->executors;
	if (plan_make(t, &wanted, f, &other, &e) < 0 ||
	    other.candidates[other.chosen].cores != c->cores)
		wanted.partition.cores = (int)c->cores;
	if (plan_make(t, &wanted, f, &other, &e) < 0)
		return (struct place){0};
	return place_of(&other, t, all);
}

/* ---- the choice ---- */

/* Never taken by itself, whatever it gains; named in its `why`. */
static bool is_out(const struct plan_candidate *c)
{
	return strstr(c->why, "a task has more memory") || strstr(c->why, "too small") ||
	       strstr(c->why, "unequal parts");
}

static unsigned most_cores(void)
{
	unsigned all = 0;

	for (unsigned i = 0; i < plan.candidate_count; i++) {
		if (plan.candidates[i].slices == 1 && plan.candidates[i].cores > all)
			all = plan.candidates[i].cores;
	}
	return all;
}

static bool stays_inside(const struct topology *t, const struct profile *p, const struct facts *f,
			 char why[CHOICE_TEXT])
{
	const struct plan_candidate *chosen = &plan.candidates[plan.chosen];
	unsigned all = most_cores();

	if (!place_of(&plan, t, all).crosses_packages || !is_predicted(chosen))
		return true;
	for (unsigned i = 0; i < plan.candidate_count; i++) {
		const struct plan_candidate *c = &plan.candidates[i];
		struct place place;

		if (!is_predicted(c) || is_out(c) || seconds(c) > 1.0199 * seconds(chosen))
			continue;
		place = place_of_candidate(t, p, f, i, all);
		if (place.made && !place.crosses_packages)
			return broken("%u x %u crosses packages, %u x %u does not and is %.2f %% "
				      "off",
				      chosen->slices, chosen->cores, c->slices, c->cores,
				      100 * (seconds(c) / seconds(chosen) - 1));
	}
	return true;
}

/*
 * What is cut into parts must beat everything that is not, unless what is not crosses packages:
 * then staying inside is the reason.
 */
static bool has_reason(const struct topology *t, const struct profile *p, const struct facts *f,
		       char why[CHOICE_TEXT])
{
	const struct plan_candidate *chosen = &plan.candidates[plan.chosen];
	unsigned all = most_cores();
	struct place own = place_of(&plan, t, all);

	if (!is_predicted(chosen) || (!own.cuts_node && !own.idle))
		return true;
	for (unsigned i = 0; i < plan.candidate_count; i++) {
		const struct plan_candidate *c = &plan.candidates[i];
		struct place place;

		/* of the best and the chosen 2 % may be the tie between equals */
		if (!is_predicted(c) || strstr(c->why, "too small") ||
		    strstr(c->why, "unequal parts") || c->executors > chosen->executors ||
		    seconds(c) > seconds(chosen) * (1 + COST_ERROR) / 1.022)
			continue;
		place = place_of_candidate(t, p, f, i, all);
		if (place.made && !place.cuts_node && !place.idle &&
		    (!place.crosses_packages || own.crosses_packages))
			return broken("%u x %u cuts nodes or leaves cores idle, %u x %u does not "
				      "and takes %.1f s to its %.1f",
				      chosen->slices, chosen->cores, c->slices, c->cores,
				      seconds(c), seconds(chosen));
	}
	return true;
}

/*
 * What is automatic: heaps with 4-byte pointers unless a slice has no core for another or slices
 * are too unequal for several; and 512 MB for each slot.
 */
static bool memory_is_used(const struct profile *p, char why[CHOICE_TEXT])
{
	const struct slice *s = &plan.slices[0];
	uint64_t heap = s->memory.heap_bytes / s->executors;
	unsigned least = s->slots, most = s->slots;

	for (unsigned i = 1; i < plan.slice_count; i++) {
		least = plan.slices[i].slots < least ? plan.slices[i].slots : least;
		most = plan.slices[i].slots > most ? plan.slices[i].slots : most;
		if (plan.slices[i].memory.heap_bytes != s->memory.heap_bytes ||
		    plan.slices[i].executors != s->executors)
			return broken("slices 0 and %u have different executors", i);
	}
	if (p->memory.heap.unit != SIZE_AUTO || p->memory.page_cache.unit != SIZE_AUTO ||
	    p->spark.executors != AMOUNT_AUTO || p->spark.slots_per_cpu != AMOUNT_AUTO)
		return true;
	/* ZGC's pointers have 8 bytes in any heap */
	if (p->memory.direct.unit == SIZE_AUTO && p->jvm.gc != GC_ZGC &&
	    heap >= UINT64_C(32) << 30 && s->executors < least && s->executors < s->cores &&
	    most <= least + least / 4 && heap < (UINT64_C(31) << 30) * s->cores)
		return broken("a heap of %s, %u executors on %u cores", SIZE_STRING(heap),
			      s->executors, s->cores);
	for (unsigned i = 0; i < plan.slice_count; i++) {
		uint64_t each;

		s = &plan.slices[i];
		each = (s->memory.heap_bytes + s->memory.off_heap_bytes) / s->slots;
		if (s->memory.max_bytes && each < UINT64_C(500) << 20 && s->slots > s->executors)
			return broken("%s a slot of %u", SIZE_STRING(each), s->slots);
	}
	return true;
}

bool choice_is_sound(const struct topology *t, const struct profile *p, const struct facts *f,
		     char why[CHOICE_TEXT])
{
	struct err e = {0};

	if (plan_make(t, p, f, &plan, &e) < 0)
		return true;
	if (oracle_check(&plan, t, &e) < 0)
		return broken("%.400s", e.msg);
	if (!list_is_sound(why))
		return false;
	if (!memory_is_used(p, why))
		return false;
	if (!partition_is_auto(&p->partition))
		return true;
	return stays_inside(t, p, f, why) && has_reason(t, p, f, why);
}

/* ---- more memory, more distance ---- */

static const struct candidate *find(const struct engine *g, const struct candidate *like)
{
	for (unsigned i = 0; i < g->count; i++) {
		const struct candidate *c = &g->candidates[i];

		if (c->slices == like->slices && c->cores == like->cores &&
		    c->executors == like->executors)
			return c;
	}
	return NULL;
}

static bool reserve_all(const struct topology *t, struct reserve_memory *out)
{
	uint64_t nodes = 0;
	struct err e;

	for (unsigned i = 0; i < t->numa_count; i++)
		nodes |= t->numa[i].nodes;
	return reserve_memory(t, nodes, &(struct size){SIZE_AUTO, 0}, out, &e) == 0;
}

static bool decide(const struct topology *t, const struct profile *p, const struct facts *f,
		   struct engine *out)
{
	static struct reserve_memory reserve[2];
	struct reserve_memory *r = &reserve[out == &again];
	struct err e;

	return reserve_all(t, r) && engine_decide(t, p, f, r, out, &e) == 0;
}

bool choice_likes_memory(const struct topology *t, const struct profile *p, const struct facts *f,
			 char why[CHOICE_TEXT])
{
	static struct topology more;
	struct profile fixed = *p;
	const struct candidate *before, *after;

	fixed.jvm.gc = GC_PARALLEL;
	fixed.spark.slots_per_cpu = 2;
	fixed.spark.executors = 1;
	if (t->oddities & TOPOLOGY_MEMORY_UNKNOWN || !decide(t, &fixed, f, &engine))
		return true;
	more = *t;
	for (unsigned i = 0; i < more.node_count; i++)
		more.nodes[i].usable_bytes *= 2;
	if (!decide(&more, &fixed, f, &again))
		return broken("nothing is possible any more");
	for (unsigned i = 0; i < engine.count; i++) {
		before = &engine.candidates[i];
		if (!before->predicted)
			continue;
		after = find(&again, before);
		if (!after || !after->predicted || after->seconds > before->seconds * (1 + 1e-9))
			return broken("%u x %u: %g s, with twice the memory %g s", before->slices,
				      before->cores, before->seconds, after ? after->seconds : 0);
	}
	before = &engine.candidates[engine.chosen];
	after = &again.candidates[again.chosen];
	if (before->predicted &&
	    after->seconds > before->seconds * (1 + COST_ERROR) * (1 + ENGINE_TIE))
		return broken("the choice takes %g s, with twice the memory %g s", before->seconds,
			      after->seconds);
	return true;
}

bool choice_fears_distance(const struct topology *t, const struct profile *p, const struct facts *f,
			   char why[CHOICE_TEXT])
{
	static struct topology far;
	static struct cut cut;
	const struct candidate *chosen;
	struct cost_shape near_shape, far_shape;
	struct shape_place place;
	struct err e;

	if (!t->has_distances || !decide(t, p, f, &engine))
		return true;
	far = *t;
	for (unsigned i = 0; i < far.node_count; i++) {
		for (unsigned k = 0; k < far.node_count; k++) {
			if (i != k)
				far.distance[i][k] = (uint16_t)(2 * topology_distance(t, i, k));
		}
	}
	chosen = &engine.candidates[engine.chosen];
	for (unsigned i = 0; i < engine.count; i++) {
		struct cost_features a, b;
		const struct candidate *c = &engine.candidates[i];

		if (!c->predicted || cut_make(&engine, &c->choice, c->executors, &cut, &e) < 0)
			continue;
		shape_read(t, &cut.partition, engine.cpus, &near_shape, &place);
		shape_read(&far, &cut.partition, engine.cpus, &far_shape, &place);
		near_shape.heap_bytes = far_shape.heap_bytes = chosen->shape.heap_bytes;
		near_shape.slots = far_shape.slots = c->shape.slots;
		if (cost_features(&near_shape, &engine.job, &a, &e) < 0 ||
		    cost_features(&far_shape, &engine.job, &b, &e) < 0)
			continue;
		if (cost_seconds(engine.coefficients, &b) <
		    cost_seconds(engine.coefficients, &a) * (1 - 1e-12))
			return broken("%u x %u: %g s, with nodes twice as far %g s", c->slices,
				      c->cores, cost_seconds(engine.coefficients, &a),
				      cost_seconds(engine.coefficients, &b));
	}
	return true;
}
