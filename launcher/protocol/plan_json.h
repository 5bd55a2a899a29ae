/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_PLAN_JSON_H
#define LAUNCHER_PROTOCOL_PLAN_JSON_H

/*
 * struct plan ↔ JSON of schema cleave.plan/1: in `plan --json`, in the state file, and on the
 * control socket.
 */

#include "decision/plan/plan.h"
#include "launcher/system/json.h"

/*
 * All of a plan: what is written is read back equal. Of foreign bytes indexes are bounded by what
 * they point into; the invariants of a plan are plan_check()'s.
 */
extern const struct json_table plan_table;

/* One of its warnings. */
extern const struct json_field warning_fields[];

/*
 * The text of plan_table with the object "topology", which is only for people. The caller's to
 * free().
 */
int plan_json_format(const struct plan *p, const struct topology *t, char **text, struct err *e);

#endif
