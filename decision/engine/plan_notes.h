/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_PLAN_NOTES_H
#define DECISION_ENGINE_PLAN_NOTES_H

/* What a reader of a plan should be told: warnings, and a note for each assumption. */

#include "decision/cost/facts.h"
#include "decision/engine/cut.h"
#include "decision/engine/engine.h"
#include "decision/plan/plan.h"

/* Append them to a plan that is otherwise complete, made of the engine's choice and its cut. */
void plan_add_notes(const struct engine *g, const struct cut *cut, const struct facts *f,
		    struct plan *out);

#endif
