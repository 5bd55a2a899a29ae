/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_PROTOCOL_REPLY_H
#define LAUNCHER_PROTOCOL_REPLY_H

/*
 * What the supervisor replies to an `apply` and a `down`: progress and lines of logs, then one that
 * it is done or why not. The last may come to every request. The first key of a reply tells its
 * kind:
 *
 *   {"progress":"workers","object":"registered","count":1,"total":2}
 *   {"log":"slice-0","line":"java.net.BindException: …"}
 *   {"done":"started","adopted":false,"rebuilt":""}   or changed, unchanged
 *   {"done":"down"}
 *   {"error":"CPUs 0-3 are …","exit":3}
 */

#include "decision/plan/profile.h"
#include "launcher/system/json.h"

enum reply_kind { REPLY_PROGRESS, REPLY_LOG, REPLY_DONE, REPLY_ERROR };

enum reply_result { REPLY_STARTED, REPLY_CHANGED, REPLY_UNCHANGED, REPLY_DOWN };

enum {
	REPLY_LINE = 8 << 10,
	REPLY_BEAT_MS = 4000, /* who waits hears "beat" so often, so that silence means something */
};

/* About 10 KB. The members of other kinds than its own mean nothing. */
struct reply {
	enum reply_kind kind;
	char what[32],
		object[PROFILE_WORD]; /* what is under way: "groups", "master", "workers"; "turn", "beat" */
	unsigned count, total;
	char log[NAME_MAX_BYTES + 1], line[REPLY_LINE]; /* whose log, a line of it */
	enum reply_result result;
	bool is_adopted;	/* daemons of a dead supervisor were adopted */
	char rebuilt[ERR_TEXT]; /* why the state was made anew, or "" */
	struct err error;	/* its sentence and its exit class; code -ECANCELED */
};

/* *text is the caller's to free(). */
int reply_format(const struct reply *r, char **text, struct err *e);

/* -EINVAL (ERR_WRONG): none of them. */
int reply_parse(const char *text, size_t size, struct reply *out, struct err *e);

/* "started" …: of an enum reply_result. */
const char *reply_result_name(unsigned result);

/* If an answer says why not: that error. 0: it does not. */
int reply_error(struct json_t *answer, struct err *e);

#endif
