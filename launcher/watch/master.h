/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_WATCH_MASTER_H
#define LAUNCHER_WATCH_MASTER_H

/*
 * What the Master says of its cluster: GET http://master:ui_port/json/. Foreign text: bounded, and
 * of identifiers only such that are harmless in URLs.
 */

#include <stddef.h>

#include "launcher/spark/spark.h"
#include "launcher/system/json_bound.h"

enum { MASTER_WORKERS = 256, MASTER_APPS = 64 };

struct master_worker {
	char host[64], state[32];
	int ui_port; /* of its web pages at `host`; 0: not told, or elsewhere */
};

struct master_state {
	char url[PROFILE_WORD], status[32];
	unsigned alive_workers;
	unsigned worker_count;
	struct master_worker workers[MASTER_WORKERS];
	unsigned app_count;
	char apps[MASTER_APPS][128]; /* ids of active ones */
	unsigned apps_left_out;	     /* those past MASTER_APPS, and ones without a usable id */
};

/* What its answer may have, and what we read of it. */
extern const struct json_limits master_limits;

/* Of a Worker only that it answers counts, and its list of what has run may be long: nothing is kept. */
extern const struct json_limits worker_limits;

/* -EBADMSG or a bound's errno, and `out` untouched, for anything that is not a Master's answer. */
int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e);

/* Where it is asked, and a Worker at its own port. */
enum { MASTER_QUESTION = PROFILE_WORD + 32 };
void master_question(const struct endpoints *m, char url[MASTER_QUESTION]);
void worker_question(uint32_t address, int ui_port, char url[MASTER_QUESTION]);

/*
 * What came back from there (rest.h): 0 and `out`; -EADDRINUSE with a sentence: of another Master,
 * since Spark moves to other ports without a word; else an errno of master_state_parse() or rest.h:
 * none that can be read, and `out` untouched.
 */
int master_answer_read(const struct endpoints *m, int status, const char *body, size_t size,
		       struct master_state *out, struct err *e);

#endif
