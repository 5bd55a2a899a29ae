/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/measure/step.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "containers/proc/shell.h"
#include "decision/base/cleanup.h"
#include "launcher/measure/family.h"
#include "launcher/watch/first_error.h"

enum { SHOW_MS = 500, END_MS = 2000 };

/* ---- how a program is born */

/* What the child needs, made before the fork. */
struct birth {
	const struct step_program *program;
	const sigset_t *mask;
	int out, log;
	pid_t parent;
	gid_t groups[NGROUPS_MAX];
	int group_count;
	cpu_set_t *cpus;
	size_t cpus_size;
};

/* Rights that go down, then what is lost with them: a change of user clears the parent's signal. */
static bool prepare(const struct birth *b)
{
	const struct step_program *p = b->program;

	/* Out of reach of the caller's terminal and keys: it may be another user's. */
	if (setsid() < 0 || (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 &&
			     p->user && errno != ENOSYS && errno != EPERM && errno != EACCES))
		return false;
	if (b->cpus && sched_setaffinity(0, b->cpus_size, b->cpus) < 0)
		return false;
	if (p->is_local && syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0) < 0)
		return false;
	if (p->user && (setgroups((size_t)b->group_count, b->groups) < 0 || setgid(p->gid) < 0 ||
			setuid(p->uid) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
		return false;
	if (p->dies_with_us && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != b->parent))
		return false;
	return true;
}

/* In the child. Does not return; what keeps it from becoming the program goes to `failure`. */
static _Noreturn void become(const struct birth *b, int failure)
{
	const struct step_program *p = b->program;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), error;

	sigprocmask(SIG_SETMASK, b->mask, NULL);
	shell_leave();
	if (prepare(b) && dup2(null, STDIN_FILENO) >= 0 && dup2(b->out, STDOUT_FILENO) >= 0 &&
	    dup2(b->log, STDERR_FILENO) >= 0)
		execve(p->file, p->argv, p->envp ? p->envp : environ);
	error = errno;
	_exit(write(failure, &error, sizeof(error)) == sizeof(error) ? 127 : 126);
}

static int open_output(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_errno(e, -errno, "cannot write %s", path) : fd;
}

int step_spawn(const struct step_program *p, const sigset_t *mask, pid_t *pid, struct err *e)
{
	cleanup_free struct birth *b = calloc(1, sizeof(*b));
	cleanup_close int out = -1, log = -1, reader = -1, writer = -1;
	cpu_set_t *cpus = NULL;
	int ends[2], error;
	pid_t child;

	if (!b)
		return err_set(e, -ENOMEM, "out of memory");
	*b = (struct birth){
		.program = p, .mask = mask, .parent = getpid(), .group_count = NGROUPS_MAX};
	log = open_output(p->log, e);
	if (log < 0)
		return log;
	if (p->out && (out = open_output(p->out, e)) < 0)
		return out;
	b->log = log;
	b->out = p->out ? out : log;
	if (p->user && getgrouplist(p->user, p->gid, b->groups, &b->group_count) < 0)
		return err_set(e, -E2BIG, "user %s is in too many groups", p->user);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe for %s", p->file);
	reader = ends[0];
	writer = ends[1];
	if (p->cpus) {
		cpus = CPU_ALLOC(CPUSET_MAX);
		if (!cpus)
			return err_set(e, -ENOMEM, "out of memory");
		b->cpus = cpus;
		b->cpus_size = CPU_ALLOC_SIZE(CPUSET_MAX);
		CPU_ZERO_S(b->cpus_size, cpus);
		cpuset_for_each(cpu, p->cpus)
		{
			CPU_SET_S(cpu, b->cpus_size, cpus);
		}
	}
	child = fork();
	if (child == 0)
		become(b, writer);
	error = errno;
	if (cpus)
		CPU_FREE(cpus);
	if (child < 0)
		return err_errno(e, -error, "cannot start %s", p->file);
	close(take_fd(writer));
	if (read(reader, &error, sizeof(error)) != sizeof(error)) {
		*pid = child;
		return 0; /* closed by the exec */
	}
	waitpid(child, NULL, 0);
	return err_errno(e, -error, "cannot start %s", p->file);
}

/* ---- waiting */

void step_show(const struct step *s)
{
	if (!s->is_terminal)
		return;
	fprintf(stderr, "\r\033[K%s%s%s, %.0f s%s", s->title, s->what ? ": " : "",
		s->what ? s->what : "", (double)(clock_now_ns() - s->begin_ns) / 1e9,
		s->tail ? s->tail : "");
	fflush(stderr);
}

