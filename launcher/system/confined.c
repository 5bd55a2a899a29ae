/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "containers/proc/clock.h"
#include "decision/base/cleanup.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ADDRESS_SPACE RLIM_INFINITY
#else
#define ADDRESS_SPACE CONFINED_BYTES
#endif

enum { NOBODY = 65534 };

/* What both see. */
struct shared {
	atomic_bool is_done;
	_Alignas(max_align_t) char answer[];
};

static int limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return -1;
	now.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
	now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
	return setrlimit(resource, &now);
}

/* In the child: give up all that the work does not need. false: one of them stays. */
static bool confine(pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	closefrom(STDERR_FILENO + 1);
	/* Root of a user namespace without such a user, or without the right, stays what it is. */
	if (geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	    setresuid(NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL)
		return false;
	/* A change of user clears the signal, hence after it. */
	return limit(RLIMIT_CORE, 0, 0) == 0 && limit(RLIMIT_FSIZE, 0, 0) == 0 &&
	       limit(RLIMIT_NPROC, 0, 0) == 0 &&
	       limit(RLIMIT_CPU, CONFINED_CPU_S, CONFINED_CPU_S + 1) == 0 &&
	       limit(RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE) == 0 &&
	       prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent;
}

/* Wait for the child's end. Return 0; -ETIMEDOUT: it did not come, and is made here. */
static int await(pid_t child)
{
	cleanup_close int pidfd = pidfd_open(child, 0);
	const uint64_t end_ns = clock_now_ns() + CONFINED_WALL_MS * CLOCK_MS;
	int left_ms, ready = 0;

	while (pidfd >= 0 && ready <= 0 && (left_ms = clock_left_ms(end_ns)) > 0)
		ready = poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, left_ms);
	if (ready <= 0)
		kill(child, SIGKILL);
	return ready > 0 ? 0 : -ETIMEDOUT;
}

static int say_end(int waited, int status, struct err *e)
{
	const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (waited < 0)
		return err_set(e, -ETIMEDOUT, "no end within %d s", CONFINED_WALL_MS / 1000);
	if (number == SIGXCPU)
		return err_set(e, -ETIMEDOUT, "more than %d s of CPU time", CONFINED_CPU_S);
	if (number)
		return err_set(e, -EFAULT, "signal %d (%s)", number, sigdescr_np(number));
	return err_set(e, -EFAULT, "exit status %d before it was done", WEXITSTATUS(status));
}

int confined_run(void (*work)(const void *task, void *answer), const void *task, void *answer,
		 size_t size, struct err *e)
{
	const size_t whole = sizeof(struct shared) + size;
	struct shared *shared =
		mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const pid_t parent = getpid();
	int waited, status = 0;
	bool is_done;
	pid_t child;

	if (shared == MAP_FAILED)
		return err_errno(e, -ENOMEM, "no memory of %zu bytes to share", whole);
	child = fork();
	if (child == 0) {
		if (!confine(parent))
			_exit(1);
		work(task, shared->answer);
		atomic_store(&shared->is_done, true);
		_exit(0);
	}
	if (child < 0) {
		err_errno(e, -errno, "cannot start a child");
		munmap(shared, whole);
		return e->code;
	}
	waited = await(child);
	/* Where SIGCHLD is ignored there is no status; hence is_done. */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	is_done = atomic_load(&shared->is_done) && !waited && status == 0;
	if (is_done)
		memcpy(answer, shared->answer, size);
	munmap(shared, whole);
	return is_done ? 0 : say_end(waited, status, e);
}
