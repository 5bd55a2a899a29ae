/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "containers/proc/process.h"
#include "decision/base/cleanup.h"

enum {
	LOOK_MS = 200,
	DRAIN_MAX = 1 << 20 /* more than the kernel keeps (tty_buffer.c, 64 KiB) */
};

enum { MASTER, IN, OUT, SIGNALS };

/* ---- the two terminals */

/*
 * A description of our own, so that what we set is not set for the shell. Where the terminal is
 * another user's (su), the one that we were given; then a read or write waits.
 */
static int open_again(int fd, int flags)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void copy_size(const struct pty *p)
{
	struct winsize size;

	if (ioctl(p->out, TIOCGWINSZ, &size) == 0)
		ioctl(p->master, TIOCSWINSZ, &size);
}

/* In the foreground of the terminal, or with one that is not our session's. */
static bool may_read(const struct pty *p)
{
	pid_t group = p->in >= 0 ? tcgetpgrp(p->in) : -1;

	return group >= 0 ? group == getpgrp() : p->in >= 0 && errno == ENOTTY;
}

/* One of the two ends lines with \r\n: ours where the caller's is raw, else that. */
static void end_lines(const struct pty *p, tcflag_t mode)
{
	struct termios own;

	if (tcgetattr(p->master, &own) < 0)
		return;
	own.c_oflag = (own.c_oflag & ~(tcflag_t)OPOST) | mode;
	tcsetattr(p->master, TCSANOW, &own);
}

/* Take the keyboard, where it is ours; also where a shell changed its mode while we stood still. */
static void take_keys(struct pty *p)
{
	struct termios raw;

	if (p->has_lines || p->has_ended)
		return;
	if (!may_read(p)) {
		if (p->is_raw)
			end_lines(p, 0);
		p->is_raw = false;
		return;
	}
	if (!p->is_raw && tcgetattr(p->in, &p->before) < 0)
		return;
	raw = p->before;
	cfmakeraw(&raw);
	end_lines(p, p->before.c_oflag & OPOST);
	p->is_raw = tcsetattr(p->in, TCSANOW, &raw) == 0;
}

static void give_keys(struct pty *p)
{
	if (!p->is_raw)
		return;
	/* A shell that took it meanwhile has set it as it wants it. */
	if (may_read(p))
		tcsetattr(p->in, TCSANOW, &p->before);
	end_lines(p, 0);
	p->is_raw = false;
}

/* Whether it is our turn to read what is typed. */
static bool wants_keys(const struct pty *p)
{
	struct termios now;

	if (p->has_ended || p->typed_count >= PTY_TYPED - 1)
		return false;
	return p->is_raw ||
	       (p->has_lines && may_read(p) && tcgetattr(p->in, &now) == 0 && now.c_lflag & ICANON);
}

static void close_all(struct pty *p)
{
	const int fds[] = {p->master, p->slave, p->in, p->out, p->signals};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	p->is_open = false;
}

/* As the caller's is, with nothing that both would do. */
static bool set_up(struct pty *p, const struct spawn *s)
{
	struct termios mode;

	if (p->master < 0 || p->slave < 0 || p->out < 0 || p->signals < 0 ||
	    tcgetattr(p->out, &mode) < 0)
		return false;
	mode.c_oflag &= ~(tcflag_t)OPOST;
	if (p->has_lines)
		mode.c_lflag &= ~(tcflag_t)ECHO;
	copy_size(p);
	/* His own, as a terminal of a login is: programs open it by its name. */
	return tcsetattr(p->slave, TCSANOW, &mode) == 0 &&
	       (s->uid == (uid_t)-1 || fchown(p->slave, s->uid, (gid_t)-1) == 0 || geteuid() != 0);
}

