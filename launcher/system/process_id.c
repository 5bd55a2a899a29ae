/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of processes, declared in cluster.h. */
#include <errno.h>

#include "containers/proc/process.h"
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
