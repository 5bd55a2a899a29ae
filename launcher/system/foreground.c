/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/foreground.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "containers/proc/control_file.h"
#include "containers/proc/process.h"

enum {
	ROUNDS = 10,	 /* of looking for processes that were born meanwhile */
	GRACE_MS = 3000, /* what is left after a signal may still end by itself */
	GRACE_STEP_MS = 50
};

int foreground_block(struct foreground *out, struct err *e)
{
	struct sigaction hangup;
	sigset_t wanted;

	*out = (struct foreground){.signals = -1, .pidfd = -1};
	sigemptyset(&wanted);
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&wanted, SIGHUP);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGQUIT);
	sigaddset(&wanted, SIGTERM);
	sigprocmask(SIG_BLOCK, &wanted, &out->before);
	out->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (out->signals < 0) {
		sigprocmask(SIG_SETMASK, &out->before, NULL);
		return err_errno(e, -errno, "cannot make a signalfd");
	}
	return 0;
}

void foreground_release(struct foreground *f)
{
	pty_release(&f->pty);
	if (f->pidfd >= 0)
		close(f->pidfd);
	if (f->signals >= 0) {
		close(f->signals);
		sigprocmask(SIG_SETMASK, &f->before, NULL);
	}
	f->signals = f->pidfd = -1;
}

int foreground_start(struct foreground *f, struct driver *d, const struct spawn *s, struct err *e)
{
	struct spawn own = *s;
	int r;

	own.new_session = true;
	f->is_shielded = false;
	pty_open(&f->pty, &own);
	r = d->ops->spawn(d, &own, &f->pid, &f->pidfd, e);
	if (r)
		pty_release(&f->pty);
	else
		pty_begin(&f->pty);
	return r;
}

int foreground_attach(struct foreground *f, const struct attach *a, struct err *e)
{
	struct spawn files = {.in = a->in, .out = a->out, .err = a->err};
	struct attach own = *a;
	int r;

	f->is_shielded = false;
	pty_open(&f->pty, &files);
	own.in = files.in;
	own.out = files.out;
	own.err = files.err;
	r = attach_spawn(&own, &f->pid, &f->pidfd, e);
	if (r)
		pty_release(&f->pty);
	else
		pty_begin(&f->pty);
	return r;
}

static bool is_in_family(const struct foreground *f, pid_t pid)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->family[i].pid == pid)
			return true;
	return false;
}

/* Add the children of those who are in the family already. Return whether any was found. */
static bool family_grow(struct foreground *f)
{
	cleanup_closedir DIR *processes = proc_list(0);
	size_t before = f->count;
	struct proc_stat s;
	pid_t pid;

	while (processes && f->count < FOREGROUND_FAMILY && (pid = proc_next(processes)))
		if (proc_stat_read(pid, &s) == 0 && proc_is_alive(&s) &&
		    is_in_family(f, s.parent) && !is_in_family(f, pid))
			f->family[f->count++] = (struct process_id){pid, s.start_ticks};
	return f->count > before;
}

/* Send a signal to those of the family who live. Return how many that were. */
static unsigned family_signal(const struct foreground *f, int number)
{
	unsigned living = 0;

	for (size_t i = 0; i < f->count; i++)
		living += process_signal(&f->family[i], number);
	return living;
}

static void family_find(struct foreground *f)
{
	struct err ignored; /* it ended just now: no family */

	if (!f->count && process_identify(f->pid, &f->family[0], &ignored) == 0)
		f->count = 1;
	for (unsigned round = 0; round < ROUNDS && family_grow(f); round++)
		;
}

/* Stop all of them first, so that none has a child behind our back, then kill. */
static void family_kill(struct foreground *f)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t before = f->count;

		family_find(f);
		family_signal(f, SIGSTOP);
		if (round && f->count == before)
			break;
	}
	family_signal(f, SIGKILL);
}

/* The next signal that waits, counted. False: none. */
static bool next_signal(struct foreground *f, struct signalfd_siginfo *info)
{
	if (read(f->signals, info, sizeof(*info)) != sizeof(*info))
		return false;
	f->interrupts++;
	f->last_signal = (int)info->ssi_signo;
	return true;
}

bool foreground_interrupted(struct foreground *f)
{
	struct signalfd_siginfo info;

	while (next_signal(f, &info))
		;
	return f->interrupts > 0;
}

/* It is counted; what is to be done about it? */
static void take_interrupt(struct foreground *f)
{
	if (f->interrupts == 1)
		family_find(f);
	else if (f->interrupts > 1)
		family_kill(f);
}

static void pass_on_signals(struct foreground *f)
{
	struct signalfd_siginfo info;

	while (next_signal(f, &info)) {
		int number = (int)info.ssi_signo;
		bool is_terminals = info.ssi_code == SI_KERNEL;

		take_interrupt(f);
		if (f->interrupts > 1 || (is_terminals && f->is_shielded))
			continue;
		/* Of its terminal whoever is in the foreground. */
		if (is_terminals && number != SIGHUP && f->pty.is_open)
			pty_signal(&f->pty, number);
		else
			kill(-f->pid, number);
	}
}

static void take_keys(struct foreground *f, const struct pollfd *fds)
{
	struct pty_keys keys;

	pty_turn(&f->pty, fds, f->pid, &keys);
	if (keys.is_forgotten)
		f->interrupts = 0;
	for (; keys.interrupts; keys.interrupts--) {
		f->interrupts++;
		f->last_signal = keys.last_signal;
		take_interrupt(f);
	}
}

/* Show what the program has printed, unless a signal is the end of patience. */
static void show_the_rest(struct foreground *f)
{
	size_t moved = 0;

	while (!pty_drain(&f->pty, &moved)) {
		struct pollfd fds[] = {{.fd = f->signals, .events = POLLIN},
				       {.fd = f->pty.out, .events = POLLOUT}};

		if (poll(fds, 2, -1) > 0 && fds[0].revents)
			break;
	}
	pty_release(&f->pty);
}

int foreground_wait(struct foreground *f, foreground_turn *turn, void *context, struct err *e)
{
	struct pollfd fds[2 + PTY_FDS] = {{.fd = f->signals, .events = POLLIN},
					  {.fd = f->pidfd, .events = POLLIN}};
	int status;

	for (;;) {
		pid_t ended = waitpid(f->pid, &status, WNOHANG);
		int wait_ms;

		if (ended == f->pid)
			break;
		if (ended < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot wait for process %d", (int)f->pid);
		wait_ms = pty_wanted(&f->pty, fds + 2);
		if (turn && turn(context, fds, 2, e) < 0)
			return e->code;
		if (!turn && poll(fds, 2 + PTY_FDS, wait_ms) < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot poll");
		take_keys(f, fds + 2);
		pass_on_signals(f);
	}
	show_the_rest(f);
	/* A Ctrl-C that ended it at once has come to us, too. */
	if (foreground_interrupted(f)) {
		/*
		 * What the program leaves behind gets a moment; another Ctrl-C ends the patience.
		 */
		for (int step = 0; family_signal(f, 0) && step < GRACE_MS / GRACE_STEP_MS; step++)
			if (poll(fds, 1, GRACE_STEP_MS) > 0)
				break;
		family_signal(f, SIGKILL);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
