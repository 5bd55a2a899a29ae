#ifndef LAUNCHER_PLAN_JSON_H
#define LAUNCHER_PLAN_JSON_H

/*
 * struct plan ↔ JSON of schema cleave.plan/1 (DESIGN §8). The same text is in `plan --json` and in the state file.
 */

#include <stddef.h>

#include "decision/plan.h"

/* `t` adds the object "topology"; NULL: without it (state files). *text is the caller's to free(). */
int plan_json_format(const struct plan *p, const struct topology *t, char **text, struct err *e);

/* Read back what plan_json_format() wrote: an equal plan. Foreign bytes: bounded, ERR_WRONG with the key that is wrong. */
int plan_json_parse(const char *text, size_t size, struct plan *out, struct err *e);

#endif
