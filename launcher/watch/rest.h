/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_WATCH_REST_H
#define LAUNCHER_WATCH_REST_H

/*
 * Spark's REST: bounded GETs by libcurl (multi, so that one loop serves all). No proxy from the
 * environment, no redirects, no protocol but HTTP.
 *
 * Nobody is hung up on in the middle of an answer: a driver whose client has gone writes a hundred
 * lines of exceptions to its user's terminal (Jetty, EofException). So what is late, too much or not
 * wanted any more is read on and thrown away, within bounds: only who sends more than any Spark, or
 * takes longer than one that is still alive, loses the connection.
 */

#include <stddef.h>
#include <sys/types.h>

#include "decision/base/err.h"
#include "launcher/system/json_bound.h"

enum {
	REST_REQUESTS = 256,	  /* under way at a time */
	REST_HELD_MAX = 16 << 20, /* bytes of all answers that have not come whole */
	REST_HEAD_MAX = 64 << 10, /* of an answer, what is before and behind its body */
	/* An answer that is thrown away: so many bytes, and so long after it was late. */
	REST_DRAINED_MAX = 16 << 20,
	REST_DRAIN_MS = 30000,
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

/* Hang up on what is under way, without an answer, and free. NULL is allowed. */
void rest_close(struct rest *rest);

/*
 * From now on questions carry a token of this key (ui.h), which expires soon after they do, and are
 * sent to servers of this user alone (-EPERM): whoever takes a port that the Master has left is told
 * nothing. "": they carry none, as at first.
 */
void rest_set_key(struct rest *rest, const char *key, uid_t uid);

/*
 * Send a GET. An answer that is not there after timeout_ms, however slowly it comes, is -ETIMEDOUT;
 * one beyond the limits is given up where it leaves them, with the errors of json_bound_feed(), and of
 * its members only those that they want arrive.
 * `answer` is called exactly once, by a later rest_turn(), unless this fails (-EBUSY: too many are
 * under way; -EALREADY: what was asked for `context` before is late, and is not asked twice until it
 * has come or is given up) or rest_drop() or rest_close() comes first.
 */
int rest_get(struct rest *rest, const char *url, unsigned timeout_ms,
	     const struct json_limits *most, rest_answer *answer, void *context, struct err *e);

/* No answer is wanted for `context` any more. */
void rest_drop(struct rest *rest, const void *context);

/*
 * One turn of a loop: wait at most timeout_ms (negative: for ever) for `fds` (at most 128) or
 * answers, call what has come. revents are those of poll(). Return how many fds are ready, or
 * negative errno. A signal ends the wait early, with 0.
 */
int rest_turn(struct rest *rest, struct pollfd *fds, unsigned count, int timeout_ms, struct err *e);

#endif
