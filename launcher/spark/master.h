/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SPARK_MASTER_H
#define LAUNCHER_SPARK_MASTER_H

/*
 * What the Master says of its cluster: GET http://master:ui_port/json/. Foreign text: bounded, and
 * of identifiers only such that are harmless in URLs.
 */

#include <stddef.h>

#include "decision/base/err.h"
#include "decision/plan/profile.h"
#include "launcher/system/json_bound.h"

enum { MASTER_WORKERS = 256, MASTER_APPS = 64 };

struct master_worker {
	char host[64], state[32];
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

/* -EBADMSG or a bound's errno, and `out` untouched, for anything that is not a Master's answer. */
int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e);

#endif
