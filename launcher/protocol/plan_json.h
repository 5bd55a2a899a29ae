#ifndef LAUNCHER_PROTOCOL_PLAN_JSON_H
#define LAUNCHER_PROTOCOL_PLAN_JSON_H

/*
 * struct plan ↔ JSON of schema cleave.plan/1 (DESIGN §8). The same text is in `plan --json`, in the state file, and
 * on the control socket.
 */

#include <stddef.h>

#include "decision/plan/plan.h"

struct json_t; /* jansson's */

enum { PLAN_JSON_MAX = 4 << 20 }; /* the largest plan has about 1 MB of text */

/* `t` adds the object "topology"; NULL: without it (state files). *text is the caller's to free(). Return 0 or -ENOMEM. */
int plan_json_format(const struct plan *p, const struct topology *t, char **text, struct err *e);

/*
 * Read back what plan_json_format() wrote: an equal plan. For foreign bytes: sizes, counts and indexes are bounded, keys
 * that are not known are skipped. Return 0, or -EINVAL with the key that is wrong (ERR_WRONG) and *out untouched.
 */
int plan_json_parse(const char *text, size_t size, struct plan *out, struct err *e);

/* The same two as values of jansson's, for texts that hold a plan among other things. The former is NULL without memory. */
struct json_t *plan_json_build(const struct plan *p, const struct topology *t);
int plan_json_read(struct json_t *json, struct plan *out, struct err *e);

#endif
