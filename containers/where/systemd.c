/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containers/proc/oom.h"
#include "containers/proc/printed.h"
#include "decision/base/cleanup.h"
#include "decision/base/foreign.h"
#include "decision/base/strings.h"

enum { EXECUTE_MS = 10000 };

pid_t systemd_start(const char *const *argv, int messages)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid < 0 ? -errno : pid;
	oom_restore();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (setsid() < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(messages, 2) < 0 || chdir("/"))
		_exit(126);
	/* argv is not written to; execvp's prototype predates const. */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

char *systemd_complaint(const char *program, int messages, int status, char text[SYSTEMD_MESSAGE])
{
	struct printed p = {.out = (char[]){""}, .size = 1};
	char reason[PRINTED_REASON];
	ssize_t n = read(messages, p.err, sizeof(p.err) - 1);

	p.err[n > 0 ? n : 0] = '\0';
	snprintf(text, SYSTEMD_MESSAGE, "%s", printed_reason(&p, reason));
	if (!text[0] && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		snprintf(text, SYSTEMD_MESSAGE, "%s cannot be executed: install systemd", program);
	return text;
}

int systemd_execute(const char *const *argv, struct err *e)
{
	char message[SYSTEMD_MESSAGE];
	struct pollfd ended = {.events = POLLIN};
	int ends[2], status = 0, r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return err_errno(e, -errno, "cannot start %s", argv[0]);
	pid = systemd_start(argv, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_errno(e, pid, "cannot start %s", argv[0]);
	}
	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while ((r = poll(&ended, 1, EXECUTE_MS)) < 0 && errno == EINTR)
		;
	if (r <= 0)
		kill(pid, SIGKILL);
	if (ended.fd >= 0)
		close(ended.fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	systemd_complaint(argv[0], ends[0], status, message);
	close(ends[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, -EIO, "%s: %.300s", argv[0],
		       message[0]	     ? FOREIGN(message)
		       : WIFSIGNALED(status) ? "it did not answer in 10 s"
					     : "it failed without a word");
}
