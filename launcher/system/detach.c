/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher/system/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decision/base/cleanup.h"

int detach(const char *log, int kept, int other_kept, struct err *e)
{
	unsigned low = (unsigned)(kept < other_kept ? kept : other_kept);
	unsigned high = (unsigned)(kept < other_kept ? other_kept : kept);
	cleanup_close int null = -1, out = -1;

	close_range(STDERR_FILENO + 1, low - 1, 0);
	close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Its directory is the caller's. */
	out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (null < 0 || out < 0)
		return err_errno(e, -errno, "%s", null < 0 ? "/dev/null" : log);
	setsid();
	umask(077);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || chdir("/"))
		return err_errno(e, -errno, "the daemon's standard files");
	return 0;
}
