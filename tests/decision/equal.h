/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_EQUAL_H
#define TESTS_DECISION_EQUAL_H

/*
 * Whether two plans are one, field by field: what is made twice, or written and read back, must be.
 * In a header, because fuzzers are linked with the libraries alone.
 */

#include "decision/plan/plan.h"

static inline bool slice_is_equal(const struct slice *a, const struct slice *b)
{
	return a->id == b->id && strcmp(a->name, b->name) == 0 &&
	       cpuset_is_equal(&a->cpus, &b->cpus) && cpuset_is_equal(&a->nodes, &b->nodes) &&
	       cpuset_is_equal(&a->packages, &b->packages) && a->cores == b->cores &&
	       a->slots == b->slots && a->executors == b->executors && a->address == b->address &&
	       slice_memory_is_equal(&a->memory, &b->memory) &&
	       strings_is_equal(&a->jvm_options, &b->jvm_options);
}

static inline bool candidate_is_equal(const struct plan_candidate *a,
				      const struct plan_candidate *b)
{
	const struct plan_terms *x = &a->terms, *y = &b->terms;

	return a->by == b->by && a->slices == b->slices && a->cores == b->cores &&
	       a->executors == b->executors && a->low == b->low && a->high == b->high &&
	       x->cold == y->cold && x->spill == y->spill && a->feasible == b->feasible &&
	       strcmp(a->why, b->why) == 0 && a->throughput == b->throughput &&
	       x->startup == y->startup && x->work == y->work && x->gc == y->gc &&
	       x->remote == y->remote && x->shuffle == y->shuffle && x->tail == y->tail;
}

/* Warnings, notes and what is unused: the plan's words. */
static inline bool words_are_equal(const struct plan *a, const struct plan *b)
{
	if (a->unused_count != b->unused_count || a->warning_count != b->warning_count ||
	    a->note_count != b->note_count)
		return false;
	for (unsigned i = 0; i < a->unused_count; i++) {
		if (!cpuset_is_equal(&a->unused[i].cpus, &b->unused[i].cpus) ||
		    strcmp(a->unused[i].why, b->unused[i].why) != 0)
			return false;
	}
	for (unsigned i = 0; i < a->warning_count; i++) {
		if (a->warnings[i].code != b->warnings[i].code ||
		    strcmp(a->warnings[i].message, b->warnings[i].message) != 0)
			return false;
	}
	for (unsigned i = 0; i < a->note_count; i++) {
		if (strcmp(a->notes[i], b->notes[i]) != 0)
			return false;
	}
	return true;
}

static inline bool plan_is_equal(const struct plan *a, const struct plan *b)
{
	const struct plan_host *x = &a->host, *y = &b->host;

	if (strcmp(a->name, b->name) != 0 || !cpuset_is_equal(&a->allowed, &b->allowed) ||
	    !cpuset_is_equal(&a->usable, &b->usable) || !cpuset_is_equal(&a->apart, &b->apart) ||
	    !cpuset_is_equal(&x->cpus, &y->cpus) || !cpuset_is_equal(&x->nodes, &y->nodes) ||
	    x->shared != y->shared || x->memory_bytes != y->memory_bytes)
		return false;
	if (a->slice_count != b->slice_count || a->loan_count != b->loan_count ||
	    a->candidate_count != b->candidate_count || a->chosen != b->chosen)
		return false;
	for (unsigned i = 0; i < a->slice_count; i++) {
		if (!slice_is_equal(&a->slices[i], &b->slices[i]))
			return false;
	}
	for (unsigned i = 0; i < a->loan_count; i++) {
		if (!loan_is_same(&a->loans[i], &b->loans[i]) ||
		    !cpuset_is_equal(&a->loans[i].cpus, &b->loans[i].cpus))
			return false;
	}
	for (unsigned i = 0; i < a->candidate_count; i++) {
		if (!candidate_is_equal(&a->candidates[i], &b->candidates[i]))
			return false;
	}
	return words_are_equal(a, b);
}

#endif
