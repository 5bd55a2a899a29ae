#include "launcher/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include "decision/cleanup.h"

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int start(const char *const *argv, const char *const *envp, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failed;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	/* The caller may block signals for a signalfd, or ignore SIGPIPE. */
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* posix_spawn() changes neither; its prototype is older than const. */
	failed = posix_spawn(pid, argv[0], &actions, &attributes, (char *const *)argv,
			     envp ? (char *const *)envp : environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -failed;
}

/* Read until end of file. Return 0, -EFBIG, -ETIMEDOUT or what read() says. */
static int drain(int fd, int64_t deadline, char *text, size_t size, size_t *length)
{
	size_t used = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t got;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		got = read(fd, text + used, size - used);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		used += got > 0 ? (size_t)got : 0;
		if (used == size)
			return -EFBIG;
	}
	text[used] = '\0';
	*length = used;
	return 0;
}

int capture(const char *const *argv, const char *const *envp, unsigned timeout_ms, char *text,
	    size_t size, size_t *length, struct err *e)
{
	cleanup_close int reader = -1, writer = -1;
	int64_t deadline = now_ms() + timeout_ms;
	int ends[2], status, failed;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot make a pipe for %s", argv[0]);
	reader = ends[0];
	writer = ends[1];
	failed = start(argv, envp, writer, &pid);
	if (failed)
		return err_errno(e, failed, "cannot run %s", argv[0]);
	close(take_fd(writer));
	failed = drain(reader, deadline, text, size, length);
	if (failed)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (failed == -ETIMEDOUT)
		return err_set(e, failed, "%s did not end within %u ms", argv[0], timeout_ms);
	if (failed == -EFBIG)
		return err_set(e, failed, "%s printed more than %zu bytes", argv[0], size - 1);
	if (failed)
		return err_errno(e, failed, "cannot read what %s prints", argv[0]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
