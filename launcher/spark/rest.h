/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_REST_H
#define LAUNCHER_SPARK_REST_H

/*
 * Spark's REST: bounded GETs by libcurl (multi, so that one loop serves all). No proxy from the
 * environment, no redirects, no protocol but HTTP.
 */

#include <stddef.h>

#include "decision/base/err.h"

enum { REST_ANSWER_MAX = 8 << 20 };

struct rest;
struct pollfd;

/*
 * status is HTTP's, or negative errno (-ETIMEDOUT, -EFBIG, -ECONNREFUSED …); body is
 * NUL-terminated, gone afterwards. May call rest_get() and rest_drop(), not rest_close().
 */
typedef void rest_answer(void *context, int status, const char *body, size_t size);

int rest_open(struct rest **out, struct err *e);

/* Drop what is under way without an answer, and free. NULL is allowed. */
void rest_close(struct rest *rest);

/*
 * Send a GET; an answer of more than max_size bytes (at most REST_ANSWER_MAX) is -EFBIG. `answer`
 * is called exactly once, by a later rest_turn(), unless this fails or rest_drop() or rest_close()
 * comes first.
 */
int rest_get(struct rest *rest, const char *url, unsigned timeout_ms, size_t max_size,
	     rest_answer *answer, void *context, struct err *e);

/* Drop what is under way for `context`, without an answer. */
void rest_drop(struct rest *rest, const void *context);

/*
 * One turn of a loop: wait at most timeout_ms (negative: for ever) for `fds` (at most 128) or
 * answers, call what has come. revents are those of poll(). Return how many fds are ready, or
 * negative errno. A signal ends the wait early, with 0.
 */
int rest_turn(struct rest *rest, struct pollfd *fds, unsigned count, int timeout_ms, struct err *e);

#endif
