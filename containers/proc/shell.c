/* SPDX-License-Identifier: Apache-2.0 */
#include "containers/proc/shell.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void shell_leave(void)
{
	static const int limits[] = {RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_AS, RLIMIT_DATA,
				     RLIMIT_FSIZE};

	umask(022);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit now;

		if (syscall(SYS_prlimit64, 0, limits[i], NULL, &now) ||
		    now.rlim_cur == now.rlim_max)
			continue;
		now.rlim_cur = now.rlim_max;
		syscall(SYS_prlimit64, 0, limits[i], &now, NULL);
	}
}
