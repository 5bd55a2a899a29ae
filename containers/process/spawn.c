/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "containers/proc/oom.h"
#include "containers/proc/shell.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

enum { GROUPS_MAX = 1024 };

/* The steps that a report is read for; the others are named where they fail. */
static const char ENTER[] = "enter", EXECUTE[] = "execute it";
static const char POLICY[] = "set its memory policy", AFFINITY[] = "set its CPU affinity";

/* What the child says of the step that failed. */
struct report {
	char step[40];
	int error; /* errno */
};

/* All that the child needs, made before it is born: it may only use async-signal-safe functions. */
struct prepared {
	const struct spawn *s;
	enum memory_wall wall;
	struct cpuset cpus;
	gid_t groups[GROUPS_MAX];
	int group_count; /* -1: leave them */
	bool must_wait;
	pid_t parent;
	int go[2], status[2]; /* pipes: parent → child, child → parent; close on exec */
	int file_limit;
};

/*
 * stdin, stdout, stderr from descriptors that may be 0 … 2 themselves: so first move all out of the
 * way. The rest is closed on exec.
 */
static int place_files(const struct prepared *p)
{
	int from[3] = {p->s->in, p->s->out, p->s->err};

	for (int i = 0; i < 3; i++) {
		int fd = from[i];

		if (fd < 0)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		from[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);
		if (from[i] < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			return -1;
	if (!syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC))
		return 0;
	/* Before Linux 5.11. */
	for (int fd = 3; fd < p->file_limit; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/*
 * Keys of the caller's session are not for another user, nor for who outlives it (keyrings(7)).
 * Made before the change of user, for a user has room for 200 (proc(5), maxkeys), and possession is
 * what counts. Who stays the same user may go without; so may who has no keys to be read: an old
 * kernel, a filter of system calls, which the child has, too.
 */
static bool leave_keyring(const struct spawn *s)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ||
	       errno == EPERM || errno == EACCES || (errno == EDQUOT && s->uid == (uid_t)-1);
}

/* What stdin, stdout or stderr is becomes what /dev/tty is. */
static bool take_terminal(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd))
			return ioctl(fd, TIOCSCTTY, 0) == 0;
	return true;
}

