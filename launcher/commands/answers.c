/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/commands/answers.h"

#include <errno.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"
#include "launcher/spark/ui.h"
#include "launcher/watch/master.h"
#include "launcher/watch/rest.h"

struct question {
	const struct state *state;
	enum answer_kind *answer;
	unsigned *waiting; /* for how many answers */
};

static void on_master(void *context, int status, const char *body, size_t size)
{
	struct question *q = context;
	cleanup_free struct master_state *m = calloc(1, sizeof(*m));
	struct err e;
	int r = m ? master_answer_read(&q->state->master, status, body, size, m, &e) : -ENOMEM;

	--*q->waiting;
	if (!r || r == -EFBIG || r == -E2BIG) /* more than we read, but it answers */
		*q->answer = ANSWER_GIVEN;
	else if (status > 0)
		*q->answer = ANSWER_WRONG;
}

static void on_worker(void *context, int status, const char *body, size_t size)
{
	struct question *q = context;

	(void)body;
	(void)size;
	--*q->waiting;
	if (status > 0 || status == -EFBIG || status == -EBADMSG)
		*q->answer = ANSWER_GIVEN;
}

/* Send it; a daemon that does not run is not asked. */
static void ask(struct rest *rest, struct question *q, const struct process_id *process,
		const char *url, rest_answer *answer, unsigned timeout_ms)
{
	const struct json_limits *most = answer == on_master ? &master_limits : &worker_limits;
	struct err e;

	*q->answer = ANSWER_DEAD;
	if (!process_is_alive(process))
		return;
	*q->answer = ANSWER_NONE;
	if (rest_get(rest, url, timeout_ms, most, answer, q, &e) == 0)
		++*q->waiting;
}

int answers_ask(const struct state *s, unsigned timeout_ms, struct answers *out, struct err *e)
{
	uint64_t end_ns = clock_now_ns() + timeout_ms * CLOCK_MS;
	struct question questions[SLICES_MAX + 1];
	const struct spark_cluster spark = state_spark(s);
	char url[MASTER_QUESTION], key[UI_KEY];
	unsigned waiting = 0;
	struct rest *rest;
	int left_ms, r = ui_read_key(&spark, key, e);

	if (!r)
		r = rest_open(&rest, e);
	if (r)
		return r;
	rest_set_key(rest, key, s->cluster.uid);
	questions[SLICES_MAX] = (struct question){s, &out->master, &waiting};
	master_question(&s->master, url);
	ask(rest, &questions[SLICES_MAX], &s->master_process, url, on_master, timeout_ms);
	for (unsigned i = 0; i < s->plan.slice_count; i++) {
		const struct worker_record *w = &s->workers[i];

		questions[i] = (struct question){s, &out->workers[i], &waiting};
		out->workers[i] = ANSWER_NOT_ASKED;
		if (!w->ui_port && process_is_alive(&w->id))
			continue;
		worker_question(s->plan.slices[i].address, w->ui_port, url);
		ask(rest, &questions[i], &w->id, url, on_worker, timeout_ms);
	}
	while (r >= 0 && waiting && (left_ms = clock_left_ms(end_ns)) > 0)
		r = rest_turn(rest, NULL, 0, left_ms, e);
	rest_close(rest);
	return r < 0 ? r : 0;
}
