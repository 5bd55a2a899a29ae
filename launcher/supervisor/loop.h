/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SUPERVISOR_LOOP_H
#define LAUNCHER_SUPERVISOR_LOOP_H

/*
 * The loop of a supervisor whose parts are open (supervisor.c), and the only place where the stage
 * changes: enter() walks through the table of stage.h and does what it says. The parts do their own
 * work and return what happened.
 */

#include "launcher/supervisor/apply.h"
#include "launcher/supervisor/drift_watch.h"
#include "launcher/supervisor/logs.h"
#include "launcher/supervisor/monitor.h"
#include "launcher/supervisor/report.h"
#include "launcher/supervisor/stage.h"
#include "launcher/system/notify.h"

struct supervisor {
	enum supervisor_stage stage;
	struct err pending; /* why the apply under way has to fail; code 0: it does not */
	struct err failure; /* why it goes down; code 0: because it was asked to */
	struct err stuck;   /* of STAGE_STUCK */
	bool is_down_asked; /* in STAGE_OPEN: the groups have to be looked at before */
	pid_t told_holder;  /* of the groups' lock, as those who wait were told last */
	int signal_number;  /* that interrupted a `down` that nobody else serves */

	struct site site;
	struct clients clients;
	struct crew crew;
	struct apply apply;
	struct monitor monitor;
	struct drift_watch drift;
	struct report report;
	struct logs logs;
	struct rest *rest;
	struct notify manager; /* of services, which has started us in the foreground */
	int signal_fd;
};

/*
 * Until the cluster is gone (0), or cannot be removed or supervised: the error says why, and what is
 * left is in the state.
 */
int loop_run(struct supervisor *s, struct err *e);

/* Of the control socket's clients (control.h); `context` is the supervisor. */
void loop_request(void *context, struct control_client *client, struct control_request *request);
void loop_gone(void *context, struct control_client *client, enum control_end end);

#endif
