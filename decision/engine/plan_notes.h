#ifndef DECISION_ENGINE_PLAN_NOTES_H
#define DECISION_ENGINE_PLAN_NOTES_H

/*
 * What a reader of a plan should be told: the warnings of DESIGN §8, and a note for each
 * assumption.
 */

#include "decision/engine/engine.h"
#include "decision/plan/plan.h"

struct remark {
	const struct topology *t;
	const struct profile *profile;
	const struct facts *facts;
	const struct partition *partition;
	const struct budget *budget;
	const struct engine *engine;
};

/* Append to a plan that is otherwise complete. */
void remark_plan(const struct remark *r, struct plan *out);

#endif
