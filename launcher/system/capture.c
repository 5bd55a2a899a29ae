/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "containers/proc/oom.h"
#include "decision/base/cleanup.h"
#include "launcher/system/interrupts.h"

/* ---- the program: a process group of its own, so that what it starts can be killed with it */

/* In the child. Does not return; what keeps it from becoming the program goes to `failure`. */
static _Noreturn void become(const char *const *argv, const char *const *envp, int out, int failure,
			     pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;
	int error;

	/* The caller may block signals, or ignore SIGPIPE. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	oom_restore();
	if (setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
	    dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0)
		/* execve() changes neither; its prototype is older than const. */
		execve(argv[0], (char *const *)argv, envp ? (char *const *)envp : environ);
	error = errno;
	_exit(write(failure, &error, sizeof(error)) == sizeof(error) ? 127 : 126);
}

static int start(const char *const *argv, const char *const *envp, int out, pid_t *pid)
{
	cleanup_close int reader = -1, writer = -1;
	pid_t parent = getpid();
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	writer = ends[1];
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (*pid == 0)
		become(argv, envp, out, writer, parent);
	close(take_fd(writer));
	if (read(reader, &error, sizeof(error)) != sizeof(error))
		return 0; /* closed by the exec */
	waitpid(*pid, NULL, 0);
	return -error;
}

/* ---- reading and waiting */

struct program {
	pid_t pid;
	int pidfd, out, signals;
	uint64_t end_ns;
};

/*
 * Wait until `fd` is readable. Return 0, -ETIMEDOUT, or -EINTR where a signal waits that would end
 * us.
 */
static int await(const struct program *p, int fd)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
				       {.fd = p->signals, .events = POLLIN}};
		int left_ms = clock_left_ms(p->end_ns);

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, left_ms) <= 0)
			continue;
		return fds[1].revents ? -EINTR : 0;
	}
}

/* Read until end of file, and until it has ended. Return 0, -EFBIG, what await() or read() say. */
static int drain(const struct program *p, char *text, size_t size, size_t *length)
{
	size_t used = 0;
	ssize_t got = 1;

	while (got) {
		int failed = await(p, p->out);

		if (failed)
			return failed;
		got = read(p->out, text + used, size - used);
		if (got < 0 && errno != EINTR)
			return -errno;
		used += got > 0 ? (size_t)got : 0;
		if (used == size)
			return -EFBIG;
	}
	text[used] = '\0';
	*length = used;
	return await(p, p->pidfd);
}

int capture(const char *const *argv, const char *const *envp, unsigned timeout_ms, char *text,
	    size_t size, size_t *length, struct err *e)
{
	cleanup_close int reader = -1, writer = -1, signals = -1, pidfd = -1;
	struct program p = {.end_ns = clock_now_ns() + timeout_ms * CLOCK_MS};
	int ends[2], status, failed;
	struct interrupts held;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe for %s", argv[0]);
	reader = ends[0];
	p.out = reader;
	writer = ends[1];
	/* A signal that would end us waits until the program is ended. */
	interrupts_hold(&held);
	signals = signalfd(-1, &held.set, SFD_CLOEXEC | SFD_NONBLOCK);
	p.signals = signals;
	failed = start(argv, envp, writer, &p.pid);
	if (failed) {
		interrupts_release(&held);
		return err_errno(e, failed, "cannot run %s", argv[0]);
	}
	close(take_fd(writer));
	pidfd = pidfd_open(p.pid, 0);
	p.pidfd = pidfd;
	failed = pidfd < 0 ? -errno : drain(&p, text, size, length);
	if (failed)
		kill(-p.pid, SIGKILL);
	while (waitpid(p.pid, &status, 0) < 0 && errno == EINTR)
		;
	interrupts_release(&held);
	if (failed == -ETIMEDOUT)
		return err_set(e, failed, "%s did not end within %g s", argv[0], timeout_ms / 1e3);
	if (failed == -EFBIG)
		return err_set(e, failed, "%s printed more than %zu bytes", argv[0], size - 1);
	if (failed)
		return err_errno(e, failed, "cannot read what %s prints", argv[0]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
