/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_REST_H
#define LAUNCHER_SPARK_REST_H

/*
 * Spark's REST: bounded GETs by libcurl (multi, so that one loop serves all). No proxy from the
 * environment, no redirects, no protocol but HTTP.
 */

#include <stddef.h>
#include <sys/types.h>

#include "decision/base/err.h"
#include "launcher/system/json_bound.h"

enum {
	REST_REQUESTS = 256,	  /* under way at a time */
	REST_HELD_MAX = 16 << 20, /* bytes of all answers that have not come whole */
	REST_HEAD_MAX = 64 << 10, /* of an answer, what is before and behind its body */
};

struct rest;
struct pollfd;

/*
 * status is HTTP's, or negative errno (-ETIMEDOUT, -EFBIG, -EBADMSG, -ECONNREFUSED …); body is that
 * of status 200, NUL-terminated, gone afterwards. May call rest_get() and rest_drop(), not
 * rest_close().
 */
typedef void rest_answer(void *context, int status, const char *body, size_t size);

int rest_open(struct rest **out, struct err *e);

/* Drop what is under way without an answer, and free. NULL is allowed. */
void rest_close(struct rest *rest);

/*
 * From now on questions carry a token of this key (ui.h), which expires soon after they do, and are
 * sent to servers of this user alone (-EPERM): whoever takes a port that the Master has left is told
 * nothing. "": they carry none, as at first.
 */
void rest_set_key(struct rest *rest, const char *key, uid_t uid);

/*
 * Send a GET. An answer that is not there after timeout_ms, however slowly it comes, is -ETIMEDOUT;
 * one beyond the limits is cut off where it leaves them, with the errors of json_bound_feed(), and of
 * its members only those that they want arrive.
 * `answer` is called exactly once, by a later rest_turn(), unless this fails (-EBUSY: too many are
 * under way) or rest_drop() or rest_close() comes first.
 */
int rest_get(struct rest *rest, const char *url, unsigned timeout_ms,
	     const struct json_limits *most, rest_answer *answer, void *context, struct err *e);

/* Drop what is under way for `context`, without an answer. */
void rest_drop(struct rest *rest, const void *context);

/*
 * One turn of a loop: wait at most timeout_ms (negative: for ever) for `fds` (at most 128) or
 * answers, call what has come. revents are those of poll(). Return how many fds are ready, or
 * negative errno. A signal ends the wait early, with 0.
 */
int rest_turn(struct rest *rest, struct pollfd *fds, unsigned count, int timeout_ms, struct err *e);

#endif
