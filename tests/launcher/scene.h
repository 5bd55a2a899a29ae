/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LAUNCHER_SCENE_H
#define TESTS_LAUNCHER_SCENE_H

/*
 * A task_watch over three slices (127.0.0.10, .11, .12) whose clock and network are the test's:
 * what it asks is kept until the test answers. For programs that link with -Wl,--wrap=rest_get
 * -Wl,--wrap=rest_drop.
 */

#include "launcher/watch/task_watch.h"
#include "tests/harness.h"
#include "tests/launcher/answers.h"

#define SCENE_MS UINT64_C(1000000)

enum { REQUESTS_MAX = 3 * MASTER_APPS };

/* A question under way. */
struct sent {
	char url[400];
	unsigned timeout_ms;
	rest_answer *answer;
	void *context;
};

struct scene {
	struct task_watch *watch;
	unsigned changes; /* that the watch has reported */
	uint64_t now;	  /* begins at 100 s */
	int refusal;	  /* of the next question, as negative errno */
	unsigned request_count, sent_count;
	struct sent requests[REQUESTS_MAX];
};

extern struct scene scene;

/* Each test of the case begins with a watch of its own, and must leave nothing under way. */
TCase *scene_case(TCase *c);

/* The plan's slices, given anew. */
void scene_begin(void);
/* What the Master lists; NULL: less. */
void scene_list(const char *first, const char *second);

/* One tick; afterwards nothing may be due. */
void scene_tick_at(enum task_watch_pace pace);
void scene_tick(void); /* TASK_WATCH_SELDOM */
void scene_tick_after(uint64_t milliseconds);
/* From now; UINT64_MAX: never. */
uint64_t scene_deadline_ms(void);

/* NULL: it is not requested. `what` is the beginning of what comes after the application's id. */
struct sent *scene_find(const char *app, const char *what);
/* Answer; aborts if it was not requested. */
void scene_answer_status(const char *app, const char *what, int status, const char *body);
void scene_answer(const char *app, const char *what, const char *body);
/* app-1, with one task on slice 0 and no stages. */
void scene_answer_both(void);
/* An application says all that it is asked for at first. */
void scene_heard(const char *app, const char *executors, const char *stages);

struct sample scene_fill(unsigned slice);
bool scene_is_known(unsigned slice);
/* Abort unless task_watch_why() has this in it. */
void scene_why_has(const char *text);

#endif
