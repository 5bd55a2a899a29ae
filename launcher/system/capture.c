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
static _Noreturn void become(const struct birth *b, int out, int failure)
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
	if (prepare(b) && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0) {
		/* What our caller left open; before Linux 5.11 it has to be trusted. */
		close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
		/* execve() changes neither; its prototype is older than const. */
		execve(b->argv[0], (char *const *)b->argv, (char *const *)b->envp);
	}
	error = errno;
	_exit(write(failure, &error, sizeof(error)) == sizeof(error) ? 127 : 126);
}

static int start(const struct cluster *as, const char *const *argv, const char *const *envp,
		 int out, pid_t *pid)
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
		become(b, out, writer);
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

int capture(const struct cluster *as, const char *const *argv, const char *const *envp,
	    unsigned timeout_ms, char *text, size_t size, size_t *length, struct err *e)
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
	failed = start(as, argv, envp, writer, &p.pid);
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