void pty_open(struct pty *out, struct spawn *s)
{
	static const int stopping[] = {SIGTTIN, SIGTTOU, SIGTSTP, SIGCONT, SIGWINCH};
	int *const files[] = {&s->out, &s->err, &s->in};
	struct pty p = {.is_open = true, .master = -1, .slave = -1, .in = -1, .out = -1};
	sigset_t blocked, read;
	struct stat st;

	out->is_open = false;
	for (size_t i = 0; i < 3 && p.out < 0; i++)
		if (*files[i] >= 0 && isatty(*files[i]))
			p.out = open_again(*files[i], O_WRONLY);
	if (p.out < 0)
		return;
	if (s->in >= 0 && isatty(s->in))
		p.in = open_again(s->in, O_RDWR);
	p.has_lines = s->out >= 0 && fstat(s->out, &st) == 0 &&
		      (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
	p.has_ended = p.in < 0;
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(stopping) / sizeof(*stopping); i++)
		sigaddset(&blocked, stopping[i]);
	read = blocked;
	sigdelset(&read, SIGTTIN);
	sigdelset(&read, SIGTTOU);
	p.signals = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
	p.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (p.master >= 0 && unlockpt(p.master) == 0)
		p.slave = ioctl(p.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (!set_up(&p, s)) {
		close_all(&p);
		return;
	}
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	for (size_t i = 0; i < 3; i++)
		if (*files[i] >= 0 && isatty(*files[i]))
			*files[i] = p.slave;
	s->takes_terminal = true;
	*out = p;
	/* Before it begins: a shell takes the mode that it finds for the one to go back to. */
	take_keys(out);
}

void pty_begin(struct pty *p)
{
	if (p->is_open)
		close(take_fd(p->slave));
}

void pty_release(struct pty *p)
{
	if (!p->is_open)
		return;
	give_keys(p);
	close_all(p);
}

/* ---- what is typed */

static bool has_job_control(pid_t program)
{
	char text[64];

	/* A shell that stops others is not stopped itself. */
	return proc_read_status(program, "SigIgn:", text, sizeof(text)) &&
	       strtoull(text, NULL, 16) >> (SIGTSTP - 1) & 1;
}

/* Which signal a byte becomes in the program's terminal; 0: none. */
static int signal_of(const struct termios *mode, char byte)
{
	const cc_t key = (cc_t)byte;

	if (!(mode->c_lflag & ISIG) || key == _POSIX_VDISABLE)
		return 0;
	return key == mode->c_cc[VINTR]	  ? SIGINT
	       : key == mode->c_cc[VQUIT] ? SIGQUIT
	       : key == mode->c_cc[VSUSP] ? SIGTSTP
					  : 0;
}

/*
 * Ctrl-Z: who asked for it gets the shell back. The program cannot stop by itself: nobody is there
 * to continue it (an orphaned process group, setpgid(2)).
 */
static void suspend(struct pty *p, pid_t program)
{
	sigset_t stop;

	give_keys(p);
	kill(-program, SIGSTOP);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	kill(0, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL); /* here we stop */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	kill(-program, SIGCONT);
	copy_size(p);
	take_keys(p);
}

/*
 * One byte on its way to the program. Those that are signals for it count, unless it is a shell
 * that hands the terminal on or reads keys by itself (a prompt with a line editor).
 */
static void take_byte(struct pty *p, char byte, const struct termios *mode, pid_t program,
		      struct pty_keys *out)
{
	int number = signal_of(mode, byte);
	bool is_for_it = mode->c_lflag & ICANON && number && tcgetpgrp(p->master) == program &&
			 !has_job_control(program);

	if (number == SIGTSTP && is_for_it) {
		suspend(p, program);
		return;
	}
	if (number && number != SIGTSTP && is_for_it) {
		out->interrupts++;
		out->last_signal = number;
	}
	if (!number && !(mode->c_lflag & ICANON)) {
		out->is_forgotten = true;
		out->interrupts = 0;
	}
	/* What it does not read is not to be in the way of what ends it. */
	if (number && p->typed_count) {
		p->typed_count = 0;
		ioctl(p->master, TIOCSIG, number);
	} else {
		p->typed[p->typed_count++] = byte;
	}
}

static void write_typed(struct pty *p)
{
	ssize_t done = p->typed_count ? write(p->master, p->typed, p->typed_count) : 0;

	if (done < 0 && errno != EAGAIN && errno != EINTR)
		done = (ssize_t)p->typed_count; /* nobody is there */
	if (done > 0) {
		p->typed_count -= (size_t)done;
		memmove(p->typed, p->typed + done, p->typed_count);
	}
}

static void read_typed(struct pty *p, pid_t program, struct pty_keys *out)
{
	char bytes[PTY_TYPED];
	struct termios mode;
	ssize_t got;

	if (!may_read(p))
		return;
	got = read(p->in, bytes, sizeof(bytes) - 1 - p->typed_count);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (tcgetattr(p->master, &mode) < 0)
		got = -1;
	p->has_ended = got < 0 || (got == 0 && !p->has_lines);
	for (ssize_t i = 0; i < got; i++) {
		take_byte(p, bytes[i], &mode, program, out);
		/* A shell's answer to one key may be another mode for the next. */
		if (signal_of(&mode, bytes[i]))
			write_typed(p);
	}
	/* Ctrl-D, which ends a line without a newline. */
	if (p->has_lines && got >= 0 && (got == 0 || bytes[got - 1] != '\n'))
		p->typed[p->typed_count++] = (char)mode.c_cc[VEOF];
	write_typed(p);
}

/* ---- what is shown */

/* False: nothing more is there now. */
static bool read_shown(struct pty *p)
{
	ssize_t got = p->shown_count == PTY_SHOWN ? 0
						  : read(p->master, p->shown + p->shown_count,
							 PTY_SHOWN - p->shown_count);

	if (got > 0)
		p->shown_count += (size_t)got;
	else if (got < 0 && errno != EAGAIN && errno != EINTR)
		p->is_hung_up = true; /* EIO */
	return got > 0;
}

static void write_shown(struct pty *p)
{
	ssize_t done = p->shown_count ? write(p->out, p->shown, p->shown_count) : 0;

	if (done < 0 && errno != EAGAIN && errno != EINTR)
		done = (ssize_t)p->shown_count; /* the terminal is gone; the program goes on */
	if (done > 0) {
		p->shown_count -= (size_t)done;
		memmove(p->shown, p->shown + done, p->shown_count);
	}
}

bool pty_drain(struct pty *p, size_t *moved)
{
	if (!p->is_open)
		return true;
	for (;;) {
		size_t before = p->shown_count;

		if (*moved < DRAIN_MAX && read_shown(p))
			*moved += p->shown_count - before;
		before = p->shown_count;
		write_shown(p);
		if (!p->shown_count && !before)
			return true;
		if (p->shown_count == before)
			return false;
	}
}

/* ---- turns */

int pty_wanted(const struct pty *p, struct pollfd fds[PTY_FDS])
{
	bool keys;

	for (int i = 0; i < PTY_FDS; i++)
		fds[i] = (struct pollfd){.fd = -1};
	if (!p->is_open)
		return -1;
	keys = wants_keys(p);
	/* A terminal that hung up is always ready. */
	if (!p->is_hung_up)
		fds[MASTER] = (struct pollfd){
			.fd = p->shown_count < PTY_SHOWN || p->typed_count ? p->master : -1,
			.events = (short)((p->shown_count < PTY_SHOWN ? POLLIN : 0) |
					  (p->typed_count ? POLLOUT : 0))};
	fds[IN] = (struct pollfd){.fd = keys ? p->in : -1, .events = POLLIN};
	fds[OUT] = (struct pollfd){.fd = p->shown_count ? p->out : -1, .events = POLLOUT};
	fds[SIGNALS] = (struct pollfd){.fd = p->signals, .events = POLLIN};
	/* Nobody tells that a terminal is opened again, is ours again (`fg`), or has lines again. */
	return p->is_hung_up || (!keys && !p->has_ended) ? LOOK_MS : -1;
}

void pty_turn(struct pty *p, const struct pollfd fds[PTY_FDS], pid_t program, struct pty_keys *out)
{
	struct signalfd_siginfo info;

	*out = (struct pty_keys){0};
	if (!p->is_open)
		return;
	while (fds[SIGNALS].revents && read(p->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			suspend(p, program);
		else if (info.ssi_signo == SIGWINCH)
			copy_size(p);
		else
			take_keys(p);
	}
	if (!p->is_raw)
		take_keys(p);
	if (fds[IN].revents)
		read_typed(p, program, out);
	else if (fds[MASTER].revents & POLLOUT)
		write_typed(p);
	/* Somebody may have opened it again. */
	p->is_hung_up = false;
	read_shown(p);
	write_shown(p);
}

void pty_signal(const struct pty *p, int number)
{
	ioctl(p->master, TIOCSIG, number);
}
