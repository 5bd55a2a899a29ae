/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_APPLY_H
#define LAUNCHER_SUPERVISOR_APPLY_H

/*
 * From the state in force to the wanted one, step by step; which step comes when is the loop's to
 * say (stage.h). The wanted state is here, the one in force is the site's: between
 * apply_take_over() and the next apply there is none wanted.
 */

#include "launcher/supervisor/clients.h"
#include "launcher/supervisor/crew.h"
#include "launcher/supervisor/endpoints.h"

struct apply {
	struct site *site;
	struct crew *crew;
	struct clients *clients;
	struct state *wanted; /* on the heap, ours; NULL: what was wanted is in force */
	bool is_new;	      /* there was no cluster before: if this fails, none is left */
	bool has_changed;     /* anything, so far */
	struct oplist *ops;   /* to the wanted plan, next_op first; NULL: not planned */
	unsigned next_op;
	uint64_t deadline_ns;	       /* of the master's answer and the workers' registration */
	uint64_t quiet_until_ns;       /* when an apply that changes nothing begins to tell */
	unsigned registered, answered; /* as last reported */
	uint64_t look_at_ns;	       /* the next look into the log of who is waited for */
	pid_t gone_pid;		       /* of whose process the log says that it is of no use … */
	uint64_t gone_since_ns;	       /* … since then */
	unsigned moves;		       /* of the master to other ports, of this apply */
	struct claims claims;
};

/* With the groups open, before it begins: choose where `wanted` is to listen. */
int apply_choose(struct apply *a, struct err *e);

/*
 * With the groups locked: write down that `wanted` is to be put in force, make what has to be there
 * before, plan the ops.
 */
int apply_begin(struct apply *a, struct err *e);

/* Do one op. A slice whose worker has to stop first, or whose processes have to end: STEP_WAIT. */
int apply_groups(struct apply *a, struct err *e);

/* The wanted state becomes the one in force. Daemons that do not run as it says begin to stop. */
int apply_take_over(struct apply *a, struct err *e);

void apply_start_master(struct apply *a);
void apply_start_workers(struct apply *a);

/*
 * Whether this failure of the master is one of its ports, and it may try others: then
 * apply_move_master() chooses them, and daemons that know the old ones begin to stop.
 */
bool apply_may_move_master(const struct apply *a, const struct crew_news *news);
int apply_move_master(struct apply *a, struct err *e);

/*
 * STEP_DONE when the master answers, when all workers are registered, answer, and listen where they
 * should: each to a question that was asked after the apply began. -ETIMEDOUT.
 */
int apply_master(struct apply *a, struct err *e);
int apply_workers(struct apply *a, struct err *e);

/* The state is written, then whoever waits is answered: he may read the file. */
int apply_finish(struct apply *a, struct err *e);

/* Nothing is wanted any more; what is in force goes on, degraded. */
void apply_give_up(struct apply *a, const struct err *why);

/* Nothing is wanted any more, and nobody has to be told. */
void apply_forget(struct apply *a);

#endif
