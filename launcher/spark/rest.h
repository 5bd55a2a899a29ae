#ifndef LAUNCHER_SPARK_REST_H
#define LAUNCHER_SPARK_REST_H

/*
 * Spark's REST: bounded HTTP GETs by libcurl (multi, so that one loop serves all), and what we read
 * out of the answers. Answers are foreign input: sizes are bounded, names are user text, every
 * parser is fuzzed. No proxy from the environment, no redirects, no protocol but HTTP.
 */

#include <stddef.h>
#include <stdint.h>

#include "decision/base/err.h"
#include "decision/plan/plan.h"

enum { REST_ANSWER_MAX = 8 << 20, REST_WORKERS = 256, REST_APPS = 64, REST_STAGES = 64 };

struct rest;
struct pollfd;

/*
 * status is HTTP's, or negative errno (-ETIMEDOUT, -EFBIG, -ECONNREFUSED …); body is
 * NUL-terminated, gone afterwards. May call rest_get() and rest_drop(), not rest_close().
 */
typedef void rest_answer(void *context, int status, const char *body, size_t size);

int rest_open(struct rest **out, struct err *e);

/* Drop what is under way without an answer, and free. NULL is allowed. */
void rest_close(struct rest *r);

/*
 * Ask; `answer` is called exactly once, by a later rest_turn(), unless this fails or rest_close()
 * comes first.
 */
int rest_get(struct rest *r, const char *url, unsigned timeout_ms, rest_answer *answer,
	     void *context, struct err *e);

/*
 * The same, for an answer of at most max_size bytes, itself at most REST_ANSWER_MAX: a longer one
 * is -EFBIG.
 */
int rest_get_bounded(struct rest *r, const char *url, unsigned timeout_ms, size_t max_size,
		     rest_answer *answer, void *context, struct err *e);

/* Drop what is under way for `context`, without an answer. */
void rest_drop(struct rest *r, const void *context);

/*
 * One turn of a loop: wait at most timeout_ms (negative: for ever) for `fds` (at most 128) or
 * answers, call what has come. revents are those of poll(). Return how many fds are ready, or
 * negative errno. A signal ends the wait early, with 0.
 */
int rest_turn(struct rest *r, struct pollfd *fds, unsigned count, int timeout_ms, struct err *e);

/*
 * For commands: one GET, waited for, and only status 200 is success. *body is the caller's to
 * free().
 */
int rest_fetch(const char *url, unsigned timeout_ms, char **body, size_t *size, struct err *e);

struct master_worker {
	char id[128], host[64], state[32];
	int port;
	unsigned cores, cores_used;
	uint64_t memory_mb;
};

struct master_state { /* GET http://master:ui/json/ */
	char url[PROFILE_WORD], status[32];
	unsigned alive_workers;
	unsigned worker_count;
	struct master_worker workers[REST_WORKERS];
	unsigned app_count;
	char apps[REST_APPS][128]; /* ids of active ones */
	unsigned apps_left_out;	   /* those past REST_APPS, and ones without a usable id */
};
/* -EBADMSG or a bound's errno, and `out` untouched, for anything that is not a Master's answer. */
int master_state_parse(const char *text, size_t size, struct master_state *out, struct err *e);

struct stage { /* …/stages?status=active */
	int id, attempt;
	char name[128];
	unsigned tasks, completed, active, failed;
};
struct stages {
	unsigned count;
	unsigned left_out; /* those past REST_STAGES */
	struct stage stages[REST_STAGES];
};
/* The same for a list of stages. */
int stages_parse(const char *text, size_t size, struct stages *out, struct err *e);

/* One Spark property out of …/environment; -ENOENT if the application has none of that name. */
int application_property_parse(const char *text, size_t size, const char *name, char *value,
			       size_t value_size, struct err *e);

#endif
