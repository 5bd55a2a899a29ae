/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_STAGE_H
#define LAUNCHER_SUPERVISOR_STAGE_H

/*
 * What the supervisor is doing, and what can happen after what: a table, stage × event → action and
 * next stage. It has no effect; loop.c alone walks through it and does the actions.
 *
 *   OPEN ──▶ IDLE, for an apply or a down at once; failed ─▶ STUCK
 *
 *   IDLE ──apply──▶ GROUPS ──▶ REPLACE ──▶ MASTER ──▶ WORKERS ──▶ IDLE
 *                                 ◀── moved ──┘
 *                      └──────────┴───────────┴──────────┴─ failed ─▶ IDLE, degraded; of a new cluster: STOP
 *   any of these ──down──▶ STOP ──▶ REMOVE ──▶ GONE
 *                            └─────────┴─ failed ─▶ STUCK
 */

enum supervisor_stage {
	STAGE_OPEN,    /* the groups are looked at, once no other cluster changes its own */
	STAGE_IDLE,    /* nothing but supervising */
	STAGE_GROUPS,  /* likewise, the groups become those of the wanted plan, one op a turn */
	STAGE_REPLACE, /* daemons that are not what they should be are stopping */
	STAGE_MASTER,  /* the master has been started and has to answer */
	STAGE_WORKERS, /* the workers have been started and have to register */
	STAGE_STOP,    /* all daemons are stopping */
	STAGE_REMOVE,  /* likewise, the groups go, one a turn */
	STAGE_GONE,    /* the end: there is no cluster any more */
	STAGE_STUCK,   /* the end: what could not be removed is still in the state */
	SUPERVISOR_STAGES
};

enum supervisor_event {
	EVENT_APPLY,	  /* a state is to be put in force */
	EVENT_DOWN,	  /* the cluster is to go */
	EVENT_DONE,	  /* the stage has reached what it is for */
	EVENT_MOVED,	  /* the master cannot listen where it should, and may elsewhere */
	EVENT_FAILED,	  /* it cannot … */
	EVENT_FAILED_NEW, /* … and there was no cluster before this apply: it leaves none */
	SUPERVISOR_EVENTS
};

enum supervisor_action {
	ACTION_NONE,
	ACTION_REFUSE,	     /* who asked is told to come again */
	ACTION_BEGIN,	     /* write down what is wanted, plan the ops */
	ACTION_TAKE_OVER,    /* what was wanted is in force; stop the daemons that differ */
	ACTION_START_MASTER, /* if it does not run */
	ACTION_START_WORKERS,
	ACTION_MOVE_MASTER, /* to other ports; stop the daemons that know the old ones */
	ACTION_FINISH,	    /* answer; from here on CPUs may be lent */
	ACTION_GIVE_UP, /* forget what was wanted, tell why; what is in force goes on, degraded */
	ACTION_STOP_ALL,
};

struct supervisor_step {
	enum supervisor_action action;
	enum supervisor_stage next;
};

/* What to do about an event, and the stage that holds from then on, during the action already. */
struct supervisor_step supervisor_step(enum supervisor_stage stage, enum supervisor_event event);

#endif
