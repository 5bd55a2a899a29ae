/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_MEASURE_STEP_H
#define LAUNCHER_MEASURE_STEP_H

/*
 * One step of a measurement: a program in the foreground as a user would run it, its output in
 * files, its seconds counted on a terminal. Mostly it is this very program with other words.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "launcher/system/argv.h"
#include "launcher/system/foreground.h"
#include "launcher/system/roots.h"

/* How a program is born: in a session and with keys of its own, out of the terminal's reach. */
struct step_program {
	char *const *argv, *const *envp; /* argv[0] is shown only; envp NULL: our environment */
	const char *file;		 /* that is executed */
	const char *out, *log;	   /* stdout, stderr: files, truncated; out NULL: to the log */
	bool dies_with_us;	   /* killed when we are (PR_SET_PDEATHSIG), however we end */
	bool is_local;		   /* memory policy MPOL_LOCAL, handed on to all that it starts */
	const struct cpuset *cpus; /* that it may run on; NULL: ours */
	uid_t uid;		   /* and gid: with `user` */
	gid_t gid;
	const char *user; /* NULL: the caller */
};

/* Start it with this signal mask. What keeps it from becoming the program is the result. */
int step_spawn(const struct step_program *p, const sigset_t *mask, pid_t *pid, struct err *e);

struct step {
	struct foreground *foreground; /* which holds the signals back */
	const char *title;	       /* "probe 2 of 6: 2 slices of 1 core" */
	const char *what;	       /* "up", "run", "down", or NULL */
	const char *tail;	       /* behind the seconds: "; about 6 min left", or NULL */
	const char *out, *log;	       /* as above */
	bool is_terminal;
	bool is_shielded;  /* the terminal's first signal is not passed on to it */
	uint64_t limit_ms; /* it is killed then, with all that it started; 0: never */
	/* Called every period_ms (0: never) while it runs. */
	void (*look)(void *context);
	void *context;
	unsigned period_ms;
	uint64_t begin_ns; /* set by the functions below, as is: */
	double seconds;	   /* that it took */
};

/* Show the line of progress, where there is a terminal; wipe it. */
void step_show(const struct step *s);
void step_wipe(const struct step *s);

/*
 * Run a program; `out` and `log` are the step's. Return its exit code; -EINTR if a
 * signal came, -ETIMEDOUT after the limit: nothing of it is left then.
 */
int step_run(struct step *s, const struct step_program *p, struct err *e);

/* The same with this program: its words end with NULL, as do those behind them (NULL: none). */
int step_cleave(struct step *s, const struct roots *roots, const char *const *words,
		char *const *application, struct err *e);

/*
 * Show on stderr the lines of a log that tell why a program failed (launcher/watch/first_error.h).
 * `cause` gets what of them belongs into a sentence, escaped; "": nothing was said.
 */
enum { STEP_CAUSE = 256 };
void step_show_why(const char *log, char cause[STEP_CAUSE]);

/*
 * Turn an exit code into an error, whose why goes to stderr. `who` says what ended: "up", "the
 * application".
 */
int step_check(const struct step *s, int status, const char *who, struct err *e);

/* Append a word with every {scratch} replaced by `directory`. */
int step_add_word(const char *word, const char *directory, struct argv *out);

#endif