void step_wipe(const struct step *s)
{
	if (s->is_terminal)
		fputs("\r\033[K", stderr);
}

/* A foreground_turn: wait, look, and count the seconds on a terminal. */
static int turn(void *context, struct pollfd *fds, unsigned count, struct err *e)
{
	struct step *s = context;
	int wait_ms = s->period_ms ? (int)s->period_ms : s->is_terminal ? SHOW_MS : -1;

	if (s->limit_ms) {
		int left_ms = clock_left_ms(s->begin_ns + s->limit_ms * CLOCK_MS);

		if (left_ms <= 0)
			return err_set(e, -ETIMEDOUT, "%s did not end within %g s", s->title,
				       (double)s->limit_ms / 1e3);
		if (wait_ms < 0 || left_ms < wait_ms)
			wait_ms = left_ms;
	}
	step_show(s);
	if (poll(fds, count, wait_ms) < 0 && errno != EINTR)
		return err_errno(e, -errno, "cannot poll");
	if (s->look)
		s->look(s->context);
	return 0;
}

/* Whoever waits has given up: nothing of it is to be left. */
static void end_program(struct foreground *f)
{
	cleanup_family struct family all = {0};

	family_add(&all, f->pid);
	family_kill(&all);
	kill(f->pid, SIGKILL);
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
	family_wait(&all, END_MS);
}

int step_run(struct step *s, const struct step_program *p, struct err *e)
{
	struct step_program program = *p;
	struct foreground *f = s->foreground;
	int status;

	program.out = s->out;
	program.log = s->log;
	f->is_shielded = s->is_shielded;
	s->begin_ns = clock_now_ns();
	if (step_spawn(&program, &f->before, &f->pid, e) < 0)
		return e->code;
	f->count = 0;
	f->pidfd = pidfd_open(f->pid, 0);
	if (f->pidfd < 0) {
		status = err_errno(e, -errno, "process %d", (int)f->pid);
		end_program(f);
		return status;
	}
	status = foreground_wait(f, turn, s, e);
	s->seconds = (double)(clock_now_ns() - s->begin_ns) / 1e9;
	if (status < 0)
		end_program(f);
	step_wipe(s);
	close(take_fd(f->pidfd));
	if (status >= 0 && f->interrupts && !s->is_shielded)
		return err_set(e, -EINTR, "interrupted");
	return status;
}

int step_cleave(struct step *s, const struct roots *roots, const char *const *words,
		char *const *application, struct err *e)
{
	cleanup_argv struct argv argv = {0};
	struct step_program p = {.file = "/proc/self/exe"};

	argv_add(&argv, "cleave");
	if (roots->state_dir)
		argv_addf(&argv, "--state-dir=%s", roots->state_dir);
	if (roots->cgroup_root)
		argv_addf(&argv, "--cgroup-root=%s", roots->cgroup_root);
	for (; *words; words++)
		argv_add(&argv, *words);
	for (; application && *application; application++)
		argv_add(&argv, *application);
	if (argv.failed)
		return err_set(e, -ENOMEM, "out of memory");
	p.argv = argv.items;
	return step_run(s, &p, e);
}

void step_show_why(const char *log, char cause[STEP_CAUSE])
{
	cleanup_close int fd = open(log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct first_error f;

	cause[0] = '\0';
	if (fd < 0 || first_error_read(fd, 0, &f) || !f.count)
		return;
	for (unsigned i = 0; i < f.count; i++)
		fprintf(stderr, "%s\n", f.lines[i]);
	if (f.read > f.count)
		fprintf(stderr, "(of %s%lu lines)\n", f.has_gap ? "more than " : "", f.read);
	if (!first_error_cause(&f, cause, STEP_CAUSE)[0])
		string_copy_n(cause, STEP_CAUSE, f.lines[f.count - 1]);
}

int step_check(const struct step *s, int status, const char *who, struct err *e)
{
	char cause[STEP_CAUSE];

	if (status <= 0)
		return status;
	step_show_why(s->log, cause);
	return err_set(e, -EIO, "%s: %s ended with exit code %d%s", s->title, who, status,
		       cause[0] ? "; why is told above" : " and said nothing");
}

/* ---- words */

int step_add_word(const char *word, const char *directory, struct argv *out)
{
	static const char scratch[] = "{scratch}";
	cleanup_free char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return argv_add(out, NULL);
	for (const char *at; (at = strstr(word, scratch)); word = at + strlen(scratch))
		fprintf(file, "%.*s%s", (int)(at - word), word, directory);
	fputs(word, file);
	if (fclose(file) != 0)
		return -ENOMEM;
	return argv_add(out, text);
}
