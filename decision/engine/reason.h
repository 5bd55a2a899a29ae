/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DECISION_ENGINE_REASON_H
#define DECISION_ENGINE_REASON_H

/* The engine's choice in words. */

#include "decision/engine/engine.h"

/* Write down why each candidate was taken or not, into its `why`: once, after engine_decide(). */
void engine_explain(struct engine *engine);

#endif
