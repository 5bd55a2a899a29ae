/* cgroup_kill(): end every process of a group of ours, and nothing else. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "containers/cgroup/cgroup.h"
#include "containers/proc/clock.h"
#include "containers/proc/control_file.h"

enum { BATCH = 64, TURN_MS = 100 };

/*
 * Signal through a pidfd, and only after the process that it means was seen in the group: between
 * reading cgroup.procs and here the number may have become somebody else's.
 */
static int kill_member(const struct cgroup_driver *d, const char *group, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return -1;
	if (!cgroup_has_process(d, group, pid,
				d->dialect->attach ? controller_name(CONTROLLER_CPUSET, 1) : "") ||
	    syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Kill one batch and wait until the first of them is gone, or for a turn. */
static void kill_batch(const struct cgroup_driver *d, const char *group, const pid_t *pids,
		       unsigned count, int timeout_ms)
{
	struct pollfd fds[BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		int fd = kill_member(d, group, pids[i]);

		if (fd >= 0)
			fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	/* With no descriptor this is a pause: pids that are dying already, or cannot be opened. */
	poll(fds, n, n ? timeout_ms : timeout_ms < 5 ? timeout_ms : 5);
	for (unsigned i = 0; i < n; i++)
		close(fds[i].fd);
}

int cgroup_kill(struct driver *driver, const char *group, unsigned timeout_ms, struct err *e)
{
	struct cgroup_driver *d = (struct cgroup_driver *)driver;
	int64_t end = (int64_t)(clock_now_ns() / CLOCK_MS) + timeout_ms;
	pid_t pids[BATCH];
	int n;

	if (!cgroup_name_is_ours(group))
		return err_wrong(e, "\"%.40s\" is no group of cluster %s", group, d->cluster);
	/*
	 * Not by cgroup.kill: on Linux 6.18 every later clone3(CLONE_INTO_CGROUP) into a group that
	 * was once killed so gives a child that is dead at birth (measured), and a slice is emptied
	 * before its worker is started again.
	 */
	for (;;) {
		int64_t left = end - (int64_t)(clock_now_ns() / CLOCK_MS);

		n = cgroup_pids(driver, group, pids, BATCH, e);
		if (n == 0 || n == -ENOENT)
			return 0;
		if (n < 0)
			return n;
		if (left <= 0)
			break;
		kill_batch(d, group, pids, n < BATCH ? (unsigned)n : BATCH,
			   left < TURN_MS ? (int)left : TURN_MS);
	}
	return err_set(e, -ETIMEDOUT,
		       "%d processes of %s are still there %u ms after SIGKILL, pid %d", n, group,
		       timeout_ms, pids[0]);
}
