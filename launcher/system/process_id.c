/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of processes, declared in cluster.h. */
#include <errno.h>
#include <sys/pidfd.h>

#include "containers/proc/process.h"
#include "decision/base/cleanup.h"
#include "launcher/system/cluster.h"

int process_identify(pid_t pid, struct process_id *out, struct err *e)
{
	struct proc_stat s;
	int r = pid > 0 ? proc_stat_read(pid, &s) : -ESRCH;

	if (!r && !proc_is_alive(&s))
		r = -ESRCH;
	if (r)
		return err_errno(e, r, "process %d", (int)pid);
	*out = (struct process_id){pid, s.start_ticks};
	return 0;
}

bool process_is_alive(const struct process_id *id)
{
	struct proc_stat s;

	return id->pid > 0 && proc_stat_read(id->pid, &s) == 0 && proc_is_alive(&s) &&
	       s.start_ticks == id->start_time;
}

int process_open(const struct process_id *id)
{
	cleanup_close int fd = id->pid > 0 ? pidfd_open(id->pid, 0) : -1;

	if (id->pid <= 0 || (fd >= 0 && !process_is_alive(id)))
		return -ESRCH;
	return fd < 0 ? -errno : take_fd(fd);
}

bool process_signal(const struct process_id *id, int number)
{
	cleanup_close int fd = process_open(id);

	return fd >= 0 && (!number || pidfd_send_signal(fd, number, NULL, 0) == 0);
}
