#ifndef LAUNCHER_COMMANDS_FOLLOW_H
#define LAUNCHER_COMMANDS_FOLLOW_H

/* The commands' side of an `apply` or a `down`: read the supervisor's answers to the end, show progress on stderr. */

#include <stdbool.h>

#include "decision/base/err.h"

enum up_result { UP_STARTED, UP_CHANGED, UP_UNCHANGED };

struct outcome {
	enum up_result result;
	bool adopted;		/* daemons of a dead supervisor were adopted */
	char rebuilt[ERR_TEXT]; /* why the state was made anew, or "" */
};

/*
 * Until "done", "error" or the end of the connection. After a first SIGINT, SIGTERM or SIGHUP the supervisor is told
 * to give up; *signal_number is then the signal (else 0). The error is the supervisor's, with its exit class.
 */
int progress_follow(int fd, struct outcome *out, int *signal_number, struct err *e);

#endif
