/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "containers/proc/oom.h"
#include "containers/proc/shell.h"
#include "decision/base/cleanup.h"
#include "launcher/system/interrupts.h"

/* ---- the program: a session of its own, so that what it starts can be killed with it */

/* What the child needs, made before it is born. */
struct birth {
	const struct cluster *as; /* NULL: nobody else */
	const char *const *argv, *const *envp;
	pid_t parent;
	gid_t groups[NGROUPS_MAX];
	int group_count;
};

/* Rights go down, then what a change of user clears is set. */
static bool prepare(const struct birth *b)
{
	const struct cluster *as = b->as;

	if (setsid() < 0 || chdir("/") < 0)
		return false;
	/* Keys of the caller's are not the program's; a kernel may have none. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && as && errno != ENOSYS &&
	    errno != EPERM && errno != EACCES)
		return false;
	if (as && !cluster_become(as, b->groups, b->group_count))
		return false;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == b->parent;
}

/* In the child. Does not return; what keeps it from becoming the program goes to `failure`. */
static _Noreturn void become(const struct birth *b, const int outputs[2], int failure)
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
	shell_leave();
	if (prepare(b) && dup2(null, STDIN_FILENO) >= 0 && dup2(outputs[0], STDOUT_FILENO) >= 0 &&
	    dup2(outputs[1], STDERR_FILENO) >= 0) {
		/* What our caller left open; before Linux 5.11 it has to be trusted. */
		close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
		/* execve() changes neither; its prototype is older than const. */
		execve(b->argv[0], (char *const *)b->argv, (char *const *)b->envp);
	}
	error = errno;
	_exit(write(failure, &error, sizeof(error)) == sizeof(error) ? 127 : 126);
}

static int start(const struct cluster *as, const char *const *argv, const char *const *envp,
		 const int outputs[2], pid_t *pid)
{
	cleanup_free struct birth *b = calloc(1, sizeof(*b));
	cleanup_close int reader = -1, writer = -1;
	int ends[2], error;

	if (!b)
		return -ENOMEM;
	*b = (struct birth){.as = as && as->uid != geteuid() ? as : NULL,
			    .argv = argv,
			    .envp = envp,
			    .parent = getpid(),
			    .groups = {as ? as->gid : 0},
			    .group_count = as && as->user[0] ? NGROUPS_MAX : 1};
	if (b->as && as->user[0] && getgrouplist(as->user, as->gid, b->groups, &b->group_count) < 0)
		return -E2BIG;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	writer = ends[1];
	*pid = fork();
	if (*pid < 0)
		return -errno;
	if (*pid == 0)
		become(b, outputs, writer);
	close(take_fd(writer));
	if (read(reader, &error, sizeof(error)) != sizeof(error))
		return 0; /* closed by the exec */
	waitpid(*pid, NULL, 0);
	return -error;
}

/* ---- reading and waiting */

enum { OUT, ERR, ENDED, SIGNALLED, WATCHED };

/* Read what is there of stderr; what has no room is forgotten. False at its end. */
static bool read_complaints(int fd, char said[PRINTED_ERR], size_t *used)
{
	char more[4096];
	ssize_t got;

	if (*used < PRINTED_ERR - 1)
		got = read(fd, said + *used, PRINTED_ERR - 1 - *used);
	else
		got = read(fd, more, sizeof(more));
	if (got > 0 && *used < PRINTED_ERR - 1)
		*used += (size_t)got;
	return got > 0 || (got < 0 && errno == EINTR);
}

/*
 * Read both outputs until the program has ended and what it wrote is read: somebody whom it left
 * behind may keep them open. Return 0, -EFBIG, -ETIMEDOUT, -EINTR where a signal waits that would
 * end us, or what read() says.
 */
static int drain(struct pollfd fds[WATCHED], uint64_t end_ns, struct printed *p)
{
	size_t used = 0, said = 0;

	for (;;) {
		int left_ms = clock_left_ms(end_ns);
		bool has_more = false;
		ssize_t got = 1;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(fds, WATCHED, left_ms) <= 0)
			continue;
		if (fds[SIGNALLED].revents)
			return -EINTR;
		if (fds[OUT].revents) {
			got = read(fds[OUT].fd, p->out + used, p->size - used);
			if (got < 0 && errno != EINTR)
				return -errno;
			used += got > 0 ? (size_t)got : 0;
			if (used == p->size)
				return -EFBIG;
			if (got == 0)
				fds[OUT].fd = -1;
			has_more |= got != 0;
		}
		if (fds[ERR].revents) {
			if (read_complaints(fds[ERR].fd, p->err, &said))
				has_more = true;
			else
				fds[ERR].fd = -1;
		}
		if (fds[ENDED].revents && !has_more)
			break;
	}
	p->out[used] = '\0';
	p->length = used;
	p->err[said] = '\0';
	return 0;
}

int capture(const struct cluster *as, const char *const *argv, const char *const *envp,
	    unsigned timeout_ms, struct printed *p, struct err *e)
{
	cleanup_close int out = -1, err = -1, out_writer = -1, err_writer = -1;
	cleanup_close int signals = -1, pidfd = -1;
	uint64_t end_ns = clock_now_ns() + timeout_ms * CLOCK_MS;
	struct pollfd fds[WATCHED];
	int outs[2], errs[2], status, failed;
	struct interrupts held;
	pid_t pid = -1;

	if (pipe2(outs, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe for %s", argv[0]);
	out = outs[0];
	out_writer = outs[1];
	if (pipe2(errs, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe for %s", argv[0]);
	err = errs[0];
	err_writer = errs[1];
	/* A signal that would end us waits until the program is ended. */
	interrupts_hold(&held);
	signals = signalfd(-1, &held.set, SFD_CLOEXEC | SFD_NONBLOCK);
	failed = start(as, argv, envp, (const int[]){out_writer, err_writer}, &pid);
	if (failed) {
		interrupts_release(&held);
		return err_errno(e, failed, "cannot run %s", argv[0]);
	}
	close(take_fd(out_writer));
	close(take_fd(err_writer));
	pidfd = pidfd_open(pid, 0);
	failed = pidfd < 0 ? -errno : 0;
	fds[OUT] = (struct pollfd){.fd = out, .events = POLLIN};
	fds[ERR] = (struct pollfd){.fd = err, .events = POLLIN};
	fds[ENDED] = (struct pollfd){.fd = pidfd, .events = POLLIN};
	fds[SIGNALLED] = (struct pollfd){.fd = signals, .events = POLLIN};
	if (!failed)
		failed = drain(fds, end_ns, p);
	/* Also what it has left behind: until it is waited for, its number is nobody else's. */
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	interrupts_release(&held);
	if (failed == -ETIMEDOUT)
		return err_set(e, failed, "%s did not end within %g s", argv[0], timeout_ms / 1e3);
	if (failed == -EFBIG)
		return err_set(e, failed, "%s printed more than %zu bytes", argv[0], p->size - 1);
	if (failed)
		return err_errno(e, failed, "cannot read what %s prints", argv[0]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
