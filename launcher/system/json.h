#ifndef LAUNCHER_SYSTEM_JSON_H
#define LAUNCHER_SYSTEM_JSON_H

/*
 * Reading members of JSON objects that others wrote: each function checks type and range and names the key in its error
 * (ERR_WRONG). Outputs are written only on success.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision/base/cpuset.h"

struct json_t;

int json_read_text(struct json_t *object, const char *key, char *to, size_t size, struct err *e);
int json_read_integer(struct json_t *object, const char *key, int64_t min, int64_t max, int64_t *to,
		      struct err *e);
int json_read_int(struct json_t *object, const char *key, int min, int max, int *to, struct err *e);
int json_read_unsigned(struct json_t *object, const char *key, unsigned max, unsigned *to,
		       struct err *e);
/* Any finite number. */
int json_read_real(struct json_t *object, const char *key, double *to, struct err *e);
int json_read_cpuset(struct json_t *object, const char *key, struct cpuset *to, struct err *e);
int json_read_bool(struct json_t *object, const char *key, bool *to, struct err *e);
/* The place of a word among `count` names. */
int json_read_word(struct json_t *object, const char *key, const char *(*name)(unsigned),
		   unsigned count, unsigned *to, struct err *e);
/* Borrowed references. */
int json_read_object(struct json_t *object, const char *key, struct json_t **to, struct err *e);
int json_read_list(struct json_t *object, const char *key, size_t max, struct json_t **to,
		   struct err *e);
/* The member "schema" must be this one. */
int json_check_schema(struct json_t *root, const char *schema, struct err *e);

/* Parse a whole text, duplicate keys refused; NULL and an error without it. A new reference: hold it in a json_auto_t. */
struct json_t *json_read(const char *text, size_t size, struct err *e);

#endif
