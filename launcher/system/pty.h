/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCHER_SYSTEM_PTY_H
#define LAUNCHER_SYSTEM_PTY_H

/*
 * A terminal of its own for a program in the foreground of the caller's: whoever it is, it cannot
 * type into the caller's shell (TIOCSTI), nor leave that terminal in a strange state. Only what is
 * a terminal of the program's three files is replaced; the others stay the caller's, byte for byte.
 * Bytes go to and fro in the turns of the loop that waits for the program (foreground.h).
 *
 *   in the foreground        what is typed goes to the program as it is (raw): Ctrl-C too, which
 *                            its own terminal turns into a signal
 *   stdout is a pipe         lines, while the terminal is read in lines: another program of the
 *                            pipeline (less) may want the keys
 *   in the background        nothing is read; what it prints is shown
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "containers/driver.h"

enum { PTY_FDS = 4, PTY_TYPED = 4096, PTY_SHOWN = 16384 };

struct pty {
	bool is_open;
	int master;
	int slave;	 /* until the program has it */
	int in, out;	 /* of the caller's terminal, our own descriptions; -1: none */
	int signals;	 /* signalfd of SIGWINCH, SIGCONT, SIGTSTP */
	bool has_lines;	 /* it is not ours alone */
	bool is_raw;	 /* and `before` is how it was */
	bool is_hung_up; /* nobody has the slave open */
	bool has_ended;	 /* no more is typed */
	struct termios before;
	size_t typed_count, shown_count; /* on their way */
	char typed[PTY_TYPED], shown[PTY_SHOWN];
};

/* What was typed in a turn that is not the program's alone. */
struct pty_keys {
	unsigned interrupts; /* Ctrl-C and Ctrl-\ for the program itself, which gets them, too */
	int last_signal;
	bool is_forgotten; /* before those: it has read something at a prompt of its own */
};

/*
 * Replace what is a terminal among the files of `s`, which becomes the leader of a session with
 * that terminal, and take the keys of the caller's. Where none is, or none can be had, `out` is not open, and `s` as it was. Signals
 * that stop who uses a terminal are blocked until the caller restores his mask.
 */
void pty_open(struct pty *out, struct spawn *s);

/* The program has begun, and has the terminal. */
void pty_begin(struct pty *p);

/* What to wait for, and for how long at most (-1: for ever). */
int pty_wanted(const struct pty *p, struct pollfd fds[PTY_FDS]);

/* Move what can be moved without waiting. */
void pty_turn(struct pty *p, const struct pollfd fds[PTY_FDS], pid_t program, struct pty_keys *out);

/* A signal of the caller's terminal, for whatever is in the foreground of the program's. */
void pty_signal(const struct pty *p, int number);

/*
 * The program has ended: show what it printed, up to a megabyte of it, for others may print on.
 * false: there is more, call again when the terminal takes it (pty_wanted()).
 */
bool pty_drain(struct pty *p, size_t *moved);

/* The caller's terminal as it was. */
void pty_release(struct pty *p);

#endif
