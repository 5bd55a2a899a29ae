/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/where/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "containers/proc/control_file.h"
#include "containers/proc/process.h"
#include "containers/where/systemd.h"
#include "decision/base/cleanup.h"
#include "decision/base/strings.h"

enum { START_MS = 30000, TURN_MS = 20 };

/* Wait until the process sleeps in its scope, whose v2 group is written to `own`, or is dead. */
static int wait_for_scope(const struct scope_command *c, pid_t pid, int messages, char *own,
			  size_t size, struct err *e)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	char comm[64], unit[sizeof(c->unit) + 1], message[SYSTEMD_MESSAGE];
	int status = 0;

	snprintf(unit, sizeof(unit), "/%s", c->unit);
	for (int waited = 0; waited < START_MS; waited += TURN_MS) {
		struct pollfd dead = {.fd = fd, .events = POLLIN};
		cleanup_free char *text = proc_read_all(pid, "cgroup");

		/* Before it executes `sleep` it is still systemd-run, which may yet fail. */
		if (text && cgroup_own_path(text, "", own, size) && strlen(own) > strlen(unit) &&
		    !strcmp(own + strlen(own) - strlen(unit), unit) &&
		    proc_read_text(pid, "comm", comm, sizeof(comm)) > 0 && !strcmp(comm, "sleep"))
			return 0;
		if (poll(&dead, 1, TURN_MS) > 0)
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	systemd_complaint(c->argv[0], messages, status, message);
	return err_set(e, -EIO, "systemd did not make %s (%s%s --scope -p Delegate=yes): %s",
		       c->unit, c->argv[0], !strcmp(c->argv[1], "--user") ? " --user" : "",
		       message[0] ? message : "it did not answer in 30 s");
}

int scope_start(struct placement *p, const char *cluster, struct err *e)
{
	int pipe_ends[2] = {-1, -1};
	struct cgroup_layout layout;
	struct scope_command c;
	char own[2 * LAYOUT_PATH], path[4 * LAYOUT_PATH];
	cleanup_close int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;
	int r = root < 0 ? err_errno(e, -errno, "cannot open /")
			 : cgroup_layout_read(root, &layout, e);

	if (r < 0)
		return r;
	placement_scope_command(cluster, p->user_manager, &c);
	if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK))
		return err_errno(e, -errno, "cannot start systemd-run");
	pid = systemd_start(c.argv, pipe_ends[1]);
	close(pipe_ends[1]);
	r = pid < 0 ? err_errno(e, pid, "cannot start systemd-run")
		    : wait_for_scope(&c, pid, pipe_ends[0], own, sizeof(own), e);
	close(pipe_ends[0]);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s%s", layout.unified.mount, own);
	if (string_copy(p->base[0], path)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err_set(e, -ENAMETOOLONG, "the scope's path %.100s… is too long", path);
	}
	for (enum controller k = 1; k < CONTROLLER_COUNT; k++)
		memcpy(p->base[k], p->base[0], sizeof(p->base[0]));
	return 0;
}

int scope_make_room(int dir, struct err *e)
{
	cleanup_free char *pids = NULL;
	uint64_t number;
	char pid[24];

	if (mkdirat(dir, SCOPE_PAUSE, 0755) && errno != EEXIST) {
		err_errno(e, -errno, "cannot make group " SCOPE_PAUSE);
		return refusal_explain(CONTROL_NAME(dir, ""), e);
	}
	pids = control_read_all(dir, "cgroup.procs", e);
	if (!pids)
		return e->code;
	for (const char *c = pids; *c; c += strcspn(c, "\n"), c += *c == '\n') {
		int r;

		/* 0, which would be ourselves, is one of another pid namespace. */
		if (!control_number(c, &number) || number == 0)
			continue;
		snprintf(pid, sizeof(pid), "%" PRIu64, number);
		r = control_write(dir, SCOPE_PAUSE "/cgroup.procs", pid, e);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	return 0;
}