/* Return only on failure: which step it was, with errno. */
static const char *child_run(const struct prepared *p)
{
	const struct spawn *s = p->s;
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	char go;

	close(p->go[1]);
	if (p->must_wait && read(p->go[0], &go, 1) != 1)
		_exit(127); /* the parent has given up, or died */
	if (s->new_session && setsid() < 0)
		return "begin a session";
	if ((s->new_session || s->uid != (uid_t)-1) && !leave_keyring(s))
		return "join a session keyring";
	/* The supervisor blocks what its signalfd reads; a worker must not inherit that. */
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (syscall(SYS_sched_setaffinity, 0, sizeof(p->cpus.words), p->cpus.words) < 0)
		return AFFINITY;
	errno = -memory_policy_set(s->policy, &s->nodes, p->wall);
	if (errno)
		return POLICY;
	oom_restore(); /* while we may: the new user may not even open the file */
	if (!s->is_callers)
		shell_leave();
	/* Raw: glibc's would signal the threads of the parent, which do not exist here. */
	if (p->group_count >= 0 && syscall(SYS_setgroups, p->group_count, p->groups))
		return "set its supplementary groups";
	if (s->uid != (uid_t)-1 && syscall(SYS_setresgid, s->gid, s->gid, s->gid))
		return "set its group";
	if (s->uid != (uid_t)-1 && syscall(SYS_setresuid, s->uid, s->uid, s->uid))
		return "set its user";
	if (s->directory && chdir(s->directory))
		return ENTER;
	if (s->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return "give up new privileges";
	/* Behind the change of user, which forgets it; who died before that sends no signal. */
	if (s->dies_with_us &&
	    (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != p->parent))
		return "die with its parent";
	if (place_files(p))
		return "open its standard files";
	if (s->takes_terminal && !take_terminal())
		return "take its terminal";
	execve(s->file, s->argv, s->envp ? s->envp : (char *[]){NULL});
	return EXECUTE;
}

static _Noreturn void child_main(struct prepared *p)
{
	struct report report = {0};
	ssize_t written;

	/* The report's descriptor must survive that the standard files are put in place. */
	if (p->status[1] < 10) {
		int high = fcntl(p->status[1], F_DUPFD_CLOEXEC, 10);

		if (high >= 0)
			p->status[1] = high;
	}
	string_copy(report.step, child_run(p));
	report.error = errno;
	written = write(p->status[1], &report, sizeof(report));
	_exit(written == sizeof(report) ? 127 : 126);
}

static pid_t clone_child(int cgroup2, int *pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | (cgroup2 >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup2 >= 0 ? (unsigned)cgroup2 : 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static bool clone3_is_refused(int error)
{
	return error == ENOSYS || error == EPERM || error == EACCES || error == EINVAL ||
	       error == E2BIG; /* the last two: a kernel that does not know CLONE_INTO_CGROUP */
}

/* Where a filter hides clone3 (it answers ENOSYS): the classic way. */
static pid_t fork_child(int *pidfd)
{
	pid_t pid = fork();

	if (pid > 0) {
		*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (*pidfd < 0) {
			int error = errno;

			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			errno = error;
			return -1;
		}
	}
	return pid;
}

/*
 * Make the child, in its v2 group if that works; p->must_wait says in the child whether it has to
 * be put somewhere. Signals are blocked meanwhile, so that no handler of ours runs in it.
 */
static pid_t make_child(struct prepared *p, const struct spawn_into *into, bool *born_inside,
			int *pidfd)
{
	sigset_t all, before;
	pid_t pid = -1;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	*born_inside = into->cgroup2 >= 0;
	p->must_wait = into->attach != NULL;
	if (into->cgroup2 >= 0)
		pid = clone_child(into->cgroup2, pidfd);
	if (into->cgroup2 < 0 || (pid < 0 && clone3_is_refused(errno))) {
		*born_inside = false;
		p->must_wait = into->attach || into->cgroup2 >= 0;
		pid = clone_child(-1, pidfd);
		if (pid < 0 && clone3_is_refused(errno))
			pid = fork_child(pidfd);
	}
	if (pid == 0)
		child_main(p);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static int prepare(struct prepared *p, const struct spawn *s, const struct spawn_into *into,
		   struct err *e)
{
	struct rlimit files;

	*p = (struct prepared){
		.s = s, .wall = into->wall, .parent = getpid(), .go = {-1, -1}, .status = {-1, -1}};
	memset(&p->cpus, 0xff, sizeof(p->cpus));
	if (into->cpus)
		p->cpus = *into->cpus;
	p->file_limit = getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > 1 << 20
				? 1 << 20
				: (int)files.rlim_cur;
	if (pipe2(p->go, O_CLOEXEC) || pipe2(p->status, O_CLOEXEC))
		return err_errno(e, -errno, "cannot start %s: pipe", s->file);
	p->group_count = -1;
	if (s->uid == (uid_t)-1 || geteuid() != 0)
		return 0;
	p->groups[0] = s->gid;
	p->group_count = s->user ? GROUPS_MAX : 1;
	if (s->user && getgrouplist(s->user, s->gid, p->groups, &p->group_count) < 0)
		return err_set(e, -E2BIG, "user %s is in %d groups, at most %d are supported",
			       s->user, p->group_count, GROUPS_MAX);
	return 0;
}

static void close_pipe(int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

/* What a filter of system calls forbids, as containers have one. */
static const char *way_out(const struct report *report)
{
	if (report->error != EPERM)
		return "";
	if (!strcmp(report->step, POLICY))
		return "; a container's filter allows set_mempolicy with --cap-add SYS_NICE, or "
		       "leave it with memory.policy: strict";
	if (!strcmp(report->step, AFFINITY))
		return "; a filter of system calls forbids sched_setaffinity: start the container "
		       "with --security-opt seccomp=unconfined";
	return "";
}

/*
 * Put the child where it belongs, let it go, and hear what became of exec: nothing but the end of
 * the pipe is success.
 */
static int finish_child(struct prepared *p, const struct spawn_into *into, bool born_inside,
			pid_t pid, struct err *e)
{
	struct report report;
	ssize_t n;
	int r = 0;

	if (!born_inside && into->cgroup2 >= 0)
		r = into->join(into->context, pid, e);
	if (r == 0 && into->attach)
		r = into->attach(into->context, pid, e);
	if (r < 0)
		return r;
	if (p->must_wait && write(p->go[1], "g", 1) != 1)
		return err_errno(e, -EIO, "cannot start %s: it died before exec", p->s->file);
	close(p->status[1]);
	p->status[1] = -1;
	do
		n = read(p->status[0], &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != sizeof(report))
		return err_set(e, -EIO, "cannot start %s: its report is cut", p->s->file);
	return err_set(e, strcmp(report.step, EXECUTE) ? -EIO : -report.error,
		       "cannot start %s: %s%s%s: %s%s", p->s->file, report.step,
		       strcmp(report.step, ENTER) ? "" : " ",
		       strcmp(report.step, ENTER) ? "" : p->s->directory, strerror(report.error),
		       way_out(&report));
}

int spawn_process(const struct spawn *s, const struct spawn_into *into, pid_t *pid, int *pidfd,
		  struct err *e)
{
	struct prepared p;
	bool born_inside;
	int fd = -1, r = prepare(&p, s, into, e);
	pid_t child;

	if (r < 0)
		goto out;
	child = make_child(&p, into, &born_inside, &fd);
	if (child < 0) {
		r = err_errno(e, -errno, "cannot start %s: clone", s->file);
		if (r == -EPERM || r == -ENOSYS)
			err_wrap(e,
				 "a filter of system calls forbids clone3, fork or pidfd_open (in "
				 "a container: --security-opt seccomp=unconfined)");
		goto out;
	}
	r = finish_child(&p, into, born_inside, child, e);
	if (r < 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(fd);
		goto out;
	}
	*pid = child;
	*pidfd = fd;
out:
	close_pipe(p.go);
	close_pipe(p.status);
	return r;
}
