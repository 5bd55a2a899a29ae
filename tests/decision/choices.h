/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DECISION_CHOICES_H
#define TESTS_DECISION_CHOICES_H

/*
 * What must hold of the engine's choice on any machine, checked from outside: from plans, and from
 * plans of its alternatives.
 */

#include "decision/cost/facts.h"
#include "decision/machine/topology.h"
#include "decision/plan/profile.h"

enum { CHOICE_TEXT = 512 };

/*
 * Decide `p`, and hold the plan against the promises of the engine: candidates are listed once and
 * add up; what cannot be is named with a number; an automatic choice never crosses packages where
 * another within 2 % does not, and never cuts a node or leaves cores idle for less than the model's
 * own error; an automatic heap has 4-byte pointers. Return false with `why` if one is broken; true
 * also if there is no plan.
 */
bool choice_is_sound(const struct topology *t, const struct profile *p, const struct facts *f,
		     char why[CHOICE_TEXT]);

/*
 * Twice the memory on every node: nothing that was possible becomes impossible, no candidate gets
 * slower, and the choice not by more than the model's own error. `p` is used with a fixed collector
 * and fixed slots.
 */
bool choice_likes_memory(const struct topology *t, const struct profile *p, const struct facts *f,
			 char why[CHOICE_TEXT]);

/* Nodes twice as far from each other: the partition that was chosen is not predicted faster. */
bool choice_fears_distance(const struct topology *t, const struct profile *p, const struct facts *f,
			   char why[CHOICE_TEXT]);

#endif
